//! Certificates and keys in PEM files, and in words what is wrong with them.

mod key;
mod pem;

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use thiserror::Error;

use self::pem::{certificates_in, revocation_lists_in};
use super::trust::{Purpose, is_trusted_for};

/// Asks for the passphrase of an encrypted key.
pub type AskPassphrase<'a> = &'a dyn Fn() -> io::Result<String>;

/// An error of a file that cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{}: {cause}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It does not hold what it should.
    #[error("{}: {what}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, and what helps.
        what: String,
    },
}

impl FileError {
    pub(crate) fn content(path: &Path, what: impl Into<String>) -> Self {
        Self::Content {
            path: path.to_owned(),
            what: what.into(),
        }
    }

    /// Which file it is.
    pub(crate) fn into_path(self) -> PathBuf {
        match self {
            Self::Unreadable { path, .. } | Self::Content { path, .. } => path,
        }
    }

    /// Why, without the name of the file.
    pub(crate) fn why(&self) -> String {
        match self {
            Self::Unreadable { cause, .. } => cause.to_string(),
            Self::Content { what, .. } => what.clone(),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|cause| FileError::Unreadable {
        path: path.to_owned(),
        cause,
    })
}

/// Reads the certificates of a PEM file, of which there must be one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let found = certificates_in(&read(path)?).map_err(|what| FileError::content(path, what))?;
    Ok(found.into_iter().map(|found| found.certificate).collect())
}

/// Reads the certificates of a PEM file that are trusted for a purpose. There must be
/// certificates in it, and they may be trusted for something else only.
pub(crate) fn trusted_certificates(
    path: &Path,
    purpose: Purpose,
) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let found = certificates_in(&read(path)?).map_err(|what| FileError::content(path, what))?;
    let trusted = found
        .into_iter()
        .filter(|found| is_trusted_for(&found.settings, purpose));
    Ok(trusted.map(|found| found.certificate).collect())
}

/// Reads the trusted certificates in the files of a directory. Other files may be there, too.
pub(crate) fn trusted_in_directory(
    directory: &Path,
    purpose: Purpose,
) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let unreadable = |cause| FileError::Unreadable {
        path: directory.to_owned(),
        cause,
    };
    let mut trusted = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        trusted.extend(trusted_certificates(&path, purpose).unwrap_or_default());
    }
    Ok(trusted)
}

/// Reads the lists of revoked certificates of a PEM file, of which there must be one.
pub(crate) fn revocation_lists(
    path: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, FileError> {
    let lists = revocation_lists_in(&read(path)?);
    lists.map_err(|what| FileError::content(path, what))
}

/// Reads a private key. One that is encrypted needs somebody to ask for its passphrase.
pub(crate) fn private_key(
    path: &Path,
    ask: Option<AskPassphrase<'_>>,
) -> Result<PrivateKeyDer<'static>, FileError> {
    let content = read(path)?;
    match (key::Found::in_pem(&content), ask) {
        (key::Found::Plain(key), _) => Ok(key),
        (key::Found::Encrypted(pem), Some(ask)) => {
            let passphrase = ask().map_err(|cause| FileError::Unreadable {
                path: path.to_owned(),
                cause,
            })?;
            key::decrypt(pem, passphrase.as_bytes()).map_err(|what| FileError::content(path, what))
        }
        (key::Found::Encrypted(_), None) => {
            let name = path.display();
            Err(FileError::content(
                path,
                format!(
                    "the key is encrypted, and nobody is there to ask for its passphrase: decrypt \
                     it with `openssl pkey -in {name} -out {name}.new`"
                ),
            ))
        }
        (key::Found::EncryptedInOldWay, _) => {
            let name = path.display();
            Err(FileError::content(
                path,
                format!(
                    "the key is encrypted in an old way: convert it with `openssl pkcs8 -topk8 \
                     -in {name} -out {name}.new`"
                ),
            ))
        }
        (key::Found::Nothing(what), _) => Err(FileError::content(path, what)),
    }
}

/// Says why the TLS library does not take a key.
pub(super) fn why_unusable(key: &PrivateKeyDer<'_>) -> String {
    key::why_unusable(key)
}
