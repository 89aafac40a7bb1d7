//! Passwords: argon2id on a bounded pool with a queue of its own (OWASP Password Storage; catalogue Z-01, L-12, L-13).
//!
//! Every attempt costs one hash, also for an unknown name: then a hash that no password fits is compared. A full queue
//! is answered with 503 at once, so that a flood of sign-ins takes neither memory nor the other endpoints' time.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        PasswordHasher, PasswordVerifier,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use grantwell_core::{
    factor::password::{LONGEST_PASSWORD, opaque_string},
    step::PasswordResult,
    time::Entropy,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

/// How many hashes run at once, and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolSize {
    /// At once; each takes 19 MiB.
    pub(crate) running: usize,
    /// Waiting or running.
    pub(crate) admitted: usize,
}

/// The pool.
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    argon2: Argon2<'static>,
    nobody: String,
    /// Hashes computed for comparisons so far.
    #[cfg(test)]
    pub(crate) computed: Arc<std::sync::atomic::AtomicUsize>,
}

/// A place in the queue.
pub(crate) struct QueuePlace(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Why a password cannot be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HashError {
    /// The queue is full.
    Busy,
    /// Longer than [`LONGEST_PASSWORD`], or the parameters do not work.
    Unhashable,
}

/// 19 MiB, two passes, one lane: OWASP's minimum for argon2id.
fn parameters() -> Params {
    Params::default()
}

/// Hashes a password for storing.
pub(crate) fn hash(password: &str, entropy: &dyn Entropy) -> Result<String, HashError> {
    if password.len() > LONGEST_PASSWORD {
        return Err(HashError::Unhashable);
    }
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters());
    let password = opaque_string(password);
    let hash: PasswordHash =
        argon2.hash_password_with_salt(password.as_bytes(), &salt).map_err(|_| HashError::Unhashable)?;
    Ok(hash.to_string())
}

/// Whether `password` is the one `hash` was made of. Takes the time of a hash.
pub(crate) fn verify(password: &str, hash: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    forms(password).iter().any(|form| Argon2::default().verify_password(form.as_bytes(), &parsed).is_ok())
}

/// What is compared for a password: it as text, and where that differs its bytes as they came, for hashes that another program made.
fn forms(password: &str) -> Vec<Zeroizing<String>> {
    let text = opaque_string(password);
    let raw = (*text != *password).then(|| Zeroizing::new(password.to_owned()));
    std::iter::once(text).chain(raw).collect()
}

/// A hash that no password fits: salt and result are both random. To compare with it costs what any comparison costs, to make
/// it costs nothing, so that a start does not wait for a hash.
fn nobody(entropy: &dyn Entropy) -> Option<String> {
    let (mut salt, mut output) = ([0; 16], [0; 32]);
    entropy.fill(&mut salt);
    entropy.fill(&mut output);
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&parameters()).ok()?,
        salt: Some(Salt::new(&salt).ok()?),
        hash: Some(Output::new(&output).ok()?),
    };
    Some(hash.to_string())
}

/// Whether a hash was made as one is made now. The length of the result is no part of the question: `Params` takes it over from
/// a hash and has none of its own, so two of them would never be equal.
fn is_current(hash: &PasswordHash) -> bool {
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && ParamsString::try_from(&parameters()).is_ok_and(|params| params == hash.params)
}

impl Passwords {
    /// A pool.
    pub(crate) fn new(size: PoolSize, entropy: &dyn Entropy) -> Result<Self, HashError> {
        Ok(Self {
            running: Arc::new(Semaphore::new(size.running)),
            admitted: Arc::new(Semaphore::new(size.admitted)),
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters()),
            nobody: nobody(entropy).ok_or(HashError::Unhashable)?,
            #[cfg(test)]
            computed: Arc::default(),
        })
    }

    /// A place in the queue, taken before an attempt is counted.
    pub(crate) fn admit(&self) -> Result<QueuePlace, HashError> {
        Arc::clone(&self.admitted).try_acquire_owned().map(QueuePlace).map_err(|_| HashError::Busy)
    }

    /// Compares; without a stored hash with one that nothing fits. The same work either way.
    pub(crate) async fn compare(
        &self,
        password: Zeroizing<String>,
        stored: Option<String>,
        salt: [u8; 16],
        _place: &QueuePlace,
    ) -> Result<PasswordResult, HashError> {
        let _running = self.running.acquire().await.map_err(|_| HashError::Busy)?;
        let started = std::time::Instant::now();
        let (argon2, nobody) = (self.argon2.clone(), self.nobody.clone());
        #[cfg(test)]
        let computed = Arc::clone(&self.computed);
        let compared = tokio::task::spawn_blocking(move || {
            let is_somebody = stored.is_some();
            let stored = stored.unwrap_or(nobody);
            // A password that is too long is cut for the comparison, which then cannot count: equal work, no match.
            let fits = password.len() <= LONGEST_PASSWORD;
            let parsed = PasswordHash::new(&stored).map_err(|_| HashError::Unhashable)?;
            let cut =
                |form: &str| form.as_bytes().get(..LONGEST_PASSWORD).unwrap_or(form.as_bytes()).to_vec();
            let forms: Vec<_> = forms(&password).iter().map(|form| Zeroizing::new(cut(form))).collect();
            // All of them, whichever is right: how many there are is seen from the password alone.
            let right: Vec<bool> = forms
                .iter()
                .map(|form| {
                    #[cfg(test)]
                    computed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    argon2.verify_password(form, &parsed).is_ok()
                })
                .collect();
            if !(right.contains(&true) && is_somebody && fits) {
                return Ok(PasswordResult::Wrong);
            }
            let is_as_text = right.first() == Some(&true);
            let text = forms.first().ok_or(HashError::Unhashable)?;
            let rehashed = if is_current(&parsed) && is_as_text {
                None
            } else {
                let hash: Result<PasswordHash, _> = argon2.hash_password_with_salt(text, &salt);
                hash.ok().map(|hash| hash.to_string())
            };
            Ok(PasswordResult::Right { rehashed })
        })
        .await
        .map_err(|_| HashError::Unhashable)?;
        metrics::histogram!("grantwell_password_hash_seconds").record(started.elapsed());
        compared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::SystemEntropy;

    #[tokio::test]
    async fn a_password_is_compared_as_text_and_then_as_it_came() {
        let pool = Passwords::new(PoolSize { running: 1, admitted: 1 }, &SystemEntropy).unwrap();
        let place = pool.admit().unwrap();
        let compare = async |stored: Option<&str>, password: &str| {
            let before = pool.computed.load(std::sync::atomic::Ordering::SeqCst);
            let password = Zeroizing::new(password.to_owned());
            let result = pool.compare(password, stored.map(str::to_owned), [7; 16], &place).await.unwrap();
            (result, pool.computed.load(std::sync::atomic::Ordering::SeqCst) - before)
        };
        let (composed, parts) = ("Z\u{fc}rich gestern", "Zu\u{308}rich\u{a0}gestern");
        let right = PasswordResult::Right { rehashed: None };
        let stored = hash(composed, &SystemEntropy).unwrap();
        assert_eq!(compare(Some(&stored), composed).await, (right.clone(), 1));
        assert_eq!(compare(Some(&stored), parts).await, (right.clone(), 2));
        let stored_of_parts = hash(parts, &SystemEntropy).unwrap();
        assert_eq!(compare(Some(&stored_of_parts), composed).await, (right, 1), "stored as text");
        // One that another program made of the bytes is good, and is made anew.
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters());
        let foreign: PasswordHash = argon2.hash_password_with_salt(parts.as_bytes(), &[1; 16]).unwrap();
        let foreign = foreign.to_string();
        assert!(verify(parts, &foreign) && verify(parts, &stored) && !verify(composed, &foreign));
        let (PasswordResult::Right { rehashed: Some(made) }, 2) = compare(Some(&foreign), parts).await else {
            panic!("not made anew")
        };
        assert!(verify(composed, &made));
        // The same work where there is nobody, and for a wrong password.
        assert_eq!(compare(None, parts).await, (PasswordResult::Wrong, 2));
        assert_eq!(compare(Some(&stored), "Zu\u{308}rich morgen").await, (PasswordResult::Wrong, 2));
        assert_eq!(compare(None, "plain").await, (PasswordResult::Wrong, 1));
    }

    #[tokio::test]
    async fn only_a_hash_of_other_parameters_is_made_anew() {
        let pool = Passwords::new(PoolSize { running: 1, admitted: 1 }, &SystemEntropy).unwrap();
        let place = pool.admit().unwrap();
        let compare = async |stored: &str, password: &str| {
            let password = Zeroizing::new(password.to_owned());
            pool.compare(password, Some(stored.to_owned()), [7; 16], &place).await.unwrap()
        };
        let current = hash("correct horse", &SystemEntropy).unwrap();
        let compared = compare(&current, "correct horse").await;
        assert_eq!(compared, PasswordResult::Right { rehashed: None });

        let cheap = Params::new(8, 1, 1, None).unwrap();
        let older = [
            (Algorithm::Argon2id, Version::V0x13, cheap),
            (Algorithm::Argon2i, Version::V0x13, parameters()),
        ];
        for (algorithm, version, parameters) in older {
            let argon2 = Argon2::new(algorithm, version, parameters);
            let old: PasswordHash = argon2.hash_password_with_salt(b"correct horse", &[1; 16]).unwrap();
            assert_eq!(compare(&old.to_string(), "wrong").await, PasswordResult::Wrong);
            let result = compare(&old.to_string(), "correct horse").await;
            let PasswordResult::Right { rehashed: Some(made) } = result else { panic!("{old}: {result:?}") };
            assert_eq!(
                compare(&made, "correct horse").await,
                PasswordResult::Right { rehashed: None },
                "{old}"
            );
        }
    }
}
