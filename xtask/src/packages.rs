//! The Debian packages that stages need: installed where we may, named where not. A package is one row.

use std::{path::Path, time::Duration};

use crate::command::Command;

/// What a stage cannot do without.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    /// A line that works once it is installed.
    probe: &'static [&'static str],
    /// What its installation starts: we start our own.
    services: &'static [&'static str],
}

pub(crate) const NODE: Package = Package { name: "nodejs", probe: &["node", "--version"], services: &[] };
pub(crate) const NPM: Package = Package { name: "npm", probe: &["npm", "--version"], services: &[] };
pub(crate) const CHROMIUM: Package =
    Package { name: "chromium", probe: &["chromium", "--version"], services: &[] };
pub(crate) const POSTGRESQL: Package = Package {
    name: "postgresql",
    probe: &["sh", "-c", "ls /usr/lib/postgresql/*/bin/initdb"],
    services: &["postgresql"],
};
pub(crate) const VALGRIND: Package =
    Package { name: "valgrind", probe: &["valgrind", "--version"], services: &[] };
pub(crate) const HAPROXY: Package =
    Package { name: "haproxy", probe: &["/usr/sbin/haproxy", "-v"], services: &["haproxy"] };
pub(crate) const PGBOUNCER: Package =
    Package { name: "pgbouncer", probe: &["/usr/sbin/pgbouncer", "--version"], services: &["pgbouncer"] };
pub(crate) const ETCD: Package =
    Package { name: "etcd-server", probe: &["etcd", "--version"], services: &["etcd"] };
pub(crate) const PATRONI: Package =
    Package { name: "patroni", probe: &["patroni", "--version"], services: &["patroni"] };

const LIMIT: Duration = Duration::from_mins(5);

/// Makes sure that a package is there.
pub(crate) fn need(package: &Package, root: &Path) -> Result<(), String> {
    let probe = package
        .probe
        .split_first()
        .map(|(program, arguments)| Command::new(program).args(arguments.iter().copied()));
    let probe = probe.ok_or("a package without a probe")?;
    if probe.quiet(root, LIMIT).is_ok() {
        return Ok(());
    }
    let install = ["install", "--yes", "--no-install-recommends", package.name];
    let is_root = Command::new("id").args(["-u"]).output(root, LIMIT).is_ok_and(|id| id.trim() == "0");
    if !is_root || Command::new("apt-get").args(["--version"]).quiet(root, LIMIT).is_err() {
        return Err(format!("{} is needed. Run: sudo apt-get {}", package.name, install.join(" ")));
    }
    let run = |program: &str, arguments: &[&str]| {
        Command::new(program)
            .args(arguments.iter().copied())
            .env("DEBIAN_FRONTEND", "noninteractive")
            .quiet(root, LIMIT)
    };
    run("apt-get", &["update", "--quiet"])?;
    run("apt-get", &install)?;
    for service in package.services {
        // Whether systemd is there or not, Debian's own scripts know the way.
        run("invoke-rc.d", &[service, "stop"])?;
        run("update-rc.d", &[service, "disable"])?;
    }
    probe.quiet(root, LIMIT)
}
