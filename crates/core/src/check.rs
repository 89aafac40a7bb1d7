//! Ordered checks as rows: a list of them is the table that code, log, trace and documentation share.

/// An endpoint at which a check holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/authorize`, and whoever else takes an authorization request.
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
