//! A backup: one age file (<https://age-encryption.org/v1>), to a passphrase or a recipient, never to the key it contains.
//!
//! Inside stand a line that names the form and then frames of a tag, four bytes of length and content: the header (`H`), for
//! each table its name (`T`) and its rows (`R`), and at the end what was counted (`E`). Only a file that reads to its end, with
//! the counts and digests it names, is a backup.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufReader, BufWriter, IsTerminal as _, Read, Write},
    path::Path,
};

use age::secrecy::SecretString;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use grantwell_core::factor::password::opaque_string;
use grantwell_store::copy::{self, CopyError, Each, Row, Shape, Source, Tally, decode, encode};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{config::problem::reason, one_line, start_error::StartError};

/// The name that means standard output, or standard input.
pub(super) const STREAM: &str = "-";

const MAGIC: &[u8] = b"grantwell backup 1\n";

/// No row is longer: bodies are bounded far below it.
const LONGEST_FRAME: u32 = 64 << 20;

/// What a backup says of itself.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Header {
    /// Version of the schema.
    pub(super) schema: i64,
    /// Whose it is.
    pub(super) issuer: String,
    /// When it was begun, in milliseconds since 1970.
    pub(super) created_at: i64,
    /// The program that wrote it.
    pub(super) release: String,
    /// The master key, as its file holds it.
    #[serde(serialize_with = "key_out", deserialize_with = "key_in")]
    pub(super) master_key: Zeroizing<String>,
    tables: Vec<TableHeader>,
}

fn key_out<S: serde::Serializer>(key: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(key)
}

fn key_in<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(from).map(Zeroizing::new)
}

#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
struct TableHeader {
    name: String,
    columns: Vec<String>,
}

fn tables(shapes: &[Shape]) -> Vec<TableHeader> {
    let table = |shape: &Shape| TableHeader {
        name: shape.table.name.to_owned(),
        columns: shape.columns.iter().map(|column| column.name.to_owned()).collect(),
    };
    shapes.iter().map(table).collect()
}

#[derive(Deserialize, Serialize)]
struct Counted {
    rows: u64,
    digest: String,
}

type End = BTreeMap<String, Counted>;

fn counted(tallies: &[(&'static str, Tally)]) -> End {
    let counted = |tally: &Tally| Counted { rows: tally.rows, digest: STANDARD.encode(tally.digest) };
    tallies.iter().map(|(table, tally)| ((*table).to_owned(), counted(tally))).collect()
}

impl Header {
    pub(super) fn new(issuer: &str, schema: i64, created_at: i64, shapes: &[Shape]) -> Self {
        Self {
            schema,
            issuer: issuer.to_owned(),
            created_at,
            release: env!("CARGO_PKG_VERSION").to_owned(),
            master_key: Zeroizing::default(),
            tables: tables(shapes),
        }
    }
}

/// Whom a backup is for.
pub(super) enum BackupLock {
    /// Who knows it.
    Passphrase(SecretString),
    /// Who holds the other half.
    Recipient(age::x25519::Recipient),
}

impl BackupLock {
    pub(super) fn read(passphrase_file: Option<&Path>, recipient: Option<&str>) -> Result<Self, StartError> {
        match (passphrase_file, recipient) {
            (Some(file), _) => passphrase(file).map(Self::Passphrase),
            (None, Some(recipient)) => recipient.parse().map(Self::Recipient).map_err(|why: &str| {
                StartError(format!("the recipient must be the public half of an age key, age1…: {why}"))
            }),
            (None, None) => Err(StartError("name --passphrase-file or --recipient".to_owned())),
        }
    }
}

fn passphrase(file: &Path) -> Result<SecretString, StartError> {
    let line = one_line::read(file).map_err(|why| StartError(format!("the passphrase: {why}")))?;
    if line.chars().count() < 12 {
        return Err(StartError(format!("the passphrase in {} has fewer than 12 characters", file.display())));
    }
    Ok(SecretString::from(opaque_string(&line).to_string()))
}

/// Where a backup goes.
#[derive(Clone, Copy)]
pub(super) struct Out<'a> {
    pub(super) path: &'a Path,
    /// Whether a file that is there may be replaced.
    pub(super) replaces: bool,
}

/// Writes a backup of all of `source`; the file has its name only when it is whole and on disk.
pub(super) fn write(
    out: Out<'_>,
    lock: &BackupLock,
    header: &Header,
    source: &mut dyn Source,
    on_progress: &mut dyn FnMut(&str, u64),
) -> Result<Vec<(&'static str, Tally)>, CopyError> {
    let folder = super::folder_of(out.path).unwrap_or(Path::new("."));
    let mut written = || -> Result<_, Failure> {
        // Its name is random and its mode 0600; when it is dropped, it goes.
        let mut prefix = out.path.file_name().unwrap_or_default().to_owned();
        prefix.push(".partial.");
        let partial = tempfile::Builder::new().prefix(&prefix).tempfile_in(folder)?;
        let tallies = write_all(partial.as_file(), lock, header, source, on_progress)?;
        partial.as_file().sync_all()?;
        // Another may have come meanwhile.
        let named =
            if out.replaces { partial.persist(out.path) } else { partial.persist_noclobber(out.path) };
        named.map_err(|error| error.error)?;
        fs::File::open(folder).and_then(|folder| folder.sync_all())?;
        Ok(tallies)
    };
    written().map_err(CopyError::from)
}

enum Failure {
    Copy(CopyError),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        Self::Copy(error)
    }
}

/// Writes a backup of all of `source` to a stream, which is whole when nothing went wrong.
pub(super) fn write_to(
    out: impl Write,
    lock: &BackupLock,
    header: &Header,
    source: &mut dyn Source,
    on_progress: &mut dyn FnMut(&str, u64),
) -> Result<Vec<(&'static str, Tally)>, CopyError> {
    write_all(out, lock, header, source, on_progress).map_err(CopyError::from)
}

fn write_all(
    to: impl Write,
    lock: &BackupLock,
    header: &Header,
    source: &mut dyn Source,
    on_progress: &mut dyn FnMut(&str, u64),
) -> Result<Vec<(&'static str, Tally)>, Failure> {
    let encryptor = match lock {
        BackupLock::Passphrase(passphrase) => age::Encryptor::with_user_passphrase(passphrase.clone()),
        BackupLock::Recipient(recipient) => {
            let recipients = std::iter::once::<&dyn age::Recipient>(recipient);
            age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?
        }
    };
    let mut out = encryptor.wrap_output(BufWriter::new(to))?;
    out.write_all(MAGIC)?;
    let json = Zeroizing::new(serde_json::to_vec(header).map_err(io::Error::other)?);
    frame(&mut out, b'H', &json)?;
    let mut tallies = Vec::new();
    for shape in source.shapes() {
        let name = shape.table.name;
        on_progress(name, 0);
        frame(&mut out, b'T', name.as_bytes())?;
        let mut tally = Tally::default();
        source.rows(&shape, &mut |row| {
            tally.add(&row);
            frame(&mut out, b'R', &encode(&row)).map_err(CopyError::Output)?;
            if tally.rows.is_multiple_of(1024) {
                on_progress(name, tally.rows);
            }
            Ok(())
        })?;
        on_progress(name, tally.rows);
        tallies.push((name, tally));
    }
    frame(&mut out, b'E', &serde_json::to_vec(&counted(&tallies)).map_err(io::Error::other)?)?;
    out.finish()?.flush()?;
    Ok(tallies)
}

impl From<Failure> for CopyError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Copy(error) => error,
            Failure::Io(error) => Self::Output(error),
        }
    }
}

fn frame(out: &mut impl Write, tag: u8, content: &[u8]) -> io::Result<()> {
    let length = u32::try_from(content.len()).map_err(io::Error::other)?;
    out.write_all(&[tag])?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(content)
}

/// Reads all of a source, keeping nothing.
pub(super) fn tally(
    source: &mut dyn Source,
    on_progress: &mut dyn FnMut(&str, u64),
) -> Result<Vec<(&'static str, Tally)>, CopyError> {
    let mut tallies = Vec::new();
    for shape in source.shapes() {
        let mut tally = Tally::default();
        source.rows(&shape, &mut |row| {
            tally.add(&row);
            Ok(())
        })?;
        on_progress(shape.table.name, tally.rows);
        tallies.push((shape.table.name, tally));
    }
    Ok(tallies)
}

/// A backup that is being read.
pub(super) struct BackupFile {
    content: Box<dyn Read>,
    header: Header,
    shapes: Vec<Shape>,
    /// A frame that was read and belongs to what comes next.
    next: Option<(u8, Vec<u8>)>,
}

impl BackupFile {
    /// Decrypts and reads the header.
    pub(super) fn open(
        path: &Path,
        passphrase_file: Option<&Path>,
        identity: Option<&Path>,
    ) -> Result<Self, StartError> {
        let name = if path == Path::new(STREAM) {
            "on standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let refuse = |why: &str| StartError(format!("cannot read the backup {name}: {why}"));
        let identities: Vec<Box<dyn age::Identity>> = match (passphrase_file, identity) {
            (Some(file), _) => vec![Box::new(age::scrypt::Identity::new(passphrase(file)?))],
            (None, Some(file)) => identities(file)?,
            (None, None) => return Err(StartError("name --passphrase-file or --identity".to_owned())),
        };
        let file: Box<dyn Read> = if path == Path::new(STREAM) {
            if io::stdin().is_terminal() {
                return Err(refuse("it is a terminal"));
            }
            Box::new(io::stdin())
        } else {
            Box::new(fs::File::open(path).map_err(|why| refuse(&reason(&why)))?)
        };
        let decryptor = age::Decryptor::new_buffered(BufReader::new(file))
            .map_err(|_| refuse("it is not a backup of Grantwell"))?;
        let content =
            decryptor.decrypt(identities.iter().map(AsRef::as_ref)).map_err(|error| match error {
                age::DecryptError::NoMatchingKeys
                | age::DecryptError::KeyDecryptionFailed
                | age::DecryptError::DecryptionFailed => {
                    refuse("it was not encrypted to this passphrase or identity")
                }
                error => refuse(&error.to_string()),
            })?;
        let mut content: Box<dyn Read> = Box::new(BufReader::new(content));
        // The start decrypts and the rest does not: the file was cut short or changed.
        let damaged = |why: io::Error| refuse(&format!("it is damaged or cut short: {why}"));
        let mut magic = [0; MAGIC.len()];
        content.read_exact(&mut magic).map_err(damaged)?;
        if magic != MAGIC {
            return Err(refuse("it is not a backup of Grantwell, or a newer release wrote it"));
        }
        let header = match read_frame(&mut content).map_err(damaged)? {
            Some((b'H', json)) => serde_json::from_slice::<Header>(&Zeroizing::new(json))
                .map_err(|_| refuse("its header is damaged"))?,
            _ => return Err(refuse("its header is missing")),
        };
        if header.schema > copy::known() {
            return Err(refuse(&format!(
                "it has schema version {}, which is newer than this release knows: restore it with the release \
                 that wrote it ({}) or a newer one",
                header.schema, header.release
            )));
        }
        let shapes = copy::shapes(header.schema).map_err(StartError::of)?;
        if header.tables != tables(&shapes) {
            return Err(refuse("its tables are not those of its schema version"));
        }
        Ok(Self { content, header, shapes, next: None })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the end, which must be there, be the last, and say the same.
    pub(super) fn finish(&mut self, tallies: &[(&'static str, Tally)]) -> Result<(), CopyError> {
        let damaged = |why: &str| CopyError::Damaged(why.to_owned());
        let Some((b'E', json)) = self.frame()? else { return Err(damaged("it ends too early")) };
        let end: End = serde_json::from_slice(&json).map_err(|_| damaged("its end cannot be read"))?;
        let read = counted(tallies);
        if end.len() != read.len() {
            return Err(damaged("a table is missing"));
        }
        for (table, read) in read {
            match end.get(&table) {
                Some(said) if said.rows == read.rows && said.digest == read.digest => {}
                _ => {
                    return Err(CopyError::Damaged(format!(
                        "the rows of {table} are not those that were written"
                    )));
                }
            }
        }
        match self.frame()? {
            None => Ok(()),
            Some(_) => Err(damaged("something follows its end")),
        }
    }

    fn frame(&mut self) -> Result<Option<(u8, Vec<u8>)>, CopyError> {
        match self.next.take() {
            Some(frame) => Ok(Some(frame)),
            None => read_frame(&mut self.content).map_err(|why| CopyError::Damaged(why.to_string())),
        }
    }
}

fn identities(file: &Path) -> Result<Vec<Box<dyn age::Identity>>, StartError> {
    let refuse = |why: String| StartError(format!("cannot read the identity {}: {why}", file.display()));
    let text = fs::read_to_string(file).map(Zeroizing::new).map_err(|why| refuse(reason(&why)))?;
    let lines = one_line::without_mark(&text).lines().map(str::trim).collect::<Vec<_>>();
    let lines = Zeroizing::new(lines.join("\n"));
    let read = age::IdentityFile::from_buffer(lines.as_bytes()).map_err(|why| refuse(why.to_string()))?;
    let identities = read.into_identities().map_err(|why| refuse(why.to_string()))?;
    Ok(identities.into_iter().map(|identity| -> Box<dyn age::Identity> { identity }).collect())
}

/// The next frame; `None` at the end of the file.
fn read_frame(from: &mut impl Read) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut tag = [0];
    if from.read(&mut tag)? == 0 {
        return Ok(None);
    }
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST_FRAME {
        return Err(io::Error::other("a row is longer than any can be"));
    }
    let mut content = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut content)?;
    if u32::try_from(content.len()).ok() != Some(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let [tag] = tag;
    Ok(Some((tag, content)))
}

impl Source for BackupFile {
    fn shapes(&self) -> Vec<Shape> {
        self.shapes.clone()
    }

    fn rows(&mut self, shape: &Shape, each: &mut Each<'_>) -> Result<(), CopyError> {
        let damaged = |why: &str| CopyError::Damaged(format!("{}: {why}", shape.table.name));
        match self.frame()? {
            Some((b'T', name)) if name == shape.table.name.as_bytes() => {}
            _ => return Err(damaged("the table is missing")),
        }
        loop {
            match self.frame()? {
                Some((b'R', bytes)) => {
                    let row: Row = decode(shape, &bytes).ok_or_else(|| damaged("a row cannot be read"))?;
                    each(row)?;
                }
                next => {
                    self.next = next;
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Source for Nothing {
        fn shapes(&self) -> Vec<Shape> {
            Vec::new()
        }

        fn rows(&mut self, _: &Shape, _: &mut Each<'_>) -> Result<(), CopyError> {
            Ok(())
        }
    }

    /// It was not there when the backup was begun.
    #[test]
    fn a_file_that_came_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        fs::write(&path, "another").unwrap();
        let lock = BackupLock::Passphrase(SecretString::from("a passphrase of a few words".to_owned()));
        let header = Header::new("https://op.example", 1, 0, &[]);
        let write =
            |replaces| write(Out { path: &path, replaces }, &lock, &header, &mut Nothing, &mut |_, _| {});
        assert!(
            matches!(write(false), Err(CopyError::Output(why)) if why.kind() == io::ErrorKind::AlreadyExists)
        );
        assert_eq!(fs::read(&path).unwrap(), b"another");
        write(true).unwrap();
        assert_ne!(fs::read(&path).unwrap(), b"another");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_stands_around_a_passphrase_or_an_identity_is_no_part_of_it() {
        use age::secrecy::ExposeSecret as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (text, passphrase_read) in [
            ("a passphrase of a few words", true),
            ("\u{feff}a passphrase of a few words \r\n", true),
            ("a passphrase of\na few words", false),
            ("short        \n", false),
        ] {
            fs::write(&path, text).unwrap();
            let read = passphrase(&path).ok();
            let words = read.as_ref().map(|passphrase| passphrase.expose_secret());
            assert_eq!(words, passphrase_read.then_some("a passphrase of a few words"), "{text:?}");
        }
        // Text, as passwords are (RFC 8265): typed on another keyboard it is the same.
        let typed = |text: &str| {
            fs::write(&path, text).unwrap();
            passphrase(&path).unwrap().expose_secret().to_owned()
        };
        assert_eq!(typed("Z\u{fc}rich im Regen"), typed("Zu\u{308}rich\u{a0}im Regen"));
        let identity = age::x25519::Identity::generate();
        for around in ["", "\u{feff}", "\u{feff}# a comment\r\n", " "] {
            let line = identity.to_string();
            fs::write(&path, format!("{around}{} \r\n", line.expose_secret())).unwrap();
            assert_eq!(identities(&path).map(|read| read.len()).ok(), Some(1), "{around:?}");
        }
    }
}
