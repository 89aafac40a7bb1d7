//! The refresh token (RFC 6749 §1.5): authorization, generation, secret, and a keyed tag. Nothing is stored of a
//! generation that was used; the tag alone shows that such a token was ours (RFC 9700 §4.14.2), and the next secret is
//! derived from the present one, so that a lost response can be repeated.

use std::fmt;

use crate::{
    id::AuthorizationId,
    realm_keys::RealmKeys,
    secret::{Bearer, Digest, Secret, is_same},
    time::Entropy,
};

const TAG: usize = 16;

/// A refresh token whose tag is right: one that we once issued.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// What it belongs to.
    pub authorization: AuthorizationId,
    /// How many were before it, and it.
    pub generation: u32,
    secret: Secret,
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, {}, …)", self.authorization, self.generation)
    }
}

impl RefreshToken {
    /// The first generation.
    pub fn first(authorization: AuthorizationId, entropy: &dyn Entropy) -> Self {
        Self { authorization, generation: 1, secret: Secret::random(entropy) }
    }

    /// The generation after this one, always the same; `None` when there can be no more.
    pub fn next(&self, keys: &RealmKeys) -> Option<Self> {
        let generation = self.generation.checked_add(1)?;
        let parts: [&[u8]; 3] =
            [self.authorization.as_bytes(), &generation.to_be_bytes(), self.secret.expose()];
        Some(Self { authorization: self.authorization, generation, secret: keys.refresh.mac("next", &parts) })
    }

    /// Reads the text form and checks its tag. A right tag says that it was ours, not that it still is good.
    pub fn read(text: &str, keys: &RealmKeys) -> Option<Self> {
        let claimed = Claimed::read(text)?;
        claimed.verify(keys).is_some().then_some(claimed.token)
    }

    /// What a client receives.
    pub fn encode(&self, keys: &RealmKeys) -> String {
        let mut payload = self.body();
        payload.extend_from_slice(&self.tag(keys));
        Bearer::Refresh.encode(&payload)
    }

    /// What the store keeps.
    pub fn digest(&self) -> Digest {
        self.secret.digest()
    }

    fn body(&self) -> Vec<u8> {
        [self.authorization.as_bytes().as_slice(), &self.generation.to_be_bytes(), self.secret.expose()]
            .concat()
    }

    fn tag(&self, keys: &RealmKeys) -> Vec<u8> {
        keys.refresh_tag.mac("tag", &[&self.body()]).expose().iter().copied().take(TAG).collect()
    }
}

/// A refresh token as it came: whose it claims to be. Its tag is not looked at yet.
pub struct Claimed {
    token: RefreshToken,
    tag: [u8; TAG],
}

impl Claimed {
    /// Reads the text form.
    pub fn read(text: &str) -> Option<Self> {
        let payload = Bearer::Refresh.decode(text)?;
        let (id, rest) = payload.split_first_chunk::<16>()?;
        let (generation, rest) = rest.split_first_chunk::<4>()?;
        let (secret, tag) = rest.split_first_chunk::<32>()?;
        let token = RefreshToken {
            authorization: AuthorizationId::from_bytes(*id),
            generation: u32::from_be_bytes(*generation),
            secret: Secret::from_bytes(*secret),
        };
        Some(Self { token, tag: tag.try_into().ok()? })
    }

    /// What it claims to belong to.
    pub fn authorization(&self) -> AuthorizationId {
        self.token.authorization
    }

    /// The token, if its tag says that it was ours.
    pub fn verify(&self, keys: &RealmKeys) -> Option<&RefreshToken> {
        is_same(&self.token.tag(keys), &self.tag).then_some(&self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures as fx;

    #[test]
    fn f_02_the_successor_is_derived_and_always_the_same() {
        let keys = &fx::keyring().keys;
        let first = RefreshToken::first(AuthorizationId::from_bytes([1; 16]), &fx::Seeded::new(1));
        let second = first.next(keys).unwrap();
        assert_eq!(second, first.next(keys).unwrap());
        assert_eq!((first.generation, second.generation), (1, 2));
        assert_ne!(first.digest(), second.digest());
        assert_eq!(RefreshToken::read(&second.encode(keys), keys), Some(second));
    }

    #[test]
    fn f_06_a_token_that_we_did_not_make_is_not_read() {
        let keys = &fx::keyring().keys;
        let token = RefreshToken::first(AuthorizationId::from_bytes([1; 16]), &fx::Seeded::new(1));
        let payload = Bearer::Refresh.decode(&token.encode(keys)).unwrap();
        for at in 0..payload.len() {
            let mut changed = payload.clone();
            changed[at] ^= 1;
            assert!(RefreshToken::read(&Bearer::Refresh.encode(&changed), keys).is_none(), "byte {at}");
        }
        for length in [0, 16, 52, 60, 67] {
            assert!(RefreshToken::read(&Bearer::Refresh.encode(&payload[..length]), keys).is_none());
        }
        let other = RealmKeys::derive(&Secret::from_bytes([8; 32]));
        assert!(RefreshToken::read(&token.encode(keys), &other).is_none(), "another realm's");
    }

    #[test]
    fn the_last_generation_has_no_next() {
        let keys = &fx::keyring().keys;
        let mut token = RefreshToken::first(AuthorizationId::from_bytes([1; 16]), &fx::Seeded::new(1));
        token.generation = u32::MAX;
        assert!(token.next(keys).is_none());
    }
}
