//! Parameters as `application/x-www-form-urlencoded` carries them: the query of `/authorize`, the body of `/token`.
//!
//! RFC 6749 §3.1 and §3.2: a parameter without a value is treated as if it were not there, an unknown one is ignored,
//! and none may be repeated. `resource` may (RFC 8707 §2), and so may its alias `audience`.

use percent_encoding::percent_decode;

/// Most parameters that are read.
pub const MOST_PARAMETERS: usize = 64;

/// A parsed form.
#[derive(Clone, Default)]
pub struct Form {
    pairs: Vec<(String, String)>,
}

/// Why bytes are not a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormError {
    /// More than [`MOST_PARAMETERS`].
    TooMany,
    /// Not UTF-8 once decoded, or a broken percent escape; names the parameter.
    Encoding(&'static str),
}

/// What an error says where the name itself cannot be read.
const UNREADABLE_NAME: &str = "the name of a parameter";

/// The parameters that an error can name: a name that came with a request is never repeated to the outside.
static NAMES: &[&str] = &[
    "access_token",
    "acr_values",
    "assertion",
    "claims",
    "claims_locales",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "display",
    "grant_type",
    "id_token_hint",
    "interaction",
    "login_hint",
    "logout_hint",
    "max_age",
    "nonce",
    "password",
    "post_logout_redirect_uri",
    "prompt",
    "redirect_uri",
    "refresh_token",
    "registration",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "token",
    "token_type_hint",
    "ui_locales",
    "username",
    "audience",
    "resource",
];

/// A parameter's name as errors say it.
fn known_name(name: &str) -> &'static str {
    NAMES.iter().find(|known| **known == name).copied().unwrap_or("an unknown parameter")
}

/// A parameter that may not be repeated was; names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated(pub &'static str);

/// ```
/// use grantwell_core::form::{Form, Repeated};
///
/// let form = Form::parse(b"scope=openid+email&resource=a&resource=b&state=").unwrap();
/// assert_eq!(form.one("scope"), Ok(Some("openid email")));
/// assert_eq!(form.one("state"), Ok(None), "an empty value is as good as none");
/// assert_eq!(form.one("resource"), Err(Repeated("resource")));
/// assert_eq!(form.many("resource").collect::<Vec<_>>(), ["a", "b"]);
/// ```
impl Form {
    /// Parses bytes whose length the caller has bounded.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormError> {
        let mut pairs = Vec::new();
        for piece in bytes.split(|b| *b == b'&').filter(|piece| !piece.is_empty()) {
            if pairs.len() >= MOST_PARAMETERS {
                return Err(FormError::TooMany);
            }
            let mut halves = piece.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default());
            let name = name.ok_or(FormError::Encoding(UNREADABLE_NAME))?;
            let value = decode(halves.next().unwrap_or_default());
            let value = value.ok_or_else(|| FormError::Encoding(known_name(&name)))?;
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// From pairs that are decoded already.
    #[cfg(test)]
    pub(crate) fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self { pairs: pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    /// Adds the parameters of `other` behind ours, so that one that stands in both is seen as repeated.
    pub fn append(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
    }

    /// The value of a parameter that may stand once; `None` when it is not there or empty.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, Repeated> {
        let mut values = self.pairs.iter().filter(|(n, _)| n == name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Repeated(name));
        }
        Ok(first.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty()))
    }

    /// Every value of a parameter that may be repeated.
    pub fn many<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(n, value)| n == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Any parameter outside `repeatable` that stands more than once.
    pub fn repeated(&self, repeatable: &[&str]) -> Option<Repeated> {
        self.pairs.iter().enumerate().find_map(|(at, (name, _))| {
            let again = self.pairs.iter().skip(at + 1).any(|(other, _)| other == name);
            (again && !repeatable.contains(&name.as_str())).then(|| Repeated(known_name(name)))
        })
    }

    /// Whether a parameter stands there at all, empty or not.
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(n, _)| n == name)
    }
}

/// Parameter values can be secrets.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

/// The text; `None` when it is not UTF-8 or has a broken percent escape.
pub(crate) fn decode(text: &[u8]) -> Option<String> {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| *b == b'%') {
        let escape = rest.get(at + 1..at + 3)?;
        if !escape.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_decode(&spaced).decode_utf8().map(|text| text.into_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_01_a_repeated_parameter_is_an_error_and_never_first_or_last() {
        for text in ["a=1&a=1", "a=1&b=2&a=3", "a=&a=1", "%61=1&a=2"] {
            let form = Form::parse(text.as_bytes()).unwrap();
            assert_eq!(form.one("a"), Err(Repeated("a")), "{text}");
            assert_eq!(form.repeated(&["resource"]), Some(Repeated("an unknown parameter")), "{text}");
        }
        let form = Form::parse(b"code=1&code=2").unwrap();
        assert_eq!(form.repeated(&[]), Some(Repeated("code")));
        let form = Form::parse(b"resource=x&resource=y").unwrap();
        assert_eq!(form.repeated(&["resource"]), None);
        assert_eq!(form.many("resource").collect::<Vec<_>>(), ["x", "y"]);
    }

    #[test]
    fn a_05_too_many_parameters_are_refused() {
        let text = (0..65).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(Form::parse(text.as_bytes()).unwrap_err(), FormError::TooMany);
    }

    #[test]
    fn values_are_decoded_strictly() {
        let form = Form::parse(b"a=x+y%20z&empty=&flag").unwrap();
        assert_eq!(form.one("a"), Ok(Some("x y z")));
        assert_eq!(form.one("empty"), Ok(None));
        assert!(form.has("flag"));
    }

    #[test]
    fn what_is_not_encoded_right_is_named() {
        for bad in [&b"%"[..], b"%2", b"%zz", b"%ff", b"\xff"] {
            let refused = |before: &str, after: &str| {
                let form = [b"code=1&", before.as_bytes(), bad, after.as_bytes()].concat();
                match Form::parse(&form).unwrap_err() {
                    FormError::Encoding(name) => name,
                    FormError::TooMany => "",
                }
            };
            assert_eq!(refused("state=a", "&scope=b"), "state", "{bad:?}");
            assert_eq!(refused("st%61te=", ""), "state", "{bad:?}");
            assert_eq!(refused("names-of-strangers=", ""), "an unknown parameter", "{bad:?}");
            assert_eq!(refused("sta", "=1"), "the name of a parameter", "{bad:?}");
            assert_eq!(refused("", ""), "the name of a parameter", "{bad:?}");
        }
    }

    #[test]
    fn q_03_debug_shows_names_only() {
        assert_eq!(format!("{:?}", Form::parse(b"code=secret").unwrap()), "[\"code\"]");
    }
}
