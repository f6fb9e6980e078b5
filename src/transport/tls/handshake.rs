//! The signature by which a peer proves that it has the key of its certificate.
//!
//! Only the key of the certificate counts here: whether the certificate is trusted is another
//! question, and its version is none. So a certificate of version 1 works, and with
//! `--insecure` every other one.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved};
use webpki::{Error as Fault, RawPublicKeyEntity, anchor_from_trusted_cert, spki_for_anchor};

use super::certificate::{LEAST_RSA_BITS, rsa_bits};
use super::fault::CertificateFault;

/// Verifies the signature of a handshake of TLS 1.3.
pub(crate) fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let key = public_key(certificate)?;
    verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
}

/// Verifies the signature of a handshake of TLS 1.2, in which one scheme stands for several
/// algorithms.
pub(crate) fn verify_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let key = public_key(certificate)?;
    let key = RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateFault::Unreadable)?;
    let of_scheme = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signature.scheme);
    let Some((_, candidates)) = of_scheme else {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    };
    for &algorithm in *candidates {
        match key.verify_signature(algorithm, message, signature.signature()) {
            Ok(()) => return Ok(HandshakeSignatureValid::assertion()),
            Err(Fault::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => return Err(CertificateError::BadSignature.into()),
        }
    }
    Err(CertificateFault::UnsupportedSignature.into())
}

fn public_key(
    certificate: &CertificateDer<'_>,
) -> Result<SubjectPublicKeyInfoDer<'static>, CertificateFault> {
    let anchor = anchor_from_trusted_cert(certificate).map_err(|_| CertificateFault::Unreadable)?;
    let key = spki_for_anchor(&anchor);
    match rsa_bits(&key) {
        // The library would say that the signature is wrong.
        Some(bits @ 0..LEAST_RSA_BITS) => Err(CertificateFault::WeakKey(bits)),
        _ => Ok(key),
    }
}
