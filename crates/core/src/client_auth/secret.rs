//! A shared secret, for the methods that send one (RFC 6749 §2.3.1).

use super::{ClientAuthRefusal, ClientProof};
use crate::{
    client::Client,
    id::ClientId,
    secret::Digest,
    step::{Context, Have, Stop},
    store::Write,
};

/// The longest secret that is looked at, bytes.
const LONGEST_SECRET: usize = 1024;

/// The secret that was sent; `None` for an empty one. Digested at once, so that no code behind this point has it.
pub(super) struct SharedSecret(Option<Digest>);

impl SharedSecret {
    pub(super) fn read(text: &str) -> Result<Self, ClientAuthRefusal> {
        if text.len() > LONGEST_SECRET {
            return Err(ClientAuthRefusal::TooLong("client_secret"));
        }
        Ok(Self((!text.is_empty()).then(|| Digest::of(text.as_bytes()))))
    }
}

impl ClientProof for SharedSecret {
    fn verify(
        &self,
        id: &ClientId,
        client: Option<&Client>,
        _: &Have,
        _: &Context<'_>,
    ) -> Result<Vec<Write>, Stop<ClientAuthRefusal>> {
        // A digest of nothing where there is no client: the comparison costs the same.
        let registered = client.and_then(|client| client.client_secret);
        let right = self.0.unwrap_or(Digest([0xff; 32])) == registered.unwrap_or(Digest([0; 32]));
        if self.0.is_none() || registered.is_none() {
            Err(ClientAuthRefusal::NoSecret(id.clone()).into())
        } else if right {
            Ok(Vec::new())
        } else {
            Err(ClientAuthRefusal::WrongSecret(id.clone()).into())
        }
    }
}
