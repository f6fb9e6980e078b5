//! The names in a certificate, as OpenSSL writes them: they say who a client is.

mod attributes;

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::{Encode, Tag, Tagged};
use x509_cert::name::Name;

use self::attributes::SHORT_NAMES;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Returns the first common name of a subject.
pub(crate) fn common_name(subject: &Name) -> Option<String> {
    let common_name = subject
        .iter()
        .find(|attribute| attribute.oid == COMMON_NAME)?;
    text(&common_name.value)
}

/// Writes a subject as RFC 2253 says and OpenSSL does: the last part first, with commas
/// between the parts, and everything beyond ASCII as the bytes of its UTF-8.
///
/// `None` for an empty subject, and for one whose text is not what its type says.
pub(crate) fn rfc_2253(subject: &Name) -> Option<String> {
    let mut written = String::new();
    let parts: Vec<_> = subject.iter_rdn().collect();
    for part in parts.into_iter().rev() {
        let attributes: Vec<_> = part.iter().collect();
        for (index, attribute) in attributes.into_iter().rev().enumerate() {
            match (written.is_empty(), index) {
                (true, _) => {}
                (false, 0) => written.push(','),
                (false, _) => written.push('+'),
            }
            written.push_str(&write_attribute(attribute)?);
        }
    }
    (!written.is_empty()).then_some(written)
}

fn write_attribute(attribute: &AttributeTypeAndValue) -> Option<String> {
    let oid = attribute.oid.to_string();
    let short_name = SHORT_NAMES.iter().find(|(known, _)| *known == oid);
    Some(match short_name {
        Some((_, name)) if is_text(&attribute.value) => {
            format!("{name}={}", escaped(&text(&attribute.value)?))
        }
        Some((_, name)) => format!("{name}={}", dumped(&attribute.value)?),
        None => format!("{oid}={}", dumped(&attribute.value)?),
    })
}

/// Returns whether OpenSSL takes a value for text.
fn is_text(value: &Any) -> bool {
    matches!(
        value.tag(),
        Tag::Utf8String
            | Tag::NumericString
            | Tag::PrintableString
            | Tag::TeletexString
            | Tag::Ia5String
            | Tag::UtcTime
            | Tag::GeneralizedTime
            | Tag::VisibleString
            | Tag::BmpString
    )
}

fn text(value: &Any) -> Option<String> {
    let bytes = value.value();
    match value.tag() {
        Tag::Utf8String => String::from_utf8(bytes.to_vec()).ok(),
        Tag::BmpString => {
            let pairs = bytes.chunks(2).map(|pair| pair.try_into().ok());
            let units: Option<Vec<_>> = pairs.map(|pair| pair.map(u16::from_be_bytes)).collect();
            String::from_utf16(&units?).ok()
        }
        _ if is_text(value) => Some(bytes.iter().map(|&byte| char::from(byte)).collect()),
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    let last = text.len().saturating_sub(1);
    let mut escaped = String::with_capacity(text.len());
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        // A single character counts as the last one only.
        let is_special = match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => true,
            b'#' => at == 0 && at != last,
            b' ' => at == 0 || at == last,
            _ => false,
        };
        match byte {
            _ if is_special => escaped.extend(['\\', char::from(byte)]),
            b' '..=b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("\\{byte:02X}")),
        }
    }
    escaped
}

/// Writes a value that is no text, or of which OpenSSL knows nothing, as its encoding.
fn dumped(value: &Any) -> Option<String> {
    let bytes = value.to_der().ok()?;
    let digits = bytes.iter().map(|byte| format!("{byte:02X}"));
    Some(format!("#{}", digits.collect::<String>()))
}

#[cfg(test)]
mod tests;
