//! The rows of a large database: written through [`Target`], with records as the server makes them, each made from its number
//! alone, so that a token of any of them can be made again when it is wanted.
//!
//! A user has one password hash for all and two login names. Each authorization has a consent of its own, a redeemed code and a
//! refresh token in its first generation; the oldest of them expired long ago.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use grantwell_core::{
    client::Client,
    id::{AuthorizationId, ClientId, ConsentId, Realm, SessionId, UserId},
    keyring::{self, Keyring},
    scope::{Audience, Permissions},
    seal::SealKey,
    secret::Secret,
    store::{Authentication, Store as _, User},
    time::{Entropy, Timestamp},
    token::refresh::RefreshToken,
};
use grantwell_store::{
    copy::{Occupied, Row, Shape, Target, Value},
    database,
};

use crate::{
    flow::REDIRECT_URI,
    grantwell::{ISSUER, Installation, person},
    random::Random,
};

/// Rows that are written at once.
const BATCH: u64 = 2048;
const DAY: Duration = Duration::from_hours(24);
/// One authorization of so many has expired, long enough ago for the sweep to take it.
const EXPIRED: u64 = 20;
/// Larger than any count, and with no divisor in common with those that are products of 2 and 5.
const SPREAD: u64 = 104_729;

/// How many of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) users: u64,
    pub(crate) clients: u64,
    pub(crate) authorizations: u64,
    /// How many of the authorizations have expired, long enough ago for the sweep to take them.
    pub(crate) expired: u64,
}

impl Size {
    /// A database as it is after years: one authorization in twenty has expired.
    pub(crate) fn aged(users: u64, clients: u64, authorizations: u64) -> Self {
        Self { users, clients, authorizations, expired: authorizations / EXPIRED }
    }
}

/// What the rows are made from.
pub(crate) struct Filling {
    size: Size,
    /// Records that `apply` made.
    client: Client,
    user: User,
    keyring: Keyring,
    now: Timestamp,
    permissions: Permissions,
    authentication: Authentication,
}

impl std::fmt::Debug for Filling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filling").field("size", &self.size).finish_non_exhaustive()
    }
}

/// What is random about a row, the same each time.
struct Chance(AtomicU64);

impl Entropy for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        let mut random = Random::new(self.0.load(Ordering::Relaxed));
        for chunk in bytes.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(random.next().to_be_bytes()) {
                *to = from;
            }
        }
        self.0.store(random.next(), Ordering::Relaxed);
    }
}

/// Of row `number`, for one of several purposes.
fn chance(purpose: u64, number: u64) -> Chance {
    Chance(AtomicU64::new(Random::new((purpose << 56) | number).next()))
}

impl Filling {
    /// Of an installation that `apply` has been run on.
    pub(crate) async fn of(installation: &Installation, database: &str, size: Size) -> Result<Self, String> {
        let store = grantwell_store::open(database, grantwell_store::OpenOptions::default());
        let store = store.await.map_err(told)?;
        let records = store.keys(Realm::MAIN).await.map_err(told)?;
        let master = SealKey::new(&Secret::from_bytes(installation.master_key()?));
        let keyring = Keyring::open(&records, |record| keyring::unwrap(record, Realm::MAIN, &master));
        let client = store.client(Realm::MAIN, &ClientId::from("web")).await.map_err(told)?;
        let name = grantwell_core::store::LoginName::new(&person(0));
        let user = store.user_by_login(Realm::MAIN, &name).await.map_err(told)?;
        let (Some(client), Some(user)) = (client, user) else { return Err("apply made nothing".to_owned()) };
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().map_err(told)?.as_millis();
        let now = Timestamp::from_millis(i64::try_from(now).map_err(told)?);
        let authentication =
            Authentication { at: now, amr: vec!["pwd".to_owned()], acr: "urn:grantwell:password".to_owned() };
        let api = Audience::Resource("https://api.example.test/".into());
        let permissions = Permissions(
            [
                (Audience::Issuer, ["openid", "profile", "offline_access"].into_iter().collect()),
                (api, ["notes:read"].into_iter().collect()),
            ]
            .into(),
        );
        let keyring = keyring.map_err(|error| format!("the keys: {error}"))?;
        Ok(Self { size, client, user, keyring, now, permissions, authentication })
    }

    /// A person by number.
    pub(crate) fn username(number: u64) -> String {
        format!("user{number:08}")
    }

    fn user_id(&self, number: u64) -> UserId {
        let age = DAY * 365 / 10_000 * share(number, self.size.users, 10_000);
        UserId::new(self.now - DAY * 800 + age, &chance(1, number))
    }

    /// A client by number.
    pub(crate) fn client_id(number: u64) -> String {
        format!("app-{number:08}")
    }

    /// Whose an authorization is, and to which client it was given: a person has several, each with another client.
    pub(crate) fn parties(&self, number: u64) -> (u64, u64) {
        let Size { users, clients, .. } = self.size;
        let (round, at) = (number / users, number % users);
        let user = (at * SPREAD + round * 7919) % users;
        (user, (user * 31 + round * 7919) % clients)
    }

    fn created(&self, number: u64) -> Timestamp {
        let expired = self.size.expired;
        if number < expired {
            return self.now - DAY * 400 + DAY * 170 / 100_000 * share(number, expired, 100_000);
        }
        let living = self.size.authorizations - expired;
        self.now - DAY * 170 + DAY * 169 / 100_000 * share(number - expired, living, 100_000)
    }

    fn authorization_id(&self, number: u64) -> AuthorizationId {
        AuthorizationId::new(self.created(number), &chance(2, number))
    }

    fn token(&self, number: u64) -> RefreshToken {
        RefreshToken::first(self.authorization_id(number), &chance(3, number))
    }

    /// Any authorization that has not expired.
    pub(crate) fn living(&self, random: &mut Random) -> u64 {
        let expired = self.size.expired;
        expired + random.below(self.size.authorizations - expired)
    }

    /// Its refresh token, as its client holds it.
    pub(crate) fn refresh_token(&self, number: u64) -> String {
        self.token(number).encode(&self.keyring.keys)
    }

    /// Any user, and any client.
    pub(crate) fn strangers(&self, random: &mut Random) -> (u64, u64) {
        (random.below(self.size.users), random.below(self.size.clients))
    }

    /// Fills the database; how many rows of each table, and how long they took. Ends early when `folder` is gone: the
    /// process was asked to end.
    pub(crate) fn fill(
        &self,
        database: &str,
        folder: &Path,
    ) -> Result<Vec<(&'static str, u64, Duration)>, String> {
        let mut kept = Vec::new();
        let mut source = database::source(database).map_err(told)?;
        for shape in source.shapes() {
            let mut rows = Vec::new();
            let mut keep = |row| {
                rows.push(row);
                Ok(())
            };
            source.rows(&shape, &mut keep).map_err(told)?;
            kept.push((shape, rows));
        }
        drop(source);
        let mut target = database::target(database, ISSUER, Occupied::Replace).map_err(told)?;
        let mut filled = Vec::new();
        for (shape, rows) in kept {
            let begun = Instant::now();
            target.put(&shape, &rows).map_err(told)?;
            let name = shape.table.name;
            let count = match name {
                "client" => self.size.clients,
                "user" => self.size.users,
                "login_name" => 2 * self.size.users,
                "consent" | "authorization" => self.size.authorizations,
                _ => continue,
            };
            self.put(target.as_mut(), name, count, folder)?;
            filled.push((name, count, begun.elapsed()));
        }
        let begun = Instant::now();
        target.commit().map_err(told)?;
        filled.push(("the commit", 0, begun.elapsed()));
        Ok(filled)
    }

    fn put(&self, target: &mut dyn Target, table: &str, count: u64, folder: &Path) -> Result<(), String> {
        let make = |number| match table {
            "client" => self.client_row(number),
            "user" => self.user_row(number),
            "login_name" => Ok(self.login_row(number)),
            "consent" => self.consent_row(number),
            _ => self.authorization_row(number),
        };
        let shape = shape(table)?;
        let mut from = 0;
        while from < count {
            if !folder.exists() {
                return Err("ended".to_owned());
            }
            let to = count.min(from + BATCH);
            let rows = (from..to).map(make).collect::<Result<Vec<_>, _>>()?;
            target.put(&shape, &rows).map_err(told)?;
            from = to;
        }
        Ok(())
    }

    fn client_row(&self, number: u64) -> Result<Row, String> {
        let id = Self::client_id(number);
        let client = Client {
            client_id: id.as_str().into(),
            client_name: Some(format!("Application {number}")),
            tokens_not_before: Timestamp::from_millis(0),
            applied: false,
            ..self.client.clone()
        };
        Ok(vec![realm(), text(&id), Value::Int(0), json(serde_json::to_string(&client))?])
    }

    fn user_row(&self, number: u64) -> Result<Row, String> {
        let username = Self::username(number);
        let user = User {
            id: self.user_id(number),
            email: Some(email(number)),
            username: username.clone(),
            password_hash: None,
            tokens_not_before: Timestamp::from_millis(0),
            applied: false,
            ..self.user.clone()
        };
        let hash = self.user.password_hash.clone().map_or(Value::Null, Value::Text);
        let id = bytes(user.id.as_bytes());
        Ok(vec![realm(), id, Value::Text(username), Value::Int(0), hash, json(serde_json::to_string(&user))?])
    }

    fn login_row(&self, number: u64) -> Row {
        let user = number / 2;
        let name = if number.is_multiple_of(2) { Self::username(user) } else { email(user) };
        vec![realm(), Value::Text(name), bytes(self.user_id(user).as_bytes())]
    }

    fn consent_id(&self, number: u64) -> ConsentId {
        ConsentId::new(self.created(number), &chance(4, number))
    }

    fn consent_row(&self, number: u64) -> Result<Row, String> {
        let (user, client) = self.parties(number);
        let created = self.created(number).millis();
        Ok(vec![
            realm(),
            bytes(self.consent_id(number).as_bytes()),
            bytes(self.user_id(user).as_bytes()),
            Value::Text(Self::client_id(client)),
            json(serde_json::to_string(&self.permissions))?,
            Value::Int(0),
            Value::Int(created),
            Value::Int(created),
            Value::Null,
        ])
    }

    fn authorization_row(&self, number: u64) -> Result<Row, String> {
        let (user, client) = self.parties(number);
        let created = self.created(number);
        let expires = created + DAY * 180;
        let used = if number < self.size.expired { created } else { self.now - DAY * 2 };
        let token = self.token(number);
        let body = serde_json::json!({
            "permissions": self.permissions,
            "offline": true,
            "authentication": self.authentication,
            "nonce": format!("n-{number:016x}"),
            "redirect_uri": REDIRECT_URI,
            "challenge": crate::flow::CHALLENGE,
        });
        let time = |at: Timestamp| Value::Int(at.millis());
        Ok(vec![
            realm(),
            bytes(token.authorization.as_bytes()),
            Value::Text(Self::client_id(client)),
            bytes(self.user_id(user).as_bytes()),
            bytes(SessionId::new(created, &chance(5, number)).as_bytes()),
            bytes(self.consent_id(number).as_bytes()),
            Value::Int(0),
            time(created),
            time(expires),
            time(used),
            bytes(Secret::random(&chance(6, number)).expose()),
            time(created + Duration::from_mins(1)),
            time(created),
            Value::Int(i64::from(token.generation)),
            bytes(&token.digest().0),
            time(used),
            time((used + DAY * 30).min(expires)),
            json(serde_json::to_string(&body))?,
        ])
    }
}

/// Columns in the order in which they are made here; the others hold nothing.
fn shape(table: &str) -> Result<Shape, String> {
    let columns = match table {
        "client" => "realm client_id applied body",
        "user" => "realm id username applied password_hash body",
        "login_name" => "realm name user_id",
        "consent" => "realm id user_id client_id permissions version created_at updated_at withdrawn_at",
        _ => {
            "realm id client_id user_id session_id consent_id epoch created_at expires_at last_used_at code_digest \
             code_expires_at redeemed_at generation refresh_digest rotated_at refresh_expires_at body"
        }
    };
    let columns: Vec<String> = columns.split_whitespace().map(str::to_owned).collect();
    Shape::named(table, &columns).ok_or_else(|| format!("the table {table} has other columns"))
}

/// What part of `of` a number is, in so many parts.
fn share(number: u64, of: u64, parts: u64) -> u32 {
    u32::try_from(number * parts / of.max(1)).unwrap_or(u32::MAX)
}

fn email(number: u64) -> String {
    format!("{}@people.example.test", Filling::username(number))
}

fn realm() -> Value {
    Value::Int(i64::from(Realm::MAIN.0))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn json(body: serde_json::Result<String>) -> Result<Value, String> {
    body.map(Value::Text).map_err(told)
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_owned())
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_of_the_schema() {
        for table in ["client", "user", "login_name", "consent", "authorization"] {
            assert!(shape(table).is_ok(), "{table}");
        }
    }

    #[test]
    fn chance_repeats() {
        let of = |purpose, number| {
            let (mut first, mut second) = ([0; 20], [0; 20]);
            let chance = chance(purpose, number);
            chance.fill(&mut first);
            chance.fill(&mut second);
            (first, second)
        };
        assert_eq!(of(1, 2), of(1, 2));
        let all = [of(1, 2).0, of(1, 2).1, of(1, 3).0, of(2, 2).0];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }
}
