//! The client's side of TLS, by rustls: what is trusted, who we are, and why a handshake
//! failed.

mod verifier;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, KeyLog, SupportedCipherSuite, SupportedProtocolVersion};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::verifier::Verifier;
use super::keylog::KeyLogFile;
use super::tls::authorities::{Authorities, Origin};
use super::tls::ciphers::select;
use super::tls::files::{self, FileError};
use super::tls::identity::{IdentityError, certified_key, complete};
use super::tls::trust::Purpose;

pub use self::verifier::{Notice, Verification};
pub use super::tls::files::AskPassphrase;

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
    /// A list of the cipher suites of TLS 1.3 where older versions are spoken, too.
    pub ciphers_tls1_3: Option<String>,
    /// The application protocol to ask for.
    pub alpn: Option<Vec<u8>>,
    /// Where session keys are logged, for programs that decrypt a recording.
    pub key_log: Option<PathBuf>,
    /// The one to tell what could be better about the broker's certificate.
    pub notice: Option<Notice>,
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
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Of the ciphers none is there.
    #[error(
        "none of the ciphers '{0}' is among those of rustls, such as ECDHE-RSA-AES256-GCM-SHA384"
    )]
    Ciphers(String),
    /// The certificate and the key do not go together, and the like.
    #[error("{0}")]
    Tls(String),
}

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
        let of_user = of_user(options)?;
        let authorities = authorities(&of_user, options);
        let verifier = Verifier::new(authorities, &provider, verification, notice);
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
            Some((certificate, key)) => builder.with_client_cert_resolver(identity(
                certificate,
                key,
                &of_user,
                ask,
                &provider,
            )?),
        };
        config.alpn_protocols.extend(options.alpn.clone());
        if let Some(path) = &options.key_log {
            let log = KeyLogFile::open(path).map_err(|cause| FileError::Unreadable {
                path: path.clone(),
                cause,
            })?;
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
    let lists = [
        (&options.ciphers, options.versions),
        (&options.ciphers_tls1_3, Versions::Only13),
    ];
    for (list, versions) in lists {
        if let Some(list) = list {
            provider.cipher_suites = cipher_suites(list, versions, &provider.cipher_suites)
                .ok_or_else(|| OptionsError::Ciphers(list.clone()))?;
        }
    }
    Ok(provider)
}

/// Returns the suites that a list leaves, if any.
///
/// A list is about TLS 1.2, and all suites of 1.3 stay; it is about 1.3 if nothing else is
/// spoken.
fn cipher_suites(
    list: &str,
    versions: Versions,
    suites: &[SupportedCipherSuite],
) -> Option<Vec<SupportedCipherSuite>> {
    let is_listed = |suite: &SupportedCipherSuite| match versions {
        Versions::From12 => suite.tls13().is_none(),
        Versions::Only13 => suite.tls13().is_some(),
    };
    let (listed, others): (Vec<_>, Vec<_>) = suites.iter().copied().partition(is_listed);
    let mut left = select(list, &listed)?;
    left.extend(others);
    Some(left)
}

/// Our own certificate with its key, its chain completed from those that the user trusts.
fn identity(
    certificate: &Path,
    key: &Path,
    of_user: &[CertificateDer<'static>],
    ask: AskPassphrase<'_>,
    provider: &CryptoProvider,
) -> Result<Arc<SingleCertAndKey>, FileError> {
    let mut chain = files::certificates(certificate)?;
    complete(
        &mut chain,
        of_user,
        &provider.signature_verification_algorithms,
    );
    let private_key = files::private_key(key, Some(ask))?;
    certified_key(chain, private_key, provider).map_err(|error| match error {
        IdentityError::Certificate => FileError::content(certificate, error.to_string()),
        IdentityError::Key(_) => FileError::content(key, error.to_string()),
        IdentityError::Mismatch => {
            let name = certificate.display();
            FileError::content(
                key,
                format!("it does not belong to the certificate in {name}"),
            )
        }
    })
}

/// The certificates that the user trusts.
fn of_user(options: &Options) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let mut trusted = Vec::new();
    if let Some(file) = &options.ca_file {
        trusted.extend(files::trusted_certificates(file, Purpose::Servers)?);
    }
    if let Some(directory) = &options.ca_path {
        trusted.extend(files::trusted_in_directory(directory, Purpose::Servers)?);
    }
    Ok(trusted)
}

/// Whom the user and the operating system trust; certificates that cannot be read are left out.
fn authorities(of_user: &[CertificateDer<'static>], options: &Options) -> Authorities {
    let mut authorities = Authorities::default();
    for certificate in of_user {
        let _ = authorities.add(certificate.clone(), Origin::User);
    }
    if options.os_certificates {
        for certificate in rustls_native_certs::load_native_certs().certs {
            let _ = authorities.add(certificate, Origin::System);
        }
    }
    authorities
}

fn tls_error(error: rustls::Error) -> OptionsError {
    OptionsError::Tls(error.to_string())
}
