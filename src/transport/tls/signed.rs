//! Certificates and lists as what their authority has signed.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use webpki::RawPublicKeyEntity;
use x509_cert::der::asn1::{AnyRef, BitStringRef};
use x509_cert::der::{Decode, Reader, SliceReader};

/// Something signed: a body, an algorithm and a signature over the body.
struct Signed<'a> {
    body: &'a [u8],
    algorithm: &'a [u8],
    signature: BitStringRef<'a>,
}

impl<'a> Signed<'a> {
    fn parse(der: &'a [u8]) -> Option<Self> {
        let mut reader = SliceReader::new(der).ok()?;
        let signed = reader.sequence(|reader| {
            Ok::<_, x509_cert::der::Error>(Self {
                body: reader.tlv_bytes()?,
                algorithm: AnyRef::decode(reader)?.value(),
                signature: BitStringRef::decode(reader)?,
            })
        });
        signed.ok().filter(|_| reader.is_finished())
    }
}

/// Returns whether `der`, a certificate or a list of revoked ones, is signed with this key.
pub(super) fn is_signed_by(
    der: &[u8],
    key: &SubjectPublicKeyInfoDer<'_>,
    algorithms: &WebPkiSupportedAlgorithms,
) -> bool {
    let (Some(signed), Ok(key)) = (Signed::parse(der), RawPublicKeyEntity::try_from(key)) else {
        return false;
    };
    let Some(signature) = signed.signature.as_bytes() else {
        return false;
    };
    let named = |algorithm: &[u8]| algorithm == signed.algorithm;
    let mut candidates = algorithms
        .all
        .iter()
        .filter(|candidate| named(candidate.signature_alg_id().as_ref()));
    candidates.any(|&candidate| key.verify_signature(candidate, signed.body, signature) == Ok(()))
}
