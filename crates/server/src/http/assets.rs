//! `/assets/…`: style sheets and images under names that hold their own digest.

use std::sync::Arc;

use axum::{extract::State, http::Uri};

use crate::{
    app::App,
    http::{
        answer::{Answer, plain_headers, response, set},
        context::{Context, locale},
        proceed::Stage,
    },
    pages::{ASSET_CACHE_CONTROL, Cause},
};

/// GET.
pub(crate) async fn get(State(app): State<Arc<App>>, context: Context, uri: Uri) -> Answer {
    let Some(asset) = app.pages.asset(uri.path()) else {
        let locale = locale(&axum::http::HeaderMap::new(), &[]);
        return Stage::new(&app, &context, locale).sheet.error(404, Cause::NotFound, "asset");
    };
    let mut answer = response(200, asset.bytes);
    plain_headers(&mut answer);
    set(&mut answer, "content-type", asset.content_type);
    set(&mut answer, "cache-control", ASSET_CACHE_CONTROL);
    set(&mut answer, "cross-origin-resource-policy", "same-origin");
    answer
}
