//! The master key: a file with 32 random bytes as base64 text, mode 0400, under which keys and seeds are encrypted at rest.
//! It is made once, while the database holds nothing that was encrypted under another; after that a missing one is an
//! error, for a new one could read nothing.

use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use grantwell_core::{secret::Secret, time::Entropy};
use zeroize::Zeroizing;

use crate::{config::problem::reason, one_line};

/// Whether the database was already created with a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyCheck {
    /// It holds no check value: a key may be made.
    Absent,
    /// It was: only that key opens it.
    Present,
}

/// Why there is no master key. Each is one sentence that names the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MasterKeyError {
    /// The database needs the one it was made with.
    Missing(PathBuf),
    /// It is not private.
    Readable(PathBuf, FileAccess),
    /// Not 32 bytes in base64.
    Malformed(PathBuf),
    /// It cannot be read or made.
    Io(PathBuf, String),
}

impl fmt::Display for MasterKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(
                f,
                "the master key {} is missing, and the database needs it: restore it from your copy",
                path.display()
            ),
            Self::Readable(path, access) => write!(f, "{}", readable("the master key", path, *access)),
            Self::Malformed(path) => {
                write!(f, "{} is not a master key: it must hold 32 bytes as base64", path.display())
            }
            Self::Io(path, why) => write!(f, "cannot use the master key {}: {why}", path.display()),
        }
    }
}

impl std::error::Error for MasterKeyError {}

/// Reads the key, or makes it where that is still possible.
pub(crate) fn load(path: &Path, check: KeyCheck, entropy: &dyn Entropy) -> Result<Secret, MasterKeyError> {
    match fs::File::open(path) {
        Ok(file) => read(path, file),
        Err(why) if why.kind() == io::ErrorKind::NotFound => match check {
            KeyCheck::Present => Err(MasterKeyError::Missing(path.to_owned())),
            KeyCheck::Absent => create(path, entropy),
        },
        Err(why) => Err(MasterKeyError::Io(path.to_owned(), reason(&why))),
    }
}

fn read(path: &Path, file: fs::File) -> Result<Secret, MasterKeyError> {
    let io = |why: io::Error| MasterKeyError::Io(path.to_owned(), reason(&why));
    // Of the open file, so that nothing can be put in its place between the two.
    let access = FileAccess::of(&file.metadata().map_err(io)?);
    if !access.is_private() {
        return Err(MasterKeyError::Readable(path.to_owned(), access));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(1024).read_to_string(&mut text).map_err(io)?;
    let malformed = || MasterKeyError::Malformed(path.to_owned());
    let value = one_line::value_of(&text).map_err(|_| malformed())?;
    let bytes = Zeroizing::new(STANDARD.decode(value).map_err(|_| malformed())?);
    let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| malformed())?;
    Ok(Secret::from_bytes(bytes))
}

fn create(path: &Path, entropy: &dyn Entropy) -> Result<Secret, MasterKeyError> {
    let secret = Secret::random(entropy);
    put_back(path, &secret)?;
    Ok(secret)
}

/// Writes a key where none is.
pub(crate) fn put_back(path: &Path, secret: &Secret) -> Result<(), MasterKeyError> {
    let io = |why: io::Error| MasterKeyError::Io(path.to_owned(), reason(&why));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(io)?;
    let mut text = Zeroizing::new(STANDARD.encode(secret.expose()));
    text.push('\n');
    // It has its name when it is whole: never a part of it, never over a file, never through a link.
    let mut file = tempfile::Builder::new()
        .prefix(".key.")
        .permissions(fs::Permissions::from_mode(0o400))
        .tempfile_in(folder)
        .map_err(io)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(io)?;
    file.persist_noclobber(path).map_err(|error| io(error.error))?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(())
}

/// Refuses a private key that others can use; the error is one sentence.
pub(crate) fn check_private(what: &str, path: &Path) -> Result<(), String> {
    let metadata = fs::metadata(path)
        .map_err(|why| format!("cannot read {what} {}: {}", path.display(), reason(&why)))?;
    match FileAccess::of(&metadata) {
        access if access.is_private() => Ok(()),
        access => Err(readable(what, path, access)),
    }
}

/// Who may use a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileAccess {
    mode: u32,
    owner: u32,
}

impl FileAccess {
    fn of(metadata: &fs::Metadata) -> Self {
        Self { mode: metadata.permissions().mode() & 0o7777, owner: metadata.uid() }
    }

    /// Whether a private key may be in it, by PostgreSQL's rule: the owner's alone, or root's and its group may read it. The second
    /// is how secrets are mounted into containers, and how certificates are shared on a machine.
    fn is_private(self) -> bool {
        self.mode & if self.owner == 0 { 0o037 } else { 0o077 } == 0
    }

    /// The mode that is private and takes reading from as few as it can.
    fn advised(self) -> u32 {
        if self.owner == 0 && self.mode & 0o040 != 0 { 0o440 } else { 0o400 }
    }
}

/// What to warn of when a file that may hold secrets can be read by every user of the machine.
pub(crate) fn warn_readable(path: &Path) -> Option<String> {
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| {
        format!("{} can be read by everybody on this machine: chmod 600 {}", path.display(), path.display())
    })
}

fn readable(what: &str, path: &Path, access: FileAccess) -> String {
    format!(
        "{what} {} can be used by others than its owner (mode {:04o}): chmod {:o} {}",
        path.display(),
        access.mode,
        access.advised(),
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;
    impl Entropy for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    struct Folder(PathBuf);
    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("grantwell-key-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }
    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_key_is_made_once_and_read_after() {
        let folder = Folder::new("once");
        let path = folder.0.join("sub/grantwell.key");
        let made = load(&path, KeyCheck::Absent, &Sevens).unwrap();
        assert_eq!(made, Secret::from_bytes([7; 32]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o400);
        for check in [KeyCheck::Absent, KeyCheck::Present] {
            assert_eq!(load(&path, check, &Sevens).unwrap(), made);
        }
    }

    #[test]
    fn a_missing_key_of_a_used_database_is_never_made_again() {
        let folder = Folder::new("missing");
        let path = folder.0.join("grantwell.key");
        let error = load(&path, KeyCheck::Present, &Sevens).unwrap_err();
        assert_eq!(error, MasterKeyError::Missing(path.clone()));
        assert!(error.to_string().contains(path.to_str().unwrap()));
        assert!(!path.exists());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = Folder::new("readable");
        let path = folder.0.join("grantwell.key");
        let _ = load(&path, KeyCheck::Absent, &Sevens).unwrap();
        for mode in [0o404, 0o460, 0o420, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = load(&path, KeyCheck::Present, &Sevens).unwrap_err().to_string();
            assert!(error.contains("chmod 4") && error.ends_with(path.to_str().unwrap()), "{error}");
            assert!(check_private("the TLS key", &path).unwrap_err().contains("the TLS key"));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(load(&path, KeyCheck::Present, &Sevens).is_ok());
        assert!(check_private("the TLS key", &path).is_ok());
        assert!(check_private("the TLS key", &folder.0.join("none")).unwrap_err().contains("no such file"));
    }

    #[test]
    fn of_roots_files_the_group_may_read() {
        for (owner, mode, is_private, advised) in [
            (1000, 0o400, true, 0o400),
            (1000, 0o600, true, 0o400),
            (1000, 0o440, false, 0o400),
            (1000, 0o640, false, 0o400),
            (0, 0o400, true, 0o400),
            (0, 0o440, true, 0o440),
            (0, 0o640, true, 0o440),
            (0, 0o660, false, 0o440),
            (0, 0o450, false, 0o440),
            (0, 0o444, false, 0o440),
            (0, 0o404, false, 0o400),
        ] {
            let access = FileAccess { mode, owner };
            assert_eq!((access.is_private(), access.advised()), (is_private, advised), "{owner} {mode:o}");
        }
        // As root, in a container as in this test: the file as it is mounted.
        let folder = Folder::new("mounted");
        let path = folder.0.join("grantwell.key");
        fs::write(&path, format!("\u{feff}{} \r\n", STANDARD.encode([7; 32]))).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        let is_roots = fs::metadata(&path).unwrap().uid() == 0;
        assert_eq!(load(&path, KeyCheck::Present, &Sevens).is_ok(), is_roots);
        assert_eq!(check_private("the TLS key", &path).is_ok(), is_roots);
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let folder = Folder::new("malformed");
        let path = folder.0.join("grantwell.key");
        for text in ["", "hello", "AAAA", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(
                load(&path, KeyCheck::Absent, &Sevens).unwrap_err(),
                MasterKeyError::Malformed(path.clone())
            );
        }
    }

    #[test]
    fn a_configuration_that_everybody_can_read_is_a_warning() {
        let folder = Folder::new("warning");
        let path = folder.0.join("grantwell.toml");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(warn_readable(&path).unwrap().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(warn_readable(&path), None);
    }
}
