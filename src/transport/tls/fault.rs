//! Why a peer's certificate is refused.

use std::sync::Arc;

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error, OtherError};
use thiserror::Error as ThisError;

/// The reason why a certificate is refused. [`Display`](std::fmt::Display) is the end of a sentence that
/// begins with the certificate.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum CertificateFault {
    /// Nobody who is trusted has signed it.
    #[error("is signed by nobody who is trusted")]
    UnknownIssuer,
    /// Its time is over.
    #[error("expired on {}", day(*.0))]
    Expired(UnixTime),
    /// Its time has not come.
    #[error("is not valid before {}: is this machine's clock right?", day(*.0))]
    NotYetValid(UnixTime),
    /// The time of another certificate of its chain is over.
    #[error("comes from an authority whose own certificate{} expired on {}", called(.name), day(*.not_after))]
    AuthorityExpired {
        /// The authority's common name.
        name: Option<String>,
        /// The last moment of its time.
        not_after: UnixTime,
    },
    /// The time of another certificate of its chain has not come.
    #[error("comes from an authority whose own certificate{} is not valid before {}", called(.name), day(*.not_before))]
    AuthorityNotYetValid {
        /// The authority's common name.
        name: Option<String>,
        /// The first moment of its time.
        not_before: UnixTime,
    },
    /// Its authority has taken it back.
    #[error("was revoked by its authority")]
    Revoked,
    /// No list of revoked certificates is from its authority.
    #[error("comes from an authority without a list of revoked certificates in crlfile")]
    NoRevocationList,
    /// The list of revoked certificates is out of date.
    #[error("cannot be checked: its authority's list of revoked certificates expired on {}", day(*.0))]
    RevocationListExpired(UnixTime),
    /// The list of revoked certificates is not signed by the authority.
    #[error("cannot be checked: its authority did not sign the list of revoked certificates")]
    RevocationListForged,
    /// It is for something else.
    #[error("is not meant for this purpose (extendedKeyUsage)")]
    WrongPurpose,
    /// It is an authority's own.
    #[error("is an authority's own, and not trusted itself")]
    Authority,
    /// The certificate that has signed it is no authority's.
    #[error("is signed with a certificate that is no authority's (basicConstraints)")]
    IssuerIsNoAuthority,
    /// Its names are not those that its authority may vouch for.
    #[error("has a name that its authority may not vouch for (nameConstraints)")]
    NameConstraints,
    /// It has a version without a purpose.
    #[error("is of version 2, which nobody uses")]
    VersionTwo,
    /// It has no name but another common name.
    #[error("is for {common_name} (its common name), not for {expected}")]
    OtherCommonName {
        /// The name that it has.
        common_name: String,
        /// The name that was asked for.
        expected: String,
    },
    /// Its key is too short.
    #[error("has an RSA key of {0} bits, which is too short: 2048 is the least")]
    WeakKey(usize),
    /// The key of its authority is too short.
    #[error(
        "comes from an authority{} with an RSA key of {bits} bits, which is too short: 2048 is the \
         least",
        called(.name)
    )]
    WeakAuthority {
        /// The authority's common name.
        name: Option<String>,
        /// The length of its key.
        bits: usize,
    },
    /// Its signature cannot be checked.
    #[error(
        "is signed in a way that is not supported here, for example with SHA-1 or a key of elliptic \
         curve P-521"
    )]
    UnsupportedSignature,
    /// It has a critical extension that nobody knows here.
    #[error("has a critical extension that is unknown here")]
    UnknownExtension,
    /// There are too many ways to check it.
    #[error("comes with too many certificates to check")]
    TooComplex,
    /// It cannot be read.
    #[error("cannot be read")]
    Unreadable,
}

fn called(name: &Option<String>) -> String {
    match name {
        Some(name) => format!(" ({name})"),
        None => String::new(),
    }
}

impl From<CertificateFault> for Error {
    /// Where TLS has an alert for the fault, the library's error is one that sends it.
    fn from(fault: CertificateFault) -> Self {
        let time = UnixTime::now();
        match fault {
            CertificateFault::UnknownIssuer => CertificateError::UnknownIssuer,
            CertificateFault::Expired(not_after) => {
                CertificateError::ExpiredContext { time, not_after }
            }
            CertificateFault::NotYetValid(not_before) => {
                CertificateError::NotValidYetContext { time, not_before }
            }
            CertificateFault::Revoked => CertificateError::Revoked,
            CertificateFault::Unreadable => CertificateError::BadEncoding,
            other => CertificateError::Other(OtherError(Arc::new(other))),
        }
        .into()
    }
}

/// Writes a time as the day that it is on.
pub(crate) fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => "a day beyond all calendars".to_owned(),
    }
}
