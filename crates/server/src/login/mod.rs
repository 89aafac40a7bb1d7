//! Factors of sign-in, one file each.

pub(crate) mod password;
