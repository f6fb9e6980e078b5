use std::cmp::Reverse;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::error::TlsError;
use crate::broker::config::TlsOptions;
use crate::transport::tls::authorities::{Authorities, Origin};
use crate::transport::tls::chain::ChainCheck;
use crate::transport::tls::files::{self, FileError};
use crate::transport::tls::handshake::{verify_tls12, verify_tls13};
use crate::transport::tls::revocation::RevocationList;
use crate::transport::tls::trust::Purpose;

/// Makes what checks the certificates of clients; `None` where they are not asked for one.
pub(super) fn verifier(
    options: &TlsOptions,
    trusted: Vec<CertificateDer<'static>>,
    revoked: Vec<RevocationList>,
    provider: &CryptoProvider,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if !options.require_certificate {
        return Ok(None);
    }
    let mut authorities = Authorities::default();
    for certificate in trusted {
        // One that cannot be read vouches for nobody.
        let _ = authorities.add(certificate, Origin::User);
    }
    if authorities.is_empty() {
        return Err(TlsError::NoAuthorities);
    }
    Ok(Some(Arc::new(Verifier {
        names: authorities.names(),
        chain: ChainCheck {
            authorities,
            algorithms: provider.signature_verification_algorithms,
            purpose: Purpose::Clients,
            revoked,
            checks_time: !options.disable_client_cert_date_checks,
        },
    })))
}

/// Reads the lists of revoked certificates, the newest first.
pub(super) fn revocation_lists(options: &TlsOptions) -> Result<Vec<RevocationList>, TlsError> {
    let Some(file) = &options.crlfile else {
        return Ok(Vec::new());
    };
    let wrong = |cause: String| TlsError::RevocationList {
        file: file.clone(),
        cause,
    };
    let lists = files::revocation_lists(file).map_err(|error| wrong(error.why()))?;
    let unreadable =
        || wrong("a list in it is damaged, or of a kind that is not supported here".to_owned());
    let read = |list| RevocationList::parse(list).ok_or_else(unreadable);
    let mut lists = lists.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    // Of two lists of one authority the newer counts.
    lists.sort_by_key(|list| Reverse(list.next_update()));
    Ok(lists)
}

/// Reads the certificates of the authorities that are trusted for clients.
pub(super) fn authorities(options: &TlsOptions) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |option, error: FileError| TlsError::Authorities {
        option,
        cause: error.why(),
        path: error.into_path(),
    };
    let mut trusted = Vec::new();
    if let Some(file) = &options.cafile {
        let of_file = files::trusted_certificates(file, Purpose::Clients);
        trusted.extend(of_file.map_err(|error| wrong("cafile", error))?);
    }
    if let Some(directory) = &options.capath {
        let of_directory = files::trusted_in_directory(directory, Purpose::Clients);
        trusted.extend(of_directory.map_err(|error| wrong("capath", error))?);
    }
    Ok(trusted)
}

/// Checks the certificate of every client.
#[derive(Debug)]
struct Verifier {
    chain: ChainCheck,
    names: Vec<DistinguishedName>,
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.names
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.chain.verify(certificate, intermediates, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12(message, certificate, signature, &self.chain.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13(message, certificate, signature, &self.chain.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.algorithms.supported_schemes()
    }
}
