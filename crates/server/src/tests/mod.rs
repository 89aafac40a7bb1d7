//! Whole exchanges through the router, in process: a fixed clock, seeded entropy, a real database in a folder of its own, and
//! a second realm beside the one that is served, which holds the same names.
//!
//! [`World`] is a server; [`Browser`] keeps cookies and posts forms the way a browser does. One file for each group of the
//! security catalogue.

mod harness;

pub(crate) use harness::{Browser, ISSUER, Reply, World, form, query};

mod authorization;
mod client_auth;
mod codes;
mod expect;
mod faults;
mod flow;
mod pkce;
mod races;
mod redirects;
mod refresh;
mod tokens;
