use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

use super::*;
use crate::transport::tls::certificate::parse;

fn certificate(parts: Vec<(DnType, DnValue)>) -> rcgen::Certificate {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in parts {
        params.distinguished_name.push(kind, value);
    }
    params.self_signed(&KeyPair::generate().unwrap()).unwrap()
}

fn names(certificate: &rcgen::Certificate) -> (Option<String>, Option<String>) {
    let parsed = parse(certificate.der()).unwrap();
    let subject = parsed.tbs_certificate().subject();
    (common_name(subject), rfc_2253(subject))
}

/// A value of every type, among them those that have to be escaped.
fn strange_names() -> Vec<Vec<(DnType, DnValue)>> {
    let custom = |oid: &[u64]| DnType::CustomDnType(oid.to_vec());
    let utf8 = |text: &str| DnValue::Utf8String(text.to_owned());
    let bmp = |text: &str| DnValue::BmpString(text.try_into().unwrap());
    let latin = |text: &str| DnValue::TeletexString(text.try_into().unwrap());
    let email = |text: &str| DnValue::Ia5String(text.try_into().unwrap());
    vec![
        vec![
            (DnType::CountryName, utf8("DE")),
            (DnType::CommonName, utf8("Gerät")),
        ],
        vec![(custom(&[0, 9, 2342, 19_200_300, 100, 1, 1]), utf8("u1"))],
        vec![(custom(&[1, 2, 3, 4]), utf8("unknown"))],
        vec![
            (custom(&[2, 5, 4, 12]), utf8("title")),
            (custom(&[2, 5, 4, 42]), utf8("given")),
            (custom(&[2, 5, 4, 97]), utf8("VATFR-1")),
        ],
        vec![(custom(&[1, 2, 840, 113_549, 1, 9, 1]), email("a@b.example"))],
        vec![(DnType::CommonName, bmp("Ωmega 雪"))],
        vec![(DnType::CommonName, latin("plain"))],
        vec![(DnType::CommonName, utf8(" a,b+c\"d\\e<f>g;h=i "))],
        vec![(DnType::CommonName, utf8("#a#"))],
        vec![(DnType::CommonName, utf8("#"))],
        vec![(DnType::CommonName, utf8(" "))],
        vec![(DnType::CommonName, utf8("  "))],
        vec![(DnType::CommonName, utf8("a\u{7f}\u{1}b"))],
        vec![(DnType::CommonName, utf8("😀"))],
    ]
}

#[test]
fn subjects_are_written_as_openssl_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    for parts in strange_names() {
        let certificate = certificate(parts);
        let file = folder.path().join("certificate.pem");
        std::fs::write(&file, certificate.pem()).unwrap();
        let openssl = std::process::Command::new("openssl")
            .args("x509 -noout -subject -nameopt RFC2253 -in".split(' '))
            .arg(&file)
            .output();
        let Ok(output) = openssl else {
            eprintln!("skipped: openssl is not installed");
            return;
        };
        let line = String::from_utf8(output.stdout).unwrap();
        let expected = line.trim_end_matches('\n').strip_prefix("subject=");
        assert_eq!(names(&certificate).1.as_deref(), expected, "{line}");
    }
}

#[test]
fn the_common_name_and_the_subject_are_found() {
    let utf8 = |text: &str| DnValue::Utf8String(text.to_owned());
    let made = certificate(vec![
        (DnType::CountryName, utf8("FR")),
        (DnType::OrganizationName, utf8("Lycée, \"BTS\"")),
        (DnType::CommonName, utf8("éva+1")),
    ]);
    let (common_name, subject) = names(&made);
    assert_eq!(common_name.as_deref(), Some("éva+1"));
    let expected = "CN=\\C3\\A9va\\+1,O=Lyc\\C3\\A9e\\, \\\"BTS\\\",C=FR";
    assert_eq!(subject.as_deref(), Some(expected));
    let made = certificate(vec![(DnType::OrganizationName, utf8("o"))]);
    assert_eq!(names(&made), (None, Some("O=o".to_owned())));
    assert_eq!(names(&certificate(Vec::new())), (None, None));
}

#[test]
fn a_certificate_that_is_cut_off_gives_nobody_a_name() {
    let made = certificate(vec![(
        DnType::CommonName,
        DnValue::Utf8String("c".to_owned()),
    )]);
    let whole = made.der();
    for end in 0..whole.len() {
        assert!(parse(&whole[..end].into()).is_none(), "{end}");
    }
}
