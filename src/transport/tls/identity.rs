//! Our own certificate with its key.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use webpki::{anchor_from_trusted_cert, spki_for_anchor};
use x509_cert::der::Decode;
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// Puts a certificate and those above it together with its key. The error is in words.
///
/// The TLS library does the same, but not for a certificate of version 1, which `openssl x509
/// -req` makes.
pub(crate) fn certified_key(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<Arc<SingleCertAndKey>, String> {
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| error.to_string())?;
    let of_certificate = chain.first().and_then(public_key);
    let of_certificate = of_certificate.ok_or("the certificate cannot be read")?;
    let is_another = key
        .public_key()
        .is_some_and(|of_key| bits(&of_key) != bits(&of_certificate));
    if is_another {
        return Err("the key is that of another certificate".to_owned());
    }
    Ok(Arc::new(SingleCertAndKey::from(CertifiedKey::new(
        chain, key,
    ))))
}

fn public_key(certificate: &CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'static>> {
    let anchor = anchor_from_trusted_cert(certificate).ok()?;
    Some(spki_for_anchor(&anchor))
}

/// Returns the key itself: the name of its algorithm may be written in several ways.
fn bits(key: &SubjectPublicKeyInfoDer<'_>) -> Option<Vec<u8>> {
    let key = SubjectPublicKeyInfoRef::from_der(key.as_ref()).ok()?;
    Some(key.subject_public_key.raw_bytes().to_vec())
}
