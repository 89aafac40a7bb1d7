//! How a person proves who they are. One file a factor: what it needs, and what it proves (`amr`, level).

pub mod password;

/// What a factor is, as lists of them say it.
pub trait Factor: Sync {
    /// Its value in `amr` (RFC 8176).
    fn amr(&self) -> &'static str;
    /// The authentication class that it reaches alone.
    fn acr(&self) -> &'static str;
}

/// Every factor, in the order discovery lists their classes.
pub static FACTORS: &[&dyn Factor] = &[&password::Password];

#[cfg(test)]
#[path = "../../../../docs/guides/examples/totp.rs"]
pub mod example_totp;
