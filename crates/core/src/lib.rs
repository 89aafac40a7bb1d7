//! The protocol: OAuth 2.1 and OpenID Connect as pure decisions over records. No HTTP, no SQL, no clock, no random source.
#![warn(missing_docs)]

pub mod account;
pub mod audience;
pub mod authorize;
pub mod claims;
pub mod client;
pub mod client_auth;
pub mod client_metadata;
pub mod decision;
pub mod discovery;
pub mod end_session;
pub mod error;
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
pub mod resource;
pub mod resource_metadata;
pub mod revoke;
pub mod scope;
pub mod seal;
pub mod secret;
pub mod store;
pub mod time;
pub mod token;
pub mod user_metadata;
pub mod userinfo;

#[cfg(test)]
pub(crate) mod fixtures;
