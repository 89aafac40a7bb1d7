//! A redirect URI beside the registered ones: which characters differ, and what that means (RFC 9700 §2.1: the comparison is
//! exact, so a developer must see the one character).

use serde::Serialize;
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
    let a: Vec<char> = received.chars().take(LONGEST).collect();
    let nearest = registered
        .iter()
        .take(MOST)
        .map(|uri| {
            let b: Vec<char> = uri.chars().take(LONGEST).collect();
            let (in_a, in_b) = common(&a, &b);
            let differing = in_a.iter().chain(&in_b).filter(|shared| !**shared).count();
            (differing, *uri, pieces(&a, &in_a), pieces(&b, &in_b))
        })
        .min_by_key(|(differing, ..)| *differing);
    match nearest {
        Some((_, uri, received_pieces, registered)) => {
            Comparison { received: received_pieces, registered, differences: differences(received, uri) }
        }
        None => Comparison {
            received: pieces(&a, &vec![true; a.len()]),
            registered: Vec::new(),
            differences: Vec::new(),
        },
    }
}

/// Which characters of each side belong to a longest common subsequence.
fn common(a: &[char], b: &[char]) -> (Vec<bool>, Vec<bool>) {
    let width = b.len() + 1;
    // lengths[i * width + j]: of the longest common subsequence of a[i..] and b[j..].
    let mut lengths = vec![0_u16; (a.len() + 1) * width];
    let at = |lengths: &[u16], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    for (i, x) in a.iter().enumerate().rev() {
        for (j, y) in b.iter().enumerate().rev() {
            let length = if x == y {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(cell) = lengths.get_mut(i * width + j) {
                *cell = length;
            }
        }
    }
    let (mut in_a, mut in_b) = (Vec::with_capacity(a.len()), Vec::with_capacity(b.len()));
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x == y {
            in_a.push(true);
            in_b.push(true);
            (i, j) = (i + 1, j + 1);
        } else if at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) {
            in_a.push(false);
            i += 1;
        } else {
            in_b.push(false);
            j += 1;
        }
    }
    in_a.resize(a.len(), false);
    in_b.resize(b.len(), false);
    (in_a, in_b)
}

fn pieces(chars: &[char], shared: &[bool]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (c, shared) in chars.iter().zip(shared) {
        match pieces.last_mut() {
            Some(piece) if piece.differs != *shared => piece.text.push(*c),
            _ => pieces.push(Piece { text: c.to_string(), differs: !shared }),
        }
    }
    pieces
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
