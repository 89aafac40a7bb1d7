//! How a received redirect URI differs from the nearest registered one.

use super::LONGEST;
use crate::nearest;

/// A stretch of a URI that is the same in both, or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The characters.
    pub text: String,
    /// Whether they differ.
    pub differs: bool,
}

/// How a received URI differs from the nearest registered one: for the error page that a developer sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The received URI in segments; what differs is missing or other in the registered one.
    pub received: Vec<Segment>,
    /// The nearest registered URI in segments; what differs is missing or other in the received one.
    pub registered: Vec<Segment>,
}

/// Compares `received` with the nearest of `registered`; `None` when nothing is registered.
pub fn difference(received: &str, registered: &[String]) -> Option<Difference> {
    let received: String = received.chars().take(LONGEST).collect();
    let nearest = registered.iter().min_by_key(|uri| nearest::distance(&received, uri))?;
    let (ours, theirs): (Vec<char>, Vec<char>) = (received.chars().collect(), nearest.chars().collect());
    // Lengths of the longest common subsequence of every two tails.
    let mut tails = vec![vec![0_u16; theirs.len() + 1]];
    for x in ours.iter().rev() {
        let below = tails.last().cloned().unwrap_or_default();
        let mut row = vec![0_u16; theirs.len() + 1];
        for (column, y) in theirs.iter().enumerate().rev() {
            let at = |line: &[u16], column: usize| line.get(column).copied().unwrap_or(0);
            let best = if x == y {
                at(&below, column + 1) + 1
            } else {
                at(&below, column).max(at(&row, column + 1))
            };
            if let Some(cell) = row.get_mut(column) {
                *cell = best;
            }
        }
        tails.push(row);
    }
    tails.reverse();
    let length =
        |row: usize, column: usize| tails.get(row).and_then(|line| line.get(column)).copied().unwrap_or(0);
    let mut out = Difference { received: Vec::new(), registered: Vec::new() };
    let (mut row, mut column) = (0, 0);
    loop {
        match (ours.get(row), theirs.get(column)) {
            (Some(x), Some(y)) if x == y => {
                push(&mut out.received, *x, false);
                push(&mut out.registered, *y, false);
                (row, column) = (row + 1, column + 1);
            }
            (Some(x), y) if y.is_none() || length(row + 1, column) >= length(row, column + 1) => {
                push(&mut out.received, *x, true);
                row += 1;
            }
            (_, Some(y)) => {
                push(&mut out.registered, *y, true);
                column += 1;
            }
            (_, None) => return Some(out),
        }
    }
}

fn push(segments: &mut Vec<Segment>, character: char, differs: bool) {
    match segments.last_mut() {
        Some(last) if last.differs == differs => last.text.push(character),
        _ => segments.push(Segment { text: character.to_string(), differs }),
    }
}
