//! The texts of the pages: Fluent messages, one file per language, embedded; an operator's file replaces single messages.

use std::borrow::Cow;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};

use super::{Locale, PageError};

const EN: &str = include_str!("../messages/en.ftl");
const DE: &str = include_str!("../messages/de.ftl");

/// One value of a message.
pub(super) enum Argument {
    /// A number: chooses the plural form.
    Number(i64),
    /// Text that is put in as it is. The caller has made it fit for where the message goes.
    Text(String),
}

/// The messages of every language.
pub(super) struct Messages {
    bundles: Vec<(Locale, FluentBundle<FluentResource>)>,
}

impl Messages {
    /// The built-in messages.
    pub(super) fn embedded() -> Result<Self, PageError> {
        let mut bundles = Vec::new();
        for locale in Locale::ALL {
            let source = match locale {
                Locale::En => EN,
                Locale::De => DE,
            };
            let language = locale.tag().parse().unwrap_or_default();
            let mut bundle = FluentBundle::new_concurrent(vec![language]);
            // Isolation is the caller's: `<bdi>` in HTML, U+2068 and U+2069 in plain text.
            bundle.set_use_isolating(false);
            bundle
                .add_resource(read(&file_name(locale), source.to_owned())?)
                .map_err(|errors| PageError { file: file_name(locale), problem: format!("{errors:?}") })?;
            bundles.push((locale, bundle));
        }
        Ok(Self { bundles })
    }

    /// Replaces single messages by those of an operator's file.
    pub(super) fn override_with(&mut self, locale: Locale, source: String) -> Result<(), PageError> {
        let resource = read(&file_name(locale), source)?;
        for (of, bundle) in &mut self.bundles {
            if *of == locale {
                bundle.add_resource_overriding(resource);
                return Ok(());
            }
        }
        Ok(())
    }

    /// The text of `key`, escaped by `escape`, with `arguments` put in after that: no argument is read as a message, and
    /// none is escaped twice.
    pub(super) fn format(
        &self,
        locale: Locale,
        key: &str,
        arguments: &[(&str, Argument)],
        escape: fn(&str) -> Cow<'_, str>,
    ) -> Result<String, String> {
        let bundle = self.bundles.iter().find(|(of, _)| *of == locale).map(|(_, bundle)| bundle);
        let bundle = bundle.ok_or_else(|| format!("no messages in {}", locale.tag()))?;
        let message = bundle.get_message(key).ok_or_else(|| format!("no message named {key}"))?;
        let pattern = message.value().ok_or_else(|| format!("the message {key} has no text"))?;
        let mut args = FluentArgs::with_capacity(arguments.len());
        for (at, (name, argument)) in arguments.iter().enumerate() {
            match argument {
                Argument::Number(number) => args.set(*name, *number),
                Argument::Text(_) => args.set(*name, FluentValue::from(placeholder(at))),
            }
        }
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&args), &mut errors);
        if let Some(error) = errors.first() {
            return Err(format!("the message {key}: {error}"));
        }
        Ok(put_in(&escape(&text), arguments))
    }
}

/// Name of a language's file, in an operator's folder too.
pub(super) fn file_name(locale: Locale) -> String {
    format!("{}.ftl", locale.tag())
}

fn read(file: &str, source: String) -> Result<FluentResource, PageError> {
    FluentResource::try_new(source).map_err(|(_, errors)| PageError {
        file: file.to_owned(),
        problem: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    })
}

/// Stands for an argument while the message around it is escaped. From a private-use plane: no message holds it.
const OPEN: char = '\u{f0000}';
const CLOSE: char = '\u{f0001}';

fn placeholder(at: usize) -> String {
    format!("{OPEN}{at}{CLOSE}")
}

fn put_in(text: &str, arguments: &[(&str, Argument)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        out.push_str(before);
        let Some((number, after)) = after.split_once(CLOSE) else { break };
        let argument = number.parse::<usize>().ok().and_then(|at| arguments.get(at));
        if let Some((_, Argument::Text(value))) = argument {
            out.push_str(value);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{super::PAGES, *};

    fn plain(text: &str) -> Cow<'_, str> {
        Cow::Borrowed(text)
    }

    /// The messages of a file, each with the variables it uses.
    pub(crate) fn keys(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with(|c: char| c.is_ascii_alphabetic()) {
                current = line.split_once(" =").unwrap().0.to_owned();
                assert!(found.insert(current.clone(), BTreeSet::new()).is_none(), "{current} twice");
            }
            for variable in line.split("{ $").skip(1) {
                let name = variable.split(' ').next().unwrap();
                found.get_mut(&current).unwrap().insert(name.to_owned());
            }
        }
        found
    }

    #[test]
    fn every_language_has_the_same_messages_with_the_same_variables() {
        assert_eq!(keys(EN), keys(DE));
    }

    #[test]
    fn every_message_is_used() {
        let code = include_str!("functions.rs").to_owned() + include_str!("when.rs");
        let templates =
            super::super::templates(PAGES).iter().map(|(_, source)| *source).collect::<String>() + &code;
        for key in keys(EN).keys() {
            let whole = templates.contains(&format!("\"{key}\""));
            let built = key
                .match_indices('-')
                .any(|(at, _)| templates.contains(&format!("\"{}\" ~", key.get(..=at).unwrap())));
            assert!(whole || built, "{key} is in no template");
        }
    }

    #[test]
    fn an_argument_is_neither_escaped_nor_read_as_a_message() {
        let messages = Messages::embedded().unwrap();
        let argument = Argument::Text("{ $host } \u{f0000}0\u{f0001} &amp;".to_owned());
        let text = messages.format(Locale::En, "back-to", &[("client", argument)], plain).unwrap();
        assert_eq!(text, "Back to { $host } \u{f0000}0\u{f0001} &amp;");
    }

    #[test]
    fn plurals_follow_the_language_and_a_missing_argument_is_an_error() {
        let messages = Messages::embedded().unwrap();
        let ago = |locale, count| {
            messages.format(locale, "ago-minutes", &[("count", Argument::Number(count))], plain).unwrap()
        };
        assert_eq!(ago(Locale::En, 1), "one minute ago");
        assert_eq!(ago(Locale::De, 5), "vor 5 Minuten");
        assert!(messages.format(Locale::De, "ago-minutes", &[], plain).is_err());
        assert!(messages.format(Locale::De, "no-such-key", &[], plain).is_err());
    }
}
