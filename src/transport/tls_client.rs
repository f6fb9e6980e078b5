//! The client's side of TLS, by rustls: what is trusted, who we are, and why a handshake
//! failed.

mod ciphers;
mod key;
mod verifier;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, KeyLog, SupportedProtocolVersion};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::verifier::Verifier;
use super::keylog::KeyLogFile;
use super::tls::authorities::{Authorities, Origin};
use super::tls::identity::certified_key;

/// What a user asks of TLS.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A PEM file of trusted certificates.
    pub ca_file: Option<PathBuf>,
    /// A folder of such files.
    pub ca_path: Option<PathBuf>,
    /// Whether what the operating system trusts is trusted too.
    pub os_certificates: bool,
    /// Our certificate chain and its key, as PEM files.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// What is checked of the broker's certificate.
    pub verification: Verification,
    /// Which versions are spoken.
    pub versions: Versions,
    /// An OpenSSL cipher list, or for TLS 1.3 only a list of its cipher suites.
    pub ciphers: Option<String>,
    /// The application protocol to ask for.
    pub alpn: Option<Vec<u8>>,
    /// Where session keys are logged, for programs that decrypt a recording.
    pub key_log: Option<PathBuf>,
    /// Who is told what could be better about the broker's certificate.
    pub notice: Option<Notice>,
}

/// Somebody to be told something.
#[derive(Clone)]
pub struct Notice(Arc<dyn Fn(&str) + Send + Sync>);

impl Notice {
    /// Somebody who is told by a call.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    fn tell(&self, text: &str) {
        (self.0)(text);
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notice")
    }
}

/// What is checked of the broker's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// Who signed it, until when it is valid, and for which name.
    #[default]
    Full,
    /// All but the name, for brokers that have none: those at Unix sockets.
    WithoutName,
    /// Nothing.
    Nothing,
}

/// Which versions of TLS are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// 1.2 and newer.
    #[default]
    From12,
    /// 1.3 only.
    Only13,
}

/// Why the options cannot be followed.
#[derive(Debug, Error)]
pub enum OptionsError {
    /// A file or folder cannot be read.
    #[error("{}: {cause}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {what}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, and what helps.
        what: String,
    },
    /// Of the ciphers none is there.
    #[error(
        "none of the ciphers '{0}' is among those of rustls, such as ECDHE-RSA-AES256-GCM-SHA384"
    )]
    Ciphers(String),
    /// The certificate and the key do not go together, and the like.
    #[error("{0}")]
    Tls(String),
}

/// Asks for the passphrase of an encrypted key.
pub type AskPassphrase<'a> = &'a dyn Fn() -> io::Result<String>;

/// Makes TLS connections.
#[derive(Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
}

impl Connector {
    /// Reads all files that the options name.
    pub fn new(options: &Options, ask: AskPassphrase<'_>) -> Result<Self, OptionsError> {
        let provider = Arc::new(provider(options)?);
        let (verification, notice) = (options.verification, options.notice.clone());
        let verifier = Verifier::new(authorities(options)?, &provider, verification, notice);
        let versions: &[&SupportedProtocolVersion] = match options.versions {
            Versions::From12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            Versions::Only13 => &[&rustls::version::TLS13],
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(tls_error)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &options.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let certified = certified_key(chain, key::load(key, ask)?, &provider);
                let certified = certified.map_err(|what| OptionsError::Content {
                    path: key.clone(),
                    what: format!("it does not go with {}: {what}", certificate.display()),
                })?;
                builder.with_client_cert_resolver(certified)
            }
        };
        config.alpn_protocols.extend(options.alpn.clone());
        if let Some(path) = &options.key_log {
            let log = KeyLogFile::open(path).map_err(|cause| unreadable(path, cause))?;
            config.key_log = Arc::new(log) as Arc<dyn KeyLog>;
        }
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// Does the handshake with a broker of this name or address.
    pub async fn connect<S>(&self, stream: S, host: &str) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                rustls::Error::General(format!("'{host}' is no name that a certificate can have")),
            )
        })?;
        TlsConnector::from(Arc::clone(&self.config))
            .connect(name, stream)
            .await
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

fn provider(options: &Options) -> Result<CryptoProvider, OptionsError> {
    let mut provider = ring::default_provider();
    if let Some(list) = &options.ciphers {
        provider.cipher_suites = ciphers::choose(list, options.versions, &provider.cipher_suites)
            .ok_or_else(|| OptionsError::Ciphers(list.clone()))?;
    }
    Ok(provider)
}

/// Whom the user and the operating system trust; certificates that cannot be read are left out.
fn authorities(options: &Options) -> Result<Authorities, OptionsError> {
    let mut of_user = Vec::new();
    if let Some(file) = &options.ca_file {
        of_user.extend(certificates(file)?);
    }
    if let Some(folder) = &options.ca_path {
        let unreadable = |cause| unreadable(folder, cause);
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            // Other files may lie there too.
            of_user.extend(certificates(&path).unwrap_or_default());
        }
    }
    let mut authorities = Authorities::default();
    for certificate in of_user {
        let _ = authorities.add(certificate, Origin::User);
    }
    if options.os_certificates {
        for certificate in rustls_native_certs::load_native_certs().certs {
            let _ = authorities.add(certificate, Origin::System);
        }
    }
    Ok(authorities)
}

/// The certificates of a PEM file, of which there must be one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, OptionsError> {
    let content = std::fs::read(path).map_err(|cause| unreadable(path, cause))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(OptionsError::Content {
            path: path.to_owned(),
            what: "there is no certificate in this file".to_owned(),
        }),
        Err(error) => Err(OptionsError::Content {
            path: path.to_owned(),
            what: error.to_string(),
        }),
    }
}

fn unreadable(path: &Path, cause: io::Error) -> OptionsError {
    OptionsError::Unreadable {
        path: path.to_owned(),
        cause,
    }
}

fn tls_error(error: rustls::Error) -> OptionsError {
    OptionsError::Tls(error.to_string())
}
