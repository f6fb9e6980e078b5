//! The certificates that are trusted to vouch for others.

use rustls::DistinguishedName;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::anchor_from_trusted_cert;

use super::certificate::{Validity, parse, validity};
use super::fault::CertificateFault;
use super::subject::common_name;

/// A trusted certificate.
#[derive(Debug)]
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    name: Option<String>,
    validity: Validity,
}

impl Authority {
    /// Checks that its own time has come and is not over. OpenSSL asks this of every
    /// certificate of a chain, the TLS library of all but the last.
    pub(crate) fn check_time(&self, now: UnixTime) -> Result<(), CertificateFault> {
        let name = || self.name.clone();
        let Validity {
            not_before,
            not_after,
        } = self.validity;
        if self.validity.has_ended(now) {
            let name = name();
            return Err(CertificateFault::AuthorityExpired { name, not_after });
        }
        if !self.validity.has_begun(now) {
            let name = name();
            return Err(CertificateFault::AuthorityNotYetValid { name, not_before });
        }
        Ok(())
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
        });
        Ok(())
    }

    /// Whether nobody is trusted.
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

    /// What the TLS library needs to know of them.
    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// The authorities with this name and key: one that was renewed is there twice.
    pub(crate) fn of_anchor<'a>(
        &'a self,
        anchor: &'a TrustAnchor<'_>,
    ) -> impl Iterator<Item = &'a Authority> {
        let pairs = self.anchors.iter().zip(&self.authorities);
        pairs
            .filter(move |(own, _)| *own == anchor)
            .map(|(_, authority)| authority)
    }

    /// The authority whose certificate this is.
    pub(crate) fn with_certificate(&self, certificate: &CertificateDer<'_>) -> Option<&Authority> {
        let mut authorities = self.authorities.iter();
        authorities.find(|authority| authority.certificate == *certificate)
    }
}
