//! What a certificate is trusted for, as `openssl x509 -addtrust` adds it to one.

use x509_cert::der::asn1::{AnyRef, ObjectIdentifier};
use x509_cert::der::{Decode, Reader, Result, SliceReader, Tag, Tagged};

/// The peers that an authority vouches for. A certificate with extended key usages must name
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Servers.
    Servers,
    /// Clients.
    Clients,
}

impl Purpose {
    pub(super) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Servers => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
            Self::Clients => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
        }
    }
}

/// Returns whether a certificate with these settings behind it is trusted. Without settings it
/// is; with settings that cannot be read it is not.
pub(super) fn is_trusted_for(settings: &[u8], purpose: Purpose) -> bool {
    const ANY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
    if settings.is_empty() {
        return true;
    }
    let Ok((trusted, rejected)) = parse(settings) else {
        return false;
    };
    let names = |oids: &[ObjectIdentifier]| oids.contains(&purpose.oid()) || oids.contains(&ANY);
    !names(&rejected) && trusted.is_none_or(|trusted| names(&trusted))
}

/// The purposes that are trusted, if they are named, and those that are rejected.
type Settings = (Option<Vec<ObjectIdentifier>>, Vec<ObjectIdentifier>);

fn parse(settings: &[u8]) -> Result<Settings> {
    let mut reader = SliceReader::new(settings)?;
    reader.sequence(|reader| {
        let (mut trusted, mut rejected) = (None, Vec::new());
        while !reader.is_finished() {
            let value = AnyRef::decode(reader)?;
            match value.tag() {
                Tag::Sequence if trusted.is_none() => trusted = Some(oids(value.value())?),
                Tag::ContextSpecific { number, .. } if number.value() == 0 => {
                    rejected = oids(value.value())?;
                }
                _ => {}
            }
        }
        Ok((trusted, rejected))
    })
}

fn oids(content: &[u8]) -> Result<Vec<ObjectIdentifier>> {
    let mut reader = SliceReader::new(content)?;
    let mut oids = Vec::new();
    while !reader.is_finished() {
        oids.push(ObjectIdentifier::decode(&mut reader)?);
    }
    Ok(oids)
}
