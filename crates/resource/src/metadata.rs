//! Protected resource metadata (RFC 9728 §2, §3): where a client that was refused finds the issuer.

use http::{HeaderValue, Response, header};
use serde_json::json;
use url::{Position, Url};

use crate::ResourceServer;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Path and URL of the metadata: the well-known part goes between host and path, and a path that is only `/` is dropped
/// (RFC 9728 §3.1).
pub(crate) fn location(resource: &Url) -> (String, String) {
    let rest = match resource.path() {
        "/" => "",
        path => path,
    };
    let origin = &resource[..Position::BeforePath];
    let query = &resource[Position::AfterPath..Position::AfterQuery];
    (format!("{WELL_KNOWN}{rest}"), format!("{origin}{WELL_KNOWN}{rest}{query}"))
}

impl ResourceServer {
    /// The path where [`ResourceServer::metadata`] belongs: `/.well-known/oauth-protected-resource`, followed by the path
    /// of the resource identifier if it has one.
    pub fn metadata_path(&self) -> &str {
        &self.0.metadata_path
    }

    /// The metadata document as a response, readable by every origin.
    pub fn metadata(&self) -> Response<String> {
        let mut document = json!({
            "resource": self.0.identifier,
            "authorization_servers": [self.0.issuer.identifier()],
            "bearer_methods_supported": ["header"],
        });
        if let Some(document) = document.as_object_mut().filter(|_| !self.0.scopes.is_empty()) {
            document.insert("scopes_supported".to_owned(), self.0.scopes.iter().collect());
        }
        let mut response = Response::new(document.to_string());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_part_goes_between_host_and_path() {
        for (resource, path, url) in [
            ("https://api.example", WELL_KNOWN, "https://api.example/.well-known/oauth-protected-resource"),
            ("https://api.example/", WELL_KNOWN, "https://api.example/.well-known/oauth-protected-resource"),
            (
                "https://api.example:8443/v1/mcp",
                "/.well-known/oauth-protected-resource/v1/mcp",
                "https://api.example:8443/.well-known/oauth-protected-resource/v1/mcp",
            ),
            (
                "https://api.example/v1/?k=v",
                "/.well-known/oauth-protected-resource/v1/",
                "https://api.example/.well-known/oauth-protected-resource/v1/?k=v",
            ),
        ] {
            assert_eq!(location(&Url::parse(resource).unwrap()), (path.to_owned(), url.to_owned()));
        }
    }

    #[test]
    fn the_document_names_resource_issuer_and_scopes() {
        let server = ResourceServer::builder("https://as.example", "https://api.example/v1")
            .scope("b")
            .scope("a")
            .build()
            .unwrap();
        let response = server.metadata();
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(response.headers()["content-type"], "application/json");
        let document: serde_json::Value = serde_json::from_str(response.body()).unwrap();
        assert_eq!(
            document,
            json!({
                "resource": "https://api.example/v1",
                "authorization_servers": ["https://as.example"],
                "bearer_methods_supported": ["header"],
                "scopes_supported": ["a", "b"],
            })
        );
    }
}
