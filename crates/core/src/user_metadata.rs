//! A person's account as it is declared: the standard claims by their names and types (OpenID Connect Core 1.0 §5.1,
//! §5.1.1), and ours: `username`, `password`, `password_hash`, `groups`, `disabled`. All errors at once.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    client_metadata::{Errors, MetadataError, Shape, check_shown, read_fields},
    redirect_uri::check_identifier,
    store::LoginName,
};

/// The shortest and the longest password that is taken, in characters and in bytes (NIST SP 800-63B §3.1.1.2).
pub const PASSWORD_LENGTH: (usize, usize) = (8, 4096);

/// Every name that is read, with its shape.
pub const FIELDS: &[(&str, Shape)] = &[
    ("username", Shape::Text),
    ("password", Shape::Text),
    ("password_hash", Shape::Text),
    ("email", Shape::Text),
    ("groups", Shape::List),
    ("disabled", Shape::Flag),
    ("email_verified", Shape::Flag),
    ("name", Shape::Text),
    ("given_name", Shape::Text),
    ("family_name", Shape::Text),
    ("middle_name", Shape::Text),
    ("nickname", Shape::Text),
    ("preferred_username", Shape::Text),
    ("profile", Shape::Text),
    ("picture", Shape::Text),
    ("website", Shape::Text),
    ("gender", Shape::Text),
    ("birthdate", Shape::Text),
    ("zoneinfo", Shape::Text),
    ("locale", Shape::Text),
    ("phone_number", Shape::Text),
    ("phone_number_verified", Shape::Flag),
    ("address", Shape::Table),
    ("updated_at", Shape::Number),
];

/// The members of `address` (Core 1.0 §5.1.1).
const ADDRESS: &[&str] = &["formatted", "street_address", "locality", "region", "postal_code", "country"];

/// A person's account as it is declared.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct UserMetadata {
    /// As the person writes it.
    pub username: String,
    /// The password itself; hashed before anything is stored.
    pub password: Option<String>,
    /// argon2id in PHC form, in place of the password.
    pub password_hash: Option<String>,
    /// `email`.
    pub email: Option<String>,
    /// Names of groups.
    pub groups: Vec<String>,
    /// Refused everywhere while true.
    pub disabled: bool,
    /// Every other standard claim.
    #[serde(flatten)]
    pub claims: Map<String, Value>,
}

impl std::fmt::Debug for UserMetadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserMetadata").field("username", &self.username).finish_non_exhaustive()
    }
}

impl UserMetadata {
    /// Reads a declared table, and everything that is wrong with it.
    pub fn read(fields: &Map<String, Value>) -> (Self, Vec<MetadataError>) {
        let (user, errors): (Self, _) = read_fields(fields, FIELDS);
        let mut errors = Errors(errors);
        for error in errors.0.iter_mut().filter(|error| error.field.starts_with("password")) {
            error.value = None;
        }
        if !fields.contains_key("username") {
            errors.add("username", "is missing", None);
        } else if fields.get("username").is_some_and(Value::is_string) {
            check_shown(&mut errors, "username", &user.username);
            if user.username.trim() != user.username {
                errors.add("username", "starts or ends with white space", Some(&user.username));
            }
        }
        user.check_email(fields, &mut errors);
        user.check_password(&mut errors);
        for (at, group) in user.groups.iter().enumerate() {
            let before = errors.0.len();
            check_shown(&mut errors, "groups", group);
            for error in errors.0.iter_mut().skip(before) {
                error.at = Some(at);
            }
        }
        for (name, value) in &user.claims {
            check_claim(&mut errors, name, value);
        }
        (user, errors.0)
    }

    /// The names that sign the person in.
    pub fn login_names(&self) -> Vec<LoginName> {
        let mut names = vec![LoginName::new(&self.username)];
        names.extend(self.email.as_deref().map(LoginName::new).filter(|name| !names.contains(name)));
        names
    }

    fn check_email(&self, fields: &Map<String, Value>, errors: &mut Errors) {
        let Some(email) = &self.email else {
            if !fields.contains_key("email") && self.claims.contains_key("email_verified") {
                errors.add("email_verified", "needs email beside it", None);
            }
            return;
        };
        let plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
        let parts = email.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        if !plain || !parts || email.len() > 254 {
            errors.add("email", "is not an e-mail address", Some(email));
        }
    }

    fn check_password(&self, errors: &mut Errors) {
        match (&self.password, &self.password_hash) {
            (Some(_), Some(_)) => errors.add("password_hash", "and password are both set; set one", None),
            (Some(password), None) => {
                let (shortest, longest) = PASSWORD_LENGTH;
                if password.chars().count() < shortest || password.len() > longest {
                    let message =
                        format!("must have {shortest} characters at least and {longest} bytes at most");
                    errors.add("password", message, None);
                }
            }
            (None, Some(hash)) if !is_argon2id(hash) => {
                errors.add(
                    "password_hash",
                    "is not argon2id in PHC form ($argon2id$v=19$m=…,t=…,p=…$salt$hash)",
                    None,
                );
            }
            (None, _) => {}
        }
    }
}

/// PHC form with parameters that a server can afford to verify.
fn is_argon2id(hash: &str) -> bool {
    let parts: Vec<&str> = hash.split('$').collect();
    let [before, "argon2id", "v=19", parameters, salt, value] = parts.as_slice() else { return false };
    let base64 = |text: &str| {
        text.len() >= 11 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
    };
    let parameter = |name: &str, most: u32| {
        let value = parameters.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        value.and_then(|value| value.parse::<u32>().ok()).is_some_and(|value| (1..=most).contains(&value))
    };
    before.is_empty()
        && parameters.split(',').count() == 3
        && parameter("m", 1 << 20)
        && parameter("t", 64)
        && parameter("p", 64)
        && base64(salt)
        && base64(value)
}

fn check_claim(errors: &mut Errors, name: &str, value: &Value) {
    match (name, value) {
        ("profile" | "picture" | "website", Value::String(uri)) => {
            let web = uri.starts_with("https://") || uri.starts_with("http://");
            if !web || check_identifier(uri).is_err() {
                errors.add(name, "must be an https or http URL", Some(uri));
            }
        }
        // Core 1.0 §5.1: ISO 8601 YYYY-MM-DD, the year 0000 where it is left out, or the year alone.
        ("birthdate", Value::String(date)) => {
            let digits =
                |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
            let good = match date.split('-').collect::<Vec<_>>().as_slice() {
                [year] => digits(year, 4),
                [year, month, day] => digits(year, 4) && digits(month, 2) && digits(day, 2),
                _ => false,
            };
            if !good {
                errors.add(name, "must be YYYY-MM-DD or YYYY", Some(date));
            }
        }
        ("address", Value::Object(members)) => {
            for member in members.keys().filter(|member| !ADDRESS.contains(&member.as_str())) {
                errors.add(
                    name,
                    format!("has no member \"{member}\"; it has {}", ADDRESS.join(", ")),
                    Some(member),
                );
                if let Some(last) = errors.0.last_mut() {
                    last.nearest =
                        crate::nearest::nearest(member, ADDRESS.iter().copied()).map(str::to_owned);
                }
            }
        }
        (_, Value::String(text)) => check_shown(errors, name, text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$RdescudvJCsgt3ub+b4dWRWJTmaaJObG";

    fn errors(value: Value) -> Vec<String> {
        let (_, errors) = UserMetadata::read(value.as_object().unwrap());
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn standard_claims_keep_their_names_and_types() {
        let value = json!({"username": "ada", "password": "correct horse", "email": "ada@example.test",
            "email_verified": true, "name": "Ada Example", "groups": ["staff"], "birthdate": "1815-12-10",
            "address": {"locality": "London"}, "updated_at": 1_700_000_000, "website": "https://ada.example/"});
        let (user, errors) = UserMetadata::read(value.as_object().unwrap());
        assert_eq!(errors, []);
        assert_eq!(user.email.as_deref(), Some("ada@example.test"));
        let claims: Vec<&str> = user.claims.keys().map(String::as_str).collect();
        assert_eq!(claims, ["address", "birthdate", "email_verified", "name", "updated_at", "website"]);
        assert_eq!(user.login_names().len(), 2);
    }

    #[test]
    fn every_rule_has_its_error() {
        for (field, changes) in [
            ("username", json!({"username": ""})),
            ("username", json!({"username": " ada"})),
            ("username", json!({"username": 1})),
            ("sub", json!({"sub": "x"})),
            ("email", json!({"email": "ada"})),
            ("email", json!({"email": "a b@example.test"})),
            ("email", json!({"email": "@x"})),
            ("email_verified", json!({"email_verified": true})),
            ("email_verified", json!({"email": "a@b", "email_verified": "yes"})),
            ("password", json!({"password": "short"})),
            ("password", json!({"password": "x".repeat(4097)})),
            ("password_hash", json!({"password": "correct horse", "password_hash": HASH})),
            ("password_hash", json!({"password_hash": "$2y$10$abcdefghijklmnopqrstuv"})),
            ("password_hash", json!({"password_hash": HASH.replace("19456", "999999999")})),
            ("password_hash", json!({"password_hash": HASH.replace("argon2id", "argon2i")})),
            ("groups", json!({"groups": ["a", ""]})),
            ("name", json!({"name": "a\u{202e}b"})),
            ("website", json!({"website": "javascript:alert(1)"})),
            ("birthdate", json!({"birthdate": "yesterday"})),
            ("address", json!({"address": {"city": "London"}})),
            ("updated_at", json!({"updated_at": "now"})),
            ("disabled", json!({"disabled": "no"})),
        ] {
            let mut value = json!({"username": "ada"});
            value.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            assert_eq!(errors(value), [field], "{changes}");
        }
        assert_eq!(errors(json!({})), ["username"]);
        assert!(errors(json!({"username": "ada", "password_hash": HASH})).is_empty());
    }

    #[test]
    fn q_03_passwords_are_not_echoed() {
        let value = json!({"username": "ada", "password": ["hunter22"], "password_hash": 1});
        let (user, errors) = UserMetadata::read(value.as_object().unwrap());
        assert!(errors.iter().all(|error| error.value.is_none()) && errors.len() == 2, "{errors:?}");
        assert!(!format!("{user:?}").contains("hunter22"));
    }
}
