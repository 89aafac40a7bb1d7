//! How far apart two words are: what "did you mean" says about a name that nobody knows.

/// The longest text that is compared; longer ones are only ever equal or not.
const LONGEST: usize = 2048;

/// The fewest characters to insert, delete or replace to turn `a` into `b`; two neighbours swapped count as one change.
pub fn distance(a: &str, b: &str) -> usize {
    if a.len() > LONGEST || b.len() > LONGEST {
        return if a == b { 0 } else { LONGEST };
    }
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, x) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(last.len());
        let mut left = row + 1;
        next.push(left);
        let mut behind = None;
        for (column, y) in b.iter().enumerate() {
            let at = |line: &[usize], column: usize| line.get(column).copied().unwrap_or(LONGEST);
            let mut best =
                (at(&last, column) + usize::from(x != *y)).min(at(&last, column + 1) + 1).min(left + 1);
            if column > 0 && previous == Some(*y) && behind == Some(x) {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
            left = best;
            behind = Some(*y);
        }
        before = std::mem::replace(&mut last, next);
        previous = Some(x);
    }
    last.last().copied().unwrap_or(0)
}

/// The one of `known` that `word` is most likely meant to be; `None` when none is near enough to be worth naming.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|name| (distance(&lower, &name.to_lowercase()), name))
        .filter(|(far, name)| *far <= 1 + name.chars().count().max(word.chars().count()) / 4)
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_changes() {
        for (a, b, far) in [
            ("", "", 0),
            ("listen", "listen", 0),
            ("lisen", "listen", 1),
            ("lsiten", "listen", 1),
            ("issuers", "issuer", 1),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), far, "{a} {b}");
            assert_eq!(distance(b, a), far, "{b} {a}");
        }
    }

    #[test]
    fn nearest_names_only_what_is_near() {
        let known = ["issuer", "listen", "database", "client_secret_basic"];
        assert_eq!(nearest("isuer", known), Some("issuer"));
        assert_eq!(nearest("LISTEN", known), Some("listen"));
        assert_eq!(nearest("client-secret-basic", known), Some("client_secret_basic"));
        assert_eq!(nearest("elephant", known), None);
    }
}
