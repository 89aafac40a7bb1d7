//! Every rule that a field can break, and the words for it.

use std::fmt;

use crate::{client::AuthMethod, nearest::nearest, redirect_uri::RedirectUriError};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A string.
    Text,
    /// A list of strings.
    List,
    /// True or false.
    Flag,
    /// A whole number that fits 32 bits.
    Number,
    /// A table of strings.
    Table,
    /// Belongs to a feature that does not exist yet; the text names it. The value, where there is one, is accepted
    /// because it asks for what happens anyway.
    Later(&'static str, Option<&'static str>),
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a string",
            Self::List => "a list of strings",
            Self::Flag => "true or false",
            Self::Number => "a whole number of seconds from 0 to 4294967295",
            Self::Table => "a table of strings",
            Self::Later(feature, _) => feature,
        })
    }
}

/// The rule that a field breaks. As text it follows the name of the field, and never holds the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The field must be there.
    Missing,
    /// No field has that name.
    UnknownField {
        /// The nearest name that one has.
        nearest: Option<&'static str>,
    },
    /// The table has no member of that name.
    UnknownMember {
        /// All that it has.
        known: &'static [&'static str],
        /// The nearest of them.
        nearest: Option<&'static str>,
    },
    /// Belongs to a feature that does not exist yet.
    NotAvailable(Option<&'static str>),
    /// The value has another type.
    WrongType(FieldType),
    /// The value is none of a list.
    NotOneOf {
        /// The list.
        known: Vec<&'static str>,
        /// The nearest of them.
        nearest: Option<&'static str>,
    },
    /// Must be there because of another field.
    NeededFor(&'static str),
    /// Makes sense only with another field.
    Needs(&'static str),
    /// The time is not in this range of seconds.
    OutOfRange(u32, u32),
    /// The URI may not be registered.
    Uri(RedirectUriError),
    /// A page cannot show the text.
    Text(ShownText),
    /// A page cannot show the description of a scope.
    Description(ShownText),

    /// `client_id` has other characters or another length than RFC 6749 Appendix A.1 and the store have.
    ClientId,
    /// `client_id` could pass for the `sub` of a person (RFC 9700 §4.15).
    SubjectForm,
    /// A client of this method has no secret.
    SecretNotUsed(AuthMethod),
    /// A secret of fewer characters could be guessed: a plain SHA-256 is stored.
    SecretTooShort,
    /// A secret holds visible ASCII characters and spaces only (RFC 6749 Appendix A.2).
    SecretCharacters,
    /// OAuth 2.1 has no such grant.
    NotOAuth21,
    /// Without any grant the client could do nothing.
    NoGrant,
    /// The authorization code grant is asked for by `code` (RFC 7591 §2.1).
    NoCode,
    /// No grant of the client gives refresh tokens.
    RefreshTokenAlone,
    /// `client_credentials` needs a credential (OAuth 2.1 §4.2).
    MachineGrantOfPublicClient,
    /// A public client has no other proof than PKCE.
    PkceOfPublicClient,
    /// A public client that any program can pretend to be cannot do without a consent page.
    ConsentOfUnclaimedClient,
    /// Not the syntax of RFC 6749 §3.3.
    ScopeList,
    /// An `acr` value is one word.
    AcrValue,
    /// No such resource is registered.
    NoSuchResource,

    /// The issuer as an audience means UserInfo and nothing else.
    IssuerIdentifier,
    /// A resource is registered, or declared, with another spelling of this identifier.
    OtherSpelling,
    /// Scheme or host of an identifier has capitals (RFC 3986 §6.2.2.1): it would be found in that spelling only.
    Capitals,
    /// Not the syntax of one scope (RFC 6749 §3.3).
    ScopeName,
    /// OpenID Connect gives the scope a meaning of its own.
    OpenIdScope,
    /// No such client is registered.
    NoSuchClient,

    /// A blank, a line end or a byte order mark at either end, as [`has_outer_white_space`] says.
    OuterWhiteSpace,
    /// Not an e-mail address.
    Email,
    /// The name signs another user in.
    LoginNameTaken,
    /// The password is too short or too long.
    PasswordLength,
    /// The password has a character that no text of RFC 8265 §4.2 (FreeformClass of RFC 8264 §4.3) has.
    PasswordCharacters,
    /// A password and a hash of one are both given.
    TwoPasswords,
    /// Not a hash that sign-in can compare with.
    PasswordHash,
    /// Not an `https` or `http` URL.
    WebUrl,
    /// Not a date of Core 1.0 §5.1.
    Date,

    /// The name of the object stays what it is.
    Fixed,
    /// Another object of the same set has the name.
    GivenTwice,
}

/// The shortest client secret, in characters: what is stored of it is a plain SHA-256, so it must not be guessable.
pub const SHORTEST_SECRET: usize = 32;

/// The shortest and the longest password that is taken, in characters and in bytes (NIST SP 800-63B §3.1.1.2).
pub const PASSWORD_LENGTH: (usize, usize) = (8, 4096);

/// Whether an editor, `echo` or a copied line may have left something around a value.
pub(super) fn has_outer_white_space(text: &str) -> bool {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}') != text
}

/// The longest text that a page shows, in characters.
const LONGEST_TEXT: usize = 256;

impl Violation {
    pub(super) fn not_one_of(name: &str, known: impl IntoIterator<Item = &'static str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let nearest = nearest(name, known.iter().copied());
        Self::NotOneOf { known, nearest }
    }

    /// The name or value that was probably meant.
    pub const fn nearest(&self) -> Option<&'static str> {
        if let Self::UnknownField { nearest }
        | Self::UnknownMember { nearest, .. }
        | Self::NotOneOf { nearest, .. } = self
        {
            *nearest
        } else {
            None
        }
    }

    /// Whether the rule is that something is there: a field that was given and could not be read does not break it too.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(self, Self::Missing | Self::NeededFor(_))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::UnknownField { .. } => "is not a known name",
            Self::UnknownMember { known, .. } => {
                return write!(f, "has a member that is not one of {}", known.join(", "));
            }
            Self::NotAvailable(None) => "is not available yet",
            Self::NotAvailable(Some(feature)) => return write!(f, "is not available yet ({feature})"),
            Self::WrongType(expected) => return write!(f, "must be {expected}"),
            Self::NotOneOf { known, .. } => return write!(f, "is not one of {}", known.join(", ")),
            Self::NeededFor(what) => return write!(f, "is needed for {what}"),
            Self::Needs(what) => return write!(f, "needs {what}"),
            Self::OutOfRange(least, most) => return write!(f, "must be {least} to {most} seconds"),
            Self::Uri(why) => return why.fmt(f),
            Self::Text(why) => return why.fmt(f),
            Self::Description(why) => return write!(f, "has a description that {why}"),
            Self::ClientId => "must be 1 to 255 visible ASCII characters",
            Self::SubjectForm => "has the form of a user's subject (a UUID)",
            Self::SecretNotUsed(method) => {
                return write!(f, "is not for a client whose method is \"{}\"", method.as_str());
            }
            Self::SecretTooShort => {
                return write!(f, "must have at least {SHORTEST_SECRET} characters");
            }
            Self::SecretCharacters => "may hold visible ASCII characters only",
            Self::NotOAuth21 => "is not a grant of OAuth 2.1",
            Self::NoGrant => "is empty: the client could do nothing",
            Self::NoCode => "must hold \"code\" for the authorization_code grant",
            Self::RefreshTokenAlone => "has refresh_token without a grant that gives refresh tokens",
            Self::MachineGrantOfPublicClient => "has client_credentials, which a public client cannot have",
            Self::PkceOfPublicClient => "can be false only for a client that authenticates",
            Self::ConsentOfUnclaimedClient => {
                "can be \"none\" only for a client that authenticates, or whose redirect URIs are all https"
            }
            Self::ScopeList => "is not a list of scope names with single spaces between",
            Self::AcrValue => "is not one acr value",
            Self::NoSuchResource => "names a resource that does not exist",
            Self::IssuerIdentifier => "is the identifier of the issuer",
            Self::Capitals => "has capitals in its scheme or host: write them in lower case",
            Self::OtherSpelling => {
                "is another spelling of a resource that exists: case of the host, the default port and one slash at the end make no \
                 difference"
            }
            Self::ScopeName => "has a name that is not one scope of RFC 6749 §3.3",
            Self::OpenIdScope => "has a name that OpenID Connect gives a meaning of its own",
            Self::NoSuchClient => "names a client that does not exist",
            Self::OuterWhiteSpace => "starts or ends with a blank, a line end or a byte order mark",
            Self::Email => "is not an e-mail address",
            Self::LoginNameTaken => "signs another user in",
            Self::PasswordLength => {
                let (shortest, longest) = PASSWORD_LENGTH;
                return write!(f, "must have {shortest} characters at least and {longest} bytes at most");
            }
            Self::PasswordCharacters => {
                "has a character that nobody can type: a line end, another control character or a byte order mark"
            }
            Self::TwoPasswords => "and password are both set; set one",
            Self::PasswordHash => "is not argon2id in PHC form ($argon2id$v=19$m=…,t=…,p=…$salt$hash)",
            Self::WebUrl => "must be an https or http URL",
            Self::Date => "must be YYYY-MM-DD or YYYY",
            Self::Fixed => "cannot be changed",
            Self::GivenTwice => "is declared twice",
        })
    }
}

/// Why a page cannot show a text: it is short, and changes nothing of how the rest of the page reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownText {
    /// Nothing is in it.
    Empty,
    /// It has too many characters.
    TooLong,
    /// It holds control or direction-changing characters.
    Control,
}

impl ShownText {
    pub(super) fn check(text: &str) -> Result<(), Self> {
        let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
        if text.trim().is_empty() {
            Err(Self::Empty)
        } else if text.chars().count() > LONGEST_TEXT {
            Err(Self::TooLong)
        } else if text.chars().any(|c| c.is_control() || turns(c)) {
            Err(Self::Control)
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for ShownText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong => write!(f, "is longer than {LONGEST_TEXT} characters"),
            Self::Control => f.write_str("holds control or direction-changing characters"),
        }
    }
}
