//! The realm's keys: opened from their records, used, published (RFC 7517 §5), and renewed.
//!
//! A key is published when it is made and signs from [`KeyRecord::active_from`] on, late enough for every cache of the key
//! set to have it (Core 1.0 §10.1.1). When its successor takes over it stays published until the last token it signed is
//! gone. [`plan`] says what is due; the caller commits the writes of a [`KeyAction`], whose guards let several
//! nodes plan the same without making two.

use std::{fmt, time::Duration};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    id::{KeyId, Realm},
    jose::{Algorithm, KeyError, KeySet, SigningKey},
    policy::LONGEST_TOKEN,
    realm_keys::RealmKeys,
    seal::SealKey,
    secret::Secret,
    store::{KeyRecord, KeyUse, Write},
    time::{Entropy, Timestamp},
};

/// How long others may keep the key set: it is published so long before a key signs, and after its last token is gone.
pub const JWKS_CACHE: Duration = Duration::from_mins(15);

/// How long a key signs before its successor does.
pub const ROTATION: Duration = Duration::from_hours(90 * 24);

/// Every algorithm, those first whose keys are made in no time; RSA takes long enough to be waited for.
const MAKING_ORDER: &[Algorithm] =
    &[Algorithm::ES256, Algorithm::EdDSA, Algorithm::ES384, Algorithm::RS256, Algorithm::PS256];

/// Why the keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringError {
    /// No record holds the realm's secret.
    NoRealmSecret,
    /// Not encrypted under this master key, for this realm and name.
    Unwrap(KeyId),
    /// Decrypted, and yet no key.
    Key(KeyId),
    /// The public keys do not make a set.
    Set,
    /// A key could not be made.
    Generation,
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRealmSecret => f.write_str("the realm has no secret yet"),
            Self::Unwrap(kid) => write!(f, "key {kid} is not encrypted under this master key"),
            Self::Key(kid) => write!(f, "key {kid} is damaged"),
            Self::Set => f.write_str("the public keys do not form a key set"),
            Self::Generation => f.write_str("a key could not be made"),
        }
    }
}

impl std::error::Error for KeyringError {}

#[derive(Debug)]
struct Signing {
    key: SigningKey,
    active_from: Timestamp,
    retired_at: Option<Timestamp>,
}

impl Signing {
    fn signs(&self, now: Timestamp) -> bool {
        self.active_from <= now && self.retired_at.is_none_or(|at| now < at)
    }

    fn is_needed(&self, now: Timestamp) -> bool {
        self.retired_at.is_none_or(|at| now < at + LONGEST_TOKEN + JWKS_CACHE)
    }
}

/// The realm's keys, open.
#[derive(Debug)]
pub struct Keyring {
    /// Those derived from the realm's secret.
    pub keys: RealmKeys,
    signing: Vec<Signing>,
    verifying: KeySet,
}

impl Keyring {
    /// Opens the records. `unwrap` gives the private part of one: [`unwrap`] under the master key.
    pub fn open(
        records: &[KeyRecord],
        unwrap: impl Fn(&KeyRecord) -> Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Self, KeyringError> {
        let mut keys = None;
        let mut signing = Vec::new();
        for record in records {
            let private = unwrap(record).ok_or_else(|| KeyringError::Unwrap(record.kid.clone()))?;
            let broken = || KeyringError::Key(record.kid.clone());
            match record.usage {
                KeyUse::Realm => {
                    let secret = private.as_slice().try_into().map_err(|_| broken())?;
                    keys = Some(RealmKeys::derive(&Secret::from_bytes(secret)));
                }
                KeyUse::Signing(algorithm) => signing.push(Signing {
                    key: SigningKey::from_pkcs8(record.kid.clone(), algorithm, &private)
                        .map_err(|_| broken())?,
                    active_from: record.active_from,
                    retired_at: record.retired_at,
                }),
            }
        }
        let jwks: Vec<_> = signing.iter().map(|signing| signing.key.public_jwk()).collect();
        let verifying = KeySet::from_jwks(&json!({ "keys": jwks })).map_err(|_| KeyringError::Set)?;
        let verifying = verifying.remembering();
        Ok(Self { keys: keys.ok_or(KeyringError::NoRealmSecret)?, signing, verifying })
    }

    /// The key that signs with `algorithm` now; `None` while it is still being made.
    pub fn signer(&self, algorithm: Algorithm, now: Timestamp) -> Option<&SigningKey> {
        self.signing
            .iter()
            .filter(|signing| signing.key.algorithm() == algorithm && signing.signs(now))
            .max_by_key(|signing| signing.active_from)
            .map(|signing| &signing.key)
    }

    /// The key set to publish (RFC 7517 §5): public parts only, from the making of a key until its last token is gone.
    pub fn jwks(&self, now: Timestamp) -> Value {
        let keys: Vec<_> = self
            .signing
            .iter()
            .filter(|signing| signing.is_needed(now))
            .map(|signing| signing.key.public_jwk())
            .collect();
        json!({ "keys": keys })
    }

    /// All public keys. What they verify is ours only if [`Keyring::may_have_signed`] says so too.
    pub const fn verifying(&self) -> &KeySet {
        &self.verifying
    }

    /// Whether a token that has not expired can bear the signature of that key: it signs already, and has not been retired
    /// for longer than any token lives.
    pub fn may_have_signed(&self, kid: &str, now: Timestamp) -> bool {
        self.signing.iter().any(|signing| {
            signing.key.kid().as_str() == kid && signing.active_from <= now && signing.is_needed(now)
        })
    }
}

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAction {
    /// Make a key.
    Create {
        /// For what.
        usage: KeyUse,
        /// When it starts to sign.
        active_from: Timestamp,
        /// The key that stops then.
        replaces: Option<KeyId>,
    },
    /// Forget a key that no unexpired token needs.
    Delete(KeyId),
}

impl KeyAction {
    /// What to commit: one commit for each action. `made` is the record from [`make`], for [`KeyAction::Create`].
    pub fn writes(&self, made: Option<KeyRecord>) -> Vec<Write> {
        match self {
            Self::Create { active_from, replaces, .. } => replaces
                .iter()
                .map(|kid| Write::RetireKey { kid: kid.clone(), at: *active_from })
                .chain(made.map(Write::InsertKey))
                .collect(),
            Self::Delete(kid) => vec![Write::DeleteKey(kid.clone())],
        }
    }
}

/// What is due now, in the order it should be done: the realm's secret, a key of every algorithm, the successors of old
/// ones, the removal of those that nothing needs.
pub fn plan(now: Timestamp, records: &[KeyRecord]) -> Vec<KeyAction> {
    let mut actions = Vec::new();
    if !records.iter().any(|record| record.usage == KeyUse::Realm) {
        actions.push(KeyAction::Create { usage: KeyUse::Realm, active_from: now, replaces: None });
    }
    for algorithm in MAKING_ORDER {
        let usage = KeyUse::Signing(*algorithm);
        match current(usage, records) {
            // A cached key set without it does no harm: no token was signed with it.
            None => actions.push(KeyAction::Create { usage, active_from: now, replaces: None }),
            Some(record) if now + JWKS_CACHE >= record.active_from + ROTATION => {
                actions.push(successor(record, now));
            }
            Some(_) => {}
        }
    }
    let gone = |record: &&KeyRecord| {
        record.usage != KeyUse::Realm
            && record.retired_at.is_some_and(|at| now >= at + LONGEST_TOKEN + JWKS_CACHE)
    };
    actions.extend(records.iter().filter(gone).map(|record| KeyAction::Delete(record.kid.clone())));
    actions
}

/// A successor for every signing key, by command; a key that has one already gets none.
pub fn rotate(now: Timestamp, records: &[KeyRecord]) -> Vec<KeyAction> {
    MAKING_ORDER
        .iter()
        .filter_map(|algorithm| current(KeyUse::Signing(*algorithm), records))
        .filter(|record| record.active_from <= now)
        .map(|record| successor(record, now))
        .collect()
}

/// The key of a use whose end is not planned.
fn current(usage: KeyUse, records: &[KeyRecord]) -> Option<&KeyRecord> {
    records
        .iter()
        .filter(|record| record.usage == usage && record.retired_at.is_none())
        .max_by_key(|r| r.active_from)
}

fn successor(record: &KeyRecord, now: Timestamp) -> KeyAction {
    KeyAction::Create {
        usage: record.usage,
        active_from: now + JWKS_CACHE,
        replaces: Some(record.kid.clone()),
    }
}

/// A new key, wrapped. RSA takes long enough to keep off a request's thread.
pub fn make(
    usage: KeyUse,
    active_from: Timestamp,
    now: Timestamp,
    place: &Place<'_>,
) -> Result<KeyRecord, KeyringError> {
    let failed = |_: KeyError| KeyringError::Generation;
    let (kid, private, public) = match usage {
        KeyUse::Realm => {
            let secret = Secret::random(place.entropy);
            (KeyId::from("realm"), Zeroizing::new(secret.expose().to_vec()), Value::Null)
        }
        KeyUse::Signing(algorithm) => {
            let der = Zeroizing::new(SigningKey::generate(algorithm).map_err(failed)?);
            let key = SigningKey::from_pkcs8_by_thumbprint(algorithm, &der).map_err(failed)?;
            (key.kid().clone(), der, key.public_jwk())
        }
    };
    let wrapped = wrap(&kid, &private, place);
    Ok(KeyRecord { kid, usage, wrapped, public, created_at: now, active_from, retired_at: None })
}

/// Where a key is kept: the realm it belongs to and the master key that wraps it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The master key.
    pub master: &'a SealKey,
    /// The realm.
    pub realm: Realm,
    /// For nonces.
    pub entropy: &'a dyn Entropy,
}

/// Encrypts the private part of a key for its place: pasted into another row, it does not open.
pub fn wrap(kid: &KeyId, private: &[u8], place: &Place<'_>) -> Vec<u8> {
    place.master.seal(place.entropy, &aad(place.realm, kid), private)
}

/// Decrypts the private part of a key; `None` under another master key, realm or name.
pub fn unwrap(record: &KeyRecord, realm: Realm, master: &SealKey) -> Option<Zeroizing<Vec<u8>>> {
    master.open(&aad(realm, &record.kid), &record.wrapped).map(Zeroizing::new)
}

fn aad(realm: Realm, kid: &KeyId) -> Vec<u8> {
    [realm.0.to_be_bytes().as_slice(), kid.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests;
