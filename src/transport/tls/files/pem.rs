//! Certificates in the text of a PEM file.

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_cert::der::{Reader, SliceReader};

/// A certificate, and the settings of trust that stand behind it.
pub(super) struct Found {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) settings: Vec<u8>,
}

/// Finds the certificates in a text. The error says what is there instead.
pub(super) fn certificates_in(content: &[u8]) -> Result<Vec<Found>, String> {
    if content.first() == Some(&0x30) {
        return Err("it is not in PEM: convert it with `openssl x509 -inform der`".to_owned());
    }
    let text = with_usual_labels(&String::from_utf8_lossy(content));
    let found: Result<Vec<CertificateDer<'static>>, Error> =
        CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let found = found.map_err(|error| damage(&error).to_owned())?;
    if found.is_empty() {
        return Err(what_is_there(&text).to_owned());
    }
    found
        .into_iter()
        .map(|found| split(&found).ok_or_else(|| "a certificate in it is damaged".to_owned()))
        .collect()
}

/// Finds the lists of revoked certificates in a text. The error says what is there instead.
pub(super) fn revocation_lists_in(
    content: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    if content.first() == Some(&0x30) {
        return Err("it is not in PEM: convert it with `openssl crl -inform der`".to_owned());
    }
    let found: Result<Vec<_>, Error> =
        CertificateRevocationListDer::pem_slice_iter(content).collect();
    match found {
        Ok(lists) if lists.is_empty() => {
            Err("there is no list of revoked certificates in it".to_owned())
        }
        Ok(lists) => Ok(lists),
        Err(Error::MissingSectionEnd { .. }) => Err("a list in it is cut off".to_owned()),
        Err(_) => Err("a list in it is damaged".to_owned()),
    }
}

/// OpenSSL has had other labels for certificates, and has one for those with settings of trust.
fn with_usual_labels(text: &str) -> String {
    text.replace(" TRUSTED CERTIFICATE-----", " CERTIFICATE-----")
        .replace(" X509 CERTIFICATE-----", " CERTIFICATE-----")
}

/// Splits a certificate from what stands behind it.
fn split(der: &[u8]) -> Option<Found> {
    let mut reader = SliceReader::new(der).ok()?;
    let certificate = reader.tlv_bytes().ok()?;
    Some(Found {
        certificate: CertificateDer::from(certificate.to_vec()),
        settings: der[certificate.len()..].to_vec(),
    })
}

fn damage(error: &Error) -> &'static str {
    match error {
        Error::MissingSectionEnd { .. } => "a certificate in it is cut off",
        _ => "a certificate in it is damaged",
    }
}

fn what_is_there(text: &str) -> &'static str {
    if text.contains("PRIVATE KEY-----") {
        "it holds a private key and no certificate: are the two files swapped?"
    } else if text.contains("CERTIFICATE REQUEST-----") {
        "it holds a request for a certificate: an authority has to sign it"
    } else if text.contains("X509 CRL-----") {
        "it holds a list of revoked certificates and no certificate"
    } else {
        "there is no certificate in it"
    }
}
