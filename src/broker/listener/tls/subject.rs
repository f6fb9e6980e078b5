//! The names in a certificate. It has passed the checks of the TLS library, so only its
//! outline is walked here; where that is not as it should be, there is no name.

use crate::broker::config::CertificateName;

/// Attribute types by their encoded object identifier, with their names of RFC 2253 and
/// those that OpenSSL adds.
const ATTRIBUTES: [(&[u8], &str); 11] = [
    (COMMON_NAME, "CN"),
    (&[0x55, 4, 4], "SN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "street"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1],
        "emailAddress",
    ),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25],
        "DC",
    ),
];
const COMMON_NAME: &[u8] = &[0x55, 4, 3];

const INTEGER: u8 = 0x02;
const UTF8_STRING: u8 = 0x0c;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
/// Printable, T61 and IA5 strings: bytes that mean characters.
const BYTE_STRINGS: [u8; 3] = [0x13, 0x14, 0x16];
const BMP_STRING: u8 = 0x1e;

/// The part of the certificate's subject that `part` names.
pub(super) fn name(certificate: &[u8], part: CertificateName) -> Option<String> {
    let attributes = attributes(subject(certificate)?)?;
    match part {
        CertificateName::Identity => attributes
            .iter()
            .flatten()
            .find(|attribute| attribute.kind == COMMON_NAME)
            .map(|attribute| attribute.value.clone()),
        CertificateName::Subject => Some(rfc_2253(&attributes)),
    }
}

struct Attribute<'a> {
    kind: &'a [u8],
    value: String,
}

/// DER elements one after the other.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The next element's tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if bytes.len() > 4 {
                return None;
            }
            length = bytes
                .iter()
                .fold(0, |length, &byte| length << 8 | usize::from(byte));
            rest = after;
        }
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some((tag, content))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next()
            .filter(|(tag, _)| *tag == wanted)
            .map(|(_, content)| content)
    }
}

/// The subject of a certificate (RFC 5280, section 4.1).
fn subject(certificate: &[u8]) -> Option<&[u8]> {
    let whole = Elements(certificate).expect(SEQUENCE)?;
    let mut fields = Elements(Elements(whole).expect(SEQUENCE)?);
    if fields.0.first() == Some(&VERSION) {
        fields.next()?;
    }
    fields.expect(INTEGER)?;
    // The signature's algorithm, the issuer and the validity.
    for _ in 0..3 {
        fields.expect(SEQUENCE)?;
    }
    fields.expect(SEQUENCE)
}

/// The attributes of a name, by their relative distinguished names.
fn attributes(name: &[u8]) -> Option<Vec<Vec<Attribute<'_>>>> {
    let mut names = Elements(name);
    let mut all = Vec::new();
    while !names.0.is_empty() {
        let mut set = Elements(names.expect(SET)?);
        let mut one = Vec::new();
        while !set.0.is_empty() {
            let mut pair = Elements(set.expect(SEQUENCE)?);
            let (_, kind) = pair.next()?;
            let (tag, value) = pair.next()?;
            let value = text(tag, value)?;
            one.push(Attribute { kind, value });
        }
        all.push(one);
    }
    Some(all)
}

fn text(tag: u8, value: &[u8]) -> Option<String> {
    match tag {
        UTF8_STRING => String::from_utf8(value.to_vec()).ok(),
        BMP_STRING => {
            let units = value.chunks(2).map(|pair| match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0,
            });
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        tag if BYTE_STRINGS.contains(&tag) => {
            Some(value.iter().map(|&byte| char::from(byte)).collect())
        }
        _ => None,
    }
}

/// The last part first, with commas between them.
fn rfc_2253(attributes: &[Vec<Attribute<'_>>]) -> String {
    let names = attributes.iter().rev().map(|one| {
        let pairs = one.iter().map(|attribute| {
            let known = ATTRIBUTES.iter().find(|(kind, _)| *kind == attribute.kind);
            let kind = known.map_or_else(|| dotted(attribute.kind), |(_, name)| (*name).to_owned());
            format!("{kind}={}", escaped(&attribute.value))
        });
        pairs.collect::<Vec<_>>().join("+")
    });
    names.collect::<Vec<_>>().join(",")
}

/// An object identifier in numbers.
fn dotted(kind: &[u8]) -> String {
    let Some((&first, rest)) = kind.split_first() else {
        return String::new();
    };
    let mut text = format!("{}.{}", first / 40, first % 40);
    let mut number = 0_u64;
    for &byte in rest {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            text.push_str(&format!(".{number}"));
            number = 0;
        }
    }
    text
}

fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut escaped = String::with_capacity(value.len());
    for (at, character) in value.chars().enumerate() {
        let at_edge =
            (at == 0 && matches!(character, '#' | ' ')) || (at == last && character == ' ');
        if at_edge || matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn certificate(parts: &[(DnType, &str)]) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_common_name_and_the_subject_are_found() {
        let certificate = certificate(&[
            (DnType::CountryName, "FR"),
            (DnType::OrganizationName, "Lycée, \"BTS\""),
            (DnType::CommonName, "éva+1"),
        ]);
        assert_eq!(
            name(&certificate, CertificateName::Identity).as_deref(),
            Some("éva+1")
        );
        assert_eq!(
            name(&certificate, CertificateName::Subject).as_deref(),
            Some("CN=éva\\+1,O=Lycée\\, \\\"BTS\\\",C=FR")
        );
    }

    #[test]
    fn a_certificate_without_a_common_name_gives_nobody_a_name() {
        let certificate = certificate(&[(DnType::OrganizationName, "o")]);
        assert_eq!(name(&certificate, CertificateName::Identity), None);
    }

    #[test]
    fn what_is_cut_off_or_no_certificate_at_all_has_no_name() {
        let certificate = certificate(&[(DnType::CommonName, "c")]);
        for end in 0..60 {
            assert_eq!(name(&certificate[..end], CertificateName::Identity), None);
        }
        assert_eq!(name(b"certificate", CertificateName::Subject), None);
    }
}
