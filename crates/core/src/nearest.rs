//! "Did you mean": the nearest known name to an unknown one.

/// The one of `known` that `word` is most likely meant to be; `None` when none is near enough to be worth naming.
///
/// Characters that are inserted, deleted, replaced or swapped with their neighbour are counted, without regard to case: at
/// most one, and one more for every four characters.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let length = word.chars().count();
    known
        .into_iter()
        .filter_map(|name| {
            let other = name.chars().count();
            let most = 1 + other.max(length) / 4;
            // Names too different in length are not compared: the work would grow with what strangers send.
            let far = (other.abs_diff(length) <= most)
                .then(|| strsim::osa_distance(&lower, &name.to_lowercase()))?;
            (far <= most).then_some((far, name))
        })
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_named() {
        let known = ["issuer", "listen", "database", "client_secret_basic"];
        for (word, wanted) in [
            ("isuer", Some("issuer")),
            ("issuers", Some("issuer")),
            ("LISTEN", Some("listen")),
            ("lsiten", Some("listen")),
            ("client-secret-basic", Some("client_secret_basic")),
            ("elephant", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), wanted, "{word}");
        }
        assert_eq!(nearest(&"issuer".repeat(100_000), known), None);
    }

    #[test]
    fn the_nearest_of_several_is_named() {
        assert_eq!(nearest("lsiten", ["listens", "listen"]), Some("listen"));
        assert_eq!(nearest("", ["a", "bb"]), Some("a"));
    }
}
