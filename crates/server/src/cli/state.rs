//! `state.toml`: the clients, resources and users that `apply` makes the database hold. Names are the registered ones
//! (RFC 7591, OpenID Connect Registration 1.0, Core 1.0 §5.1); the rules are the core's; here each mistake gets its place.

use std::{collections::BTreeMap, ops::Range};

use grantwell_core::{
    client::Client,
    nearest::nearest,
    registry::{self, DeclaredObject, Element, FieldError, SetError, Violation, user::UserMetadata},
    resource::Resource,
};
use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::config::{Location, Problem, Problems, SourceFile};

/// The tables of the file.
const TABLES: &[&str] = &["resource", "client", "user"];

/// All that a state file declares.
#[derive(Debug)]
pub(crate) struct StateFile {
    pub(crate) resources: Vec<Declared<Resource>>,
    pub(crate) clients: Vec<Declared<Client>>,
    pub(crate) users: Vec<Declared<UserMetadata>>,
}

impl StateFile {
    /// Where an object of the set stands.
    pub(crate) fn spans(&self, object: DeclaredObject) -> Option<&Spans> {
        match object {
            DeclaredObject::Resource(at) => self.resources.get(at).map(|declared| &declared.spans),
            DeclaredObject::Client(at) => self.clients.get(at).map(|declared| &declared.spans),
            DeclaredObject::User(at) => self.users.get(at).map(|declared| &declared.spans),
        }
    }
}

/// One declared object and where its fields stand.
#[derive(Debug)]
pub(crate) struct Declared<T> {
    pub(crate) value: T,
    pub(crate) spans: Spans,
}

/// Where the fields of one table stand.
#[derive(Clone, Debug)]
pub(crate) struct Spans {
    /// Kind and name of the object.
    whose: String,
    header: Range<usize>,
    fields: BTreeMap<String, FieldSpans>,
}

#[derive(Clone, Debug)]
struct FieldSpans {
    key: Range<usize>,
    value: Range<usize>,
    elements: Vec<Range<usize>>,
    members: BTreeMap<String, Range<usize>>,
}

impl Spans {
    /// The error at the place of its field, or of the element that is wrong.
    pub(crate) fn problem(&self, source: &SourceFile, error: &FieldError) -> Problem {
        let FieldError { field, element, violation } = error;
        let (span, message) = match (self.fields.get(field), violation) {
            (Some(spans), Violation::UnknownField { .. }) => {
                (spans.key.clone(), format!("unknown key \"{field}\""))
            }
            (Some(spans), _) => (spans.of(element.as_ref()), format!("{field} {violation}")),
            (None, _) => (self.header.clone(), format!("{field} {violation}")),
        };
        let message = format!("{}: {message}", self.whose);
        Problem { place: Some(source.place(span)), message, nearest: violation.nearest().map(str::to_owned) }
    }

    /// Where a word of a field with several stands; the whole field where it is not found as it is.
    pub(crate) fn place_of_word(&self, field: &str, word: &str, source: &SourceFile) -> Location {
        let span = self.fields.get(field).map_or_else(|| self.header.clone(), |spans| spans.value.clone());
        let text = source.text.get(span.clone()).unwrap_or_default();
        let ends = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || c == '"' || c == '\'');
        let found = text.match_indices(word).find(|(at, _)| {
            let before = text.get(..*at).and_then(|before| before.chars().next_back());
            let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
            ends(before) && ends(after)
        });
        source.place(found.map_or(span.clone(), |(at, _)| span.start + at..span.start + at + word.len()))
    }

    /// An error that is no rule of the registry's, at the place of a field.
    pub(crate) fn problem_of(&self, field: &str, source: &SourceFile, why: &str) -> Problem {
        let span = self.fields.get(field).map_or_else(|| self.header.clone(), |spans| spans.value.clone());
        let message = format!("{}: {field} {why}", self.whose);
        Problem { place: Some(source.place(span)), message, nearest: None }
    }
}

impl FieldSpans {
    fn of(&self, element: Option<&Element>) -> Range<usize> {
        let span = match element {
            Some(Element::Index(at)) => self.elements.get(*at),
            Some(Element::Member(name)) => self.members.get(name),
            None => None,
        };
        span.unwrap_or(&self.value).clone()
    }
}

/// Reads the whole file; every mistake in it is reported at once.
pub(crate) fn parse(source: &SourceFile) -> Result<StateFile, Problems> {
    let mut reading = Reading { source, problems: Vec::new() };
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        reading.wrong(error.span().unwrap_or(0..0), format!("not TOML: {}", error.message()), None);
    }
    let root = root.get_ref();
    for key in root.keys().filter(|key| !TABLES.contains(&key.get_ref().as_ref())) {
        let name = key.get_ref().as_ref();
        let near = nearest(name, TABLES.iter().copied()).map(str::to_owned);
        let message =
            format!("unknown table \"{name}\"; a state file has [[resource]], [[client]] and [[user]]");
        reading.wrong(key.span(), message, near);
    }
    let state = StateFile {
        resources: reading
            .objects(root, "resource", "identifier", |fields| registry::resource::read(fields, None)),
        clients: reading.objects(root, "client", "client_id", |fields| registry::client::read(fields, None)),
        users: reading.objects(root, "user", "username", UserMetadata::read),
    };
    let logins = state.users.iter().map(|user| (&*user.value.username, user.value.email.as_deref()));
    let errors = registry::duplicates(
        state.resources.iter().map(|resource| &resource.value.identifier),
        state.clients.iter().map(|client| &client.value.client_id),
        logins,
    );
    for error in errors {
        if let SetError::Field(object, error) = error
            && let Some(spans) = state.spans(object)
        {
            reading.problems.push(spans.problem(source, &error));
        }
    }
    if reading.problems.is_empty() { Ok(state) } else { Err(Problems::sorted(reading.problems)) }
}

struct Reading<'a> {
    source: &'a SourceFile,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn wrong(&mut self, span: Range<usize>, message: String, nearest: Option<String>) {
        self.problems.push(Problem { place: Some(self.source.place(span)), message, nearest });
    }

    fn objects<T>(
        &mut self,
        root: &DeTable<'_>,
        kind: &str,
        id: &str,
        read: impl Fn(&Map<String, Value>) -> Result<T, Vec<FieldError>>,
    ) -> Vec<Declared<T>> {
        let mut declared = Vec::new();
        let Some(list) = root.get(kind) else { return declared };
        let DeValue::Array(list) = list.get_ref() else {
            self.wrong(list.span(), format!("{kind} must be a list of tables: write [[{kind}]]"), None);
            return declared;
        };
        for item in list {
            let DeValue::Table(table) = item.get_ref() else {
                self.wrong(item.span(), format!("{kind} must be a list of tables: write [[{kind}]]"), None);
                continue;
            };
            let (fields, places) = fields(table);
            let whose = match fields.get(id).and_then(Value::as_str) {
                None | Some("") => kind.to_owned(),
                Some(name) => format!("{kind} \"{name}\""),
            };
            let spans = Spans { whose, header: item.span(), fields: places };
            match read(&fields) {
                Ok(value) => declared.push(Declared { value, spans }),
                Err(errors) => {
                    self.problems.extend(errors.iter().map(|error| spans.problem(self.source, error)));
                }
            }
        }
        declared
    }
}

/// A table as JSON, with the place of everything in it.
fn fields(table: &DeTable<'_>) -> (Map<String, Value>, BTreeMap<String, FieldSpans>) {
    let mut spans = BTreeMap::new();
    let mut fields = Map::new();
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let mut places = FieldSpans {
            key: key.span(),
            value: value.span(),
            elements: Vec::new(),
            members: BTreeMap::new(),
        };
        match value.get_ref() {
            DeValue::Array(items) => places.elements = items.iter().map(Spanned::span).collect(),
            DeValue::Table(members) => {
                places.members =
                    members.iter().map(|(key, _)| (key.get_ref().to_string(), key.span())).collect();
            }
            _ => {}
        }
        // A date without quotes is the one TOML form of a claim that JSON writes as a string.
        let json = match value.get_ref() {
            DeValue::Datetime(date) if name == "birthdate" => Value::String(date.to_string()),
            other => json(other),
        };
        fields.insert(name.clone(), json);
        spans.insert(name, places);
    }
    (fields, spans)
}

fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).map_or(Value::Null, Value::from),
        DeValue::Float(n) => n.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Datetime(_) => Value::Null,
        DeValue::Array(items) => Value::Array(items.iter().map(|item| json(item.get_ref())).collect()),
        DeValue::Table(table) => Value::Object(
            table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn source(text: &str) -> SourceFile {
        SourceFile { name: "state.toml".to_owned(), text: text.to_owned() }
    }

    fn wrong(text: &str) -> Vec<(usize, usize, String, Option<String>)> {
        let problems = parse(&source(text)).unwrap_err();
        let places = problems.0.into_iter().map(|p| {
            let place = p.place.unwrap();
            (place.line, place.column, p.message, p.nearest)
        });
        places.collect()
    }

    #[test]
    fn the_documented_file_is_read() {
        let text = r#"
[[resource]]
identifier = "https://api.example.test/"
name       = "Notes"
access_token_format = "jwt"
client_id_metadata_documents = false
introspection_clients = ["notes-api"]
[resource.scopes]
"notes:read"  = "Read your notes"
"notes:write" = "Change your notes"

[[client]]
client_id     = "web"
client_name   = "Example web application"
client_secret = "0123456789abcdef0123456789abcdef"
token_endpoint_auth_method = "client_secret_basic"
redirect_uris = ["https://rp.example/cb"]
application_type = "web"
grant_types   = ["authorization_code", "refresh_token"]
scope         = "openid profile email offline_access notes:read"
require_pkce  = true
profile       = "oauth2.1"
assertion_audience = "issuer"
default_resource = "https://api.example.test/"
disabled      = false

[[user]]
username = "ada"
password = "correct horse"
email    = "ada@example.test"
email_verified = true
name     = "Ada Example"
birthdate = 1815-12-10
groups   = ["staff"]
"#;
        let state = parse(&source(text)).unwrap();
        assert_eq!((state.resources.len(), state.clients.len(), state.users.len()), (1, 1, 1));
        assert_eq!(state.users[0].value.claims["birthdate"], "1815-12-10");
        assert_eq!(state.resources[0].value.scopes.len(), 2);
    }

    #[test]
    fn five_mistakes_are_five_errors_with_their_places() {
        let text = "[[client]]\nclient_id = \"web\"\nredirect_uri = [\"https://rp.example/cb\"]\n\
                    [[client]]\nclient_id = \"spa\"\nredirect_uris = [\"https://rp.example/cb\", \"http://rp.example/cb\"]\n\
                    [[user]]\nusername = \"ada\"\nemail_verified = \"yes\"\nemail = \"ada@example.test\"\n\
                    [[resource]]\nidentifier = \"https://api.example/\"\n[resource.scopes]\nopenid = \"no\"\n\
                    [[users]]\nusername = \"bob\"\n";
        let found = wrong(text);
        let places: Vec<(usize, usize)> = found.iter().map(|(line, column, ..)| (*line, *column)).collect();
        assert_eq!(places, [(3, 1), (6, 43), (9, 18), (14, 1), (15, 3)], "{found:?}");
        assert_eq!(found[0].3.as_deref(), Some("redirect_uris"));
        assert!(found[1].2.starts_with("client \"spa\": redirect_uris must use https"), "{found:?}");
        assert!(found[2].2.starts_with("user \"ada\": email_verified must be true or false"), "{found:?}");
        assert_eq!(found[4].3.as_deref(), Some("user"));
    }

    #[test]
    fn names_are_declared_once() {
        let user = |name: &str| format!("[[user]]\nusername = \"{name}\"\n");
        let found = wrong(&format!("{}{}", user("ada"), user("ADA")));
        assert_eq!((found.len(), found[0].0), (1, 4));
        let found = wrong(&format!("{}email = \"x@y\"\n{}", user("ada"), user("x@y")));
        assert_eq!((found.len(), found[0].0), (1, 5));
        let resource = "[[resource]]\nidentifier = \"https://api.example/\"\n";
        assert_eq!(wrong(&format!("{resource}{resource}"))[0].0, 4);
        let client = "[[client]]\nclient_id = \"a\"\nredirect_uris = [\"https://rp.example/\"]\n";
        assert_eq!(wrong(&format!("{client}{client}"))[0].0, 5);
    }

    #[test]
    fn a_table_that_is_no_list_says_how_to_write_it() {
        let found = wrong("[client]\nclient_id = \"a\"\n");
        assert!(found[0].2.contains("write [[client]]"), "{found:?}");
        assert_eq!(wrong("client = [1]\n").len(), 1);
        assert!(
            wrong("[[client]]\nclient_id = \n")
                .iter()
                .any(|(line, _, message, _)| *line == 2 && message.contains("not TOML"))
        );
    }

    #[test]
    fn q_03_no_secret_is_shown() {
        let text = "[[client]]\nclient_id = \"a\"\nclient_secret = \"hunter2\"\nredirect_uris = [\"https://rp.example/\"]\n\
                    [[user]]\nusername = \"ada\"\npassword = \"hunter3\"\npasword = \"hunter4\"\n";
        let shown = parse(&source(text)).unwrap_err().to_string();
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("state.toml:3:17"), "{shown}");
        assert!(shown.contains("state.toml:7:12"), "{shown}");
    }

    #[test]
    fn q_03_no_line_of_a_secret_that_has_several_is_shown() {
        for text in [
            "[[client]]\nclient_secret = \"\"\"\nhunter2 hunter3\n",
            "[[client]]\nclient_secret = '''\nhunter2 hunter3\n",
            "[[client]]\nclient_secret = \"\"\"\nhunter2 \\q hunter3\n\"\"\"\n",
            "[[client]]\nclient_secret = \"hunter2\nhunter3\"\n",
            "[[client]]\nclient_secret =\nhunter2\n",
        ] {
            let shown = parse(&source(text)).unwrap_err().to_string();
            assert!(!shown.contains("hunter"), "{text}\n{shown}");
        }
    }

    #[test]
    fn q_03_what_an_editor_left_around_a_secret_is_an_error_at_its_place() {
        let secret = "hunter2hunter2hunter2hunter2hunter2";
        for (written, line) in [
            (format!("\"{secret} \""), 4),
            (format!("\"\\uFEFF{secret}\""), 4),
            (format!("\"\"\"\n{secret}\n\"\"\""), 4),
            (format!("'''{secret}\r\n'''"), 4),
        ] {
            let text = format!(
                "[[client]]\nclient_id = \"a\"\nredirect_uris = [\"https://rp.example/\"]\nclient_secret = {written}\n\
                 [[user]]\nusername = \"ada\"\npassword = {}\n",
                written.replace(" \"", "\\n\"")
            );
            let found = wrong(&text);
            assert_eq!((found.len(), found[0].0, found[0].1), (2, line, 17), "{found:?}");
            assert!(
                found[0]
                    .2
                    .ends_with("client_secret starts or ends with a blank, a line end or a byte order mark")
            );
            assert!(found[1].2.contains("password has a character that nobody can type"), "{found:?}");
            let shown = parse(&source(&text)).unwrap_err().to_string();
            assert!(!shown.contains("hunter"), "{shown}");
        }
    }
}
