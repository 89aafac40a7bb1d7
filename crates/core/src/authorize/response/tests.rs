use super::*;
use crate::fixtures as fx;

/// The redirect of a request, changed.
fn redirect(change: impl FnOnce(&mut Redirect)) -> Redirect {
    let mut redirect = fx::redirect(&fx::request()).clone();
    change(&mut redirect);
    redirect
}

#[test]
fn a_19_a_code_goes_back_with_state_and_issuer() {
    let response = AuthorizationResponse::code(&redirect(|_| {}), "gwc_x".to_owned(), fx::ISSUER);
    assert_eq!(response.error_code(), None);
    let expected = "https://rp.example/cb?code=gwc_x&state=s-1&iss=https%3A%2F%2Fid.example";
    assert_eq!(response.delivery(), Delivery::Redirect(expected.to_owned()));
    let stateless = redirect(|to| to.state = None);
    let response = AuthorizationResponse::code(&stateless, "gwc_x".to_owned(), fx::ISSUER);
    let expected = "https://rp.example/cb?code=gwc_x&iss=https%3A%2F%2Fid.example";
    assert_eq!(response.delivery(), Delivery::Redirect(expected.to_owned()));
}

#[test]
fn a_registered_query_is_kept() {
    let to = redirect(|to| to.uri = "https://rp.example/cb?a=b".to_owned());
    let response = AuthorizationResponse::code(&to, "gwc_x".to_owned(), fx::ISSUER);
    let Delivery::Redirect(uri) = response.delivery() else { panic!("a form") };
    assert!(uri.starts_with("https://rp.example/cb?a=b&code=gwc_x&"));
}

#[test]
fn j_03_j_05_values_cannot_leave_the_parameter_they_are_in() {
    let state = "a&code=b\r\nX: y#z\u{2028}\"><svg";
    let mut to = redirect(|to| to.state = Some(state.to_owned()));
    let response = AuthorizationResponse::code(&to, "gwc_x".to_owned(), fx::ISSUER);
    let Delivery::Redirect(uri) = response.delivery() else { panic!("a form") };
    assert!(uri.bytes().all(|b| b.is_ascii_graphic()) && !uri.contains(['#', '"', '<', '>']));
    assert_eq!(uri.matches("code=").count(), 1);
    to.mode = ResponseMode::FormPost;
    let response = AuthorizationResponse::code(&to, "gwc_x".to_owned(), fx::ISSUER);
    let Delivery::Form { action, parameters } = response.delivery() else { panic!("a redirect") };
    assert_eq!(action, fx::REDIRECT);
    let expected = [("code", "gwc_x"), ("state", state), ("iss", fx::ISSUER)];
    assert_eq!(parameters, expected.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn q_03_debug_shows_no_code() {
    let response = AuthorizationResponse::code(&redirect(|_| {}), "gwc_secret".to_owned(), fx::ISSUER);
    assert!(!format!("{response:?}").contains("secret"));
}
