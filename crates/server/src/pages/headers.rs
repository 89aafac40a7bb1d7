//! Response headers of our HTML pages (security catalogue, part 3; OWASP ASVS 5 §3.4; RFC 9700 §4.16).

/// Where the forms of a page may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormAction {
    /// Every form of the page stays with us, redirects included.
    SelfOnly,
    /// A form may end at a client or an external login UI, by itself or by a redirect. Browsers check every hop of the redirect
    /// against `form-action`, so there is none.
    MayLeave,
}

/// Sent with every HTML page, beside its `Content-Security-Policy`. `Strict-Transport-Security` is not among them: it
/// depends on the issuer's scheme.
pub(crate) const SECURITY_HEADERS: &[(&str, &str)] = &[
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self)",
    ),
    // Not `no-referrer`: a browser would send our own forms with `Origin: null`, and we check `Origin`.
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// The policy of one page. Without a nonce no script runs at all.
pub(crate) fn content_security_policy(nonce: Option<&str>, form_action: FormAction) -> String {
    let script = nonce.map_or_else(|| "'none'".to_owned(), |nonce| format!("'nonce-{nonce}'"));
    let mut policy = format!(
        "default-src 'none'; script-src {script}; style-src 'self'; img-src 'self'; font-src 'self'; \
         connect-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    );
    if form_action == FormAction::SelfOnly {
        policy.push_str("; form-action 'self'");
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_action_is_left_out_only_where_a_post_can_end_at_a_client() {
        let stays = content_security_policy(None, FormAction::SelfOnly);
        assert!(stays.contains("script-src 'none';") && stays.ends_with("; form-action 'self'"), "{stays}");
        let leaves = content_security_policy(Some("bm9uY2U"), FormAction::MayLeave);
        assert!(
            leaves.contains("script-src 'nonce-bm9uY2U';") && !leaves.contains("form-action"),
            "{leaves}"
        );
        for policy in [stays, leaves] {
            assert!(policy.starts_with("default-src 'none';"), "{policy}");
            assert!(
                policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"),
                "{policy}"
            );
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        }
    }

    #[test]
    fn l_06_every_html_page_has_the_headers_a_reviewer_expects() {
        let of = |name: &str| {
            SECURITY_HEADERS.iter().find(|(header, _)| *header == name).map(|(_, value)| *value).unwrap()
        };
        assert_eq!(of("cache-control"), "no-store");
        assert_eq!(of("referrer-policy"), "same-origin");
        assert_eq!(of("x-frame-options"), "DENY");
        assert_eq!(of("x-content-type-options"), "nosniff");
        assert_eq!(of("cross-origin-opener-policy"), "same-origin");
    }
}
