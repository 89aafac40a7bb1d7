//! Whole exchanges through the router, in process: a fixed clock, seeded entropy, a real database in a folder of its own, and
//! a second realm beside the one that is served, which holds the same names.
//!
//! [`World`] is a server; [`Browser`] keeps cookies and posts forms the way a browser does. One file for each group of the
//! security catalogue.

mod browser;
mod harness;

pub(crate) use browser::{Browser, Reply};
pub(crate) use harness::{Database, ISSUER, World, form, query};

mod account;
mod authorization;
mod client_auth;
mod codes;
mod consent;
mod counts;
mod expect;
mod faults;
mod flow;
mod http;
mod injection;
mod login_ui;
mod logout;
mod pkce;
mod races;
mod redirects;
mod refresh;
mod registered;
mod restore;
mod run;
mod session;
mod sign_in;
mod timing;
mod tokens;
mod wire;
