//! The certificates that are trusted to vouch for others.

use rustls::DistinguishedName;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::anchor_from_trusted_cert;

use super::certificate::{Validity, parse, validity};
use super::fault::CertificateFault;
use super::subject::common_name;

/// The one who says that an authority is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The user, who named its certificate.
    User,
    /// The operating system.
    System,
}

/// A trusted certificate.
#[derive(Debug)]
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    pub(super) name: Option<String>,
    validity: Validity,
    pub(crate) origin: Origin,
}

impl Authority {
    /// Checks that its own time has come and is not over. OpenSSL asks this of every
    /// certificate of a chain, the TLS library of all but the last.
    pub(crate) fn check_time(&self, now: UnixTime) -> Result<(), CertificateFault> {
        let name = self.name.clone();
        self.validity.check(now).map_err(|fault| match fault {
            CertificateFault::Expired(not_after) => {
                CertificateFault::AuthorityExpired { name, not_after }
            }
            CertificateFault::NotYetValid(not_before) => {
                CertificateFault::AuthorityNotYetValid { name, not_before }
            }
            other => other,
        })
    }
}

/// All that are trusted.
#[derive(Debug, Default)]
pub(crate) struct Authorities {
    /// One for each authority, in the same order.
    anchors: Vec<TrustAnchor<'static>>,
    authorities: Vec<Authority>,
}

impl Authorities {
    /// Adds a certificate, unless it cannot be read.
    pub(crate) fn add(
        &mut self,
        certificate: CertificateDer<'static>,
        origin: Origin,
    ) -> Result<(), CertificateFault> {
        let parsed = parse(&certificate).ok_or(CertificateFault::Unreadable)?;
        let anchor = anchor_from_trusted_cert(&certificate)
            .map_err(|_| CertificateFault::Unreadable)?
            .to_owned();
        self.anchors.push(anchor);
        self.authorities.push(Authority {
            name: common_name(parsed.tbs_certificate().subject()),
            validity: validity(&parsed),
            certificate,
            origin,
        });
        Ok(())
    }

    /// Returns whether nobody is trusted.
    pub(crate) fn is_empty(&self) -> bool {
        self.authorities.is_empty()
    }

    /// The names of all, for a peer that has several certificates to choose from.
    pub(crate) fn names(&self) -> Vec<DistinguishedName> {
        let subjects = self.anchors.iter().map(|anchor| &anchor.subject);
        subjects
            .map(|subject| DistinguishedName::in_sequence(subject))
            .collect()
    }

    /// Returns them as the TLS library wants them.
    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// Iterates over them, each also as the TLS library wants it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TrustAnchor<'static>, &Authority)> {
        self.anchors.iter().zip(&self.authorities)
    }

    /// The authorities with this name and key: one that was renewed is there twice.
    pub(crate) fn of_anchor<'a>(
        &'a self,
        anchor: &'a TrustAnchor<'_>,
    ) -> impl Iterator<Item = &'a Authority> {
        self.iter()
            .filter(move |(own, _)| *own == anchor)
            .map(|(_, authority)| authority)
    }

    /// The authority whose certificate this is.
    pub(crate) fn with_certificate(&self, certificate: &CertificateDer<'_>) -> Option<&Authority> {
        let mut authorities = self.authorities.iter();
        authorities.find(|authority| authority.certificate == *certificate)
    }
}
