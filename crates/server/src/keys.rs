//! The realm's claim on the database, and its keys: made on first start, rotated by schedule, read again when another process
//! changed them.

use std::sync::Arc;

use grantwell_core::{
    id::Realm,
    keyring::{self, KeyAction, Keyring, KeyringError, Place},
    seal::SealKey,
    store::{KeyRecord, KeyUse, Outcome, RealmRecord, Share, Store, StoreError, Write},
    time::{Entropy, Timestamp},
};
use grantwell_store::Engine;

use crate::app::{App, Current};

const CHECK_CONTEXT: &[u8] = b"master key check";
const CHECK_VALUE: &[u8] = b"grantwell";

/// Whether `key_check` is of this master key.
pub(crate) fn is_master(master: &SealKey, key_check: &[u8]) -> bool {
    master.open(CHECK_CONTEXT, key_check).as_deref() == Some(CHECK_VALUE)
}

/// Why the realm cannot be served.
#[derive(Debug)]
pub(crate) enum RealmError {
    /// The database belongs to another issuer.
    OtherIssuer {
        /// The issuer it belongs to.
        theirs: String,
        /// The one in the configuration.
        ours: String,
    },
    /// The master key is not the one the database was made with.
    OtherMasterKey,
    /// A key does not open.
    Keys(KeyringError),
    /// The store has no answer.
    Store(StoreError),
    /// Another process was faster four times in a row.
    Contended,
}

impl std::fmt::Display for RealmError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OtherIssuer { theirs, ours } => write!(
                f,
                "the database belongs to the issuer {theirs}, and the configuration says {ours}: an issuer never changes"
            ),
            Self::OtherMasterKey => {
                f.write_str("the master key is not the one that this database was created with")
            }
            Self::Keys(error) => write!(f, "the signing keys cannot be opened: {error}"),
            Self::Store(error) => error.fmt(f),
            Self::Contended => f.write_str("another process is changing the keys; try again"),
        }
    }
}

impl From<StoreError> for RealmError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What keys are made and opened with.
#[derive(Clone)]
pub(crate) struct Vault {
    /// The master key.
    pub(crate) master: Arc<SealKey>,
    /// The realm.
    pub(crate) realm: Realm,
    /// Randomness.
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Vault {
    fn place(&self) -> Place<'_> {
        Place { master: &self.master, realm: self.realm, entropy: self.entropy.as_ref() }
    }

    /// Claims the realm for `issuer`, or checks that it is claimed for it under this master key.
    pub(crate) async fn claim(&self, store: &Engine, issuer: &str) -> Result<RealmRecord, RealmError> {
        for _ in 0..4 {
            if let Some(record) = store.realm(self.realm).await? {
                if record.issuer != issuer {
                    return Err(RealmError::OtherIssuer { theirs: record.issuer, ours: issuer.to_owned() });
                }
                return if is_master(&self.master, &record.key_check) {
                    Ok(record)
                } else {
                    Err(RealmError::OtherMasterKey)
                };
            }
            let key_check = self.master.seal(self.entropy.as_ref(), CHECK_CONTEXT, CHECK_VALUE);
            let record = RealmRecord { issuer: issuer.to_owned(), key_check, generation: 0, epoch: 0 };
            let _ = store.commit(self.realm, Share::Rest, vec![Write::ClaimRealm(record)]).await?;
        }
        Err(RealmError::Contended)
    }

    /// Opens all keys.
    pub(crate) fn open(&self, records: &[KeyRecord]) -> Result<Keyring, RealmError> {
        Keyring::open(records, |record| keyring::unwrap(record, self.realm, &self.master))
            .map_err(RealmError::Keys)
    }

    /// Does what is due of `keys` now; a conflict means that another process did it.
    pub(crate) async fn tend(
        &self,
        store: &Engine,
        now: Timestamp,
        keys: WhichKeys,
    ) -> Result<(), RealmError> {
        let due = keyring::plan(now, &store.keys(self.realm).await?);
        let due = due.into_iter().filter(|action| keys == WhichKeys::All || !takes_long(action)).collect();
        self.carry_out(store, due, now).await
    }

    /// Successors for every signing key, by command.
    pub(crate) async fn rotate(&self, store: &Engine, now: Timestamp) -> Result<usize, RealmError> {
        let due = keyring::rotate(now, &store.keys(self.realm).await?);
        let count = due.len();
        self.carry_out(store, due, now).await?;
        Ok(count)
    }

    async fn carry_out(&self, store: &Engine, due: Vec<KeyAction>, now: Timestamp) -> Result<(), RealmError> {
        for action in due {
            let made = match action {
                KeyAction::Create { usage, active_from, .. } => {
                    let vault = self.clone();
                    let making = move || keyring::make(usage, active_from, now, &vault.place());
                    let made = tokio::task::spawn_blocking(making).await;
                    Some(made.map_err(|_| RealmError::Contended)?.map_err(RealmError::Keys)?)
                }
                KeyAction::Delete(_) => None,
            };
            let outcome = store.commit(self.realm, Share::Rest, action.writes(made)).await?;
            tracing::info!(action = kind(&action), done = outcome == Outcome::Done, "keys");
        }
        Ok(())
    }
}

/// Which of the keys that are due are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhichKeys {
    /// Those that take no time; RSA keys follow in the background.
    Quick,
    /// All.
    All,
}

fn takes_long(action: &KeyAction) -> bool {
    use grantwell_core::jose::Algorithm;
    matches!(action, KeyAction::Create { usage: KeyUse::Signing(Algorithm::RS256 | Algorithm::PS256), .. })
}

fn kind(action: &KeyAction) -> String {
    match action {
        KeyAction::Create { usage: KeyUse::Realm, .. } => "create realm secret".to_owned(),
        KeyAction::Create { usage: KeyUse::Signing(algorithm), .. } => {
            format!("create {}", algorithm.as_str())
        }
        KeyAction::Delete(kid) => format!("delete {kid}"),
    }
}

/// Reads keys and realm again when the generation moved, and forgets what was registered before.
pub(crate) async fn refresh(app: &App, vault: &Vault) -> Result<(), RealmError> {
    let realm = &app.realm;
    let Some(record) = app.store.realm(realm.id).await? else { return Err(RealmError::Contended) };
    if record == realm.current().record {
        return Ok(());
    }
    let keyring = vault.open(&app.store.keys(realm.id).await?)?;
    realm.replace(Current::new(keyring, record));
    Ok(())
}
