//! `jti` of access tokens (RFC 9068 §2.2): it tells what the token belongs to, so that introspection and UserInfo know at
//! once what was revoked, though nothing was stored for the token.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    id::{AuthorizationId, EventId},
    secret::Digest,
    time::{Entropy, Timestamp},
};

/// Marks the token of a machine; the letter keeps its length apart from that of a person's.
const MACHINE: char = 'm';

/// What a `jti` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenId {
    /// Issued under an authorization.
    Person(AuthorizationId),
    /// Issued to a client in its own name. The NumericDate of `iat` is too coarse to be compared with the instant of a
    /// disable, so the millisecond stands here.
    Machine {
        /// When.
        issued_at: Timestamp,
        /// The realm's epoch then.
        epoch: u32,
    },
}

/// A new `jti` for a token under an authorization: its id and 128 random bits.
pub fn person(authorization: AuthorizationId, entropy: &dyn Entropy) -> String {
    let mut random = [0; 16];
    entropy.fill(&mut random);
    URL_SAFE_NO_PAD.encode([*authorization.as_bytes(), random].concat())
}

/// A new `jti` for a machine's token: a time-ordered id, the epoch and 96 random bits.
pub fn machine(now: Timestamp, epoch: u32, entropy: &dyn Entropy) -> String {
    let mut random = [0; 12];
    entropy.fill(&mut random);
    let id = EventId::new(now, entropy);
    let bytes = [id.as_bytes().as_slice(), &epoch.to_be_bytes(), &random].concat();
    format!("{MACHINE}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads one; `None` for what is not ours.
pub fn read(jti: &str) -> Option<TokenId> {
    let (encoded, machine) = match jti.len() {
        43 => (jti, false),
        44 => (jti.strip_prefix(MACHINE)?, true),
        _ => return None,
    };
    let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(encoded).ok()?.try_into().ok()?;
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    if !machine {
        return Some(TokenId::Person(AuthorizationId::from_bytes(*id)));
    }
    let (seconds, nanos) = EventId::from_bytes(*id).0.get_timestamp()?.to_unix();
    let millis = seconds.checked_mul(1000)?.checked_add(u64::from(nanos) / 1_000_000)?;
    Some(TokenId::Machine {
        issued_at: Timestamp::from_millis(i64::try_from(millis).ok()?),
        epoch: u32::from_be_bytes(*rest.first_chunk::<4>()?),
    })
}

/// What the store keeps of a revoked token.
pub fn digest(jti: &str) -> Digest {
    Digest::of(jti.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures as fx;

    #[test]
    fn a_jti_tells_what_its_token_belongs_to() {
        let id = AuthorizationId::from_bytes([7; 16]);
        assert_eq!(read(&person(id, &fx::Seeded::new(1))), Some(TokenId::Person(id)));
        let now = Timestamp::from_millis(1_800_000_000_123);
        let machine = machine(now, 3, &fx::Seeded::new(1));
        assert_eq!(read(&machine), Some(TokenId::Machine { issued_at: now, epoch: 3 }));
        for bad in ["", "m", &machine[1..43], &machine[..43], &machine.replace('m', "n")] {
            assert!(!matches!(read(bad), Some(TokenId::Machine { .. })), "{bad}");
        }
    }

    #[test]
    fn two_tokens_never_share_a_jti() {
        let entropy = fx::Seeded::new(1);
        let id = AuthorizationId::from_bytes([7; 16]);
        assert_ne!(person(id, &entropy), person(id, &entropy));
        assert_ne!(machine(fx::NOW, 0, &entropy), machine(fx::NOW, 0, &entropy));
    }
}
