//! The endpoints, one file each, and what they share: the request ([`exchange`]), the client's address
//! ([`forwarded`]), who may use a route ([`principal`]), the form of
//! a client ([`client`]), a bearer token ([`bearer`]), the browser's cookies ([`browser`]), the forms of our pages ([`form`]), bodies
//! ([`body`]), responses ([`response`]) and pages ([`renderer`], [`interaction_pages`]).

pub(crate) mod accepts;
pub(crate) mod account;
pub(crate) mod assets;
pub(crate) mod authorize;
pub(crate) mod bearer;
pub(crate) mod body;
pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod consent;
pub(crate) mod discovery;
pub(crate) mod end_session;
pub(crate) mod exchange;
pub(crate) mod form;
pub(crate) mod forwarded;
pub(crate) mod health;
pub(crate) mod interaction;
pub(crate) mod interaction_pages;
pub(crate) mod introspect;
pub(crate) mod principal;
pub(crate) mod proceed;
pub(crate) mod renderer;
pub(crate) mod response;
pub(crate) mod revoke;
pub(crate) mod select_account;
pub(crate) mod sign_in;
pub(crate) mod token;
pub(crate) mod unrouted;
pub(crate) mod userinfo;
pub(crate) mod wire;
