//! The notes: per person, in memory, bounded.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

/// Notes kept for one person; the oldest makes room.
const PER_PERSON: usize = 100;
/// People with notes.
const PEOPLE: usize = 1000;
/// Characters of a note.
const LONGEST: usize = 1000;

/// One note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Note {
    id: u64,
    text: String,
}

/// Why a note is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoteRefusal {
    /// Empty or too long.
    Length,
    /// Too many people have notes already.
    Full,
}

#[derive(Default)]
struct Kept {
    last_id: u64,
    by_person: BTreeMap<String, VecDeque<Note>>,
}

/// Everybody's notes.
#[derive(Default)]
pub(crate) struct Notebook(Mutex<Kept>);

impl Notebook {
    /// The notes of the person `sub`, oldest first.
    pub(crate) fn of(&self, sub: &str) -> Vec<Note> {
        self.kept().by_person.get(sub).map(|notes| notes.iter().cloned().collect()).unwrap_or_default()
    }

    /// Keeps a note for the person `sub`.
    pub(crate) fn add(&self, sub: &str, text: String) -> Result<Note, NoteRefusal> {
        if text.trim().is_empty() || text.chars().count() > LONGEST {
            return Err(NoteRefusal::Length);
        }
        let mut kept = self.kept();
        if !kept.by_person.contains_key(sub) && kept.by_person.len() >= PEOPLE {
            return Err(NoteRefusal::Full);
        }
        kept.last_id = kept.last_id.wrapping_add(1);
        let note = Note { id: kept.last_id, text };
        let notes = kept.by_person.entry(sub.to_owned()).or_default();
        if notes.len() >= PER_PERSON {
            notes.pop_front();
        }
        notes.push_back(note.clone());
        Ok(note)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_notes_of_their_own() {
        let notes = Notebook::default();
        notes.add("ada", "one".to_owned()).unwrap();
        notes.add("bob", "two".to_owned()).unwrap();
        assert_eq!(notes.of("ada"), [Note { id: 1, text: "one".to_owned() }]);
        assert_eq!(notes.of("bob"), [Note { id: 2, text: "two".to_owned() }]);
        assert_eq!(notes.of("eve"), []);
    }

    #[test]
    fn notes_and_people_are_bounded() {
        let notes = Notebook::default();
        for _ in 0..=PER_PERSON {
            notes.add("ada", "x".to_owned()).unwrap();
        }
        assert_eq!(notes.of("ada").len(), PER_PERSON);
        assert_eq!(notes.of("ada").first().map(|note| note.id), Some(2), "the oldest made room");
        assert_eq!(notes.add("ada", " ".to_owned()), Err(NoteRefusal::Length));
        assert_eq!(notes.add("ada", "é".repeat(LONGEST + 1)), Err(NoteRefusal::Length));
        assert!(notes.add("ada", "é".repeat(LONGEST)).is_ok());
        for person in 1..PEOPLE {
            notes.add(&person.to_string(), "x".to_owned()).unwrap();
        }
        assert_eq!(notes.add("one too many", "x".to_owned()), Err(NoteRefusal::Full));
        assert!(notes.add("ada", "still".to_owned()).is_ok());
    }
}
