use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use super::{TlsError, certificates};
use crate::broker::config::TlsOptions;

/// What checks the certificates of clients; `None` where they are not asked for one.
pub(super) fn verifier(
    options: &TlsOptions,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if !options.require_certificate {
        return Ok(None);
    }
    let authorities = authorities(options)?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(authorities.into(), provider);
    if let Some(file) = &options.crlfile {
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
        builder = builder
            .with_crls(lists)
            .only_check_end_entity_revocation()
            .enforce_revocation_expiration();
    }
    let verifier = builder
        .build()
        .map_err(|error| TlsError::Other(error.to_string()))?;
    Ok(Some(match options.disable_client_cert_date_checks {
        true => Arc::new(AtAnyTime(verifier)),
        false => verifier,
    }))
}

fn authorities(options: &TlsOptions) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    if let Some(file) = &options.cafile {
        let wrong = |cause| TlsError::Authorities {
            option: "cafile",
            path: file.clone(),
            cause,
        };
        for certificate in certificates(file).map_err(wrong)? {
            let added = store.add(certificate);
            added.map_err(|error| wrong(error.to_string()))?;
        }
    }
    if let Some(folder) = &options.capath {
        let found = certificates_of_folder(folder).map_err(|error| TlsError::Authorities {
            option: "capath",
            path: folder.clone(),
            cause: error.to_string(),
        })?;
        store.add_parsable_certificates(found);
    }
    match store.is_empty() {
        true => Err(TlsError::NoAuthorities),
        false => Ok(store),
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

/// Takes certificates also before and after their time.
#[derive(Debug)]
struct AtAnyTime(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for AtAnyTime {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    /// Asks as of a time at which the certificate was good.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verify = |time| self.0.verify_client_cert(end_entity, intermediates, time);
        let good_at = match verify(now) {
            Err(Error::InvalidCertificate(CertificateError::ExpiredContext {
                not_after, ..
            })) => not_after,
            Err(Error::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before,
                ..
            })) => not_before,
            result => return result,
        };
        verify(good_at)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
