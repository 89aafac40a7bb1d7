//! Reads the HTML that a template gave, to check it: tags with their attributes, and the text between them, as the HTML
//! standard (§13.2.5) tells them apart.

use html5gum::{DefaultEmitter, HtmlString, Tokenizer};

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A start tag.
    Start(Tag),
    /// An end tag.
    End(String),
    /// What stands between tags, references resolved.
    Text(String),
}

/// A start tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tag {
    /// In lower case.
    pub(super) name: String,
    /// Names in lower case, values with their references resolved. Of two of one name the first counts.
    pub(super) attributes: Vec<(String, String)>,
}

impl Tag {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

/// The tokens of a document, in order. Comments and the doctype are left out.
pub(super) fn tokens(html: &str) -> Vec<Token> {
    let mut emitter = DefaultEmitter::default();
    // What stands in a script, a style sheet, a title or a text area is text.
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter)
        .filter_map(|token| match token {
            Ok(html5gum::Token::StartTag(tag)) => {
                let attributes = tag.attributes.iter().map(|(name, value)| (text(name), text(value)));
                Some(Token::Start(Tag { name: text(&tag.name), attributes: attributes.collect() }))
            }
            Ok(html5gum::Token::EndTag(tag)) => Some(Token::End(text(&tag.name))),
            Ok(html5gum::Token::String(content)) => Some(Token::Text(text(&content))),
            Ok(html5gum::Token::Comment(_) | html5gum::Token::Doctype(_) | html5gum::Token::Error(_)) => None,
        })
        .collect()
}

/// `text` as it comes back from a page that holds it escaped (§13.2.3.5, §13.2.5): line ends are `\n`, and NUL is replaced.
pub(super) fn read_back(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}")
}

fn text(bytes: &HtmlString) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_text_are_told_apart() {
        let html = "<!doctype html><!-- <b> --><p CLASS=a x='1\"' y=\"&lt;&#39;&#x2f;&amp;lt;\" z x=2>1 < 2 &amp;<br/></P>\
                    <script>if (a<b) {}</script><textarea><b></textarea>";
        let p = Tag {
            name: "p".into(),
            attributes: [("class", "a"), ("x", "1\""), ("y", "<'/&lt;"), ("z", "")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .to_vec(),
        };
        let bare = |name: &str| Token::Start(Tag { name: name.into(), attributes: Vec::new() });
        assert_eq!(
            tokens(html),
            [
                Token::Start(p),
                Token::Text("1 < 2 &".into()),
                bare("br"),
                Token::End("p".into()),
                bare("script"),
                Token::Text("if (a<b) {}".into()),
                Token::End("script".into()),
                bare("textarea"),
                Token::Text("<b>".into()),
                Token::End("textarea".into()),
            ]
        );
    }

    #[test]
    fn a_value_comes_back_as_a_browser_reads_it() {
        for value in ["a", "a\r\nb\rc\nd", "\0"] {
            let read = tokens(&format!("<input value=\"{value}\">"));
            let Token::Start(tag) = &read[0] else { panic!("{read:?}") };
            assert_eq!(tag.attribute("value"), Some(read_back(value).as_str()), "{value:?}");
        }
    }
}
