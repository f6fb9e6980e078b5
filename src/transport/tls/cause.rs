//! Why a handshake failed, in words.

use rustls::{AlertDescription, CertificateError, Error};

use super::fault::CertificateFault;

/// The end of a connection that wants to know why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client.
    Client,
    /// The broker.
    Broker,
}

impl End {
    fn peer(self) -> &'static str {
        match self {
            Self::Client => "broker",
            Self::Broker => "client",
        }
    }

    fn authority_option(self) -> &'static str {
        match self {
            Self::Client => "--cafile",
            Self::Broker => "cafile",
        }
    }
}

/// Says why a handshake failed, and what helps.
pub fn cause(error: &Error, end: End) -> String {
    let peer = end.peer();
    match error {
        Error::InvalidCertificate(error) => of_certificate(error, end),
        Error::NoCertificatesPresented => {
            format!("the {peer} shows no certificate, and one is required")
        }
        Error::AlertReceived(alert) => of_alert(*alert, end),
        Error::PeerIncompatible(_) => format!(
            "the {peer} has no version of TLS (1.2 and 1.3) or no cipher suite in common with us"
        ),
        Error::NoApplicationProtocol => {
            format!("the {peer} speaks none of the application protocols asked for")
        }
        Error::InvalidMessage(_) if end == End::Client => "this port does not speak TLS".to_owned(),
        Error::InvalidMessage(_) => "the client does not speak TLS".to_owned(),
        Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerSentOversizedRecord
        | Error::DecryptError => format!("the {peer} breaks the rules of TLS"),
        Error::General(text) => text.clone(),
        _ => "the handshake could not be done".to_owned(),
    }
}

fn of_certificate(error: &CertificateError, end: End) -> String {
    let peer = end.peer();
    let fault = match error {
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => return wrong_name(&expected.to_str(), presented),
        CertificateError::BadSignature => {
            return format!("the {peer} did not prove that it has the key of its certificate");
        }
        CertificateError::UnknownIssuer => {
            let (fault, option) = (CertificateFault::UnknownIssuer, end.authority_option());
            return format!(
                "the {peer}'s certificate {fault}: name the certificate of its authority with \
                 {option}"
            );
        }
        CertificateError::ExpiredContext { not_after, .. } => CertificateFault::Expired(*not_after),
        CertificateError::NotValidYetContext { not_before, .. } => {
            CertificateFault::NotYetValid(*not_before)
        }
        CertificateError::Revoked => CertificateFault::Revoked,
        CertificateError::BadEncoding => CertificateFault::Unreadable,
        CertificateError::Other(other) => match other.0.downcast_ref::<CertificateFault>() {
            Some(CertificateFault::Authority) => {
                let (fault, option) = (CertificateFault::Authority, end.authority_option());
                return format!("the {peer}'s certificate {fault}: name it with {option}");
            }
            Some(fault) => fault.clone(),
            None => return format!("the {peer}'s certificate is refused: {}", other.0),
        },
        _ => return format!("the {peer}'s certificate is refused"),
    };
    format!("the {peer}'s certificate {fault}")
}

fn of_alert(alert: AlertDescription, end: End) -> String {
    let peer = end.peer();
    match (alert, end) {
        (AlertDescription::UnknownCA, _) => {
            format!("the {peer} does not know the authority that signed our certificate")
        }
        (AlertDescription::CertificateExpired, End::Client) => {
            "our certificate has expired".to_owned()
        }
        (AlertDescription::CertificateRevoked, End::Client) => {
            "our certificate was revoked".to_owned()
        }
        (
            AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure,
            End::Client,
        ) => "the broker refused the handshake: it may want a certificate (--cert and --key) or other \
         ciphers (--ciphers), or have a key that is not supported here, such as P-521"
            .to_owned(),
        (AlertDescription::HandshakeFailure, End::Broker) => {
            "the client refused the handshake: it may want other ciphers".to_owned()
        }
        (
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied,
            _,
        ) => format!("the {peer} refuses our certificate"),
        (AlertDescription::ProtocolVersion, _) => {
            format!("the {peer} speaks neither TLS 1.2 nor 1.3, or was told not to")
        }
        (AlertDescription::NoApplicationProtocol, _) => {
            format!("the {peer} speaks none of the application protocols asked for")
        }
        (other, _) => format!(
            "the {peer} ended the handshake with TLS alert {}",
            u8::from(other)
        ),
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

#[cfg(test)]
mod tests {
    use rustls::pki_types::UnixTime;

    use super::*;

    #[test]
    fn the_names_of_a_certificate_are_said_plainly() {
        assert_eq!(
            wrong_name("h", &["DnsName(\"localhost\")".to_owned(), "x".to_owned()]),
            "the broker's certificate is for localhost, x, not for h"
        );
        assert!(wrong_name("h", &[]).contains("subjectAltName=DNS:h"));
    }

    #[test]
    fn every_end_is_told_of_the_other() {
        let expired = || CertificateFault::Expired(UnixTime::since_unix_epoch(Default::default()));
        let told = |end| cause(&expired().into(), end);
        assert_eq!(
            told(End::Client),
            "the broker's certificate expired on 1970-01-01"
        );
        assert_eq!(
            told(End::Broker),
            "the client's certificate expired on 1970-01-01"
        );
        let told = |end| cause(&CertificateFault::UnknownIssuer.into(), end);
        assert!(told(End::Client).ends_with("with --cafile"));
        assert!(told(End::Broker).ends_with("with cafile"));
    }

    #[test]
    fn a_fault_without_an_alert_of_its_own_is_told_in_words() {
        let told = cause(&CertificateFault::WrongPurpose.into(), End::Broker);
        assert_eq!(
            told,
            "the client's certificate is not meant for this purpose (extendedKeyUsage)"
        );
    }
}
