//! What a certificate says of itself.

use rustls::pki_types::{CertificateDer, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::time::Time;

/// The time in which a certificate is valid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

impl Validity {
    /// Whether it is over.
    pub(crate) fn has_ended(&self, now: UnixTime) -> bool {
        now.as_secs() > self.not_after.as_secs()
    }

    /// Whether it has begun.
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
    let time = |time: Time| UnixTime::since_unix_epoch(time.to_unix_duration());
    Validity {
        not_before: time(validity.not_before),
        not_after: time(validity.not_after),
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
