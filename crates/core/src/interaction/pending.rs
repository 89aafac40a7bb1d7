//! An interaction between two steps. Strangers write nothing: until the first fact the checked request travels sealed in
//! the page's form, for fifteen minutes and for the browser that started it; from then on it is a row.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    authorize::AuthorizationRequest,
    id::InteractionId,
    interaction::Facts,
    policy::Lifetimes,
    realm_keys::RealmKeys,
    secret::{Digest, Secret},
    store::{Interaction, Write},
    time::{Entropy, Timestamp},
};

const SEAL_CONTEXT: &[u8] = b"interaction";
/// The longest sealed request there is: [`crate::authorize::LONGEST_REQUEST`] and what is sealed with it.
const LONGEST_HANDLE: usize = 6 * 1024;

/// An interaction, and whether the store has it.
#[derive(Clone, Debug)]
pub struct Pending {
    /// What is known.
    pub interaction: Interaction,
    /// Whether it is a row already.
    pub stored: bool,
}

/// How a page names the interaction it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handle {
    /// Of a row.
    Row(InteractionId),
    /// The whole of it.
    Sealed(Box<Interaction>),
}

impl Handle {
    /// Reads what a form or an URL carries; `None` when it is neither, or was not made by this realm.
    pub fn read(text: &str, keys: &RealmKeys, lifetimes: &Lifetimes, now: Timestamp) -> Option<Self> {
        if let Some(id) = InteractionId::parse(text) {
            return Some(Self::Row(id));
        }
        let sealed = (text.len() <= LONGEST_HANDLE).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten()?;
        let plain = keys.request.open(now, lifetimes.interaction, SEAL_CONTEXT, &sealed)?;
        Some(Self::Sealed(serde_json::from_slice(&plain).ok()?))
    }
}

impl Pending {
    /// A new one, of which nobody but the page will know.
    pub fn begin(
        request: AuthorizationRequest,
        browser: Digest,
        lifetimes: &Lifetimes,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Self {
        let interaction = Interaction {
            id: InteractionId::new(now, entropy),
            browser,
            request,
            facts: Facts::default(),
            version: 0,
            created_at: now,
            expires_at: now + lifetimes.interaction,
        };
        Self { interaction, stored: false }
    }

    /// The handle of it, for a form or an URL.
    pub fn handle(&self, keys: &RealmKeys, entropy: &dyn Entropy) -> String {
        if self.stored {
            return self.interaction.id.to_string();
        }
        let plain = serde_json::to_vec(&self.interaction).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(keys.request.seal(self.interaction.created_at, entropy, SEAL_CONTEXT, &plain))
    }

    /// The write that keeps `facts`, guarded by what this was read as.
    pub fn keep(&self, facts: Facts) -> Write {
        let Interaction { id, version, .. } = self.interaction;
        if self.stored {
            Write::UpdateInteraction { id, version, facts: Box::new(facts) }
        } else {
            Write::InsertInteraction(Box::new(Interaction { facts, ..self.interaction.clone() }))
        }
    }

    /// Whether it may go on in the browser that holds `cookie` (catalogue A-21).
    pub fn belongs_to(&self, cookie: Option<&Secret>) -> bool {
        cookie.is_some_and(|cookie| cookie.digest() == self.interaction.browser)
    }

    /// Whether it is too late.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.interaction.expires_at
    }
}

/// The anti-forgery value of a form: of this browser, for this interaction and session (catalogue L-01, L-02, N-02). A page
/// that was made for another account or another interaction does not fit.
pub fn anti_forgery(keys: &RealmKeys, browser: &Digest, purpose: &str, about: &str) -> String {
    let mac = keys.anti_forgery.mac(purpose, &[&browser.0, about.as_bytes()]);
    URL_SAFE_NO_PAD.encode(mac.expose())
}

/// Whether `received` is the anti-forgery value, in constant time.
pub fn anti_forgery_fits(
    keys: &RealmKeys,
    browser: &Digest,
    (purpose, about): (&str, &str),
    received: &str,
) -> bool {
    let expected = keys.anti_forgery.mac(purpose, &[&browser.0, about.as_bytes()]);
    let received = URL_SAFE_NO_PAD.decode(received).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    received.is_some_and(|bytes| Secret::from_bytes(bytes) == expected)
}

#[cfg(test)]
mod tests;
