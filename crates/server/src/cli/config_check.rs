//! `grantwell config check`: every mistake of a configuration in one pass, without starting anything.

use std::path::Path;

use crate::{
    config::{Configuration, Problem, Problems},
    master_key::{check_private, warn_readable},
    tls_files::{self, TlsFileError},
};

/// Reads the configuration and looks at the files it names. Answers the warnings; a caller has more to check (templates,
/// certificates) goes on from the configuration.
pub(crate) fn check(
    path: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(Configuration, Vec<String>), Problems> {
    let config = Configuration::load(path, environment)?;
    let mut problems = Vec::new();
    if config.keys.master.exists() {
        let wrong = check_private("the master key", &config.keys.master);
        problems.extend(wrong.err().map(Problem::nowhere));
    }
    if let Some(tls) = &config.tls {
        // Files that are swapped are told as that, and not as a key that everybody can read.
        match tls_files::read(&tls.certificate, &tls.key) {
            Err(swapped @ TlsFileError::Swapped { .. }) => {
                problems.push(Problem::nowhere(swapped.to_string()));
            }
            Err(TlsFileError::File(_)) | Ok(_) => {
                problems.extend(check_private("the TLS key", &tls.key).err().map(Problem::nowhere));
            }
        }
        if !tls.certificate.exists() {
            problems.push(Problem::nowhere(format!(
                "there is no TLS certificate at {}",
                tls.certificate.display()
            )));
        }
    }
    if let Some(templates) = config.templates.as_deref().filter(|path| !path.is_dir()) {
        problems.push(Problem::nowhere(format!(
            "templates names {}, which is not a folder",
            templates.display()
        )));
    }
    if problems.is_empty() {
        Ok((config, warn_readable(path).into_iter().collect()))
    } else {
        Err(Problems(problems))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn files_that_the_configuration_names_are_looked_at() {
        let folder = std::env::temp_dir().join(format!("grantwell-check-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("grantwell.toml");
        fs::write(&path, "templates = \"none\"\n[tls]\ncertificate = \"server.crt\"\nkey = \"server.key\"\n")
            .unwrap();
        fs::write(folder.join("server.key"), "").unwrap();
        fs::write(folder.join("grantwell.key"), "").unwrap();
        for file in ["server.key", "grantwell.key", "grantwell.toml"] {
            fs::set_permissions(folder.join(file), fs::Permissions::from_mode(0o644)).unwrap();
        }
        let problems = check(&path, []).unwrap_err().0;
        let found: Vec<&str> =
            ["the master key", "the TLS key", "there is no TLS certificate", "which is not a folder"]
                .into_iter()
                .filter(|words| problems.iter().any(|problem| problem.message.contains(words)))
                .collect();
        assert_eq!(found.len(), 4, "{problems:?}");

        for file in ["server.key", "grantwell.key"] {
            fs::set_permissions(folder.join(file), fs::Permissions::from_mode(0o400)).unwrap();
        }
        for (file, text) in [
            ("server.crt", include_str!("../../../store/tests/tls/server.key")),
            ("server.key", include_str!("../../../store/tests/tls/server.pem")),
        ] {
            fs::remove_file(folder.join(file)).ok();
            fs::write(folder.join(file), text).unwrap();
        }
        let problems = check(&path, []).unwrap_err().to_string();
        assert!(problems.contains("are swapped") && !problems.contains("the TLS key"), "{problems}");
        fs::write(folder.join("server.key"), "").unwrap();
        fs::set_permissions(folder.join("server.key"), fs::Permissions::from_mode(0o400)).unwrap();
        fs::create_dir_all(folder.join("none")).unwrap();
        let (_, warnings) = check(&path, []).unwrap();
        assert_eq!(warnings.len(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_missing_file_is_one_sentence() {
        let problems = check(Path::new("/nowhere/grantwell.toml"), []).unwrap_err();
        assert_eq!(problems.to_string(), "cannot read /nowhere/grantwell.toml: there is no such file");
    }
}
