use rustls::{CipherSuite, SupportedCipherSuite};

/// The suites of TLS 1.2 and 1.3 by OpenSSL's names.
const NAMES: [(CipherSuite, &str); 9] = [
    (
        CipherSuite::TLS13_AES_256_GCM_SHA384,
        "TLS_AES_256_GCM_SHA384",
    ),
    (
        CipherSuite::TLS13_AES_128_GCM_SHA256,
        "TLS_AES_128_GCM_SHA256",
    ),
    (
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        "TLS_CHACHA20_POLY1305_SHA256",
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-ECDSA-AES256-GCM-SHA384",
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-RSA-AES256-GCM-SHA384",
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-RSA-AES128-GCM-SHA256",
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-RSA-CHACHA20-POLY1305",
    ),
];

/// Whether a word of an OpenSSL list stands for a group with this suite in it.
fn is_in_group(word: &str, name: &str) -> bool {
    match word {
        "DEFAULT" | "ALL" | "HIGH" | "SECURE" | "TLSv1.2" | "ECDHE" | "EECDH" | "kEECDH" => true,
        "AESGCM" | "AES" => name.contains("GCM"),
        "AES128" => name.contains("AES128") || name.contains("AES_128"),
        "AES256" => name.contains("AES256") || name.contains("AES_256"),
        "CHACHA20" => name.contains("CHACHA20"),
        "aECDSA" | "ECDSA" => name.contains("ECDSA"),
        "aRSA" => name.contains("-RSA-"),
        "SHA256" | "SHA384" => name.ends_with(word),
        _ => false,
    }
}

/// Whether a word, without what stands before it, means this suite.
fn means(word: &str, name: &str) -> bool {
    word == name || word.split('+').all(|part| is_in_group(part, name))
}

/// The suite's name as OpenSSL has it.
pub(super) fn openssl_name(suite: CipherSuite) -> &'static str {
    let known = NAMES.iter().find(|(known, _)| *known == suite);
    known.map_or("unknown", |(_, name)| name)
}

/// The suites of an OpenSSL list, in its order; `None` if none of them is ours. Suites
/// that are not ours, and rules about them, are passed over.
pub(super) fn select(
    list: &str,
    suites: &[SupportedCipherSuite],
) -> Option<Vec<SupportedCipherSuite>> {
    let name = |suite: &SupportedCipherSuite| openssl_name(suite.suite());
    let mut selected: Vec<SupportedCipherSuite> = Vec::new();
    for word in list.split([':', ',', ' ']) {
        if let Some(removed) = word.strip_prefix(['!', '-']) {
            selected.retain(|suite| !means(removed, name(suite)));
            continue;
        }
        for suite in suites {
            if means(word, name(suite)) && !selected.iter().any(|known| name(known) == name(suite))
            {
                selected.push(*suite);
            }
        }
    }
    (!selected.is_empty()).then_some(selected)
}

/// What can be written instead.
pub(super) fn hint() -> String {
    let names: Vec<_> = NAMES.iter().map(|(_, name)| *name).collect();
    format!("The cipher suites are {}.", names.join(", "))
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring::ALL_CIPHER_SUITES;

    use super::*;

    fn names(list: &str) -> Option<Vec<&'static str>> {
        let suites = select(list, ALL_CIPHER_SUITES)?;
        Some(
            suites
                .iter()
                .map(|suite| openssl_name(suite.suite()))
                .collect(),
        )
    }

    #[test]
    fn every_suite_has_a_name() {
        assert_eq!(names("DEFAULT:!aNULL:@STRENGTH").unwrap().len(), 9);
        for suite in ALL_CIPHER_SUITES {
            assert_ne!(openssl_name(suite.suite()), "unknown", "{suite:?}");
        }
    }

    #[test]
    fn a_list_is_taken_in_its_order_without_what_is_not_ours() {
        assert_eq!(
            names("AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"),
            Some(vec![
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES256-GCM-SHA384"
            ])
        );
        assert_eq!(names("HIGH:!TLS_AES_128_GCM_SHA256").unwrap().len(), 8);
        assert_eq!(names("EECDH+AESGCM:!AES128").unwrap().len(), 3);
        assert_eq!(names("AES128-SHA"), None);
    }
}
