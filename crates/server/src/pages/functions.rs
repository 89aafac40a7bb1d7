//! What the templates may call. Text of others leaves here escaped and isolated; a template needs no `safe` filter.
//!
//! | in a template | gives |
//! |---|---|
//! | `t(key, name=value)` | a message as HTML; every text put in is escaped and stands in `<bdi>` |
//! | `text(key, name=value)` | a message as plain text, for titles and labels; texts put in stand between U+2068 and U+2069 |
//! | `value\|bdi`, `value\|visible` | text of others in `<bdi>`; plain, for titles |
//! | `value\|initials`, `agent\|device` | letters for the badge of a person; a browser in plain words |
//! | `millis\|when` | `<time>` |
//! | `uris\|compared` | a received redirect URI against the nearest registered one |
//! | `uri\|harmless`, `uri\|on_the_web` | whether a link may lead there |
//! | `consent is grown` | whether a consent page asks for something new beside what was agreed to before |
//! | `consent is repeated` | whether all that a consent page asks was agreed to before |

use std::{borrow::Cow, sync::Arc};

use grantwell_core::time::Timestamp;
use minijinja::{
    Environment, Error, ErrorKind, State,
    value::{Kwargs, Serde, Value},
};
use url::Url;

use super::{
    Locale, difference,
    escape::escaped,
    messages::{Argument, Messages},
    user_agent, when,
};

/// Longest text of others that is shown, in characters.
const LONGEST: usize = 300;

/// Gives `environment` everything a template may call.
pub(super) fn add_to(environment: &mut Environment<'static>, messages: &Arc<Messages>) {
    let all = Arc::clone(messages);
    environment.add_function("t", move |state: &State<'_, '_>, key: String, values: Kwargs| {
        let arguments = arguments(&values, |text| format!("<bdi>{}</bdi>", escaped(&visible(text))))?;
        let text = all.format(locale(state), &key, &arguments, escaped).map_err(refused)?;
        Ok::<_, Error>(Value::from_safe_string(text))
    });
    let all = Arc::clone(messages);
    environment.add_function("text", move |state: &State<'_, '_>, key: String, values: Kwargs| {
        let arguments = arguments(&values, |text| format!("\u{2068}{}\u{2069}", visible(text)))?;
        all.format(locale(state), &key, &arguments, plain).map_err(refused)
    });
    let all = Arc::clone(messages);
    environment.add_filter("when", move |state: &State<'_, '_>, millis: i64| {
        let now = state.lookup("now").and_then(|now| now.as_i64()).unwrap_or(millis);
        let (at, now) = (Timestamp::from_millis(millis), Timestamp::from_millis(now));
        when::time_element(&all, locale(state), at, now).map(Value::from_safe_string).map_err(refused)
    });
    let all = Arc::clone(messages);
    environment.add_filter("device", move |state: &State<'_, '_>, user_agent: &str| {
        let device = user_agent::device(user_agent);
        let word = |word: &str| Argument::Text(word.to_owned());
        let (key, arguments) = match (device.browser, device.system) {
            (Some(browser), Some(system)) => {
                ("device-known", vec![("browser", word(browser)), ("system", word(system))])
            }
            (Some(known), None) | (None, Some(known)) => ("device-browser", vec![("browser", word(known))]),
            (None, None) => ("device-unknown", Vec::new()),
        };
        all.format(locale(state), key, &arguments, plain).map_err(refused)
    });
    environment.add_filter("bdi", |text: &str| {
        Value::from_safe_string(format!("<bdi>{}</bdi>", escaped(&visible(text))))
    });
    environment.add_filter("visible", visible);
    environment.add_filter("initials", initials);
    environment.add_filter("harmless", harmless);
    environment.add_filter("on_the_web", on_the_web);
    environment.add_filter("compared", compared);
    environment.add_test("grown", is_grown);
    environment.add_test("repeated", is_repeated);
}

/// Text as it is: what is escaped later, or is not HTML.
fn plain(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// Text of others as it may be shown: cut to a length that leaves the page legible, and with nothing in it that reorders or
/// breaks what stands around it (Unicode TR36 §3.2: bidirectional controls; control characters; U+2028, U+2029).
pub(super) fn visible(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .map(|c| match c {
            '\t' | '\n' | '\r' => ' ',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Whether a link to `uri` cannot run script here: a path of ours, or a URI whose scheme is not one that browsers run or read
/// locally. Private-use schemes lead back to applications (RFC 8252 §7.1).
fn harmless(uri: &str) -> bool {
    if uri.starts_with('/') {
        let second = uri.chars().nth(1);
        return !matches!(second, Some('/' | '\\'));
    }
    // Browsers drop tabs and line ends inside a scheme, and so does `Url`.
    Url::parse(uri).is_ok_and(|url| {
        !matches!(
            url.scheme(),
            "javascript" | "data" | "vbscript" | "blob" | "file" | "filesystem" | "about" | "view-source"
        )
    })
}

pub(super) fn on_the_web(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
}

fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    let letters: String = first.into_iter().chain(last).flat_map(char::to_uppercase).collect();
    if letters.is_empty() { "?".to_owned() } else { letters }
}

fn compared(uris: &Value) -> Result<Value, Error> {
    let received = uris.get_attr("received")?;
    let registered: Vec<Value> = uris.get_attr("registered")?.try_iter()?.collect();
    let registered: Vec<String> = registered.iter().filter_map(|uri| uri.as_str().map(visible)).collect();
    let registered: Vec<&str> = registered.iter().map(String::as_str).collect();
    Ok(Value::from(Serde(difference::compare(&visible(received.as_str().unwrap_or_default()), &registered))))
}

/// What of a consent page was agreed to before, and what is new beside it.
fn is_grown(consent: &Value) -> Result<bool, Error> {
    let novelties = novelties(consent)?;
    let has = |novelty: &str| novelties.iter().any(|value| value.as_str() == Some(novelty));
    Ok(has("agreed") && has("new"))
}

fn is_repeated(consent: &Value) -> Result<bool, Error> {
    let novelties = novelties(consent)?;
    Ok(!novelties.is_empty() && novelties.iter().all(|value| value.as_str() == Some("agreed")))
}

/// The novelty of every line of a consent page.
fn novelties(consent: &Value) -> Result<Vec<Value>, Error> {
    let mut novelties = Vec::new();
    for permission in consent.get_attr("permissions")?.try_iter()? {
        for line in permission.get_attr("scopes")?.try_iter()? {
            novelties.push(line.get_attr("novelty")?);
        }
    }
    novelties.push(consent.get_attr("offline_access")?);
    novelties.retain(|value| !value.is_none());
    Ok(novelties)
}

fn locale(state: &State<'_, '_>) -> Locale {
    let lang = state.lookup("lang");
    let tag = lang.as_ref().and_then(|lang| lang.as_str());
    Locale::ALL.into_iter().find(|locale| Some(locale.tag()) == tag).unwrap_or_default()
}

/// The values of a call. What a template has already made is HTML and goes in as it is; all else is text of others.
fn arguments(values: &Kwargs, isolate: impl Fn(&str) -> String) -> Result<Vec<(&str, Argument)>, Error> {
    let mut arguments = Vec::new();
    for name in values.args() {
        let value: Value = values.get(name)?;
        arguments.push((
            name,
            match value.as_i64() {
                Some(number) if value.is_number() => Argument::Number(number),
                _ => match value.as_str() {
                    Some(text) if value.is_safe() => Argument::Text(text.to_owned()),
                    Some(text) => Argument::Text(isolate(text)),
                    None => return Err(refused(format!("{name} is neither a text nor a number"))),
                },
            },
        ));
    }
    Ok(arguments)
}

fn refused(problem: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_04_links_that_run_script_or_leave_by_a_trick_are_not_shown() {
        for bad in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            " javascript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,<script>",
            "vbscript:x",
            "blob:https://a/b",
            "file:///etc/passwd",
            "//evil.example",
            "/\\evil.example",
            "evil.example",
            "",
        ] {
            assert!(!harmless(bad), "{bad:?}");
            assert!(!on_the_web(bad), "{bad:?}");
        }
        for good in
            ["/account", "https://a.example/cb?error=x", "http://127.0.0.1:9/cb", "com.example.app:/cb"]
        {
            assert!(harmless(good), "{good}");
        }
        assert!(!on_the_web("com.example.app:/cb"));
    }

    #[test]
    fn j_01_bidirectional_and_control_characters_are_made_visible() {
        assert_eq!(visible("a\u{202e}b\u{2028}c\u{0}d\ne\u{2069}"), "a\u{fffd}b\u{fffd}c\u{fffd}d e\u{fffd}");
        assert_eq!(visible(&"x".repeat(10_000)).chars().count(), LONGEST + 1);
        assert_eq!(visible("Ünïcode 👩‍👩‍👧 名前"), "Ünïcode 👩‍👩‍👧 名前");
    }

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, expected) in
            [("Ada Example", "AE"), ("ada", "A"), ("Ada (x) von Example", "AE"), ("", "?"), ("<> \"", "?")]
        {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
