//! The password. How it is hashed and compared is the server's; that an attempt is reserved first is
//! [`crate::interaction::sign_in`]'s.

use super::Factor;
use crate::{policy::ACR_PASSWORD, store::Authentication, time::Timestamp};

/// Longest password that is hashed, bytes (catalogue L-30).
pub const LONGEST_PASSWORD: usize = 4096;
/// The authentication method (RFC 8176).
pub const AMR: &str = "pwd";

/// Something the person knows.
pub struct Password;

impl Factor for Password {
    fn amr(&self) -> &'static str {
        AMR
    }

    fn acr(&self) -> &'static str {
        ACR_PASSWORD
    }
}

/// What a right password proves.
pub fn authentication(at: Timestamp) -> Authentication {
    Authentication { at, amr: vec![AMR.to_owned()], acr: ACR_PASSWORD.to_owned() }
}
