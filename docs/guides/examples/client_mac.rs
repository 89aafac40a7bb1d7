//! An example of a method, and no registered one: the secret stays with the client. It sends a `client_assertion` (RFC 7521 §4.2) of
//! a type of its own, which is `EXPIRES.ID.MAC`: a time in seconds, an id that is good once, and in base64url an HMAC-SHA-256, keyed
//! with SHA-256 of the secret, over `client_mac`, a zero byte and `CLIENT_ID.EXPIRES.ID`.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Carrier, ClientAuthRefusal, ClientProof, Credential, CredentialSource, Method};
use crate::{
    client::{AuthMethod, Client},
    id::ClientId,
    secret::{Digest, Secret},
    step::{Context, Have, Stop},
    store::{Seen, SeenKind, Write},
    time::Timestamp,
};

/// The value of `client_assertion_type`.
const TYPE: &str = "urn:grantwell:example:client-mac";
/// The label of the HMAC.
const LABEL: &str = "client_mac";
/// How far ahead a proof may expire: for so long its id is remembered.
const LONGEST: Duration = Duration::from_mins(1);
/// The longest id that is looked at, bytes.
const LONGEST_ID: usize = 64;
/// `SeenKind::ClientMac`, once the lines of the guide are there; here another one stands in.
const SEEN: SeenKind = SeenKind::ClientAssertion;

pub(super) struct ClientMac;

impl Method for ClientMac {
    fn method(&self) -> AuthMethod {
        // `AuthMethod::ClientMac`, once the lines of the guide are there; here another one stands in.
        AuthMethod::ClientSecretPost
    }

    fn carrier(&self) -> Carrier {
        Carrier::Assertion
    }

    fn present(&self, source: &CredentialSource<'_>) -> Result<Option<Credential>, ClientAuthRefusal> {
        if source.form.one("client_assertion_type")? != Some(TYPE) {
            return Ok(None);
        }
        let text = source.form.one("client_assertion")?.ok_or(ClientAuthRefusal::Missing)?;
        let id = source.form.one("client_id")?.ok_or(ClientAuthRefusal::Missing)?;
        Credential::new(id.to_owned(), self.method(), MacProof::read(text)?).map(Some)
    }
}

/// What the request proves with.
struct MacProof {
    expires_at: Timestamp,
    id: String,
    mac: Secret,
}

impl MacProof {
    fn read(text: &str) -> Result<Self, ClientAuthRefusal> {
        const MALFORMED: ClientAuthRefusal = ClientAuthRefusal::MalformedHeader;
        let (expires, rest) = text.split_once('.').ok_or(MALFORMED)?;
        let (id, mac) = rest.split_once('.').ok_or(MALFORMED)?;
        if id.len() > LONGEST_ID {
            return Err(ClientAuthRefusal::TooLong("client_assertion"));
        }
        let mac = URL_SAFE_NO_PAD.decode(mac).ok().and_then(|mac| mac.try_into().ok()).ok_or(MALFORMED)?;
        let expires_at = Timestamp::from_seconds(expires.parse().map_err(|_| MALFORMED)?);
        Ok(Self { expires_at, id: id.to_owned(), mac: Secret::from_bytes(mac) })
    }
}

/// The HMAC of a client with that digest of its secret.
fn mac(secret: Digest, client_id: &ClientId, expires_at: Timestamp, id: &str) -> Secret {
    let signed = format!("{client_id}.{}.{id}", expires_at.seconds());
    Secret::from_bytes(secret.0).mac(LABEL, &[signed.as_bytes()])
}

impl ClientProof for MacProof {
    fn verify(
        &self,
        id: &ClientId,
        client: Option<&Client>,
        have: &Have,
        context: &Context<'_>,
    ) -> Result<Vec<Write>, Stop<ClientAuthRefusal>> {
        let wrong = || ClientAuthRefusal::WrongSecret(id.clone());
        // A digest of nothing where there is no client or no secret: the comparison costs the same.
        let registered = client.and_then(|client| client.client_secret);
        let right = mac(registered.unwrap_or(Digest([0; 32])), id, self.expires_at, &self.id) == self.mac;
        if registered.is_none() || !right {
            return Err(wrong().into());
        }
        if context.now >= self.expires_at || self.expires_at > context.now + LONGEST {
            return Err(wrong().into());
        }
        let seen = Seen::new(SEEN, id.as_str(), &self.id, self.expires_at);
        // The guard of this write failed at the last look: the id was used before.
        if have.conflict.as_deref() == Some(&Write::InsertSeen(seen)) {
            return Err(wrong().into());
        }
        Ok(vec![Write::InsertSeen(seen)])
    }
}

#[cfg(test)]
mod tests {
    use super::{super::authenticate, *};
    use crate::{fixtures as fx, fixtures::SECRET, form::Form};

    type Looked = Result<Vec<Write>, ClientAuthRefusal>;

    /// The client that is registered for the method.
    fn registered() -> Client {
        Client { token_endpoint_auth_method: ClientMac.method(), ..fx::client() }
    }

    fn in_seconds(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(fx::NOW.seconds()) + Duration::from_secs(seconds)
    }

    /// What `web` sends, with the id `once`.
    fn signed(key: Digest, expires_at: Timestamp) -> String {
        let tag = mac(key, &"web".into(), expires_at, "once");
        format!("{}.once.{}", expires_at.seconds(), URL_SAFE_NO_PAD.encode(tag.expose()))
    }

    fn sent(secret: &str, expires_at: Timestamp) -> String {
        signed(Digest::of(secret.as_bytes()), expires_at)
    }

    fn form(text: &str) -> Form {
        Form::from_pairs([("client_id", "web"), ("client_assertion_type", TYPE), ("client_assertion", text)])
    }

    fn looked(client: Option<&Client>, text: &str, have: &Have) -> Looked {
        let form = form(text);
        let credential = ClientMac.present(&CredentialSource { authorization: None, form: &form })?.unwrap();
        let policy = fx::policy();
        match authenticate(&credential, client, have, &fx::context(&policy)) {
            Ok((_, writes)) => Ok(writes),
            Err(Stop::Refuse(refused)) => Err(refused.refusal),
            Err(Stop::Want(want)) => panic!("{want:?}"),
        }
    }

    fn look(client: &Client, text: &str) -> Looked {
        looked(Some(client), text, &Have::default())
    }

    #[test]
    fn a_right_proof_takes_its_id() {
        let writes = look(&registered(), &sent(SECRET, in_seconds(30))).unwrap();
        assert_eq!(writes, [Write::InsertSeen(Seen::new(SEEN, "web", "once", in_seconds(30)))]);
    }

    #[test]
    fn k_09_a_proof_is_good_once() {
        let (client, text) = (registered(), sent(SECRET, in_seconds(30)));
        let [write] = look(&client, &text).unwrap().try_into().unwrap();
        let have = Have::default().after_conflict(Box::new(write));
        assert_eq!(looked(Some(&client), &text, &have), Err(ClientAuthRefusal::WrongSecret("web".into())));
        // The conflict of another write says nothing about this one.
        let have = Have::default().after_conflict(Box::new(Write::DeleteClient("web".into())));
        assert!(looked(Some(&client), &text, &have).is_ok());
    }

    #[test]
    fn who_does_not_prove_it_is_refused() {
        let (client, right) = (registered(), sent(SECRET, in_seconds(30)));
        let wrong = Err(ClientAuthRefusal::WrongSecret("web".into()));
        assert_eq!(look(&client, &sent("another secret", in_seconds(30))), wrong);
        assert_eq!(look(&client, &right.replace("once", "twice")), wrong);
        assert_eq!(look(&client, &sent(SECRET, in_seconds(0))), wrong, "over");
        assert_eq!(look(&client, &sent(SECRET, in_seconds(61))), wrong, "too far ahead");
        // Whoever has no secret has no key either, and not the one of the comparison that stands in.
        let bare = Client { client_secret: None, ..registered() };
        assert_eq!(look(&bare, &signed(Digest([0; 32]), in_seconds(30))), wrong, "no secret");
        let nobody = looked(None, &right, &Have::default());
        assert_eq!(nobody, Err(ClientAuthRefusal::UnknownClient("web".into())));
        let disabled = Client { disabled: true, ..registered() };
        assert_eq!(look(&disabled, &right), Err(ClientAuthRefusal::Disabled("web".into())));
        assert!(look(&fx::client(), &right).is_err(), "registered for another method");
    }

    #[test]
    fn what_is_no_proof_is_not_looked_at() {
        let long = format!("1.{}.x", "x".repeat(LONGEST_ID + 1));
        for (text, refusal) in [
            ("x", ClientAuthRefusal::MalformedHeader),
            ("1.once", ClientAuthRefusal::MalformedHeader),
            ("x.once.AAAA", ClientAuthRefusal::MalformedHeader),
            ("1.once.AAAA", ClientAuthRefusal::MalformedHeader),
            (&long, ClientAuthRefusal::TooLong("client_assertion")),
        ] {
            assert_eq!(look(&registered(), text), Err(refusal), "{text}");
        }
        let form = Form::from_pairs([("client_id", "web")]);
        let source = CredentialSource { authorization: None, form: &form };
        assert!(ClientMac.present(&source).unwrap().is_none(), "an assertion of another type");
        let form = Form::from_pairs([("client_assertion_type", TYPE), ("client_assertion", "1.once.AAAA")]);
        let source = CredentialSource { authorization: None, form: &form };
        assert_eq!(ClientMac.present(&source).err(), Some(ClientAuthRefusal::Missing));
    }
}
