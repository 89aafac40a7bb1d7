//! `client_secret_basic`: HTTP Basic with both halves form-encoded (RFC 6749 §2.3.1, RFC 7617).

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{Carrier, ClientAuthRefusal, Credential, CredentialSource, Method, secret::SharedSecret};
use crate::{client::AuthMethod, form};

/// The longest header that is looked at: name and secret at their longest, every byte percent-encoded, in base64.
const LONGEST_HEADER: usize = 8 * 1024;

pub(super) struct ClientSecretBasic;

impl Method for ClientSecretBasic {
    fn method(&self) -> AuthMethod {
        AuthMethod::ClientSecretBasic
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header
    }

    fn present(&self, source: &CredentialSource<'_>) -> Result<Option<Credential>, ClientAuthRefusal> {
        source.authorization.map(read).transpose()
    }
}

fn read(header: &str) -> Result<Credential, ClientAuthRefusal> {
    let (id, secret) = read_basic(header)?;
    Credential::new(id, AuthMethod::ClientSecretBasic, SharedSecret::read(&secret)?)
}

/// The two halves of a Basic credential, form-decoded (RFC 6749 §2.3.1).
pub fn read_basic(header: &str) -> Result<(String, Zeroizing<String>), ClientAuthRefusal> {
    const MALFORMED: ClientAuthRefusal = ClientAuthRefusal::MalformedHeader;
    if header.len() > LONGEST_HEADER {
        return Err(ClientAuthRefusal::TooLong("the Authorization header"));
    }
    let (scheme, encoded) = header.split_once(' ').ok_or(MALFORMED)?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Err(MALFORMED);
    }
    let pair = Zeroizing::new(STANDARD.decode(encoded.trim_matches(' ')).map_err(|_| MALFORMED)?);
    let colon = pair.iter().position(|byte| *byte == b':').ok_or(MALFORMED)?;
    let (id, secret) = pair.split_at_checked(colon).ok_or(MALFORMED)?;
    let id = form::decode(id).ok_or(MALFORMED)?;
    let secret = Zeroizing::new(form::decode(secret.get(1..).unwrap_or_default()).ok_or(MALFORMED)?);
    if id.is_empty() { Err(MALFORMED) } else { Ok((id, secret)) }
}
