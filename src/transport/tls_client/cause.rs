use rustls::{AlertDescription, CertificateError, Error};

/// Why a handshake failed, in words, and what helps.
pub fn cause(error: &Error) -> String {
    use CertificateError as Certificate;
    match error {
        // The signature is wrong when another authority has the same name.
        Error::InvalidCertificate(Certificate::UnknownIssuer | Certificate::BadSignature) => {
            "the broker's certificate is signed by nobody who is trusted: name the certificate of \
             its authority with --cafile"
                .to_owned()
        }
        Error::InvalidCertificate(Certificate::NotValidForNameContext {
            expected,
            presented,
        }) => wrong_name(&expected.to_str(), presented),
        Error::InvalidCertificate(Certificate::ExpiredContext { not_after, .. }) => {
            format!(
                "the broker's certificate expired on {}",
                day(not_after.as_secs())
            )
        }
        Error::InvalidCertificate(Certificate::NotValidYetContext { not_before, .. }) => {
            format!(
                "the broker's certificate is not valid before {}: is this machine's clock right?",
                day(not_before.as_secs())
            )
        }
        Error::InvalidCertificate(other) => {
            format!("the broker's certificate is refused: {other}")
        }
        Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure,
        ) => "the broker refused the handshake: it may want a certificate (--cert and --key), or \
              other ciphers (--ciphers)"
            .to_owned(),
        Error::AlertReceived(AlertDescription::UnknownCA) => {
            "the broker does not know the authority that signed our certificate".to_owned()
        }
        Error::AlertReceived(AlertDescription::CertificateExpired) => {
            "our certificate has expired".to_owned()
        }
        Error::AlertReceived(alert) => format!("the broker refused the handshake: {alert:?}"),
        Error::InvalidMessage(_) => "this port does not speak TLS".to_owned(),
        Error::General(text) => text.clone(),
        other => other.to_string(),
    }
}

fn wrong_name(expected: &str, presented: &[String]) -> String {
    if presented.is_empty() {
        return format!(
            "the broker's certificate has no subjectAltName, which must hold {expected}: make one \
             with `openssl req ... -addext subjectAltName=DNS:{expected}`"
        );
    }
    let names: Vec<_> = presented.iter().map(|name| plain(name)).collect();
    format!(
        "the broker's certificate is for {}, not for {expected}",
        names.join(", ")
    )
}

/// The name in `DnsName("localhost")`, which is how rustls writes it.
fn plain(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn day(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => "a day beyond all calendars".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_certificate_are_said_plainly() {
        assert_eq!(
            wrong_name("h", &["DnsName(\"localhost\")".to_owned(), "x".to_owned()]),
            "the broker's certificate is for localhost, x, not for h"
        );
        assert!(wrong_name("h", &[]).contains("subjectAltName=DNS:h"));
        assert_eq!(day(0), "1970-01-01");
    }
}
