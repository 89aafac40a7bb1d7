//! Claims about a person (OpenID Connect Core 1.0 §5.1) and which scope asks for which (§5.4).

use serde_json::{Map, Value};

use crate::{scope::ScopeSet, store::User};

/// Scope → the claims it asks for (Core 1.0 §5.4).
pub const SCOPE_CLAIMS: &[(&str, &[&str])] = &[
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// The claim that says which groups a person is in.
pub const GROUPS: &str = "groups";

/// The claims that `scopes` ask for and the person has. Only names of [`SCOPE_CLAIMS`] are looked up, so nothing that an
/// account holds can stand for a claim of the protocol.
pub fn of(user: &User, scopes: &ScopeSet) -> Map<String, Value> {
    SCOPE_CLAIMS
        .iter()
        .filter(|(scope, _)| scopes.contains(scope))
        .flat_map(|(_, names)| names.iter())
        .filter_map(|name| Some(((*name).to_owned(), value(user, name)?)))
        .collect()
}

/// The name `groups`, which is no standard claim, and the groups that the person is in.
pub fn groups(user: &User) -> (String, Value) {
    (GROUPS.to_owned(), user.groups.iter().cloned().map(Value::String).collect())
}

fn value(user: &User, name: &str) -> Option<Value> {
    let stored = || user.claims.get(name).filter(|value| !value.is_null()).cloned();
    match name {
        "email" => user.email.clone().map(Value::String),
        // Says something about an address: nothing without one, and no unless it was said to be so.
        "email_verified" => user.email.is_some().then(|| Value::Bool(stored() == Some(Value::Bool(true)))),
        "preferred_username" => stored().or_else(|| Some(Value::String(user.username.clone()))),
        _ => stored(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures as fx;

    fn names(scopes: &str) -> Vec<String> {
        of(&fx::user(), &ScopeSet::parse(scopes).unwrap()).keys().cloned().collect()
    }

    #[test]
    fn each_scope_gives_its_claims_and_no_other() {
        for (scopes, expected) in [
            ("openid", &[][..]),
            ("notes:read", &[]),
            ("openid email", &["email", "email_verified"]),
            ("profile", &["name", "preferred_username"]),
            ("phone address", &[]),
        ] {
            assert_eq!(names(scopes), expected, "{scopes}");
        }
    }

    #[test]
    fn t_14_an_account_cannot_hold_a_claim_of_the_protocol() {
        let mut user = fx::user();
        for name in ["iss", "sub", "aud", "exp", "roles", "groups", "client_id"] {
            user.claims.insert(name.to_owned(), json!("x"));
        }
        let all = ScopeSet::parse("openid profile email address phone offline_access").unwrap();
        assert_eq!(
            of(&user, &all).keys().collect::<Vec<_>>(),
            ["email", "email_verified", "name", "preferred_username"]
        );
    }

    #[test]
    fn an_address_is_verified_only_if_it_was_said_to_be() {
        let email = ScopeSet::parse("email").unwrap();
        let mut user = fx::user();
        for (stored, expected) in [(json!(true), true), (json!(false), false), (json!("true"), false)] {
            user.claims.insert("email_verified".to_owned(), stored);
            assert_eq!(of(&user, &email)["email_verified"], expected);
        }
        user.claims.remove("email_verified");
        assert_eq!(of(&user, &email)["email_verified"], false);
        user.email = None;
        assert!(of(&user, &email).is_empty());
    }
}
