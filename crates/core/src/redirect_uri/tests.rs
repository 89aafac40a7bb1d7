use super::*;
use ApplicationType::{Native, Web};

const WEB: &str = "https://rp.example/cb";

fn web(requested: &str) -> bool {
    find_match(requested, &[WEB.to_owned()], Web).is_some()
}

fn nat(requested: &str) -> bool {
    let registered = ["http://127.0.0.1/cb", "http://[::1]/cb", "com.example.app:/cb"];
    find_match(requested, &registered.map(str::to_owned), Native).is_some()
}

fn refused(uri: &str) -> RedirectUriError {
    let web = check_registered(uri, Web).expect_err(uri);
    check_registered(uri, Native).expect_err(uri);
    web
}

#[test]
fn registered_forms_are_accepted() {
    for uri in [
        WEB,
        "https://rp.example",
        "https://rp.example:8443/cb?a=b",
        "https://xn--bcher-kva.example/cb",
        "http://127.0.0.1:5173/cb",
        "http://localhost/cb",
        "http://[::1]:9/cb",
        "https://rp.example/a%20b",
    ] {
        assert_eq!(check_registered(uri, Web), Ok(()), "{uri}");
        assert_eq!(check_registered(uri, Native), Ok(()), "{uri}");
    }
}

#[test]
fn r_01_an_unregistered_uri_does_not_match() {
    assert!(web(WEB));
    assert!(!web("https://other.example/cb"));
    assert!(!web(""));
    assert!(find_match(WEB, &[], Web).is_none());
    assert!(find_match(WEB, &[], Native).is_none());
}

#[test]
fn r_03_prefix_and_suffix_are_refused() {
    for uri in [
        "https://rp.example/cb/x",
        "https://rp.example/cbx",
        "https://rp.example.evil.com/cb",
        "https://evil.com/https://rp.example/cb",
        "https://rp.example/c",
    ] {
        assert!(!web(uri), "{uri}");
    }
    for uri in
        ["http://127.0.0.1:9/cb/x", "http://127.0.0.1:9/cbx", "http://127.0.0.1:9/c", "com.example.app:/cb/x"]
    {
        assert!(!nat(uri), "{uri}");
    }
}

#[test]
fn r_04_any_change_of_the_query_is_refused() {
    let registered = ["https://rp.example/cb?a=1&b=2".to_owned(), "http://127.0.0.1/cb?a=1&b=2".to_owned()];
    for base in ["https://rp.example/cb", "http://127.0.0.1:9/cb"] {
        for query in ["", "?", "?b=2&a=1", "?a=1", "?a=1&b=2&c=3", "?a=1&b=3", "?a=1&b=2&"] {
            assert!(find_match(&format!("{base}{query}"), &registered, Native).is_none(), "{base}{query}");
        }
        assert!(find_match(&format!("{base}?a=1&b=2"), &registered, Native).is_some());
    }
    assert!(!web("https://rp.example/cb?x"));
}

#[test]
fn r_05_equivalent_forms_are_refused() {
    for uri in [
        "HTTPS://rp.example/cb",
        "https://RP.example/cb",
        "https://rp.example/CB",
        "https://rp.example:443/cb",
        "https://rp.example/cb/",
        "https://rp.example//cb",
        "https://rp.example/%63b",
        "https://rp.example/./cb",
    ] {
        assert!(!web(uri), "{uri}");
    }
    assert!(!nat("HTTP://127.0.0.1:9/cb"));
    assert!(!nat("http://127.0.0.1:9/%63b"));
    assert!(!nat("com.example.App:/cb"));
}

#[test]
fn r_06_userinfo_is_refused() {
    for uri in [
        "https://rp.example@evil.com/cb",
        "https://rp.example:80@evil.com/cb",
        "https://a@b@evil.com/cb",
        "http://127.0.0.1:80@evil.com/cb",
        "http://127.0.0.1@evil.com/cb",
        "https://@rp.example/cb",
    ] {
        assert!(!web(uri) && !nat(uri), "{uri}");
        assert_eq!(refused(uri), RedirectUriError::UserInfo, "{uri}");
    }
}

#[test]
fn r_07_traversal_is_refused() {
    for path in [
        "/cb/../x",
        "/cb/..;/x",
        "/cb/%2e%2e/x",
        "/cb/..%2fx",
        "/cb/%252e%252e%252fx",
        "/./cb",
        "/cb/..",
        "/cb/%5c..",
        "//cb",
        "/cb/%00",
        "/cb/%zz",
        "/cb/%2",
    ] {
        let uri = format!("https://rp.example{path}");
        assert!(!web(&uri), "{uri}");
        assert_eq!(refused(&uri), RedirectUriError::Path, "{uri}");
        assert!(!nat(&format!("http://127.0.0.1:9{path}")), "{path}");
    }
}

#[test]
fn r_08_backslashes_and_controls_are_refused() {
    for uri in [
        "https://rp.example\\@evil.com/cb",
        " https://rp.example/cb",
        "\thttps://rp.example/cb",
        "https://rp.example/cb\r\nX: y",
        "https://rp.example/cb\0",
        "https://rp.example/cb\u{2028}",
        "https://rp.example/cb ",
        "https://rp.example/cb\u{feff}",
    ] {
        assert!(!web(uri), "{uri:?}");
        assert_eq!(refused(uri), RedirectUriError::Character, "{uri:?}");
    }
    assert!(!web("https://rp.example/cb%0d%0aX: y"));
    assert_eq!(refused("https://rp.example/cb%0d%0aX"), RedirectUriError::Path);
}

#[test]
fn r_09_fragments_are_refused() {
    for uri in ["https://rp.example/cb#x", "https://rp.example/cb#", "com.example.app:/cb#"] {
        assert!(!web(uri) && !nat(uri), "{uri}");
        assert_eq!(refused(uri), RedirectUriError::Fragment, "{uri}");
    }
    assert_eq!(check_identifier("https://api.example/#x"), Err(RedirectUriError::Fragment));
}

#[test]
fn r_10_false_internationalised_names_are_refused() {
    for uri in ["https://r\u{440}.example/cb", "https://xn--r-zub.example/cb", "https://xn--rp-.example/cb"] {
        assert!(!web(uri), "{uri}");
    }
    assert_eq!(refused("https://r\u{440}.example/cb"), RedirectUriError::Character);
    assert_eq!(refused("https://xn--rp-.example/cb"), RedirectUriError::Host);
    assert_eq!(refused("https://%72p.example/cb"), RedirectUriError::Host);
}

#[test]
fn r_11_a_native_loopback_matches_on_any_port() {
    for port in ["1", "80", "9", "49152", "65535"] {
        assert!(nat(&format!("http://127.0.0.1:{port}/cb")), "{port}");
        assert!(nat(&format!("http://[::1]:{port}/cb")), "{port}");
    }
    assert!(nat("http://127.0.0.1/cb"));
    let with_port = ["http://127.0.0.1:7777/cb".to_owned()];
    assert!(find_match("http://127.0.0.1:8/cb", &with_port, Native).is_some());
    assert!(find_match("http://127.0.0.1/cb", &with_port, Native).is_some());
    for port in ["0", "65536", "abc", "", "-1", "+1", "080", "1 ", "99999999999999999999"] {
        assert!(!nat(&format!("http://127.0.0.1:{port}/cb")), "{port:?}");
    }
    assert!(!nat("http://127.0.0.1:9/other"));
    assert!(!nat("http://127.0.0.1:9/cb?x=1"));
}

#[test]
fn r_12_the_loopback_rule_does_not_widen() {
    for uri in [
        "https://127.0.0.1:9/cb",
        "http://127.0.0.2:9/cb",
        "http://127.1:9/cb",
        "http://2130706433:9/cb",
        "http://0.0.0.0:9/cb",
        "http://[::ffff:127.0.0.1]:9/cb",
        "http://[0:0:0:0:0:0:0:1]:9/cb",
    ] {
        assert!(!nat(uri), "{uri}");
    }
    let registered = ["http://127.0.0.1/cb".to_owned()];
    assert!(find_match("http://127.0.0.1:9/cb", &registered, Web).is_none());
    for uri in ["http://127.0.0.2:9/cb", "http://0.0.0.0:9/cb"] {
        assert_eq!(refused(uri), RedirectUriError::PlainHttp, "{uri}");
    }
    for uri in
        ["http://127.1:9/cb", "http://2130706433:9/cb", "https://127.1/cb", "http://[::ffff:127.0.0.1]:9/cb"]
    {
        assert_eq!(refused(uri), RedirectUriError::Host, "{uri}");
    }
}

#[test]
fn r_13_loopback_hosts_are_not_interchangeable() {
    for uri in [
        "http://localhost:9/cb",
        "http://localhost/cb",
        "http://localhost.evil.com/cb",
        "http://127.0.0.1.nip.io/cb",
        "http://localhost.:9/cb",
    ] {
        assert!(!nat(uri), "{uri}");
    }
    let localhost = ["http://localhost/cb".to_owned()];
    assert!(find_match("http://localhost:9/cb", &localhost, Native).is_some());
    for uri in ["http://127.0.0.1:9/cb", "http://[::1]:9/cb"] {
        assert!(find_match(uri, &localhost, Native).is_none(), "{uri}");
    }
    for uri in ["http://localhost.evil.com/cb", "http://127.0.0.1.nip.io/cb"] {
        assert_eq!(refused(uri), RedirectUriError::PlainHttp, "{uri}");
    }
}

#[test]
fn r_14_schemes_that_run_something_are_refused() {
    for uri in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://rp.example/x",
        "javascript://rp.example/%0aalert(1)",
    ] {
        assert_eq!(refused(uri), RedirectUriError::DangerousScheme, "{uri}");
        assert_eq!(check_page(uri), Err(RedirectUriError::DangerousScheme), "{uri}");
        assert_eq!(check_identifier(uri), Err(RedirectUriError::DangerousScheme), "{uri}");
        assert!(!web(uri) && !nat(uri), "{uri}");
    }
    assert_eq!(refused("\tjavascript:alert(1)"), RedirectUriError::Character);
    assert_eq!(check_page("com.example.app:/x"), Err(RedirectUriError::PlainHttp));
}

#[test]
fn r_15_private_use_schemes_need_a_dot_and_a_native_client() {
    assert_eq!(refused("myapp:/cb"), RedirectUriError::SchemeWithoutDot);
    assert_eq!(check_registered("com.example.app:/cb", Native), Ok(()));
    assert_eq!(check_registered("com.example.app:/cb", Web), Err(RedirectUriError::SchemeOfNative));
    assert_eq!(check_registered("com.example.app://host/cb", Native), Err(RedirectUriError::Host));
    assert_eq!(check_registered("com.example.app:cb", Native), Err(RedirectUriError::Host));
}

#[test]
fn r_16_plain_http_and_patterns_are_refused() {
    assert_eq!(refused("http://rp.example/cb"), RedirectUriError::PlainHttp);
    assert_eq!(refused("https://*.rp.example/cb"), RedirectUriError::Wildcard);
    assert_eq!(refused("https://rp.example/*"), RedirectUriError::Wildcard);
    assert!(find_match("https://aXrp.example/cb", &["https://a.rp.example/cb".to_owned()], Native).is_none());
    assert!(find_match("https://rp.example/abc", &["https://rp.example/.*".to_owned()], Native).is_none());
    for uri in [
        "",
        "rp.example/cb",
        "/cb",
        "//rp.example/cb",
        "https:rp.example/cb",
        "https:///cb",
        "https:",
        "1a:/cb",
    ] {
        assert_eq!(refused(uri), RedirectUriError::NotAbsolute, "{uri}");
    }
    assert_eq!(refused(&format!("https://rp.example/{}", "a".repeat(LONGEST))), RedirectUriError::TooLong);
}

#[test]
fn r_17_response_parameters_may_not_be_registered() {
    for name in ["code", "state", "iss", "error", "response", "CODE", "%63ode"] {
        for uri in [format!("https://rp.example/cb?a=b&{name}=x"), format!("http://127.0.0.1/cb?{name}")] {
            assert!(matches!(refused(&uri), RedirectUriError::ResponseParameter(_)), "{uri}");
            assert!(!web(&uri), "{uri}");
        }
    }
    assert_eq!(check_registered("https://rp.example/cb?coder=x&a=code", Web), Ok(()));
}

#[test]
fn origins_and_hosts_are_what_a_browser_says() {
    assert_eq!(origin_of("https://RP.example:443/cb").as_deref(), Some("https://rp.example"));
    assert_eq!(origin_of("http://127.0.0.1:5173/cb").as_deref(), Some("http://127.0.0.1:5173"));
    assert_eq!(origin_of("com.example.app:/cb"), None);
    assert_eq!(host_for_display("https://rp.example/cb?x"), "rp.example");
    assert_eq!(host_for_display("http://[::1]:9/cb"), "[::1]:9");
    assert_eq!(host_for_display("com.example.app:/cb"), "com.example.app");
}

#[test]
fn r_01_r_06_r_07_r_11_r_16_r_17_near_misses_do_not_match() {
    for uri in [
        "https://user@rp.example/cb",
        "https://rp.example/cb/../x",
        "https://rp.example/cb/..;/x",
        "https://rp.example/cb/%2e%2e/x",
        "https://rp.example/cb/..%2fx",
        "https://rp.example/cb/%252e%252e%252fx",
        "https://xn--r-7tb.example/cb",
        "https://rp.example:9/cb",
        "https://rpXexample/cb",
        "https://rp-example/cb",
        "https://rp.example/cb?code=x",
        "https://rp.example/cb?iss=https://evil.example",
    ] {
        assert!(!web(uri), "{uri}");
    }
    for uri in [
        "http://127.0.0.1/cb/../x",
        "http://127.0.0.1:9/cb?a=1",
        "http://127.0.0.1:9/cb#",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:abc/cb",
        "http://127.0.0.1:9/x",
        "http://127.0.0.1.nip.io:9/cb",
        "com.example.app:/cb2",
        "com.example.app://cb",
    ] {
        assert!(!nat(uri), "{uri}");
    }
}
