//! What a checked authorization request says. It exists only once every check has passed; it travels sealed or in the
//! interaction's row, never as parameters again, so nothing a page posts can change it.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ClientId, UserId},
    scope::Permissions,
    time::Timestamp,
};

/// `response_mode` values that exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI, the default of `response_type=code`.
    #[default]
    Query,
    /// In a form that posts itself (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// All of them, in the order discovery lists them.
    pub const ALL: &'static [Self] = &[Self::Query, Self::FormPost];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }

    /// The one of that name.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.as_str() == name)
    }
}

/// `prompt` values (Core 1.0 §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// No page may be shown.
    pub none: bool,
    /// The person signs in again.
    pub login: bool,
    /// The person is asked again.
    pub consent: bool,
    /// The person chooses the account.
    pub select_account: bool,
}

/// Sets one of the [`Prompts`].
type SetPrompt = fn(&mut Prompts);

impl Prompts {
    /// Every value, in the order discovery lists them, and what it sets.
    pub const VALUES: &'static [(&'static str, SetPrompt)] = &[
        ("none", |prompts| prompts.none = true),
        ("login", |prompts| prompts.login = true),
        ("consent", |prompts| prompts.consent = true),
        ("select_account", |prompts| prompts.select_account = true),
    ];

    /// Sets the one of that name; `None` when there is none.
    pub fn set(&mut self, name: &str) -> Option<()> {
        let (_, set) = Self::VALUES.iter().find(|(known, _)| *known == name)?;
        set(self);
        Some(())
    }
}

/// How the client learns of the end of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseRoute {
    /// By way of the browser (RFC 6749 §4.1.2).
    Redirect(Redirect),
}

impl ResponseRoute {
    /// Where the browser takes the response; `None` where the client gets it another way.
    pub const fn redirect(&self) -> Option<&Redirect> {
        match self {
            Self::Redirect(redirect) => Some(redirect),
        }
    }
}

/// A redirect that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// Where the response goes: registered, or a loopback variant of a registered one.
    pub uri: String,
    /// Whether the request carried it, so that the token request must repeat it (RFC 6749 §4.1.3).
    pub sent: bool,
    /// How the parameters travel.
    pub mode: ResponseMode,
    /// The client's own; given back with every response.
    pub state: Option<String>,
}

/// A checked authorization request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// How it is answered.
    pub route: ResponseRoute,
    /// For the ID token.
    pub nonce: Option<String>,
    /// What is asked for: scopes of each audience, those the client may not have already dropped.
    pub permissions: Permissions,
    /// S256 challenge (RFC 7636 §4.2).
    pub code_challenge: Option<String>,
    /// What must be shown or not.
    pub prompts: Prompts,
    /// Seconds since the last sign-in that are still good enough.
    pub max_age: Option<u32>,
    /// Authentication classes in order of preference; all voluntary.
    pub acr_values: Vec<String>,
    /// To fill the sign-in field.
    pub login_hint: Option<String>,
    /// The person that `id_token_hint` names: nobody else may answer.
    pub hinted_user: Option<UserId>,
    /// Languages in order of preference.
    pub ui_locales: Vec<String>,
    /// When it came.
    pub requested_at: Timestamp,
}

impl AuthorizationRequest {
    /// One that asks for nothing yet.
    pub fn new(client_id: ClientId, route: ResponseRoute, requested_at: Timestamp) -> Self {
        Self {
            client_id,
            route,
            nonce: None,
            permissions: Permissions::default(),
            code_challenge: None,
            prompts: Prompts::default(),
            max_age: None,
            acr_values: Vec::new(),
            login_hint: None,
            hinted_user: None,
            ui_locales: Vec::new(),
            requested_at,
        }
    }
}
