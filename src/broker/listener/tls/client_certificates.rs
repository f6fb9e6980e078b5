use std::cmp::Reverse;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::{TlsError, certificates};
use crate::broker::config::TlsOptions;
use crate::transport::tls::authorities::{Authorities, Origin};
use crate::transport::tls::chain::{ChainCheck, Peer};
use crate::transport::tls::handshake::{verify_tls12, verify_tls13};
use crate::transport::tls::revocation::RevocationList;

/// Makes what checks the certificates of clients; `None` where they are not asked for one.
pub(super) fn verifier(
    options: &TlsOptions,
    provider: &CryptoProvider,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if !options.require_certificate {
        return Ok(None);
    }
    let authorities = authorities(options)?;
    Ok(Some(Arc::new(Verifier {
        names: authorities.names(),
        chain: ChainCheck {
            authorities,
            algorithms: provider.signature_verification_algorithms,
            peer: Peer::Client,
            revoked: revocation_lists(options)?,
            checks_time: !options.disable_client_cert_date_checks,
        },
    })))
}

fn revocation_lists(options: &TlsOptions) -> Result<Vec<RevocationList>, TlsError> {
    let Some(file) = &options.crlfile else {
        return Ok(Vec::new());
    };
    let wrong = |cause: String| TlsError::RevocationList {
        file: file.clone(),
        cause,
    };
    let lists = CertificateRevocationListDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(error.to_string()))?;
    if lists.is_empty() {
        return Err(wrong("no revocation list in it".to_owned()));
    }
    let unreadable =
        || wrong("a list in it cannot be read, or is of a kind that is unknown here".to_owned());
    let read = |list| RevocationList::parse(list).ok_or_else(unreadable);
    let mut lists = lists.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    // Of two lists of one authority the newer counts.
    lists.sort_by_key(|list| Reverse(list.next_update()));
    Ok(lists)
}

fn authorities(options: &TlsOptions) -> Result<Authorities, TlsError> {
    let mut authorities = Authorities::default();
    if let Some(file) = &options.cafile {
        let wrong = |cause| TlsError::Authorities {
            option: "cafile",
            path: file.clone(),
            cause,
        };
        for certificate in certificates(file).map_err(wrong)? {
            let added = authorities.add(certificate, Origin::User);
            added.map_err(|fault| wrong(format!("a certificate in it {fault}")))?;
        }
    }
    if let Some(folder) = &options.capath {
        let found = certificates_of_folder(folder).map_err(|error| TlsError::Authorities {
            option: "capath",
            path: folder.clone(),
            cause: error.to_string(),
        })?;
        for certificate in found {
            // Other certificates may lie there, too.
            let _ = authorities.add(certificate, Origin::User);
        }
    }
    match authorities.is_empty() {
        true => Err(TlsError::NoAuthorities),
        false => Ok(authorities),
    }
}

/// What there is of certificates in the files of a folder; other files are passed over.
fn certificates_of_folder(folder: &Path) -> std::io::Result<Vec<CertificateDer<'static>>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        found.extend(certificates(&entry?.path()).unwrap_or_default());
    }
    Ok(found)
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
