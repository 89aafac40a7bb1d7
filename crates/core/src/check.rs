//! Ordered checks as rows: a list of them is the table that code, log, trace and documentation share.

/// An endpoint at which a check holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/authorize` and every other endpoint that takes an authorization request.
    Authorize,
    /// Each time an interaction goes on.
    Interaction,
}

/// One check: what it is called, where it comes from, what it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckRow {
    /// Its name in logs and traces.
    pub name: &'static str,
    /// The sections that ask for it.
    pub section: &'static str,
    /// Ids of the attacks it stops, as in `xtask/catalogue.txt`.
    pub attacks: &'static [&'static str],
    /// Where it holds.
    pub endpoints: &'static [Endpoint],
}

#[cfg(test)]
mod tests {
    use std::{env, fmt::Write, fs, path::Path};

    use super::*;
    use crate::{authorize::AuthorizeRequest, interaction::next, step::Step};

    /// The lists, each with its heading and what it is about.
    fn lists() -> [(&'static str, &'static str, Vec<&'static CheckRow>); 2] {
        let request = "The first check that refuses wins; the client is told at its redirect URI. Before them stand the client \
                       and its redirect URI:\nwhile those are not known to be good, an error is a page and goes nowhere.";
        let interaction = "Each time an interaction goes on, the first row that is true says what happens next. The last one is \
                           true whenever nothing\nis missing.";
        [
            ("An authorization request", request, AuthorizeRequest::checks().collect()),
            ("An interaction", interaction, next::rows().collect()),
        ]
    }

    const fn place(endpoint: Endpoint) -> &'static str {
        match endpoint {
            Endpoint::Authorize => "`/authorize`",
            Endpoint::Interaction => "interaction",
        }
    }

    /// `docs/reference/checks.md`.
    fn markdown() -> String {
        let mut page = "# Checks\n\n\
                        <!-- Generated: WRITE_REFERENCE=1 cargo test -p grantwell-core the_reference -->\n\n\
                        The ordered checks, as the code has them. A log line of level `debug` names the check that refused as `check`. \
                        The\n[security tests](../security-tests.md) say what each attack is.\n"
            .to_owned();
        for (heading, about, rows) in lists() {
            let _ = write!(
                page,
                "\n## {heading}\n\n{about}\n\n| check | asked for by | stops | where |\n|---|---|---|---|\n"
            );
            for row in rows {
                let places: Vec<_> = row.endpoints.iter().copied().map(place).collect();
                let (attacks, places) = (row.attacks.join(", "), places.join(", "));
                let _ = writeln!(page, "| `{}` | {} | {attacks} | {places} |", row.name, row.section);
            }
        }
        page
    }

    fn path() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/checks.md")
    }

    #[test]
    fn the_reference_is_up_to_date() {
        if env::var_os("WRITE_REFERENCE").is_some() {
            fs::write(path(), markdown()).unwrap();
        }
        let page = fs::read_to_string(path()).unwrap_or_default();
        assert!(
            page == markdown(),
            "docs/reference/checks.md is out of date: WRITE_REFERENCE=1 cargo test -p grantwell-core the_reference"
        );
    }

    #[test]
    fn every_row_is_named_once_and_its_attacks_are_in_the_catalogue() {
        let catalogue = include_str!("../../../xtask/catalogue.txt");
        for (list, _, rows) in lists() {
            for (at, row) in rows.iter().enumerate() {
                assert!(
                    rows[at + 1..].iter().all(|other| other.name != row.name),
                    "{list}: {} twice",
                    row.name
                );
                for id in row.attacks {
                    let known = catalogue.lines().any(|line| line.split('\t').next() == Some(id));
                    assert!(known, "{list}: {} names {id}", row.name);
                }
            }
        }
    }
}
