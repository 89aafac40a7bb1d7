//! The protocol: OAuth 2.1 and OpenID Connect as pure decisions over records. No HTTP, no SQL, no clock.
#![warn(missing_docs)]

pub mod audience;
pub mod authorize;
pub mod client;
pub mod decision;
pub mod error;
pub mod form;
pub mod id;
pub mod interaction;
pub mod jose;
pub mod policy;
pub mod resource;
pub mod scope;
pub mod seal;
pub mod secret;
pub mod store;
pub mod time;
