//! Users (OpenID Connect Core 1.0 §5.1, §5.1.1 for their claims): what one may be, how it is put, changed and deleted.
//! Fields of ours are `username`, `password`, `password_hash`, `groups` and `disabled`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Existing, PlannedChange, RegisteredObject, Registrar, changed_fields,
    field::{self, Errors, FieldError},
    merged,
    violation::{FieldType, PASSWORD_LENGTH, ShownText, Violation, has_outer_white_space},
};
use crate::{
    id::UserId,
    nearest::nearest,
    redirect_uri::check_identifier,
    store::{LoginName, User, Write},
    time::Timestamp,
};

/// Every name that is read, with what it holds.
const FIELDS: &[(&str, FieldType)] = &[
    ("username", FieldType::Text),
    ("password", FieldType::Text),
    ("password_hash", FieldType::Text),
    ("email", FieldType::Text),
    ("groups", FieldType::List),
    ("disabled", FieldType::Flag),
    ("email_verified", FieldType::Flag),
    ("name", FieldType::Text),
    ("given_name", FieldType::Text),
    ("family_name", FieldType::Text),
    ("middle_name", FieldType::Text),
    ("nickname", FieldType::Text),
    ("preferred_username", FieldType::Text),
    ("profile", FieldType::Text),
    ("picture", FieldType::Text),
    ("website", FieldType::Text),
    ("gender", FieldType::Text),
    ("birthdate", FieldType::Text),
    ("zoneinfo", FieldType::Text),
    ("locale", FieldType::Text),
    ("phone_number", FieldType::Text),
    ("phone_number_verified", FieldType::Flag),
    ("address", FieldType::Table),
    ("updated_at", FieldType::Number),
];

/// The members of `address` (Core 1.0 §5.1.1).
const ADDRESS: &[&str] = &["formatted", "street_address", "locality", "region", "postal_code", "country"];

/// What becomes of a user's password. The caller compares and hashes, before anything is put.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordChange {
    /// None was given, or the one that the user has.
    Keep,
    /// argon2id in PHC form.
    Set(String),
}

impl std::fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Set(_) => "Set(…)",
        })
    }
}

/// Registers `user`, or replaces `was` by it. Every user that has one of its login names must be in `beside`.
///
/// Tokens and sessions from before a disable or a change of password are dead: `tokens_not_before` follows from `was` and
/// the present.
pub fn put(
    mut user: User,
    was: Option<&User>,
    beside: &Existing,
    with: &Registrar<'_>,
) -> Result<PlannedChange, Vec<FieldError>> {
    let mut errors = Errors::default();
    for (field, typed) in [("username", Some(&user.username)), ("email", user.email.as_ref())] {
        let holder = typed.and_then(|typed| beside.users.get(&LoginName::new(typed)));
        if holder.is_some_and(|holder| holder.id != user.id) {
            errors.add(field, Violation::LoginNameTaken);
        }
    }
    errors.into_result(())?;
    user.tokens_not_before = tokens_not_before(&user, was, with.now);
    let object = RegisteredObject::User(user.id, user.username.clone());
    let mut fields = changed_fields(was, &user);
    for field in fields.iter_mut().flatten().filter(|field| *field == "password_hash") {
        "password".clone_into(field);
    }
    let write = Write::PutUser { user: Box::new(user), was: was.cloned().map(Box::new) };
    Ok(PlannedChange::put(object, fields, write, with))
}

/// The fields of `was` with some replaced, to be read and put; null takes a field away (RFC 7396).
pub fn changed(was: &User, changes: &Map<String, Value>) -> Result<UserMetadata, Vec<FieldError>> {
    UserMetadata::read(&merged(metadata(was), changes))
}

/// Deletes a user.
pub fn delete(id: UserId, username: &str, with: &Registrar<'_>) -> PlannedChange {
    let object = RegisteredObject::User(id, username.to_owned());
    PlannedChange::delete(object, Write::DeleteUser(id), with)
}

/// The fields of a user, as [`UserMetadata::read`] reads them. Without the password, of which only a hash is stored.
pub fn metadata(user: &User) -> Map<String, Value> {
    let User {
        id: _,
        username,
        email,
        claims,
        groups,
        password_hash: _,
        disabled,
        tokens_not_before: _,
        applied: _,
    } = user.clone();
    field::write(&UserMetadata {
        username,
        password: None,
        password_hash: None,
        email,
        groups,
        disabled,
        claims,
    })
}

fn tokens_not_before(user: &User, was: Option<&User>, now: Timestamp) -> Timestamp {
    let disabled_now = user.disabled && !was.is_some_and(|was| was.disabled);
    let has_other_password = was.is_some_and(|was| was.password_hash != user.password_hash);
    match was {
        _ if disabled_now || has_other_password => now,
        Some(was) => was.tokens_not_before,
        None => Timestamp::default(),
    }
}

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
    /// Reads a user.
    pub fn read(fields: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let (user, mut errors) = field::read::<Self>(fields, FIELDS);
        let mut more = Errors::default();
        user.check_username(fields, &mut more);
        user.check_email(fields, &mut more);
        user.check_password(&mut more);
        for (at, group) in user.groups.iter().enumerate() {
            if let Err(why) = ShownText::check(group) {
                more.at("groups", at, Violation::Text(why));
            }
        }
        for (name, value) in &user.claims {
            check_claim(name, value, &mut more);
        }
        errors.merge(more);
        errors.into_result(user)
    }

    /// The user that this describes: with the id of `was`, or a new one.
    pub fn user(&self, password: PasswordChange, was: Option<&User>, with: &Registrar<'_>) -> User {
        let given = match password {
            PasswordChange::Set(hash) => Some(hash),
            PasswordChange::Keep => self.password_hash.clone(),
        };
        User {
            id: was.map_or_else(|| UserId::new(with.now, with.entropy), |was| was.id),
            username: self.username.clone(),
            email: self.email.clone(),
            claims: self.claims.clone(),
            groups: self.groups.clone(),
            password_hash: given.or_else(|| was?.password_hash.clone()),
            disabled: self.disabled,
            tokens_not_before: was.map(|was| was.tokens_not_before).unwrap_or_default(),
            applied: was.is_some_and(|was| was.applied),
        }
    }

    /// The names that sign the person in.
    pub fn login_names(&self) -> Vec<LoginName> {
        let mut names = vec![LoginName::new(&self.username)];
        names.extend(self.email.as_deref().map(LoginName::new).filter(|name| !names.contains(name)));
        names
    }

    fn check_username(&self, fields: &Map<String, Value>, errors: &mut Errors) {
        if !fields.contains_key("username") {
            errors.add("username", Violation::Missing);
        } else if fields.get("username").is_some_and(Value::is_string) {
            errors.shown("username", &self.username);
            if has_outer_white_space(&self.username) {
                errors.add("username", Violation::OuterWhiteSpace);
            }
        }
    }

    fn check_email(&self, fields: &Map<String, Value>, errors: &mut Errors) {
        let Some(email) = &self.email else {
            if !fields.contains_key("email") && self.claims.contains_key("email_verified") {
                errors.add("email_verified", Violation::Needs("email beside it"));
            }
            return;
        };
        let plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
        let parts = email.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        if !plain || !parts || email.len() > 254 {
            errors.add("email", Violation::Email);
        }
    }

    fn check_password(&self, errors: &mut Errors) {
        let (shortest, longest) = PASSWORD_LENGTH;
        match (&self.password, &self.password_hash) {
            (Some(_), Some(_)) => errors.add("password_hash", Violation::TwoPasswords),
            (Some(password), None) if password.chars().count() < shortest || password.len() > longest => {
                errors.add("password", Violation::PasswordLength);
            }
            // A blank at either end stays, though it is probably not meant: RFC 8265 §4.2.2 removes none, and a person can type it.
            (Some(password), None) if password.chars().any(|c| c.is_control() || c == '\u{feff}') => {
                errors.add("password", Violation::PasswordCharacters);
            }
            (None, Some(hash)) if !is_argon2id(hash) => errors.add("password_hash", Violation::PasswordHash),
            (_, None) | (None, Some(_)) => {}
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

fn check_claim(name: &str, value: &Value, errors: &mut Errors) {
    match (name, value) {
        ("profile" | "picture" | "website", Value::String(uri)) => {
            let web = uri.starts_with("https://") || uri.starts_with("http://");
            if !web || check_identifier(uri).is_err() {
                errors.add(name, Violation::WebUrl);
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
                errors.add(name, Violation::Date);
            }
        }
        ("address", Value::Object(members)) => {
            for member in members.keys().filter(|member| !ADDRESS.contains(&member.as_str())) {
                let nearest = nearest(member, ADDRESS.iter().copied());
                errors.member(name, member, Violation::UnknownMember { known: ADDRESS, nearest });
            }
        }
        (_, Value::String(text)) => errors.shown(name, text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::tests::registrar, *};
    use crate::{fixtures as fx, registry::Action};

    const OTHER: &str = "$argon2id$v=19$m=19456,t=2,p=1$b3RoZXJzYWx0b3RoZXI$RdescudvJCsgt3ub+b4dWRWJTmaaJObG";
    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$RdescudvJCsgt3ub+b4dWRWJTmaaJObG";

    fn read(value: &Value) -> Result<UserMetadata, Vec<FieldError>> {
        UserMetadata::read(value.as_object().unwrap())
    }

    fn errors(value: &Value) -> Vec<String> {
        read(value).err().into_iter().flatten().map(|error| error.field).collect()
    }

    /// The user `ada`, registered long ago.
    fn ada() -> User {
        User { password_hash: Some(HASH.to_owned()), applied: true, ..fx::user() }
    }

    /// The user that the metadata of `was` with `changes` describes.
    fn new(was: &User, changes: &Value) -> User {
        let metadata = changed(was, changes.as_object().unwrap()).unwrap();
        metadata.user(PasswordChange::Keep, Some(was), &registrar())
    }

    fn beside(users: &[&User]) -> Existing {
        let mut beside = Existing::default();
        for user in users {
            beside.users.extend(user.login_names().into_iter().map(|name| (name, (*user).clone())));
        }
        beside
    }

    #[test]
    fn standard_claims_keep_their_names_and_types() {
        let value = json!({"username": "ada", "password": "correct horse", "email": "ada@example.test",
            "email_verified": true, "name": "Ada Example", "groups": ["staff"], "birthdate": "1815-12-10",
            "address": {"locality": "London"}, "updated_at": 1_700_000_000, "website": "https://ada.example/"});
        let user = read(&value).unwrap();
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
            ("password", json!({"password": "correct horse\n"})),
            ("password", json!({"password": "correct\r\nhorse"})),
            ("password", json!({"password": "\u{feff}correct horse"})),
            ("password", json!({"password": "correct\thorse"})),
            ("username", json!({"username": "\u{feff}ada"})),
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
            assert_eq!(errors(&value), [field], "{changes}");
        }
        assert_eq!(errors(&json!({})), ["username"]);
        assert!(errors(&json!({"username": "ada", "password_hash": HASH})).is_empty());
    }

    #[test]
    fn q_03_passwords_are_not_echoed() {
        let value =
            json!({"username": "ada", "password": ["marker"], "password_hash": 1, "pasword": "marker"});
        let errors = read(&value).unwrap_err();
        assert!(errors.len() == 3 && !format!("{errors:?}").contains("marker"), "{errors:?}");
        let user = read(&json!({"username": "ada", "password": "marker of eight"})).unwrap();
        assert!(!format!("{user:?} {:?}", PasswordChange::Set("marker".to_owned())).contains("marker"));
    }

    #[test]
    fn metadata_is_what_is_read() {
        let was = ada();
        let shown = metadata(&was);
        assert!(!shown.contains_key("password") && !shown.contains_key("password_hash"), "{shown:?}");
        assert_eq!(new(&was, &json!({})), was);
    }

    #[test]
    fn nobody_takes_the_name_of_another() {
        let (ada, with) = (ada(), registrar());
        let beside = beside(&[&ada]);
        let bob = |value: Value| read(&value).unwrap().user(PasswordChange::Keep, None, &with);
        for (value, field) in [
            (json!({"username": "ADA"}), "username"),
            (json!({"username": "ada@example.test"}), "username"),
            (json!({"username": "bob", "email": "ADA@example.test"}), "email"),
        ] {
            let errors = put(bob(value), None, &beside, &with).unwrap_err();
            assert_eq!(errors, [FieldError::new(field, Violation::LoginNameTaken)]);
        }
        let change = put(bob(json!({"username": "bob"})), None, &beside, &with).unwrap();
        assert_eq!(change.action, Action::Create);
        let renamed = new(&ada, &json!({"username": "countess"}));
        let change = put(renamed, Some(&ada), &beside, &with).unwrap();
        assert_eq!((change.action, change.fields), (Action::Change, vec!["username".to_owned()]));
    }

    #[test]
    fn a_disable_and_a_new_password_end_what_was_issued() {
        let (was, with) = (ada(), registrar());
        let put_after = |user: User, was: Option<&User>| {
            let change = put(user, was, &Existing::default(), &with).unwrap();
            let Write::PutUser { user, .. } = change.writes[0].clone() else { panic!("{:?}", change.writes) };
            (change.fields, user.tokens_not_before)
        };
        let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let off = new(&was, &json!({"disabled": true}));
        assert_eq!(
            put_after(off.clone(), Some(&was)),
            (fields(&["disabled", "tokens_not_before"]), with.now)
        );
        let off = User { tokens_not_before: with.now, ..off };
        let later = Registrar { now: with.now + std::time::Duration::from_secs(9), ..with };
        let named = new(&off, &json!({"name": "Countess"}));
        let named = put(named, Some(&off), &Existing::default(), &later).unwrap();
        assert_eq!(named.fields, ["claims"], "a user who is disabled already is not disabled again");
        let on =
            put(new(&off, &json!({"disabled": false})), Some(&off), &Existing::default(), &later).unwrap();
        assert_eq!(on.fields, ["disabled"], "enabling does not bring tokens back");
        let other = User { password_hash: Some("another".to_owned()), ..was.clone() };
        assert_eq!(
            put_after(other.clone(), Some(&was)),
            (fields(&["password", "tokens_not_before"]), with.now)
        );
        assert_eq!(
            put_after(other.clone(), None).1,
            Timestamp::default(),
            "nothing was issued to a new user"
        );
        assert_eq!(put_after(User { disabled: true, ..other }, None).1, with.now);
        let named = new(&was, &json!({"name": "Ada"}));
        assert_eq!(put_after(named, Some(&was)), (fields(&["claims"]), was.tokens_not_before));
    }

    #[test]
    fn a_password_is_the_one_set_or_given_as_a_hash_or_stays() {
        let (was, with) = (ada(), registrar());
        let hash = |value: Value, password, was: Option<&User>| {
            read(&value).unwrap().user(password, was, &with).password_hash
        };
        let (plain, given) = (json!({"username": "ada"}), json!({"username": "ada", "password_hash": OTHER}));
        let set = || PasswordChange::Set("set".to_owned());
        assert_eq!(hash(plain.clone(), PasswordChange::Keep, Some(&was)).as_deref(), Some(HASH));
        assert_eq!(hash(plain.clone(), PasswordChange::Keep, None), None);
        assert_eq!(hash(plain, set(), Some(&was)).as_deref(), Some("set"));
        assert_eq!(hash(given, PasswordChange::Keep, Some(&was)).as_deref(), Some(OTHER));
    }

    #[test]
    fn a_deleted_user_is_named_in_the_audit_log() {
        let was = ada();
        let change = delete(was.id, &was.username, &registrar());
        assert!(matches!(change.writes[0], Write::DeleteUser(id) if id == was.id));
        let Write::Audit(event) = &change.writes[1] else { panic!("{:?}", change.writes) };
        assert_eq!((event.kind.as_str(), event.user_id), ("user.removed", Some(was.id)));
        assert_eq!(event.detail["name"], "ada");
    }
}
