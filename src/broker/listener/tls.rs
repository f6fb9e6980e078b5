//! TLS of a listener, made from the files that its options name.

mod client_certificates;
mod error;
mod remarks;

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{self, ALL_CIPHER_SUITES};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::{KeyLog, ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(in crate::broker) use self::error::TlsError;
use crate::broker::config::{CertificateName, TlsOptions};
use crate::protocol::Text;
use crate::transport::socket::Socket;
use crate::transport::tls::cause::{End, cause};
use crate::transport::tls::certificate::parse;
use crate::transport::tls::ciphers::{openssl_name, select};
use crate::transport::tls::files;
use crate::transport::tls::identity::{IdentityError, certified_key, complete, gap};
use crate::transport::tls::revocation::RevocationList;
use crate::transport::tls::subject::{common_name, rfc_2253};

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
        cipher_suites: cipher_suites(options)?,
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

/// The outcome of a TLS handshake.
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
            cipher: openssl_name(session.negotiated_cipher_suite()?.suite()),
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

/// The cipher suites that the options leave.
fn cipher_suites(options: &TlsOptions) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    let is_13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
    let (tls13, tls12): (Vec<_>, Vec<_>) = ALL_CIPHER_SUITES.iter().copied().partition(is_13);
    let tls13 = match &options.ciphers_tls1_3 {
        Some(list) => select(list, &tls13).ok_or_else(|| TlsError::CiphersTls13(list.clone()))?,
        None => tls13,
    };
    let tls12 = match &options.ciphers {
        Some(list) => select(list, &tls12).ok_or_else(|| TlsError::Ciphers(list.clone()))?,
        None => tls12,
    };
    Ok(tls13.into_iter().chain(tls12).collect())
}
