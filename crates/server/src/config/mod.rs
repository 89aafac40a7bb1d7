//! `grantwell.toml`: one file for each section, one pass that finds every mistake.
//!
//! What there is to set is one table ([`SECTIONS`]): it is what the file and the environment are read by, and what the
//! reference page is made of.

mod audit;
mod interaction;
pub(crate) mod key;
mod keys;
mod lifetimes;
mod limits;
mod log;
mod management;
mod mtls;
mod outbound;
mod policy;
pub(crate) mod problem;
mod proxy;
mod reader;
mod reference;
mod registration;
mod root;
mod service_links;
mod tls;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use grantwell_core::policy::Policy;

pub(crate) use self::{
    audit::Audit,
    interaction::LoginUi,
    keys::Keys,
    limits::LoadLimits,
    log::{LogFormat, LogSettings},
    problem::{Location, Problem, Problems, SourceFile},
    proxy::{ForwardingHeader, TrustedProxies},
    tls::{Hsts, Tls},
};
use self::{key::Section, reader::Reader};

/// Every section, in the order of the reference page.
const SECTIONS: &[&Section] = &[
    &root::SECTION,
    &tls::SECTION,
    &mtls::SECTION,
    &keys::SECTION,
    &proxy::SECTION,
    &management::SECTION,
    &registration::SECTION,
    &policy::SECTION,
    &lifetimes::SECTION,
    &limits::SECTION,
    &interaction::SECTION,
    &audit::SECTION,
    &log::SECTION,
    &outbound::SECTION,
];

/// Everything an operator set, checked.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    /// Where the server listens.
    pub(crate) listen: SocketAddr,
    /// `sqlite:` and a path, or the URL of a PostgreSQL server.
    pub(crate) database: String,
    /// HTTPS on `listen`.
    pub(crate) tls: Option<Tls>,
    /// What `Strict-Transport-Security` covers.
    pub(crate) hsts: Hsts,
    /// The master key.
    pub(crate) keys: Keys,
    /// Whose word about the client's address is believed.
    pub(crate) proxies: TrustedProxies,
    /// Where metrics are.
    pub(crate) management: Option<SocketAddr>,
    /// What decisions read: issuer, lifetimes, limits on guessing …
    pub(crate) policy: Policy,
    /// What load may cost.
    pub(crate) limits: LoadLimits,
    /// The external login UI, where there is one.
    pub(crate) login_ui: Option<LoginUi>,
    /// The folder of templates that replace ours.
    pub(crate) templates: Option<PathBuf>,
    /// What is kept.
    pub(crate) audit: Audit,
    /// How the log looks.
    pub(crate) log: LogSettings,
}

impl Configuration {
    /// Reads the file and the environment that is handed in.
    pub(crate) fn load(
        path: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let source = SourceFile::read(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&source, folder, environment)
    }

    /// The same from text; relative paths start at `folder`.
    pub(crate) fn parse(
        source: &SourceFile,
        folder: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let mut reader = Reader::new(SECTIONS, source, folder, environment);
        let issuer = root::issuer(&mut reader);
        let audit = audit::read(&reader);
        let login_ui = interaction::read(&mut reader);
        let config = Self {
            listen: reader.address("listen").unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
            database: root::database(&mut reader),
            tls: tls::read(&mut reader),
            hsts: tls::hsts(&reader),
            keys: keys::read(&reader),
            proxies: proxy::read(&reader),
            management: management::read(&mut reader),
            policy: Policy {
                lifetimes: lifetimes::read(&mut reader),
                guessing: limits::guessing(&mut reader),
                access_token_format: policy::access_token_format(&reader),
                audit_every_token: audit.every_token,
                ..Policy::new(&issuer)
            },
            limits: limits::read(&reader),
            login_ui,
            templates: reader.path("templates"),
            audit,
            log: log::read(&reader),
        };
        if reader.problems.is_empty() { Ok(config) } else { Err(Problems::sorted(reader.problems)) }
    }
}

/// The reference page, which is generated from the table of keys.
pub(crate) fn reference_markdown() -> String {
    reference::markdown(SECTIONS)
}

/// The variables of the process: the one place where they are read.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

#[cfg(test)]
mod tests;
