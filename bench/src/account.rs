//! Who the servers run as: PostgreSQL and what belongs to it refuse to be root, and end with us on Linux.

use std::{
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::Command,
};

/// The account that Debian's packages make.
const NAME: &str = "postgres";

/// Somebody who is not root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemAccount {
    /// User and group, where we are root.
    other: Option<(u32, u32)>,
}

impl SystemAccount {
    pub(crate) fn find() -> Result<Self, String> {
        if id(&["-u"])? != 0 {
            return Ok(Self { other: None });
        }
        Ok(Self { other: Some((id(&["-u", NAME])?, id(&["-g", NAME])?)) })
    }

    /// A program that runs as this account, and is killed when we are.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=KILL");
        if let Some((user, group)) = self.other {
            command.args([
                format!("--reuid={user}"),
                format!("--regid={group}"),
                "--clear-groups".to_owned(),
            ]);
        }
        command.arg("--").arg(program);
        command
    }

    /// Gives it a file or folder that only it can read.
    pub(crate) fn give(self, path: &Path) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut permissions = path.metadata().map_err(failed)?.permissions();
        permissions.set_mode(permissions.mode() & 0o700);
        std::fs::set_permissions(path, permissions).map_err(failed)?;
        match self.other {
            None => Ok(()),
            Some((user, group)) => chown(path, Some(user), Some(group)).map_err(failed),
        }
    }
}

fn id(arguments: &[&str]) -> Result<u32, String> {
    let output = Command::new("id").args(arguments).output().map_err(|error| format!("id: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.parse().map_err(|_| format!("there is no account `{NAME}`, and PostgreSQL does not run as root"))
}
