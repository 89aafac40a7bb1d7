//! Reads the HTML that a template gave, to check it: tags with their attributes, and the text between them. It follows the
//! tokenizer of the HTML standard (§13.2.5) as far as pages of ours and of operators go.

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A start tag.
    Start(Tag),
    /// An end tag.
    End(String),
    /// What stands between tags, references not resolved.
    Text(&'a str),
}

/// A start tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tag {
    /// In lower case.
    pub(super) name: String,
    /// Names in lower case, values with their references resolved.
    pub(super) attributes: Vec<(String, String)>,
}

impl Tag {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

/// The tokens of a document, in order. Comments and the doctype are left out.
pub(super) fn tokens(html: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = html;
    while !rest.is_empty() {
        let next = tag_start(rest).unwrap_or(rest.len());
        let (text, markup) = rest.split_at(next);
        if !text.is_empty() {
            tokens.push(Token::Text(text));
        }
        rest = if let Some(comment) = markup.strip_prefix("<!--") {
            comment.split_once("-->").map_or("", |(_, after)| after)
        } else if let Some(end) = markup.strip_prefix("</") {
            let (name, after) = end.split_once('>').unwrap_or((end, ""));
            tokens.push(Token::End(name.trim().to_ascii_lowercase()));
            after
        } else if let Some(start) = markup.strip_prefix('<').filter(|m| !m.starts_with(['!', '?'])) {
            let (tag, after) = start_tag(start);
            let raw = matches!(tag.name.as_str(), "script" | "style" | "title" | "textarea");
            let end = format!("</{}", tag.name);
            tokens.push(Token::Start(tag));
            if raw {
                let length = after.to_ascii_lowercase().find(&end).unwrap_or(after.len());
                let (text, after) = after.split_at(length);
                if !text.is_empty() {
                    tokens.push(Token::Text(text));
                }
                after
            } else {
                after
            }
        } else {
            markup.split_once('>').map_or("", |(_, after)| after)
        };
    }
    tokens
}

/// Where the next `<` stands that begins markup.
fn tag_start(text: &str) -> Option<usize> {
    text.match_indices('<').map(|(at, _)| at).find(|at| {
        let next = text.get(at + 1..).and_then(|after| after.chars().next());
        next.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
    })
}

fn start_tag(text: &str) -> (Tag, &str) {
    let ends_name = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>');
    let (name, mut rest) = split_at_char(text, ends_name);
    let mut tag = Tag { name: name.to_ascii_lowercase(), attributes: Vec::new() };
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        if rest.is_empty() {
            return (tag, rest);
        }
        let (name, after) = split_at_char(rest, |c| ends_name(c) || c == '=');
        // Only a `=` leaves the name empty: the standard makes it the name, and the loop moves on.
        let (name, after) = if name.is_empty() { rest.split_at(1) } else { (name, after) };
        let after_name = after.trim_start();
        let value = match after_name.strip_prefix('=') {
            None => {
                rest = after;
                String::new()
            }
            Some(value) => {
                let value = value.trim_start();
                let (value, after) = if let Some(quoted) = value.strip_prefix('"') {
                    quoted.split_once('"').unwrap_or((quoted, ""))
                } else if let Some(quoted) = value.strip_prefix('\'') {
                    quoted.split_once('\'').unwrap_or((quoted, ""))
                } else {
                    split_at_char(value, |c| c.is_ascii_whitespace() || c == '>')
                };
                rest = after;
                resolved(value)
            }
        };
        tag.attributes.push((name.to_ascii_lowercase(), value));
    }
}

fn split_at_char(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// Text with its character references resolved: the numeric ones, and the five names that escaping uses.
pub(super) fn resolved(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let reference = after.split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        if let Some((c, after)) = reference {
            out.push(c);
            rest = after;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_text_are_told_apart() {
        let html = "<!doctype html><!-- <b> --><p CLASS=a x='1\"' y=\"&lt;&#39;&#x2f;&amp;lt;\" z>1 < 2<br/></P><script>if (a<b) {}</script>";
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
                Token::Text("1 < 2"),
                bare("br"),
                Token::End("p".into()),
                bare("script"),
                Token::Text("if (a<b) {}"),
                Token::End("script".into()),
            ]
        );
    }

    #[test]
    fn broken_markup_ends() {
        for broken in
            ["<", "<a", "<a =", "<a b='", "<!--", "</", "<a ===>", "<script>", "&#xffffffff;", "<é", "<a é=ü"]
        {
            let _ = tokens(broken);
            let _ = resolved(broken);
        }
    }
}
