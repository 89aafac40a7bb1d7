//! Logs and metrics. One line and one sample for each request; neither ever holds a code, a token, a cookie or a header.

use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
};
use grantwell_core::client::GrantType;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing::Dispatch;
use tracing_subscriber::{
    EnvFilter,
    filter::ParseError,
    fmt::{MakeWriter, format::FmtSpan},
};

use crate::{
    http::exchange::{Exchange, Notes},
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
        self.count();
        self.0.render()
    }

    /// Counts the samples that wait.
    pub(crate) fn count(&self) {
        self.0.run_upkeep();
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
    let grant = notes.grant.map_or("unknown", GrantType::as_str);
    let count = |outcome: &'static str, error: String| metrics::counter!("grantwell_token_total", "grant" => grant, "outcome" => outcome, "error" => error);
    let counter = match (status, &notes.reason) {
        (200, _) => TOKENS.of(status, grant, || count("ok", "none".to_owned())),
        (503, _) => count("refused", "temporarily_unavailable".to_owned()),
        (_, reason) => count("refused", reason.clone().unwrap_or_else(|| "unknown".to_owned())),
    };
    counter.increment(1);
}

/// A request under way, as its log line and its sample will name it.
pub(crate) struct Observed {
    started: Instant,
    method: Method,
    route: Option<MatchedPath>,
}

impl Observed {
    pub(crate) fn begin(request: &Request) -> Self {
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
        }
    }

    /// The line and the sample of what it came to.
    pub(crate) fn end(self, x: &Exchange, status: u16) {
        let Self { started, method, route } = self;
        let route = route.as_ref().map_or("other", MatchedPath::as_str);
        let (notes, elapsed) = (x.notes(), started.elapsed());
        let duration = || {
            let labels = [("route", route.to_owned()), ("status", status.to_string())];
            metrics::histogram!("grantwell_http_request_seconds", &labels)
        };
        DURATIONS.of(status, route, duration).record(elapsed);
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
    }
}

/// Handles of a metric by a status and a name. Looking one up in the registry costs more than what is counted.
struct Handles<H>(LazyLock<RwLock<HashMap<u16, HashMap<String, H>>>>);

/// By route.
static DURATIONS: Handles<Histogram> = Handles(LazyLock::new(RwLock::default));
/// By grant.
static TOKENS: Handles<Counter> = Handles(LazyLock::new(RwLock::default));

impl<H: Clone> Handles<H> {
    fn of(&self, status: u16, name: &str, make: impl FnOnce() -> H) -> H {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = known.get(&status).and_then(|names| names.get(name)) {
            return handle.clone();
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(status).or_default().entry(name.to_owned()).or_insert_with(make).clone()
    }
}
