//! An interaction: what has happened since a person was asked for, and what must happen next.
//!
//! Facts are kept, the next step is derived from them by [`next`](next::next): reload, back button, second tab and another node see
//! the same. A browser is read by [`browser`], its forms by [`form`]; [`pending`] carries an interaction between two requests, sealed
//! in the page until the first fact, in a row from then on. One file a step: [`sign_in`], [`select`], [`consent`], and [`proceed`],
//! which goes on to the next page or to the end ([`issue`]). [`external`] is for an external login UI.

pub mod attempts;
pub mod browser;
pub mod consent;
pub mod external;
pub mod form;
pub mod issue;
pub mod next;
pub mod pending;
pub mod proceed;
pub mod select;
pub mod session;
pub mod sign_in;

use crate::store::Interaction;

/// Why a request of a browser cannot go on with the interaction that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumeRefusal {
    /// The form was not made for this browser, or was sent by another site (catalogue L-01, L-02, N-01).
    Forged,
    /// There is no such interaction.
    Unknown,
    /// It was started in another browser (catalogue A-21).
    OtherBrowser,
    /// Its time is over.
    Expired(Box<Interaction>),
    /// It was answered before, and cannot be again.
    Answered(Box<Interaction>),
    /// The client was deleted or disabled meanwhile.
    ClientUnknown,
    /// The redirect URI is not the client's any more: there is no redirect.
    RedirectUriGone,
    /// The person whom the external login UI reported is disabled or gone.
    UserGone,
}

impl crate::error::Refusal for ResumeRefusal {
    fn public(&self) -> crate::error::OAuthError {
        use crate::error::{ErrorCode, OAuthError};
        match self {
            // What the application is told by the link of the page: nobody refused.
            Self::Expired(_) => OAuthError::new(
                ErrorCode::TemporarilyUnavailable,
                "the page expired before anybody answered: start again",
            ),
            Self::Answered(_) => OAuthError::new(
                ErrorCode::TemporarilyUnavailable,
                "the request was answered before: start again",
            ),
            Self::Forged
            | Self::Unknown
            | Self::OtherBrowser
            | Self::ClientUnknown
            | Self::RedirectUriGone
            | Self::UserGone => OAuthError::new(ErrorCode::InvalidRequest, "the page cannot go on"),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Forged => "anti_forgery",
            Self::Unknown => "interaction_unknown",
            Self::OtherBrowser => "interaction_of_another_browser",
            Self::Expired(_) => "interaction_expired",
            Self::Answered(_) => "interaction_answered",
            Self::ClientUnknown => "client_unknown",
            Self::RedirectUriGone => "redirect_uri_removed",
            Self::UserGone => "user_disabled",
        }
    }
}
