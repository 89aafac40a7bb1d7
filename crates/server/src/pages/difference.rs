//! A redirect URI beside the registered ones: which characters differ, and what that means (RFC 9700 §2.1: the comparison is
//! exact, so a developer must see the one character).

use serde::Serialize;
use similar::{Algorithm, DiffTag, capture_diff_slices};
use url::Url;

/// A run of characters that are the same on both sides, or are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) differs: bool,
}

/// Two URIs compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Comparison {
    pub(super) received: Vec<Piece>,
    /// Empty when nothing is registered.
    pub(super) registered: Vec<Piece>,
    /// What differs, as the end of a message's key.
    pub(super) differences: Vec<&'static str>,
}

/// Longest URI that is compared, and how many registered ones: the work grows with their product.
const LONGEST: usize = 400;
const MOST: usize = 20;

/// Compares `received` with the nearest of `registered`.
pub(super) fn compare(received: &str, registered: &[&str]) -> Comparison {
    let received_chars: Vec<char> = received.chars().take(LONGEST).collect();
    let nearest = registered
        .iter()
        .take(MOST)
        .map(|uri| {
            let chars: Vec<char> = uri.chars().take(LONGEST).collect();
            let (of_received, of_registered) = pieces(&received_chars, &chars);
            (differing(&of_received) + differing(&of_registered), *uri, of_received, of_registered)
        })
        .min_by_key(|(differing, ..)| *differing);
    match nearest {
        Some((_, uri, of_received, of_registered)) => Comparison {
            received: of_received,
            registered: of_registered,
            differences: differences(received, uri),
        },
        None => Comparison {
            received: pieces(&received_chars, &received_chars).0,
            registered: Vec::new(),
            differences: Vec::new(),
        },
    }
}

/// Both sides in pieces, in as few differing characters as there can be.
fn pieces(received: &[char], registered: &[char]) -> (Vec<Piece>, Vec<Piece>) {
    let (mut of_received, mut of_registered) = (Vec::new(), Vec::new());
    for op in capture_diff_slices(Algorithm::Myers, received, registered) {
        let differs = op.tag() != DiffTag::Equal;
        for (pieces, chars) in [
            (&mut of_received, received.get(op.old_range())),
            (&mut of_registered, registered.get(op.new_range())),
        ] {
            let text: String = chars.into_iter().flatten().collect();
            if !text.is_empty() {
                pieces.push(Piece { text, differs });
            }
        }
    }
    (of_received, of_registered)
}

fn differing(pieces: &[Piece]) -> usize {
    pieces.iter().filter(|piece| piece.differs).map(|piece| piece.text.chars().count()).sum()
}

fn differences(received: &str, registered: &str) -> Vec<&'static str> {
    let (Ok(a), Ok(b)) = (Url::parse(received), Url::parse(registered)) else { return Vec::new() };
    let mut found = Vec::new();
    if a.scheme() != b.scheme() {
        found.push("scheme");
    }
    if a.host_str() != b.host_str() {
        let loopback = |url: &Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        found.push(if loopback(&a) && loopback(&b) { "localhost" } else { "host" });
    }
    if a.port_or_known_default() != b.port_or_known_default() && a.scheme() == b.scheme() {
        found.push("port");
    }
    if a.path() != b.path() {
        let bare = |url: &Url| url.path().trim_end_matches('/').to_owned();
        found.push(if bare(&a) == bare(&b) {
            "slash"
        } else if bare(&a).eq_ignore_ascii_case(&bare(&b)) {
            "case"
        } else {
            "path"
        });
    }
    if a.query() != b.query() {
        found.push("query");
    }
    if a.fragment().is_some() {
        found.push("fragment");
    }
    // What `Url` reads as the same may still be written differently; exact matching tells them apart.
    if found.is_empty() && received != registered && received.eq_ignore_ascii_case(registered) {
        found.push("case");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(pieces: &[Piece]) -> String {
        pieces.iter().map(|p| if p.differs { format!("[{}]", p.text) } else { p.text.clone() }).collect()
    }

    #[test]
    fn the_differing_characters_are_marked_against_the_nearest() {
        let found = compare(
            "http://localhost:5174/callback/",
            &["https://fieldnotes.example/cb", "http://localhost:5173/callback"],
        );
        assert_eq!(marked(&found.received), "http://localhost:517[4]/callback[/]");
        assert_eq!(marked(&found.registered), "http://localhost:517[3]/callback");
        assert_eq!(found.differences, ["port", "slash"]);
    }

    #[test]
    fn each_kind_of_difference_has_its_word() {
        let registered = "https://a.example/cb?x=1";
        for (received, words) in [
            ("http://a.example/cb?x=1", &["scheme"][..]),
            ("https://b.example/cb?x=1", &["host"]),
            ("https://a.example:444/cb?x=1", &["port"]),
            ("https://a.example/CB?x=1", &["case"]),
            ("https://A.example/cb?x=1", &["case"]),
            ("https://a.example/cb/d?x=1", &["path"]),
            ("https://a.example/cb?x=2", &["query"]),
            ("https://a.example/cb?x=1#y", &["fragment"]),
            ("not a URI", &[]),
        ] {
            assert_eq!(compare(received, &[registered]).differences, words, "{received}");
        }
        assert_eq!(compare("http://127.0.0.1/", &["http://localhost/"]).differences, ["localhost"]);
    }

    #[test]
    fn long_uris_are_cut_and_none_registered_is_said() {
        let long = "x".repeat(1_000_000);
        let found = compare(&long, &[long.as_str(); 50]);
        assert_eq!(found.received.iter().map(|p| p.text.len()).sum::<usize>(), LONGEST);
        let none = compare("https://a.example/", &[]);
        assert!(none.registered.is_empty() && none.differences.is_empty());
        assert_eq!(marked(&none.received), "https://a.example/");
    }
}
