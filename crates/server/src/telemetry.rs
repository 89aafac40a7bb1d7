//! Logs and metrics. One line and one sample for each request; neither ever holds a code, a token, a cookie or a header.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
};
use grantwell_core::client::GrantType;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing::Dispatch;
use tracing_subscriber::{
    EnvFilter,
    filter::ParseError,
    fmt::{MakeWriter, format::FmtSpan},
};

use crate::{
    app::App,
    http::{
        exchange::{Exchange, Notes},
        response::{Response, set},
    },
    short_log::ShortLines,
};

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogShape {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
    /// Short lines for the person who runs `grantwell dev`.
    Short,
}

/// What has been counted.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// In the text format of Prometheus.
    pub(crate) fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

/// Starts the log on standard error.
pub(crate) fn log(shape: LogShape, level: &str) -> Result<(), ParseError> {
    // A second start in one process (tests) keeps the first log.
    let _ = tracing::dispatcher::set_global_default(dispatch(shape, level, std::io::stderr)?);
    Ok(())
}

/// The log, written to `writer`.
pub(crate) fn dispatch<W>(shape: LogShape, level: &str, writer: W) -> Result<Dispatch, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(level)?)
        .with_span_events(FmtSpan::NONE)
        .with_writer(writer);
    Ok(match shape {
        LogShape::Json => builder.json().flatten_event(true).with_target(false).into(),
        // Without colours: they are control characters in every file the log is sent to (catalogue J-07).
        LogShape::Short => builder.event_format(ShortLines).into(),
        LogShape::Text => builder.compact().with_ansi(false).with_target(false).into(),
    })
}

/// Starts counting.
pub(crate) fn metrics() -> Result<Metrics, BuildError> {
    let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let recorder = PrometheusBuilder::new().set_buckets(&seconds)?.build_recorder();
    let handle = recorder.handle();
    let _ = metrics::set_global_recorder(recorder);
    metrics::gauge!("grantwell_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(Metrics(handle))
}

fn count_token(status: u16, notes: &Notes) {
    let error = match (status, &notes.reason) {
        (200, _) => "none".to_owned(),
        (503, _) => "temporarily_unavailable".to_owned(),
        (_, reason) => reason.clone().unwrap_or_else(|| "unknown".to_owned()),
    };
    let outcome = if status == 200 { "ok" } else { "refused" };
    let grant = notes.grant.map_or("unknown", GrantType::as_str);
    metrics::counter!("grantwell_token_total", "grant" => grant, "outcome" => outcome, "error" => error)
        .increment(1);
}

/// Around every request: the trace id, the log line, the sample.
pub(crate) async fn observe(
    State(app): State<Arc<App>>,
    x: Exchange,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(x.clone());
    let mut response = next.run(request).await;
    if let Some(covered) = app.hsts.header().filter(|_| app.realm.is_https()) {
        set(&mut response, "strict-transport-security", covered);
    }
    set(&mut response, "x-trace-id", &x.origin.trace_id);
    let notes = x.notes();
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    metrics::histogram!("grantwell_http_request_seconds", "route" => route.clone(), "status" => status.to_string())
        .record(elapsed);
    if route.ends_with("/token") && method == Method::POST {
        count_token(status, &notes);
    }
    for step in &notes.steps {
        step.log(&x.origin.trace_id);
    }
    tracing::info!(
        trace_id = %x.origin.trace_id,
        %method,
        route,
        status,
        address = x.origin.address.map(tracing::field::display),
        duration_ms = elapsed.as_secs_f64() * 1000.0,
        client_id = notes.client_id.as_ref().map(tracing::field::display),
        grant = notes.grant.map(GrantType::as_str),
        reason = notes.reason,
        parameter = notes.parameter,
        "request"
    );
    response
}
