use std::path::PathBuf;

use thiserror::Error;

use crate::transport::tls::ciphers::openssl_names;

/// A reason why a listener cannot speak TLS. [`Display`](std::fmt::Display) is Mosquitto's text.
#[derive(Debug, Error)]
pub(in crate::broker) enum TlsError {
    #[error("Error: Unable to load server certificate \"{}\". Check certfile.", file.display())]
    Certificate { file: PathBuf, cause: String },
    #[error("Error: Unable to load server key file \"{}\". Check keyfile.", file.display())]
    Key { file: PathBuf, cause: String },
    #[error("Error: Server certificate/key are inconsistent.")]
    Inconsistent { cause: String },
    #[error("Error: Unable to load CA certificates. Check {option} \"{}\".", path.display())]
    Authorities {
        option: &'static str,
        path: PathBuf,
        cause: String,
    },
    #[error("Error: Unable to load certificate revocation file \"{}\". Check crlfile.", file.display())]
    RevocationList { file: PathBuf, cause: String },
    #[error(
        "Error: require_certificate needs the authorities that clients' certificates come from."
    )]
    NoAuthorities,
    #[error("Error: Unsupported tls_version \"{0}\".")]
    Version(String),
    #[error("Error: Unable to set TLS ciphers. Check cipher list \"{0}\".")]
    Ciphers(String),
    #[error("Error: Unable to set TLS 1.3 ciphersuites. Check cipher_tls13 list \"{0}\".")]
    CiphersTls13(String),
    #[error("Error: Unable to set up TLS: {0}.")]
    Other(String),
}

impl TlsError {
    /// The option that it is about.
    pub(in crate::broker) fn option(&self) -> &'static str {
        match self {
            Self::Certificate { .. } | Self::Other(_) => "certfile",
            Self::Key { .. } | Self::Inconsistent { .. } => "keyfile",
            Self::Authorities { option, .. } => option,
            Self::RevocationList { .. } => "crlfile",
            Self::NoAuthorities => "require_certificate",
            Self::Version(_) => "tls_version",
            Self::Ciphers(_) => "ciphers",
            Self::CiphersTls13(_) => "ciphers_tls1.3",
        }
    }

    /// Returns the cause or the remedy.
    pub(in crate::broker) fn hint(&self) -> String {
        match self {
            Self::Certificate { cause, .. }
            | Self::Key { cause, .. }
            | Self::Inconsistent { cause }
            | Self::Authorities { cause, .. }
            | Self::RevocationList { cause, .. }
            | Self::Other(cause) => format!("TLS error: {cause}."),
            Self::NoAuthorities => "Name them by cafile or capath.".to_owned(),
            Self::Version(_) => "The versions are tlsv1.2 and tlsv1.3.".to_owned(),
            Self::Ciphers(_) | Self::CiphersTls13(_) => {
                let names: Vec<_> = openssl_names().collect();
                format!("The cipher suites are {}.", names.join(", "))
            }
        }
    }
}
