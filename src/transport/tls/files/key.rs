//! Private keys in the text of a PEM file.

use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use x509_cert::der::{Decode, Reader, Result as DerResult, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;

/// The key in a file, as far as it can be used.
pub(super) enum Found {
    Plain(PrivateKeyDer<'static>),
    /// In PKCS#8, as PEM.
    Encrypted(String),
    /// As OpenSSL did it before PKCS#8.
    EncryptedInOldWay,
    /// With what is there instead.
    Nothing(&'static str),
}

impl Found {
    pub(super) fn in_pem(content: &[u8]) -> Self {
        let text = String::from_utf8_lossy(content);
        if text.contains("Proc-Type: 4,ENCRYPTED") {
            return Self::EncryptedInOldWay;
        }
        if let Some(pem) = encrypted_block(&text) {
            return Self::Encrypted(pem.to_owned());
        }
        match PrivateKeyDer::from_pem_slice(content) {
            Ok(key) => Self::Plain(key),
            Err(Error::NoItemsFound) => Self::Nothing(what_is_there(&text)),
            Err(Error::MissingSectionEnd { .. }) => Self::Nothing("the key is cut off"),
            Err(_) => Self::Nothing("the key is damaged"),
        }
    }
}

fn what_is_there(text: &str) -> &'static str {
    if text.contains("CERTIFICATE-----") {
        "it holds a certificate and no key: are the two files swapped?"
    } else if text.contains("PUBLIC KEY-----") {
        "it holds a public key: the private one is needed"
    } else {
        "there is no private key in it"
    }
}

fn encrypted_block(text: &str) -> Option<&str> {
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    let start = text.find("-----BEGIN ENCRYPTED PRIVATE KEY-----")?;
    let length = text[start..].find(END)?;
    Some(&text[start..start + length + END.len()])
}

pub(super) fn decrypt(pem: String, passphrase: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let damaged = || "the key is damaged".to_owned();
    let document = pkcs8::der::SecretDocument::from_pem(&pem);
    let (_, document) = document.map_err(|_| damaged())?;
    let info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| damaged())?;
    let key = info
        .decrypt(passphrase)
        .map_err(|_| "the passphrase is wrong, or the key is encrypted in an unknown way")?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

/// The kinds of key that the TLS library may not take.
enum Kind {
    /// With its length in bits.
    Rsa(usize),
    Curve(ObjectIdentifier),
    Other(ObjectIdentifier),
}

/// Says why the TLS library does not take a key.
pub(super) fn why_unusable(key: &PrivateKeyDer<'_>) -> String {
    let kind = match key {
        PrivateKeyDer::Pkcs1(key) => rsa(key.secret_pkcs1_der()),
        PrivateKeyDer::Sec1(key) => curve(key.secret_sec1_der()),
        PrivateKeyDer::Pkcs8(key) => of_pkcs8(key.secret_pkcs8_der()),
        _ => return "the key is of a kind that is unknown here".to_owned(),
    };
    match kind {
        Ok(Kind::Rsa(bits @ 0..2048)) => {
            format!("an RSA key of {bits} bits is too short: make one of 2048 bits or more")
        }
        Ok(Kind::Rsa(bits @ 4097..)) => {
            format!("an RSA key of {bits} bits is too long: make one of 2048 to 4096 bits")
        }
        Ok(Kind::Curve(oid)) => format!(
            "a key of elliptic curve {} cannot be used: make one of P-256 or P-384",
            called(oid)
        ),
        Ok(Kind::Other(oid)) => format!(
            "a key of type {} cannot be used: make one of RSA, P-256, P-384 or Ed25519",
            called(oid)
        ),
        Ok(Kind::Rsa(_)) | Err(_) => "the key is damaged".to_owned(),
    }
}

fn of_pkcs8(der: &[u8]) -> DerResult<Kind> {
    const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    const ELLIPTIC_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    SliceReader::new(der)?.sequence(|reader| {
        let _version = UintRef::decode(reader)?;
        let algorithm = AlgorithmIdentifierRef::decode(reader)?;
        let key = <&OctetStringRef>::decode(reader)?;
        while !reader.is_finished() {
            AnyRef::decode(reader)?;
        }
        match (algorithm.oid, algorithm.parameters) {
            (RSA, _) => rsa(key.as_bytes()),
            (ELLIPTIC_CURVE, Some(curve)) => Ok(Kind::Curve(curve.decode_as()?)),
            (other, _) => Ok(Kind::Other(other)),
        }
    })
}

fn rsa(der: &[u8]) -> DerResult<Kind> {
    SliceReader::new(der)?.sequence(|reader| {
        let _version = UintRef::decode(reader)?;
        let modulus = UintRef::decode(reader)?;
        while !reader.is_finished() {
            AnyRef::decode(reader)?;
        }
        let zeros = modulus
            .as_bytes()
            .first()
            .map_or(0, |byte| byte.leading_zeros());
        Ok(Kind::Rsa(modulus.as_bytes().len() * 8 - zeros as usize))
    })
}

fn curve(der: &[u8]) -> DerResult<Kind> {
    SliceReader::new(der)?.sequence(|reader| {
        let (_version, _key) = (UintRef::decode(reader)?, AnyRef::decode(reader)?);
        let parameters = AnyRef::decode(reader)?;
        while !reader.is_finished() {
            AnyRef::decode(reader)?;
        }
        Ok(Kind::Curve(ObjectIdentifier::from_der(parameters.value())?))
    })
}

fn called(oid: ObjectIdentifier) -> String {
    const NAMES: &[(&str, &str)] = &[
        ("1.2.840.10040.4.1", "DSA"),
        ("1.2.840.10045.3.1.1", "P-192"),
        ("1.2.840.10045.3.1.7", "P-256"),
        ("1.2.840.113549.1.1.10", "RSA-PSS"),
        ("1.3.101.110", "X25519"),
        ("1.3.101.113", "Ed448"),
        ("1.3.132.0.10", "secp256k1"),
        ("1.3.132.0.33", "P-224"),
        ("1.3.132.0.34", "P-384"),
        ("1.3.132.0.35", "P-521"),
    ];
    let oid = oid.to_string();
    let name = NAMES.iter().find(|(known, _)| *known == oid);
    name.map_or(oid.clone(), |(_, name)| (*name).to_owned())
}
