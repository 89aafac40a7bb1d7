//! Certificate and key of `[tls]`, with a sentence for each way in which the two files are often wrong.

use std::{fmt, fs, path::Path};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use zeroize::Zeroizing;

use crate::{config::problem::reason, master_key::check_private, one_line::without_mark};

/// Why the two files cannot be used. Nothing of a key is shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TlsFileError {
    /// A file cannot be read, or is not what it should be; a sentence that names it.
    File(String),
    /// Each is what the other should be.
    Swapped {
        /// What is named as the certificate.
        certificate: String,
        /// What is named as the key.
        key: String,
    },
}

impl fmt::Display for TlsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(why) => f.write_str(why),
            Self::Swapped { certificate, key } => write!(
                f,
                "tls.certificate and tls.key are swapped: {certificate} holds a private key, and {key} a certificate"
            ),
        }
    }
}

/// The chain and its private key.
pub(crate) struct TlsFiles {
    /// The server's certificate first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub(crate) key: PrivateKeyDer<'static>,
}

/// Reads both. That they are swapped comes before everything else that is wrong with either.
pub(crate) fn read(certificate: &Path, key: &Path) -> Result<TlsFiles, TlsFileError> {
    let (chain_text, key_text) = (text_of(certificate), text_of(key));
    if let (Ok(chain), Ok(other)) = (&chain_text, &key_text)
        && (!chain.has_certificate() && chain.has_key())
        && (other.has_certificate() && !other.has_key())
    {
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        return Err(TlsFileError::Swapped { certificate, key });
    }
    check_private("the TLS key", key).map_err(TlsFileError::File)?;
    Ok(TlsFiles { chain: chain(certificate, &chain_text?)?, key: private_key(key, &key_text?)? })
}

fn refuse(what: &str, path: &Path, why: &str) -> TlsFileError {
    TlsFileError::File(format!("{what} {} {why}", path.display()))
}

fn chain(path: &Path, text: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let refuse = |why: &str| refuse("the TLS certificate", path, why);
    let parts: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.bytes()).collect();
    match parts {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) if text.has("CERTIFICATE REQUEST-----") => {
            Err(refuse("is a request for a certificate: name the file that the CA made of it"))
        }
        Ok(_) if text.has_key() => Err(refuse("holds a private key and no certificate")),
        Ok(_) => Err(refuse("holds no certificate: it must be PEM, with \"-----BEGIN CERTIFICATE-----\"")),
        Err(why) => Err(refuse(&format!("cannot be read: {why}"))),
    }
}

fn private_key(path: &Path, text: &Pem) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    let refuse = |why: &str| refuse("the TLS key", path, why);
    if text.has_encrypted_key() {
        let shown = path.display();
        return Err(refuse(&format!(
            "is encrypted, and the server asks for no passphrase: openssl pkey -in {shown} -out NEW decrypts it into the file NEW"
        )));
    }
    PrivateKeyDer::from_pem_slice(text.bytes()).map_err(|_| {
        refuse(if text.has_certificate() {
            "holds a certificate and no private key"
        } else {
            "holds no private key: it must be PEM, with \"-----BEGIN PRIVATE KEY-----\""
        })
    })
}

/// A file that should be PEM.
struct Pem(Zeroizing<String>);

fn text_of(path: &Path) -> Result<Pem, TlsFileError> {
    let bytes = fs::read(path).map(Zeroizing::new);
    let bytes = bytes
        .map_err(|why| TlsFileError::File(format!("cannot read {}: {}", path.display(), reason(&why))))?;
    Ok(Pem(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())))
}

impl Pem {
    fn bytes(&self) -> &[u8] {
        without_mark(&self.0).as_bytes()
    }

    fn has(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    fn has_certificate(&self) -> bool {
        self.has("-----BEGIN CERTIFICATE-----")
    }

    fn has_key(&self) -> bool {
        self.has("PRIVATE KEY-----")
    }

    /// PKCS #8, and the older form of OpenSSL.
    fn has_encrypted_key(&self) -> bool {
        self.has("-----BEGIN ENCRYPTED PRIVATE KEY-----") || self.has("Proc-Type: 4,ENCRYPTED")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const CERTIFICATE: &str = include_str!("../../store/tests/tls/server.pem");
    const KEY: &str = include_str!("../../store/tests/tls/server.key");
    const ENCRYPTED: &str =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    const OLD: &str = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
    const REQUEST: &str = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";

    /// What is said of two files, without the folder.
    fn said(certificate: &str, key: &str, key_mode: u32) -> Result<usize, String> {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["server.crt", "server.key"].map(|name| folder.path().join(name));
        fs::write(&paths[0], certificate).unwrap();
        fs::write(&paths[1], key).unwrap();
        fs::set_permissions(&paths[1], fs::Permissions::from_mode(key_mode)).unwrap();
        let read = read(&paths[0], &paths[1]).map(|files| files.chain.len());
        read.map_err(|why| why.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn the_two_files_are_read_also_as_one_and_with_a_mark() {
        let both = format!("{KEY}{CERTIFICATE}");
        for (certificate, key) in [
            (CERTIFICATE, KEY),
            (both.as_str(), both.as_str()),
            (&format!("\u{feff}{CERTIFICATE}"), &format!("\u{feff}{KEY}").replace('\n', "\r\n")),
        ] {
            assert_eq!(said(certificate, key, 0o400), Ok(1));
        }
    }

    #[test]
    fn what_is_wrong_with_the_two_files_is_said() {
        // A certificate may be read by everybody: that must not be what is complained about.
        let swapped = "tls.certificate and tls.key are swapped: server.crt holds a private key, and server.key a certificate";
        for encrypted in [KEY, ENCRYPTED] {
            assert_eq!(said(encrypted, CERTIFICATE, 0o644), Err(swapped.to_owned()));
        }
        for (certificate, key, part) in [
            (
                CERTIFICATE,
                ENCRYPTED,
                "the TLS key server.key is encrypted, and the server asks for no passphrase: openssl pkey",
            ),
            (CERTIFICATE, OLD, "the TLS key server.key is encrypted"),
            (CERTIFICATE, CERTIFICATE, "the TLS key server.key holds a certificate and no private key"),
            (KEY, KEY, "the TLS certificate server.crt holds a private key and no certificate"),
            (REQUEST, KEY, "the TLS certificate server.crt is a request for a certificate"),
            ("", KEY, "the TLS certificate server.crt holds no certificate: it must be PEM"),
            (CERTIFICATE, "\0DER", "the TLS key server.key holds no private key: it must be PEM"),
        ] {
            let why = said(certificate, key, 0o400).unwrap_err();
            assert!(why.contains(part) && !why.contains("AAAA"), "{part}: {why}");
        }
        assert!(said(CERTIFICATE, KEY, 0o644).unwrap_err().contains("can be used by others"));
    }
}
