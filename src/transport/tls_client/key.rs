//! Private keys from PEM files, also encrypted ones.

use std::path::Path;

use pkcs8::EncryptedPrivateKeyInfo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{AskPassphrase, OptionsError, unreadable};

pub(super) fn load(
    path: &Path,
    ask: AskPassphrase<'_>,
) -> Result<PrivateKeyDer<'static>, OptionsError> {
    let content = std::fs::read(path).map_err(|cause| unreadable(path, cause))?;
    let wrong = |what: String| OptionsError::Content {
        path: path.to_owned(),
        what,
    };
    let text = String::from_utf8_lossy(&content);
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        let name = path.display();
        return Err(wrong(format!(
            "this key is encrypted in an old way: convert it with `openssl pkcs8 -topk8 -in \
             {name} -out {name}.new`"
        )));
    }
    if let Some(pem) = encrypted_block(&text) {
        let passphrase = ask().map_err(|cause| unreadable(path, cause))?;
        return decrypt(pem, passphrase.as_bytes()).map_err(wrong);
    }
    PrivateKeyDer::from_pem_slice(&content).map_err(|error| wrong(error.to_string()))
}

fn encrypted_block(text: &str) -> Option<&str> {
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    let start = text.find("-----BEGIN ENCRYPTED PRIVATE KEY-----")?;
    let length = text[start..].find(END)?;
    Some(&text[start..start + length + END.len()])
}

fn decrypt(pem: &str, passphrase: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let (_, document) =
        pkcs8::der::SecretDocument::from_pem(pem).map_err(|error| error.to_string())?;
    let info = EncryptedPrivateKeyInfo::try_from(document.as_bytes())
        .map_err(|error| error.to_string())?;
    let key = info
        .decrypt(passphrase)
        .map_err(|_| "the passphrase is wrong, or the key is encrypted in an unknown way")?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}
