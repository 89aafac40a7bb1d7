//! Secret values: random, redacted in `Debug`, compared in constant time, at rest only as a digest.
//!
//! A bearer value that a person may paste where it does not belong has a prefix and a checksum, so that scanners find it:
//! `prefix_` followed by base64url of the payload and the first four bytes of SHA-256(prefix ‖ payload).

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::time::Entropy;

/// 256 secret bits.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A fresh secret.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// From bytes that are a secret already.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a message authentication code or the inside of a bearer value.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// What is stored of the secret.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// HMAC-SHA-256 with this key over the concatenation of `parts`. Callers give parts of fixed length, or one part of
    /// any length at the end, so that no two inputs collide.
    pub fn mac(&self, label: &str, parts: &[&[u8]]) -> Secret {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(label.as_bytes());
        context.update(&[0]);
        for part in parts {
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        Self(out)
    }
}

/// Compares in constant time.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        is_same(&self.0, &other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a secret: what the store keeps of a bearer value. Equality takes the same time wherever they differ.
#[derive(Clone, Copy, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        is_same(&self.0, &other.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        URL_SAFE_NO_PAD.encode(digest.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "not base64url")?;
        Ok(Self(bytes.try_into().map_err(|_| "not 32 bytes")?))
    }
}

/// The text form of `payload`, with a checksum.
pub(crate) fn encode(prefix: &str, payload: &[u8]) -> String {
    let mut bytes = payload.to_vec();
    bytes.extend_from_slice(&checksum(prefix, payload));
    let mut text = prefix.to_owned();
    URL_SAFE_NO_PAD.encode_string(&bytes, &mut text);
    bytes.zeroize();
    text
}

/// The payload of `text`; `None` unless prefix, encoding (canonical, unpadded) and checksum are right.
pub(crate) fn decode(prefix: &str, text: &str) -> Option<Vec<u8>> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(prefix)?).ok()?;
    let sum = bytes.split_off(bytes.len().checked_sub(4)?);
    (checksum(prefix, &bytes).as_slice() == sum).then_some(bytes)
}

fn checksum(prefix: &str, payload: &[u8]) -> [u8; 4] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(prefix.as_bytes());
    context.update(payload);
    let mut out = [0; 4];
    for (to, from) in out.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    out
}

/// The kinds of bearer value, each with the prefix that names it. What is handed out for a ticket is
/// [`TicketValue`](crate::store::TicketValue).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// Authorization code.
    Code,
    /// Refresh token.
    Refresh,
    /// Opaque access token.
    Access,
    /// Client secret that Grantwell made.
    ClientSecret,
    /// Session, in a cookie.
    Session,
}

impl Bearer {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Code => "gwc_",
            Self::Refresh => "gwr_",
            Self::Access => "gwa_",
            Self::ClientSecret => "gws_",
            Self::Session => "gwn_",
        }
    }

    /// The text form of `payload`.
    pub fn encode(self, payload: &[u8]) -> String {
        encode(self.prefix(), payload)
    }

    /// The payload of `text`; `None` for what [`Self::encode`] did not make.
    pub fn decode(self, text: &str) -> Option<Vec<u8>> {
        decode(self.prefix(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_06_t_10_a_bearer_value_with_any_change_is_not_read() {
        let text = Bearer::Code.encode(&[7; 48]);
        assert_eq!(Bearer::Code.decode(&text).as_deref(), Some(&[7; 48][..]));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 0x20;
            assert!(
                std::str::from_utf8(&changed).ok().and_then(|t| Bearer::Code.decode(t)).is_none(),
                "at {at}"
            );
        }
        assert!(Bearer::Code.decode(&text[..text.len() - 1]).is_none());
        assert!(Bearer::Code.decode(&format!("{text}A")).is_none());
        assert!(Bearer::Code.decode(&format!("{text}=")).is_none());
    }

    #[test]
    fn c_07_one_kind_is_never_read_as_another() {
        let text = Bearer::Code.encode(&[7; 48]);
        for other in [Bearer::Refresh, Bearer::Access, Bearer::ClientSecret, Bearer::Session] {
            assert!(other.decode(&text).is_none());
            assert!(
                other.decode(&text.replace("gwc_", other.prefix())).is_none(),
                "the checksum covers the prefix"
            );
        }
    }

    #[test]
    fn q_03_debug_shows_no_secret() {
        assert_eq!(format!("{:?}", Secret::from_bytes([1; 32])), "Secret(…)");
        assert_eq!(format!("{:?}", Digest([1; 32])), "Digest(…)");
    }
}
