//! Who may depend on whom (DESIGN section 2). What the core may use is listed one by one: it is the room where a
//! mistake costs most.

use std::path::Path;

use super::Problems;
use crate::source;

struct Room {
    manifest: &'static str,
    /// Crates of this workspace.
    internal: &'static [&'static str],
    external: External,
}

enum External {
    Only(&'static [&'static str]),
    Never(&'static [&'static [&'static str]]),
}

const HTTP: &[&str] = &[
    "axum",
    "axum-core",
    "axum-extra",
    "http",
    "http-body",
    "http-body-util",
    "hyper",
    "hyper-rustls",
    "hyper-util",
    "reqwest",
    "tower",
    "tower-http",
    "tower-layer",
    "tower-service",
];
const SQL: &[&str] = &[
    "rusqlite",
    "libsqlite3-sys",
    "tokio-postgres",
    "postgres",
    "postgres-types",
    "deadpool-postgres",
    "sqlx",
    "diesel",
];

const ROOMS: &[Room] = &[
    Room {
        manifest: "crates/core/Cargo.toml",
        internal: &[],
        external: External::Only(&[
            "aws-lc-rs",
            "base64",
            "form_urlencoded",
            "idna",
            "percent-encoding",
            "serde",
            "serde_json",
            "strsim",
            "unicode-normalization",
            "url",
            "uuid",
            "zeroize",
        ]),
    },
    Room {
        manifest: "crates/store/Cargo.toml",
        internal: &["grantwell-core"],
        external: External::Never(&[HTTP]),
    },
    Room {
        manifest: "crates/resource/Cargo.toml",
        internal: &["grantwell-core"],
        external: External::Never(&[SQL, &["axum"]]),
    },
    Room {
        manifest: "crates/server/Cargo.toml",
        internal: &["grantwell-core", "grantwell-store", "grantwell-notes-api", "grantwell-third-party"],
        external: External::Never(&[SQL]),
    },
    Room {
        manifest: "examples/notes-api/Cargo.toml",
        internal: &["grantwell-resource"],
        external: External::Never(&[SQL]),
    },
    Room {
        // The core for `Clock`, `Entropy` and `Secret` alone: it is a client, and reads nothing of the server's.
        manifest: "examples/third-party/Cargo.toml",
        internal: &["grantwell-core"],
        external: External::Never(&[SQL]),
    },
    Room {
        manifest: "bench/Cargo.toml",
        internal: &["grantwell-core", "grantwell-store"],
        external: External::Never(&[SQL]),
    },
    Room {
        manifest: "xtask/Cargo.toml",
        internal: &[],
        external: External::Only(&["serde", "serde_json", "toml"]),
    },
];

pub(super) fn check(root: &Path) -> Result<Problems, String> {
    let mut problems = Problems::new();
    let workspace: toml::Table = parse(&root.join("Cargo.toml"))?;
    let members =
        workspace.get("workspace").and_then(|table| table.get("members")).and_then(toml::Value::as_array);
    for member in members.into_iter().flatten().filter_map(toml::Value::as_str) {
        let manifest = format!("{member}/Cargo.toml");
        match ROOMS.iter().find(|room| room.manifest == manifest) {
            Some(room) => check_room(room, &dependencies(&parse(&root.join(&manifest))?), &mut problems),
            None => problems.push(format!("{manifest}: has no row in xtask/src/tidy/arrows.rs")),
        }
    }
    Ok(problems)
}

fn check_room(room: &Room, dependencies: &[String], problems: &mut Problems) {
    for name in dependencies {
        let allowed = if name.starts_with("grantwell-") {
            room.internal.contains(&name.as_str())
        } else {
            match room.external {
                External::Only(names) => names.contains(&name.as_str()),
                External::Never(lists) => !lists.iter().any(|list| list.contains(&name.as_str())),
            }
        };
        if !allowed {
            problems.push(format!("{}: must not depend on {name}", room.manifest));
        }
    }
}

/// Names under `[dependencies]`, `[build-dependencies]` and their platform forms; tests may use what they like.
pub(super) fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let mut tables: Vec<&toml::Table> = vec![manifest];
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().filter_map(toml::Value::as_table));
    }
    let mut names = Vec::new();
    for table in tables {
        for kind in ["dependencies", "build-dependencies"] {
            for (key, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                // `alias = { package = "name" }`
                let package = value.get("package").and_then(toml::Value::as_str);
                names.push(package.unwrap_or(key).to_owned());
            }
        }
    }
    names
}

pub(super) fn parse(path: &Path) -> Result<toml::Table, String> {
    source::read(path)?.parse().map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(manifest: &str, text: &str) -> Problems {
        let mut problems = Problems::new();
        let room = ROOMS.iter().find(|room| room.manifest == manifest).unwrap();
        check_room(room, &dependencies(&text.parse().unwrap()), &mut problems);
        problems
    }

    #[test]
    fn an_arrow_the_wrong_way_is_found() {
        let core = |text| problems_of("crates/core/Cargo.toml", text);
        assert!(core("[dependencies]\nserde = '1'\n[dev-dependencies]\ntokio = '1'").is_empty());
        for text in [
            "[dependencies]\ntokio.workspace = true",
            "[dependencies]\ngrantwell-store = '1'",
            "[target.'cfg(unix)'.dependencies]\naxum = '1'",
            "[dependencies]\nserde = { package = 'tokio', version = '1' }",
        ] {
            assert_eq!(core(text).len(), 1, "{text}");
        }
        assert_eq!(problems_of("crates/server/Cargo.toml", "[dependencies]\nrusqlite = '1'").len(), 1);
        assert_eq!(problems_of("crates/store/Cargo.toml", "[dependencies]\nhyper = '1'").len(), 1);
    }
}
