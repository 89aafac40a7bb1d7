//! The authorization code (RFC 6749 §1.3.1, §4.1.2): the id of its authorization and a secret that is derived from the
//! id, so that the same interaction always gives the same code and nothing has to be kept but a digest.

use crate::{
    id::AuthorizationId,
    realm_keys::RealmKeys,
    secret::{Bearer, Digest, Secret},
};

/// A code.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Whose code it is.
    pub authorization: AuthorizationId,
    secret: Secret,
}

impl Code {
    /// The code of an authorization, which has the id of its interaction.
    pub fn of(authorization: AuthorizationId, keys: &RealmKeys) -> Self {
        Self { authorization, secret: keys.code.mac("code", &[authorization.as_bytes()]) }
    }

    /// Reads the text form; says nothing about whether there is such a code.
    pub fn read(text: &str) -> Option<Self> {
        let payload = Bearer::Code.decode(text)?;
        let (id, secret) = payload.split_first_chunk::<16>()?;
        Some(Self {
            authorization: AuthorizationId::from_bytes(*id),
            secret: Secret::from_bytes(secret.try_into().ok()?),
        })
    }

    /// What a client receives.
    pub fn encode(&self) -> String {
        Bearer::Code.encode(&[self.authorization.as_bytes().as_slice(), self.secret.expose()].concat())
    }

    /// What the store keeps.
    pub fn digest(&self) -> Digest {
        self.secret.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures as fx;

    #[test]
    fn the_same_authorization_has_the_same_code_and_another_one_another() {
        let keys = &fx::keyring().keys;
        let id = AuthorizationId::from_bytes([1; 16]);
        let code = Code::of(id, keys);
        assert_eq!(Code::read(&code.encode()).as_ref(), Some(&code));
        assert_eq!(code.encode(), Code::of(id, keys).encode());
        let other = Code::of(AuthorizationId::from_bytes([2; 16]), keys);
        assert_ne!(code.digest(), other.digest());
    }

    #[test]
    fn c_06_a_code_of_another_length_is_not_read() {
        for length in [0, 15, 16, 47, 49, 64] {
            assert!(Code::read(&Bearer::Code.encode(&vec![1; length])).is_none(), "{length}");
        }
    }
}
