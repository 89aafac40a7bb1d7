//! The protocol: OAuth 2.1 and OpenID Connect as pure decisions over records. No HTTP, no SQL, no clock, no random source.
//!
//! | specification | module |
//! |---|---|
//! | OAuth 2.1 §4.1.1, RFC 6749 §3.1, §4.1.1; Core 1.0 §3.1.2.1: the authorization request | [`authorize`] |
//! | RFC 6749 §4.1.2, RFC 9207, Multiple Response Types, Form Post: its response | [`authorize::AuthorizationResponse`] |
//! | RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §4.1: redirect URIs | [`redirect_uri`] |
//! | RFC 7636: PKCE | [`pkce`] |
//! | Core 1.0 §3.1.2.3, §3.1.2.4: signing in, choosing, agreeing | [`interaction`] |
//! | RFC 6749 §3.3, RFC 8707: scopes and audiences | [`scope`], [`audience`], [`resource`] |
//! | RFC 6749 §2.3, OpenID Core 1.0 §9: client authentication | [`client_auth`] |
//! | RFC 6749 §3.2, §4.1.3, §4.4, §6; RFC 9700 §4.14: the token endpoint, one file a grant | [`token`] |
//! | RFC 9068: JWT access tokens | [`token::access`] |
//! | Core 1.0 §2, §5.4: ID tokens and their claims | [`token`], [`claims`] |
//! | RFC 7515, 7517, 7518, 7519, 8037, 8725: JOSE | [`jose`] |
//! | Core 1.0 §10.1.1: rotation of keys | [`keyring`] |
//! | SP 800-38D, SP 800-108: what only we can read | [`seal`], [`realm_keys`] |
//! | RFC 7662: introspection | [`introspect`] |
//! | RFC 7009: revocation | [`revoke`] |
//! | RFC 6750: an access token in a request | [`bearer`] |
//! | Core 1.0 §5.3: UserInfo | [`userinfo`] |
//! | RP-Initiated Logout 1.0 | [`end_session`] |
//! | RFC 8414, Discovery 1.0 | [`discovery`] |
//! | RFC 7591, RFC 7592, Registration 1.0 §2; RFC 8707 §2; Core 1.0 §5.1: what may be registered | [`registry`] |
//! | RFC 6749 §4.1.2.1, §5.2: errors | [`error`] |
//! | RFC 6749 Appendix B: forms | [`form`] |
#![warn(missing_docs)]

pub mod account;
pub mod audience;
pub mod authorize;
pub mod bearer;
pub mod check;
pub mod claims;
pub mod client;
pub mod client_auth;
pub mod discovery;
pub mod end_session;
pub mod error;
pub mod factor;
pub mod form;
pub mod id;
pub mod interaction;
pub mod introspect;
pub mod jose;
pub mod keyring;
pub mod nearest;
pub mod pkce;
pub mod policy;
pub mod realm_keys;
pub mod redirect_uri;
pub mod registry;
pub mod resource;
pub mod revoke;
pub mod scope;
pub mod seal;
pub mod secret;
pub mod step;
pub mod store;
pub mod time;
pub mod token;
pub mod userinfo;

#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
