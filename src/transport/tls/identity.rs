//! Our own certificate with its key.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use thiserror::Error;
use webpki::{anchor_from_trusted_cert, spki_for_anchor};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::certificate::parse;
use super::files::why_unusable;
use super::signed::is_signed_by;

/// The longest chain that is completed.
const LONGEST: usize = 10;

/// Puts a certificate and those above it together with its key.
///
/// The TLS library does the same, but not for a certificate of version 1, which `openssl x509
/// -req` makes.
pub(crate) fn certified_key(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<Arc<SingleCertAndKey>, IdentityError> {
    let unusable = why_unusable(&key);
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|_| IdentityError::Key(unusable))?;
    let of_certificate = chain.first().and_then(public_key);
    let of_certificate = of_certificate.ok_or(IdentityError::Certificate)?;
    let is_another = key
        .public_key()
        .is_some_and(|of_key| bits(&of_key) != bits(&of_certificate));
    if is_another {
        return Err(IdentityError::Mismatch);
    }
    let certified = CertifiedKey::new(chain, key);
    Ok(Arc::new(SingleCertAndKey::from(certified)))
}

/// An error of a certificate and a key that are to be used together.
#[derive(Debug, Error)]
pub(crate) enum IdentityError {
    /// The certificate is damaged.
    #[error("the certificate in it is damaged")]
    Certificate,
    /// The key cannot be used.
    #[error("{0}")]
    Key(String),
    /// They do not belong together.
    #[error("the key is that of another certificate")]
    Mismatch,
}

/// Completes a chain of one certificate with those of its authorities, as OpenSSL does, so that
/// the peer needs to know the last one only, which is left out. Where the owner has given more
/// than one certificate, the chain is as it should be.
pub(crate) fn complete(
    chain: &mut Vec<CertificateDer<'static>>,
    authorities: &[CertificateDer<'static>],
    algorithms: &WebPkiSupportedAlgorithms,
) {
    if chain.len() != 1 {
        return;
    }
    while chain.len() < LONGEST {
        let Some(issuer) = chain
            .last()
            .and_then(|last| issuer(last, authorities, algorithms))
        else {
            return;
        };
        if is_self_issued(issuer) || chain.contains(issuer) {
            return;
        }
        chain.push(issuer.clone());
    }
}

/// The gap in a chain, for its owner.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// The one certificate is signed by an authority whose certificate is not there.
    Issuer(String),
    /// Of two certificates, counted from 1, the second has not signed the first.
    Order(usize),
}

/// Finds the gap in a chain that was completed from these authorities.
pub(crate) fn gap(
    chain: &[CertificateDer<'static>],
    authorities: &[CertificateDer<'static>],
    algorithms: &WebPkiSupportedAlgorithms,
) -> Option<Gap> {
    let is_link =
        |pair: &[CertificateDer<'static>]| issuer(&pair[0], &pair[1..], algorithms).is_some();
    if let Some(at) = chain.windows(2).position(|pair| !is_link(pair)) {
        return Some(Gap::Order(at + 1));
    }
    let [only] = chain else { return None };
    let is_known = is_self_issued(only) || issuer(only, authorities, algorithms).is_some();
    let name = |certificate: Certificate| certificate.tbs_certificate().issuer().to_string();
    match is_known {
        true => None,
        false => parse(only).map(name).map(Gap::Issuer),
    }
}

/// The certificate among these whose key has signed another.
fn issuer<'a>(
    certificate: &CertificateDer<'_>,
    authorities: &'a [CertificateDer<'static>],
    algorithms: &WebPkiSupportedAlgorithms,
) -> Option<&'a CertificateDer<'static>> {
    let wanted = parse(certificate)?;
    let wanted = wanted.tbs_certificate().issuer();
    authorities.iter().find(|authority| {
        let parsed = parse(authority);
        let has_name = parsed.is_some_and(|parsed| parsed.tbs_certificate().subject() == wanted);
        has_name
            && public_key(authority).is_some_and(|key| is_signed_by(certificate, &key, algorithms))
    })
}

fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    parse(certificate).is_none_or(|certificate| {
        let certificate = certificate.tbs_certificate();
        certificate.issuer() == certificate.subject()
    })
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
