//! An interaction between two requests. Strangers write nothing: until the first fact it travels sealed in the page's form, for
//! fifteen minutes and for the browser that started it; from then on it is a row.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::ResumeRefusal;
use crate::{
    id::InteractionId,
    policy::Lifetimes,
    realm_keys::RealmKeys,
    secret::{Digest, Secret},
    step::{Context, Have, Stop, Want},
    store::{Facts, Interaction, Purpose, Write},
    time::{Entropy, Timestamp},
};

const SEAL_CONTEXT: &[u8] = b"interaction";
/// The longest sealed interaction there is, bytes: [`crate::authorize::LONGEST_REQUEST`] and what is sealed with it.
const LONGEST_HANDLE: usize = 6 * 1024;
/// Stands in a sealed interaction that no browser has claimed yet: its request came by a POST of another site.
const UNCLAIMED: Digest = Digest([0; 32]);

/// How a request names the interaction it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handle {
    /// Begun by this very request: the store cannot have it yet.
    New(Box<Interaction>),
    /// The whole of it, as the page carried it.
    Sealed(Box<Interaction>),
    /// Of a row.
    Row(InteractionId),
}

impl Handle {
    /// A new interaction of a browser; `None`: whichever browser follows the handle claims it.
    pub fn begin(purpose: Purpose, browser: Option<Digest>, context: &Context<'_>) -> Self {
        Self::New(Box::new(Interaction {
            id: InteractionId::new(context.now, context.entropy),
            browser: browser.unwrap_or(UNCLAIMED),
            purpose,
            facts: Facts::default(),
            version: 0,
            created_at: context.now,
            expires_at: context.now + context.policy.lifetimes.interaction,
        }))
    }

    /// Reads what a form or an URL carries; `None` when it is neither, or was not made by this realm.
    pub fn read(text: &str, keys: &RealmKeys, lifetimes: &Lifetimes, now: Timestamp) -> Option<Self> {
        if let Some(id) = InteractionId::parse(text) {
            return Some(Self::Row(id));
        }
        let sealed = (text.len() <= LONGEST_HANDLE).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten()?;
        let plain = keys.request.open(now, lifetimes.interaction, SEAL_CONTEXT, &sealed)?;
        Some(Self::Sealed(serde_json::from_slice(&plain).ok()?))
    }

    /// Whether no browser has claimed it yet.
    pub fn is_unclaimed(&self) -> bool {
        matches!(self, Self::Sealed(interaction) if interaction.browser == UNCLAIMED)
    }

    /// The browser claims an unclaimed interaction and gives it a new id. Another browser that follows the same URL gets a
    /// separate interaction. A claimed interaction stays as it is.
    pub fn claimed_by(self, browser: Digest, context: &Context<'_>) -> Self {
        match self {
            Self::Sealed(mut interaction) if interaction.browser == UNCLAIMED => {
                interaction.id = InteractionId::new(context.now, context.entropy);
                interaction.browser = browser;
                Self::New(interaction)
            }
            other => other,
        }
    }

    /// The interaction as it is now; `None` when there is none. A fact may have made a row of a sealed one meanwhile: the row says
    /// more.
    pub fn find<'a>(&'a self, have: &'a Have) -> Result<Option<Pending<'a>>, Want> {
        let (id, known) = match self {
            Self::New(interaction) if have.conflict.is_none() => {
                return Ok(Some(Pending { interaction, stored: false }));
            }
            Self::New(interaction) | Self::Sealed(interaction) => (interaction.id, Some(&**interaction)),
            Self::Row(id) => (*id, None),
        };
        let row = have.interaction(id)?.map(|interaction| Pending { interaction, stored: true });
        Ok(row.or_else(|| known.map(|interaction| Pending { interaction, stored: false })))
    }

    /// The same, if it may go on in the browser with this transaction secret now.
    pub fn resume<'a>(
        &'a self,
        browser: Option<Digest>,
        have: &'a Have,
        context: &Context<'_>,
    ) -> Result<Pending<'a>, Stop<ResumeRefusal>> {
        let pending = self.find(have)?.ok_or(ResumeRefusal::Unknown)?;
        if browser != Some(pending.interaction.browser) {
            return Err(ResumeRefusal::OtherBrowser.into());
        }
        if pending.is_expired(context.now) {
            return Err(ResumeRefusal::Expired(Box::new(pending.interaction.clone())).into());
        }
        Ok(pending)
    }
}

/// An interaction, and whether the store has it.
#[derive(Clone, Copy, Debug)]
pub struct Pending<'a> {
    /// What is known.
    pub interaction: &'a Interaction,
    /// Whether it is a row already.
    pub stored: bool,
}

impl Pending<'_> {
    /// What a form or an URL carries for it.
    pub fn handle(&self, keys: &RealmKeys, entropy: &dyn Entropy) -> String {
        if self.stored {
            return self.interaction.id.to_string();
        }
        let plain = serde_json::to_vec(self.interaction).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(keys.request.seal(self.interaction.created_at, entropy, SEAL_CONTEXT, &plain))
    }

    /// The write that keeps `facts`, guarded by what this was read as.
    pub fn keep(&self, facts: Facts) -> Write {
        let Interaction { id, version, .. } = *self.interaction;
        if self.stored {
            Write::UpdateInteraction { id, version, facts: Box::new(facts) }
        } else {
            Write::InsertInteraction(Box::new(Interaction { facts, ..self.interaction.clone() }))
        }
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
