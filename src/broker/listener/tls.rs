//! What a listener needs to speak TLS, made from the files that its options name.

mod ciphers;
mod client_certificates;
mod remarks;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::{KeyLog, ProtocolVersion, SupportedProtocolVersion};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::broker::config::{CertificateName, TlsOptions};
use crate::protocol::Text;
use crate::transport::socket::Socket;
use crate::transport::tls::cause::{End, cause};
use crate::transport::tls::certificate::parse;
use crate::transport::tls::files;
use crate::transport::tls::identity::{IdentityError, certified_key, complete, gap};
use crate::transport::tls::revocation::RevocationList;
use crate::transport::tls::subject::{common_name, rfc_2253};

/// Why a listener cannot speak TLS. [`Display`](std::fmt::Display) is Mosquitto's text.
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

    /// Why, or what to do.
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
            Self::Ciphers(_) | Self::CiphersTls13(_) => ciphers::hint(),
        }
    }
}

/// TLS as a listener speaks it.
pub(in crate::broker) struct ListenerTls {
    pub(in crate::broker) acceptor: TlsAcceptor,
    /// Things that do not work as the owner may think.
    pub(in crate::broker) warnings: Vec<String>,
    /// The gap that its chain of certificates may have: that depends on what the clients have.
    pub(in crate::broker) incomplete_chain: Option<String>,
}

impl From<TlsAcceptor> for ListenerTls {
    /// Takes what is in use, of which nothing more is told.
    fn from(acceptor: TlsAcceptor) -> Self {
        Self {
            acceptor,
            warnings: Vec::new(),
            incomplete_chain: None,
        }
    }
}

/// Makes what speaks TLS with these options, and writes its keys to the log, if there is one;
/// nothing where the options do not ask for it.
///
/// # Errors
///
/// Everything that is wrong with the options and the files that they name.
pub(in crate::broker) fn listener_tls(
    options: &TlsOptions,
    key_log: Option<&Arc<dyn KeyLog>>,
) -> Result<Option<ListenerTls>, Vec<TlsError>> {
    let (Some(certfile), Some(keyfile)) = (&options.certfile, &options.keyfile) else {
        return Ok(None);
    };
    let mut errors = Vec::new();
    let provider =
        Arc::new(noted(provider(options), &mut errors).unwrap_or_else(ring::default_provider));
    let versions = noted(versions(options.tls_version.as_deref()), &mut errors);
    let files = Files::read(options, certfile, keyfile, &mut errors);
    let algorithms = &provider.signature_verification_algorithms;
    let mut chain = files.chain;
    complete(&mut chain, &files.authorities, algorithms);
    let mut warnings = remarks::on_revocation(options, &files.revoked);
    warnings.extend(remarks::on_time(certfile, &chain));
    let gap = gap(&chain, &files.authorities, algorithms);
    let incomplete_chain = gap.map(|gap| remarks::on_gap(certfile, &gap));
    let verifier =
        client_certificates::verifier(options, files.authorities, files.revoked, &provider);
    let verifier = noted(verifier, &mut errors);
    let (Some(versions), Some(verifier), Some(key), true) =
        (versions, verifier, files.key, errors.is_empty())
    else {
        return Err(errors);
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| vec![TlsError::Other(error.to_string())])?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let certified = certified_key(chain, key, &provider);
    let certified = certified.map_err(|error| vec![identity_error(error, certfile, keyfile)])?;
    let mut config = builder.with_cert_resolver(certified);
    config.ignore_client_order = true;
    if options.require_certificate {
        // A resumed session would not be checked again, and its certificate may have expired.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    if let Some(key_log) = key_log {
        config.key_log = Arc::clone(key_log);
    }
    Ok(Some(ListenerTls {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        warnings,
        incomplete_chain,
    }))
}

/// The content of the files that the options name.
struct Files {
    chain: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
    authorities: Vec<CertificateDer<'static>>,
    revoked: Vec<RevocationList>,
}

impl Files {
    /// Reads all of them, so that every error is told at once.
    fn read(
        options: &TlsOptions,
        certfile: &Path,
        keyfile: &Path,
        errors: &mut Vec<TlsError>,
    ) -> Self {
        let chain = files::certificates(certfile).map_err(|error| TlsError::Certificate {
            file: certfile.to_owned(),
            cause: error.why(),
        });
        let key = files::private_key(keyfile, None).map_err(|error| TlsError::Key {
            file: keyfile.to_owned(),
            cause: error.why(),
        });
        let authorities = noted(client_certificates::authorities(options), errors);
        let revoked = noted(client_certificates::revocation_lists(options), errors);
        Self {
            chain: noted(chain, errors).unwrap_or_default(),
            key: noted(key, errors),
            authorities: authorities.unwrap_or_default(),
            revoked: revoked.unwrap_or_default(),
        }
    }
}

fn provider(options: &TlsOptions) -> Result<CryptoProvider, TlsError> {
    let default = ring::default_provider();
    Ok(CryptoProvider {
        cipher_suites: ciphers::chosen(options)?,
        ..default
    })
}

fn identity_error(error: IdentityError, certfile: &Path, keyfile: &Path) -> TlsError {
    let cause = error.to_string();
    match error {
        IdentityError::Certificate => TlsError::Certificate {
            file: certfile.to_owned(),
            cause,
        },
        IdentityError::Key(_) => TlsError::Key {
            file: keyfile.to_owned(),
            cause,
        },
        IdentityError::Mismatch => TlsError::Inconsistent { cause },
    }
}

/// The value, or nothing and one more error.
fn noted<T>(result: Result<T, TlsError>, errors: &mut Vec<TlsError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

fn versions(
    minimum: Option<&str>,
) -> Result<&'static [&'static SupportedProtocolVersion], TlsError> {
    static ONLY_TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
    match minimum {
        None | Some("tlsv1.2" | "tlsv1.1") => Ok(rustls::ALL_VERSIONS),
        Some("tlsv1.3") => Ok(ONLY_TLS13),
        Some(other) => Err(TlsError::Version(other.to_owned())),
    }
}

/// Returns the part of a certificate's subject that becomes a user name.
fn name_of(certificate: &CertificateDer<'_>, part: CertificateName) -> Option<String> {
    let certificate = parse(certificate)?;
    let subject = certificate.tbs_certificate().subject();
    match part {
        CertificateName::Identity => common_name(subject),
        CertificateName::Subject => rfc_2253(subject),
    }
}

/// Says why a handshake with a client failed.
pub(in crate::broker) fn handshake_failure(error: &io::Error) -> String {
    let of_tls = error.get_ref().and_then(|error| error.downcast_ref());
    match (of_tls, error.kind()) {
        (Some(error), _) => cause(error, End::Broker),
        (None, io::ErrorKind::UnexpectedEof) => "the client ended the connection".to_owned(),
        (None, _) => error.to_string(),
    }
}

/// What a TLS handshake has found out.
pub(in crate::broker) struct Negotiated {
    version: ProtocolVersion,
    cipher: &'static str,
}

impl Negotiated {
    /// The outcome of a handshake, and the user name that the client's certificate gives.
    pub(in crate::broker) fn new(
        stream: &TlsStream<Socket>,
        username_from: Option<CertificateName>,
    ) -> Option<(Self, Option<Text>)> {
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        let name = username_from
            .zip(certificate)
            .and_then(|(part, certificate)| name_of(certificate, part));
        let negotiated = Self {
            version: session.protocol_version()?,
            cipher: ciphers::openssl_name(session.negotiated_cipher_suite()?.suite()),
        };
        let username = name.and_then(|name| Text::try_from(name.as_str()).ok());
        Some((negotiated, username))
    }

    /// The version as OpenSSL writes it.
    pub(in crate::broker) fn version(&self) -> &'static str {
        match self.version {
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            _ => "TLSv1.2",
        }
    }

    /// The cipher suite by OpenSSL's name.
    pub(in crate::broker) fn cipher(&self) -> &'static str {
        self.cipher
    }
}
