//! The protocol: OAuth 2.1 and OpenID Connect as pure decisions over records. No HTTP, no SQL, no clock.
#![warn(missing_docs)]

pub mod authorize;
pub mod claims;
pub mod client;
pub mod client_auth;
pub mod decision;
pub mod discovery;
pub mod error;
pub mod form;
pub mod id;
pub mod interaction;
pub mod introspect;
pub mod jose;
pub mod keyring;
pub mod pkce;
pub mod policy;
pub mod realm_keys;
pub mod resource;
pub mod revoke;
pub mod scope;
pub mod seal;
pub mod secret;
pub mod store;
pub mod time;
pub mod token;
pub mod userinfo;

#[cfg(test)]
mod fixtures;
