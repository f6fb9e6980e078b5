//! The check whether a certificate is for the server that was asked for.

use std::net::IpAddr;

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};
use x509_cert::der::asn1::ObjectIdentifier;

use super::certificate::{has_extension, parse};
use super::chain::Vouched;
use super::fault::CertificateFault;
use super::subject::common_name;

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// The part of a certificate that names the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// A subjectAltName, as the standards want it.
    SubjectAltName,
    /// The common name, which most programs no longer look at.
    CommonName,
}

/// Checks the names of a certificate. Its common name counts where there is no subjectAltName
/// and `vouched` says so.
pub(crate) fn check(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    vouched: Vouched,
) -> Result<NamedBy, Error> {
    let parsed = parse(certificate).ok_or(CertificateFault::Unreadable)?;
    if has_extension(&parsed, SUBJECT_ALT_NAME) {
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        return Ok(NamedBy::SubjectAltName);
    }
    let common_name = common_name(parsed.tbs_certificate().subject());
    match common_name.filter(|_| vouched.for_common_name) {
        Some(common_name) if is_for(&common_name, name) => Ok(NamedBy::CommonName),
        Some(common_name) => {
            let expected = name.to_str().into_owned();
            Err(CertificateFault::OtherCommonName {
                common_name,
                expected,
            }
            .into())
        }
        None => Err(CertificateError::NotValidForNameContext {
            expected: name.to_owned(),
            presented: Vec::new(),
        }
        .into()),
    }
}

/// Returns whether a common name, which may begin with `*.`, is that of a server.
fn is_for(common_name: &str, name: &ServerName<'_>) -> bool {
    match name {
        ServerName::IpAddress(address) => {
            let address = IpAddr::from(*address);
            common_name
                .parse::<IpAddr>()
                .is_ok_and(|own| own == address)
        }
        name => {
            let name = name.to_str();
            let name = name.trim_end_matches('.');
            let rest = name.split_once('.').map(|(_, rest)| rest);
            common_name.eq_ignore_ascii_case(name)
                || common_name
                    .strip_prefix("*.")
                    .zip(rest)
                    .is_some_and(|(own, rest)| own.contains('.') && own.eq_ignore_ascii_case(rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_is_a_host_a_wildcard_or_an_address() {
        for (common_name, name, expected) in [
            ("localhost", "localhost", true),
            ("LocalHost", "localhost", true),
            ("localhost", "localhost.example", false),
            ("*.school.example", "broker.school.example", true),
            ("*.school.example", "school.example", false),
            ("*.school.example", "a.broker.school.example", false),
            ("*.example", "school.example", false),
            ("*", "localhost", false),
            ("192.168.1.2", "192.168.1.2", true),
            ("192.168.1.2", "192.168.1.3", false),
            ("::1", "0:0:0:0:0:0:0:1", true),
            ("", "localhost", false),
        ] {
            let name = ServerName::try_from(name).unwrap();
            assert_eq!(
                is_for(common_name, &name),
                expected,
                "{common_name} {name:?}"
            );
        }
    }
}
