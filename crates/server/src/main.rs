//! Grantwell: an OAuth 2.1 authorization server and OpenID Provider in one program.

mod config;

fn main() {}
