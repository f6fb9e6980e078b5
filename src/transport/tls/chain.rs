//! The check of a peer's certificate, up to an authority that is trusted.

use std::cell::RefCell;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptions, RevocationOptionsBuilder, VerifiedPath,
};
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::authorities::Authorities;
use super::certificate::{parse, validity};
use super::fault::CertificateFault;
use super::subject::common_name;

/// Whose certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A broker's.
    Server,
    /// A client's.
    Client,
}

impl Peer {
    fn key_usage(self) -> KeyUsage {
        match self {
            Self::Server => KeyUsage::server_auth(),
            Self::Client => KeyUsage::client_auth(),
        }
    }

    /// What a certificate with extended key usages must name among them.
    fn purpose(self) -> ObjectIdentifier {
        match self {
            Self::Server => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
            Self::Client => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
        }
    }
}

/// What is asked of a peer's certificate.
#[derive(Debug)]
pub(crate) struct ChainCheck {
    /// Who may have signed it.
    pub(crate) authorities: Authorities,
    /// The signatures that can be checked.
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    /// Whose it is.
    pub(crate) peer: Peer,
    /// Lists of revoked certificates; where there are any, one must be its authority's.
    pub(crate) revoked: Vec<CertRevocationList<'static>>,
    /// Whether certificates and lists count in their time only.
    pub(crate) checks_time: bool,
}

impl ChainCheck {
    /// Checks a certificate, with the others that the peer has sent. Whether it is good for a
    /// server's name is another question.
    pub(crate) fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), CertificateFault> {
        match self.verify_signed(certificate, intermediates, now) {
            Err(CertificateFault::Authority) => self.verify_trusted_itself(certificate, now),
            result => result,
        }
    }

    fn verify_signed(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), CertificateFault> {
        let all = || std::iter::once(certificate).chain(intermediates);
        let end_entity =
            EndEntityCert::try_from(certificate).map_err(|error| fault(error, all()))?;
        let time = match self.checks_time {
            true => now,
            false => latest_start(all()).unwrap_or(now),
        };
        let lists: Vec<_> = self.revoked.iter().collect();
        let of_authority = RefCell::new(None);
        let verify_authority = |path: &VerifiedPath<'_>| {
            self.check_authority(path, now).map_err(|fault| {
                of_authority.replace(Some(fault));
                // Of all errors the one that the library reports first.
                let not_after = now;
                Error::CertExpired { time, not_after }
            })
        };
        let verified = end_entity.verify_for_usage(
            self.algorithms.all,
            self.authorities.anchors(),
            intermediates,
            time,
            self.peer.key_usage(),
            self.revocation(&lists),
            Some(&verify_authority),
        );
        match (verified, of_authority.into_inner()) {
            (Ok(_), _) => Ok(()),
            (Err(Error::CertExpired { .. }), Some(fault)) => Err(fault),
            (Err(error), _) => Err(fault(error, all())),
        }
    }

    /// Checks the time of the authority at the end of a chain.
    fn check_authority(
        &self,
        path: &VerifiedPath<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateFault> {
        if !self.checks_time {
            return Ok(());
        }
        let mut result = Ok(());
        for authority in self.authorities.of_anchor(path.anchor()) {
            result = authority.check_time(now);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Checks an authority's own certificate as that of a peer, as `openssl req -x509` makes
    /// them. It is good where it is trusted itself.
    fn verify_trusted_itself(
        &self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateFault> {
        let authority = self.authorities.with_certificate(certificate);
        let authority = authority.ok_or(CertificateFault::Authority)?;
        if self.checks_time {
            authority.check_time(now)?;
        }
        let parsed = parse(certificate).ok_or(CertificateFault::Unreadable)?;
        let usages = parsed.tbs_certificate().get_extension::<ExtendedKeyUsage>();
        match usages.map_err(|_| CertificateFault::Unreadable)? {
            Some((_, usages)) if !usages.0.contains(&self.peer.purpose()) => {
                Err(CertificateFault::WrongPurpose)
            }
            _ => Ok(()),
        }
    }

    /// How the library checks whether a certificate was revoked: as Mosquitto, it is asked of
    /// the peer's own, not of its authorities'.
    fn revocation<'a>(
        &self,
        lists: &'a [&'a CertRevocationList<'a>],
    ) -> Option<RevocationOptions<'a>> {
        let expiration = match self.checks_time {
            true => ExpirationPolicy::Enforce,
            false => ExpirationPolicy::Ignore,
        };
        let options = RevocationOptionsBuilder::new(lists).ok()?;
        Some(
            options
                .with_depth(RevocationCheckDepth::EndEntity)
                .with_expiration_policy(expiration)
                .build(),
        )
    }
}

/// The first moment at which all certificates have begun: if there is any at which all are
/// valid, this is one.
fn latest_start<'a>(
    certificates: impl Iterator<Item = &'a CertificateDer<'a>>,
) -> Option<UnixTime> {
    let starts = certificates.filter_map(|certificate| parse(certificate));
    starts
        .map(|certificate| validity(&certificate).not_before)
        .max_by_key(UnixTime::as_secs)
}

/// What an error of the library means, the peer's certificate first.
fn fault<'a>(
    error: Error,
    certificates: impl Iterator<Item = &'a CertificateDer<'a>>,
) -> CertificateFault {
    match error {
        Error::CertExpired { not_after, .. } => {
            let is_over = |certificate: &Certificate| validity(certificate).not_after == not_after;
            match whose(certificates, is_over) {
                Whose::Peer => CertificateFault::Expired(not_after),
                Whose::Authority(name) => CertificateFault::AuthorityExpired { name, not_after },
            }
        }
        Error::CertNotValidYet { not_before, .. } => {
            let is_early =
                |certificate: &Certificate| validity(certificate).not_before == not_before;
            match whose(certificates, is_early) {
                Whose::Peer => CertificateFault::NotYetValid(not_before),
                Whose::Authority(name) => {
                    CertificateFault::AuthorityNotYetValid { name, not_before }
                }
            }
        }
        Error::CertRevoked => CertificateFault::Revoked,
        Error::UnknownRevocationStatus => CertificateFault::NoRevocationList,
        Error::CrlExpired { next_update, .. } => {
            CertificateFault::RevocationListExpired(next_update)
        }
        Error::InvalidCrlSignatureForPublicKey | Error::IssuerNotCrlSigner => {
            CertificateFault::RevocationListForged
        }
        Error::CaUsedAsEndEntity => CertificateFault::Authority,
        Error::EndEntityUsedAsCa | Error::PathLenConstraintViolated => {
            CertificateFault::IssuerIsNoAuthority
        }
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            CertificateFault::WrongPurpose
        }
        Error::NameConstraintViolation => CertificateFault::NameConstraints,
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => {
            CertificateFault::UnsupportedSignature
        }
        Error::UnsupportedCriticalExtension => CertificateFault::UnknownExtension,
        Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => CertificateFault::TooComplex,
        // The signature is wrong where another authority has the same name.
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => {
            CertificateFault::UnknownIssuer
        }
        _ => CertificateFault::Unreadable,
    }
}

enum Whose {
    Peer,
    /// With its name.
    Authority(Option<String>),
}

/// Finds the certificate that has something, among the peer's own and the others it sent.
fn whose<'a>(
    mut certificates: impl Iterator<Item = &'a CertificateDer<'a>>,
    has_it: impl Fn(&Certificate) -> bool,
) -> Whose {
    let own = certificates.next().and_then(|own| parse(own));
    if own.is_none_or(|own| has_it(&own)) {
        return Whose::Peer;
    }
    let others = certificates.filter_map(|other| parse(other));
    let found = others.into_iter().find(|other| has_it(other));
    Whose::Authority(found.and_then(|found| common_name(found.tbs_certificate().subject())))
}

#[cfg(test)]
mod tests;
