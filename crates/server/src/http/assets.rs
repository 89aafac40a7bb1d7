//! `/assets/…`: style sheets and images under names that hold their own digest.

use axum::http::{HeaderMap, Uri};

use crate::{
    http::{
        exchange::Exchange,
        response::{Response, plain_headers, response, set_static},
        unrouted::Unrouted,
    },
    pages::ASSET_CACHE_CONTROL,
};

/// GET.
pub(crate) async fn get(x: Exchange, headers: HeaderMap, uri: Uri) -> Response {
    let Some(asset) = x.app.pages.asset(uri.path()) else {
        return Unrouted::NoAsset.response(&x, &headers, uri.path());
    };
    let mut response = response(200, asset.bytes);
    plain_headers(&mut response);
    set_static(&mut response, "content-type", asset.content_type);
    set_static(&mut response, "cache-control", ASSET_CACHE_CONTROL);
    set_static(&mut response, "cross-origin-resource-policy", "same-origin");
    response
}
