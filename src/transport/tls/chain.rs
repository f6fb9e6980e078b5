//! The check of a peer's certificate, up to an authority that is trusted.

use std::cell::RefCell;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptions, RevocationOptionsBuilder, VerifiedPath, spki_for_anchor,
};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::authorities::{Authorities, Origin};
use super::certificate::{LEAST_RSA_BITS, has_extension, issuer, parse, rsa_bits, validity};
use super::fault::CertificateFault;
use super::revocation::{self, RevocationList, Subject};
use super::signed::is_signed_by;
use super::subject::common_name;
use super::trust::Purpose;

const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");

/// The word of the authority at the end of a chain for the peer's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vouched {
    /// Its common name counts: the user has named the authority, and no certificate of the
    /// chain constrains names, which would not be checked against a common name.
    pub(crate) for_common_name: bool,
}

/// The questions that are asked of a peer's certificate.
#[derive(Debug)]
pub(crate) struct ChainCheck {
    /// The authorities that may have signed it.
    pub(crate) authorities: Authorities,
    /// The signatures that can be checked.
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    /// The purpose that it must be good for.
    pub(crate) purpose: Purpose,
    /// Lists of revoked certificates; where there are any, one must be its authority's.
    pub(crate) revoked: Vec<RevocationList>,
    /// Certificates and lists count in their time only.
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
    ) -> Result<Vouched, CertificateFault> {
        let result = match EndEntityCert::try_from(certificate) {
            Ok(end_entity) => self.verify_signed(&end_entity, certificate, intermediates, now),
            Err(Error::UnsupportedCertVersion) => self.verify_version_1(certificate, now),
            Err(error) => Err(fault(error, std::iter::once(certificate))),
        };
        match result {
            Err(CertificateFault::Authority) => self.verify_trusted_itself(certificate, now),
            result => result,
        }
    }

    fn verify_signed(
        &self,
        end_entity: &EndEntityCert<'_>,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Vouched, CertificateFault> {
        let all = || std::iter::once(certificate).chain(intermediates);
        let time = match self.checks_time {
            true => now,
            false => latest_start(all()).unwrap_or(now),
        };
        let lists: Vec<_> = self.lists_for_library(end_entity.issuer()).collect();
        let own_fault = RefCell::new(None);
        let verify_path = |path: &VerifiedPath<'_>| {
            let mut checked = self.check_authority(path.anchor(), now);
            if checked.is_ok() && lists.is_empty() {
                let subject = Subject {
                    serial: path.end_entity().serial(),
                    issuer: path.end_entity().issuer(),
                    key: path.issuer_spki(),
                };
                checked = self.check_not_revoked(&subject, now);
            }
            checked.map_err(|fault| {
                own_fault.replace(Some(fault));
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
            key_usage(self.purpose),
            self.revocation(&lists),
            Some(&verify_path),
        );
        match (verified, own_fault.into_inner()) {
            (Ok(path), _) => Ok(self.vouched(&path)),
            (Err(Error::CertExpired { .. }), Some(fault)) => Err(fault),
            (Err(Error::InvalidSignatureForPublicKey), _) => Err(self.unknown_or_weak(all())),
            (Err(error), _) => Err(fault(error, all())),
        }
    }

    /// Tells an authority whose key is too short from one that is not known, where a signature
    /// is not right.
    fn unknown_or_weak<'a>(
        &self,
        certificates: impl Iterator<Item = &'a CertificateDer<'a>>,
    ) -> CertificateFault {
        let issuers: Vec<_> = certificates
            .filter_map(|certificate| issuer(&parse(certificate)?))
            .collect();
        let weak = self.authorities.iter().find_map(|(anchor, authority)| {
            let bits = rsa_bits(&spki_for_anchor(anchor)).filter(|&bits| bits < LEAST_RSA_BITS)?;
            let is_issuer = issuers.iter().any(|issuer| *anchor.subject == **issuer);
            is_issuer.then(|| CertificateFault::WeakAuthority {
                name: authority.name.clone(),
                bits,
            })
        });
        weak.unwrap_or(CertificateFault::UnknownIssuer)
    }

    fn vouched(&self, path: &VerifiedPath<'_>) -> Vouched {
        let mut authorities = self.authorities.of_anchor(path.anchor());
        let is_of_user = authorities.any(|authority| authority.origin == Origin::User);
        let mut intermediates = path.intermediate_certificates();
        let constrains_names = path.anchor().name_constraints.is_some()
            || intermediates.any(|between| {
                parse(&between.der()).is_none_or(|it| has_extension(&it, NAME_CONSTRAINTS))
            });
        Vouched {
            for_common_name: is_of_user && !constrains_names,
        }
    }

    /// Checks the time of an authority, which may be there twice.
    fn check_authority(
        &self,
        anchor: &TrustAnchor<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateFault> {
        if !self.checks_time {
            return Ok(());
        }
        let mut result = Ok(());
        for authority in self.authorities.of_anchor(anchor) {
            result = authority.check_time(now);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Checks a certificate of version 1, which an authority that the user has named must have
    /// signed itself: a version 1 certificate has nothing that says what it is good for, so it
    /// is good for a peer and never for an authority.
    fn verify_version_1(
        &self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
    ) -> Result<Vouched, CertificateFault> {
        let parsed = parse(certificate).ok_or(CertificateFault::Unreadable)?;
        if parsed.tbs_certificate().version() != Version::V1 {
            return Err(CertificateFault::VersionTwo);
        }
        let has_one_algorithm =
            parsed.tbs_certificate().signature() == parsed.signature_algorithm();
        if !has_one_algorithm || parsed.tbs_certificate().extensions().is_some() {
            return Err(CertificateFault::Unreadable);
        }
        if self.checks_time {
            validity(&parsed).check(now)?;
        }
        let issuer = issuer(&parsed).ok_or(CertificateFault::Unreadable)?;
        let found = self.authorities.iter().find(|(anchor, authority)| {
            let key = spki_for_anchor(anchor);
            authority.origin == Origin::User
                && *anchor.subject == *issuer
                && is_signed_by(certificate, &key, &self.algorithms)
        });
        let (anchor, _) =
            found.ok_or_else(|| self.unknown_or_weak(std::iter::once(certificate)))?;
        self.check_authority(anchor, now)?;
        let subject = Subject {
            serial: parsed.tbs_certificate().serial_number().as_bytes(),
            issuer: &issuer,
            key: spki_for_anchor(anchor),
        };
        self.check_not_revoked(&subject, now)?;
        Ok(Vouched {
            for_common_name: anchor.name_constraints.is_none(),
        })
    }

    /// Checks an authority's own certificate as that of a peer, as `openssl req -x509` makes
    /// them. It is good where it is trusted itself.
    fn verify_trusted_itself(
        &self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
    ) -> Result<Vouched, CertificateFault> {
        let authority = self.authorities.with_certificate(certificate);
        let authority = authority.ok_or(CertificateFault::Authority)?;
        let parsed = parse(certificate).ok_or(CertificateFault::Unreadable)?;
        if self.checks_time {
            validity(&parsed).check(now)?;
        }
        let usages = parsed.tbs_certificate().get_extension::<ExtendedKeyUsage>();
        match usages.map_err(|_| CertificateFault::Unreadable)? {
            Some((_, usages)) if !usages.0.contains(&self.purpose.oid()) => {
                Err(CertificateFault::WrongPurpose)
            }
            _ => Ok(Vouched {
                for_common_name: authority.origin == Origin::User,
            }),
        }
    }

    /// Checks without the library that a certificate was not revoked.
    fn check_not_revoked(
        &self,
        subject: &Subject<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateFault> {
        if self.revoked.is_empty() {
            return Ok(());
        }
        let time = self.checks_time.then_some(now);
        revocation::check(&self.revoked, subject, &self.algorithms, time)
    }

    /// The lists of an authority that the library can read. Where there are none, it is not
    /// asked whether a certificate was revoked.
    fn lists_for_library(
        &self,
        issuer: &[u8],
    ) -> impl Iterator<Item = &CertRevocationList<'static>> {
        let lists = self.revoked.iter().filter(move |list| list.is_of(issuer));
        lists.filter_map(RevocationList::for_library)
    }

    /// Returns how the library checks for revoked certificates: as in Mosquitto, the peer's own
    /// is checked, and not its authorities'.
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

fn key_usage(purpose: Purpose) -> KeyUsage {
    match purpose {
        Purpose::Servers => KeyUsage::server_auth(),
        Purpose::Clients => KeyUsage::client_auth(),
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

/// Translates an error of the library about these certificates, of which the first is the
/// peer's.
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
        // The signature is wrong where another authority has the same name; a certificate of
        // another version may be an authority's only where it is trusted itself.
        Error::UnknownIssuer
        | Error::InvalidSignatureForPublicKey
        | Error::UnsupportedCertVersion => CertificateFault::UnknownIssuer,
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
