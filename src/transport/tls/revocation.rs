//! Lists of revoked certificates.

use std::collections::HashSet;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateRevocationListDer, SubjectPublicKeyInfoDer, UnixTime};
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode, Encode, Reader, Result, SliceReader};
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::certificate::unix_time;
use super::fault::CertificateFault;
use super::signed::is_signed_by;

/// The certificates that one authority has revoked.
#[derive(Debug)]
pub(crate) struct RevocationList {
    /// As the TLS library reads it, which knows version 2 only. `openssl ca -gencrl` makes
    /// version 1 unless it is told otherwise.
    library: Option<CertRevocationList<'static>>,
    der: CertificateRevocationListDer<'static>,
    /// The encoded name of the authority.
    issuer: Vec<u8>,
    next_update: Option<UnixTime>,
    /// Serial numbers without leading zeros.
    revoked: HashSet<Vec<u8>>,
}

impl RevocationList {
    /// Reads a list; `None` where it is none that can be used.
    pub(crate) fn parse(der: CertificateRevocationListDer<'static>) -> Option<Self> {
        let library = OwnedCertRevocationList::from_der(&der).ok();
        let content = match &library {
            Some(_) => Content::version_2(&der),
            None => Content::version_1(&der),
        };
        let content = content.ok()?;
        let issuer = content.issuer.to_der().ok()?;
        let serials = content.revoked.iter();
        let revoked = serials.map(|revoked| significant(revoked.serial_number.as_bytes()));
        Some(Self {
            library: library.map(Into::into),
            issuer: AnyRef::from_der(&issuer).ok()?.value().to_vec(),
            next_update: content.next_update.map(unix_time),
            revoked: revoked.collect(),
            der,
        })
    }

    /// Returns the list as the TLS library reads it.
    pub(super) fn for_library(&self) -> Option<&CertRevocationList<'static>> {
        self.library.as_ref()
    }

    /// Returns whether the list is that of an authority.
    pub(super) fn is_of(&self, issuer: &[u8]) -> bool {
        self.issuer == issuer
    }

    /// Returns whether the list is about some certificates of the authority only.
    fn is_partial(&self) -> bool {
        let list = self.library.as_ref();
        list.is_some_and(|list| list.issuing_distribution_point().is_some())
    }

    /// Returns when a newer list is due.
    pub(crate) fn next_update(&self) -> Option<UnixTime> {
        self.next_update
    }

    /// Returns when the list went out of date, if it has.
    pub(crate) fn has_ended(&self, now: UnixTime) -> Option<UnixTime> {
        self.next_update
            .filter(|next| now.as_secs() >= next.as_secs())
    }
}

/// The content of a list.
struct Content {
    issuer: Name,
    next_update: Option<Time>,
    revoked: Vec<RevokedCert>,
}

impl Content {
    fn version_2(der: &[u8]) -> Result<Self> {
        let list = <CertificateList>::from_der(der)?.tbs_cert_list;
        Ok(Self {
            issuer: list.issuer,
            next_update: list.next_update,
            revoked: list.revoked_certificates.unwrap_or_default(),
        })
    }

    /// Reads a list without a version and without extensions (RFC 5280, section 5.1).
    fn version_1(der: &[u8]) -> Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let content = reader.sequence(|signed| {
            let content = signed.sequence(|list| {
                let _algorithm = AnyRef::decode(list)?;
                let issuer = Name::decode(list)?;
                let _this_update = Time::decode(list)?;
                Ok::<_, x509_cert::der::Error>(Self {
                    issuer,
                    next_update: Option::decode(list)?,
                    revoked: Option::decode(list)?.unwrap_or_default(),
                })
            })?;
            let (_algorithm, _signature) = (AnyRef::decode(signed)?, AnyRef::decode(signed)?);
            Ok::<_, x509_cert::der::Error>(content)
        })?;
        reader.finish()?;
        Ok(content)
    }
}

fn significant(serial: &[u8]) -> Vec<u8> {
    let zeros = serial.iter().take_while(|&&byte| byte == 0).count();
    serial[zeros..].to_vec()
}

/// A certificate, and who has signed it.
pub(super) struct Subject<'a> {
    pub(super) serial: &'a [u8],
    /// The encoded name of the authority.
    pub(super) issuer: &'a [u8],
    /// The key of the authority.
    pub(super) key: SubjectPublicKeyInfoDer<'a>,
}

/// Checks that a certificate was not revoked. There must be a list of its authority; one for
/// some of its certificates only is passed over. Without a time no list is too old.
pub(super) fn check(
    lists: &[RevocationList],
    subject: &Subject<'_>,
    algorithms: &WebPkiSupportedAlgorithms,
    time: Option<UnixTime>,
) -> std::result::Result<(), CertificateFault> {
    let mut lists = lists.iter();
    let list = lists.find(|list| list.is_of(subject.issuer) && !list.is_partial());
    let list = list.ok_or(CertificateFault::NoRevocationList)?;
    if !is_signed_by(&list.der, &subject.key, algorithms) {
        return Err(CertificateFault::RevocationListForged);
    }
    if let Some(ended) = time.and_then(|now| list.has_ended(now)) {
        return Err(CertificateFault::RevocationListExpired(ended));
    }
    match list.revoked.contains(&significant(subject.serial)) {
        true => Err(CertificateFault::Revoked),
        false => Ok(()),
    }
}
