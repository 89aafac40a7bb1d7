//! What a state file says that is allowed and probably not meant. Each warning has its place. A scope that nobody owns is not refused,
//! because an API may be registered later; nor is a blank around a password, because a person can type it.

use std::collections::BTreeSet;

use grantwell_core::{
    client::{Client, GrantType},
    nearest::nearest,
    scope::{OPENID_SCOPES, ScopeSet},
};

use super::state::{Declared, StateFile};
use crate::config::{Problem, Problems, SourceFile};

/// The scopes that clients of the file may ask for and neither the issuer nor a resource of the file owns.
pub(crate) fn unowned(state: &StateFile) -> ScopeSet {
    let owned = owned(state);
    let asked = state.clients.iter().flat_map(|client| client.value.scope.iter());
    asked.filter(|scope| !owned.contains(scope)).collect()
}

/// The warnings; `elsewhere` are the scopes that resources of the database own.
pub(crate) fn warnings(source: &SourceFile, state: &StateFile, elsewhere: &ScopeSet) -> Problems {
    let owned = owned(state);
    let mut warnings = Vec::new();
    for declared in &state.clients {
        let client = &declared.value;
        for scope in client.scope.iter().filter(|scope| !owned.contains(scope) && !elsewhere.contains(scope))
        {
            warnings.push(warning(source, declared, scope, &unowned_scope(scope, &owned)));
        }
        if client.scope.contains("offline_access") && !client.grant_types.contains(&GrantType::RefreshToken) {
            let why = "has no effect: grant_types has no \"refresh_token\"".to_owned();
            warnings.push(warning(source, declared, "offline_access", &(why, None)));
        }
    }
    for declared in &state.users {
        let password = declared.value.password.as_deref().unwrap_or_default();
        if password.trim() != password {
            let why = "starts or ends with a blank: it is part of the password, and the person must type it";
            warnings.push(declared.spans.problem_of("password", source, why));
        }
    }
    Problems::sorted(warnings)
}

/// What the issuer and the resources of the file own.
fn owned(state: &StateFile) -> BTreeSet<&str> {
    let resources = state.resources.iter().flat_map(|resource| resource.value.scopes.keys());
    OPENID_SCOPES.iter().copied().chain(resources.map(String::as_str)).collect()
}

fn unowned_scope(scope: &str, owned: &BTreeSet<&str>) -> (String, Option<String>) {
    if scope.contains(',') {
        return ("is one scope with a comma in it: separate scopes with spaces".to_owned(), None);
    }
    let near = nearest(scope, owned.iter().copied()).map(str::to_owned);
    ("belongs to no resource: no token can have it".to_owned(), near)
}

fn warning(
    source: &SourceFile,
    declared: &Declared<Client>,
    scope: &str,
    (why, nearest): &(String, Option<String>),
) -> Problem {
    let place = declared.spans.place_of_word("scope", scope, source);
    let message = format!("client \"{}\": the scope \"{scope}\" {why}", declared.value.client_id.as_str());
    Problem { place: Some(place), message, nearest: nearest.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::state;

    fn warned(scope: &str, grants: &str, elsewhere: &[&str]) -> Vec<(usize, usize, String, Option<String>)> {
        let text = format!(
            "[[resource]]\nidentifier = \"https://api.example/\"\n[resource.scopes]\n\"notes:read\" = \"Read\"\n\
             [[client]]\nclient_id = \"web\"\nredirect_uris = [\"https://rp.example/\"]\ngrant_types = [{grants}]\nscope = \"{scope}\"\n"
        );
        let source = SourceFile { name: "state.toml".to_owned(), text };
        let state = state::parse(&source).unwrap();
        let found = warnings(&source, &state, &elsewhere.iter().copied().collect());
        let each = found.0.into_iter().map(|problem| {
            let place = problem.place.unwrap();
            (place.line, place.column, problem.message, problem.nearest)
        });
        each.collect()
    }

    #[test]
    fn a_scope_that_nobody_owns_is_a_warning_at_its_place() {
        let code = "\"authorization_code\"";
        let found = warned("openid notes:raed profile", code, &[]);
        let message = "client \"web\": the scope \"notes:raed\" belongs to no resource: no token can have it";
        assert_eq!(found, [(9, 17, message.to_owned(), Some("notes:read".to_owned()))]);
        assert_eq!(warned("openid notes:raed", code, &["notes:raed"]), [], "the database owns it");
        assert_eq!(warned("openid profile email address phone notes:read", code, &[]), []);
        // The word itself, not where it is a part of another.
        assert_eq!(
            warned("notes:reader notes:rea", code, &[]).iter().map(|w| w.1).collect::<Vec<_>>(),
            [10, 23]
        );
        assert_eq!(warned("offline", code, &[])[0].3, None);
    }

    #[test]
    fn a_comma_between_scopes_is_a_warning() {
        let code = "\"authorization_code\"";
        for scope in ["openid,profile", "openid, profile", "openid ,profile"] {
            let found = warned(scope, code, &[]);
            assert!(
                found.len() == 1 && found[0].2.contains("separate scopes with spaces"),
                "{scope}: {found:?}"
            );
        }
        assert_eq!(warned("a,b", code, &["a,b"]), [], "a comma may stand in a scope");
    }

    #[test]
    fn offline_access_without_refresh_tokens_is_a_warning() {
        let found = warned("openid offline_access", "\"authorization_code\"", &[]);
        assert!(found.len() == 1 && found[0].1 == 17 && found[0].2.contains("refresh_token"), "{found:?}");
        assert_eq!(warned("openid offline_access", "\"authorization_code\", \"refresh_token\"", &[]), []);
    }

    #[test]
    fn q_03_a_blank_around_a_password_is_a_warning_that_does_not_show_it() {
        let warned = |password: &str| {
            let text = format!("[[user]]\nusername = \"ada\"\npassword = \"{password}\"\n");
            let source = SourceFile { name: "state.toml".to_owned(), text };
            warnings(&source, &state::parse(&source).unwrap(), &ScopeSet::default())
        };
        for password in ["correct horse ", " correct horse", "correct horse\u{a0}"] {
            let found = warned(password).to_string();
            assert!(found.contains("state.toml:3:12: user \"ada\": password starts or ends"), "{found}");
            assert!(!found.contains("horse"), "{found}");
        }
        assert_eq!(warned("correct horse").0, []);
    }
}
