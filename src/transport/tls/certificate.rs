//! What a certificate says of itself.

use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::SubjectPublicKeyInfoRef;
use x509_cert::time::Time;

use super::fault::CertificateFault;

/// The shortest RSA key that signs anything for the TLS library, in bits.
pub(super) const LEAST_RSA_BITS: usize = 2048;

/// The time in which a certificate is valid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

impl Validity {
    /// Checks that it has begun and is not over.
    pub(crate) fn check(&self, now: UnixTime) -> Result<(), CertificateFault> {
        match (self.has_ended(now), self.has_begun(now)) {
            (true, _) => Err(CertificateFault::Expired(self.not_after)),
            (_, false) => Err(CertificateFault::NotYetValid(self.not_before)),
            (false, true) => Ok(()),
        }
    }

    /// Returns whether it is over.
    pub(crate) fn has_ended(&self, now: UnixTime) -> bool {
        now.as_secs() > self.not_after.as_secs()
    }

    /// Returns whether it has begun.
    pub(crate) fn has_begun(&self, now: UnixTime) -> bool {
        now.as_secs() >= self.not_before.as_secs()
    }
}

/// Parses a certificate; `None` where it is none.
pub(crate) fn parse(certificate: &CertificateDer<'_>) -> Option<Certificate> {
    Certificate::from_der(certificate).ok()
}

/// Returns the time in which a certificate is valid.
pub(crate) fn validity(certificate: &Certificate) -> Validity {
    let validity = certificate.tbs_certificate().validity();
    Validity {
        not_before: unix_time(validity.not_before),
        not_after: unix_time(validity.not_after),
    }
}

/// Converts a time in a certificate or a list.
pub(crate) fn unix_time(time: Time) -> UnixTime {
    UnixTime::since_unix_epoch(time.to_unix_duration())
}

/// Returns the encoded name of who has signed a certificate, as a trust anchor holds it.
pub(crate) fn issuer(certificate: &Certificate) -> Option<Vec<u8>> {
    let name = certificate.tbs_certificate().issuer().to_der().ok()?;
    let name = AnyRef::from_der(&name).ok()?;
    Some(name.value().to_vec())
}

/// Returns whether a certificate has an extension.
pub(crate) fn has_extension(certificate: &Certificate, oid: ObjectIdentifier) -> bool {
    let extensions = certificate.tbs_certificate().extensions();
    let mut extensions = extensions.into_iter().flatten();
    extensions.any(|extension| extension.extn_id == oid)
}

/// Returns the length of an RSA key in bits.
pub(super) fn rsa_bits(key: &SubjectPublicKeyInfoDer<'_>) -> Option<usize> {
    const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    let key = SubjectPublicKeyInfoRef::from_der(key.as_ref()).ok()?;
    let parts = key.subject_public_key.as_bytes()?;
    let parts = Vec::<UintRef<'_>>::from_der(parts).ok()?;
    let modulus = parts.first().filter(|_| key.algorithm.oid == RSA)?;
    let zeros = modulus.as_bytes().first()?.leading_zeros();
    Some(modulus.as_bytes().len() * 8 - zeros as usize)
}
