//! `/assets/…`: style sheets and images under names that hold their own digest.

use axum::http::{HeaderMap, Uri};

use crate::{
    http::{
        exchange::Exchange,
        renderer::Renderer,
        response::{Response, plain_headers, response, set},
    },
    pages::{ASSET_CACHE_CONTROL, error::Cause},
};

/// GET.
pub(crate) async fn get(x: Exchange, uri: Uri) -> Response {
    let Some(asset) = x.app.pages.asset(uri.path()) else {
        return Renderer::new(&x, &HeaderMap::new(), &[]).error(404, Cause::NotFound, "asset");
    };
    let mut response = response(200, asset.bytes);
    plain_headers(&mut response);
    set(&mut response, "content-type", asset.content_type);
    set(&mut response, "cache-control", ASSET_CACHE_CONTROL);
    set(&mut response, "cross-origin-resource-policy", "same-origin");
    response
}
