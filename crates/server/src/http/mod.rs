//! The endpoints, one file each, and what they share: who asks ([`context`]), the browser's cookies ([`browser`]), bodies
//! ([`body`]), and answers ([`answer`]).

pub(crate) mod account;
pub(crate) mod answer;
pub(crate) mod assets;
pub(crate) mod authorize;
pub(crate) mod body;
pub(crate) mod browser;
pub(crate) mod consent;
pub(crate) mod context;
pub(crate) mod discovery;
pub(crate) mod end_session;
pub(crate) mod health;
pub(crate) mod interaction;
pub(crate) mod introspect;
pub(crate) mod proceed;
pub(crate) mod revoke;
pub(crate) mod select_account;
pub(crate) mod sign_in;
pub(crate) mod token;
pub(crate) mod userinfo;
pub(crate) mod wire;
