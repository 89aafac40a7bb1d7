//! A form of one of our pages, as it comes back.

use super::{
    ResumeRefusal,
    browser::BrowserCookies,
    pending::{Handle, Pending, anti_forgery_fits},
};
use crate::step::{Context, Have, Stop};

/// Where the browser says that a form was sent from (`Sec-Fetch-Site`, `Origin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentFrom {
    /// A page of ours, or a browser that does not say.
    OurPage,
    /// Anywhere else.
    Elsewhere,
}

/// The anti-forgery value of a form, with where it was sent from.
#[derive(Clone, Debug)]
pub struct AntiForgery {
    /// The value as it came.
    pub received: String,
    /// Where the form was sent from.
    pub sent_from: SentFrom,
}

impl AntiForgery {
    /// Whether the form is one of ours, made for this browser and this matter.
    pub fn fits(&self, browser: &BrowserCookies, matter: (&str, &str), context: &Context<'_>) -> bool {
        let keys = &context.keyring.keys;
        self.sent_from == SentFrom::OurPage
            && browser
                .transaction
                .is_some_and(|digest| anti_forgery_fits(keys, &digest, matter, &self.received))
    }
}

/// A form that belongs to an interaction.
#[derive(Clone, Debug)]
pub struct InteractionForm {
    /// Which; `None` when what the form carries names none.
    pub handle: Option<Handle>,
    /// Whether it is ours.
    pub anti_forgery: AntiForgery,
    /// The browser that sent it.
    pub browser: BrowserCookies,
}

/// The matter of such a form's anti-forgery value, beside the interaction's id.
pub const FORM: &str = "form";

impl InteractionForm {
    /// The interaction, if the form is ours and may go on in this browser now (catalogue L-01, A-21).
    pub fn open<'a>(
        &'a self,
        have: &'a Have,
        context: &Context<'_>,
    ) -> Result<Pending<'a>, Stop<ResumeRefusal>> {
        if self.anti_forgery.sent_from == SentFrom::Elsewhere {
            return Err(ResumeRefusal::Forged.into());
        }
        let handle = self.handle.as_ref().ok_or(ResumeRefusal::Unknown)?;
        let pending = handle.resume(self.browser.transaction, have, context)?;
        let about = pending.interaction.id.to_string();
        if !self.anti_forgery.fits(&self.browser, (FORM, &about), context) {
            return Err(ResumeRefusal::Forged.into());
        }
        Ok(pending)
    }
}

#[cfg(test)]
mod tests;
