//! OpenSSL's cipher lists, as far as rustls has the suites.

use rustls::{CipherSuite, SupportedCipherSuite};

/// The suites of TLS 1.3 and 1.2 by OpenSSL's names.
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

/// Returns OpenSSL's name of a suite.
pub(crate) fn openssl_name(suite: CipherSuite) -> &'static str {
    let known = NAMES.iter().find(|(known, _)| *known == suite);
    known.map_or("unknown", |(_, name)| name)
}

/// Returns OpenSSL's names of all suites.
pub(crate) fn openssl_names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(_, name)| *name)
}

/// Returns the suites that a list selects, in its order; `None` if there are none.
///
/// Suites that rustls does not have, and words that only change the order, are ignored.
pub(crate) fn select(
    list: &str,
    suites: &[SupportedCipherSuite],
) -> Option<Vec<SupportedCipherSuite>> {
    let mut selected: Vec<SupportedCipherSuite> = Vec::new();
    let mut barred: Vec<SupportedCipherSuite> = Vec::new();
    for word in list.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        if let Some(pattern) = word.strip_prefix('!') {
            let unwanted = suites.iter().copied();
            barred.extend(unwanted.filter(|suite| matches(pattern, suite)));
            selected.retain(|suite| !barred.contains(suite));
        } else if let Some(pattern) = word.strip_prefix('-') {
            selected.retain(|suite| !matches(pattern, suite));
        } else if !word.starts_with(['+', '@']) {
            for suite in suites.iter().filter(|suite| matches(word, suite)) {
                if !selected.contains(suite) && !barred.contains(suite) {
                    selected.push(*suite);
                }
            }
        }
    }
    (!selected.is_empty()).then_some(selected)
}

/// Returns whether a name, a keyword, or several of them joined by `+`, stand for a suite.
fn matches(pattern: &str, suite: &SupportedCipherSuite) -> bool {
    let name = openssl_name(suite.suite());
    if pattern.eq_ignore_ascii_case(name) || pattern == standard_name(suite.suite()) {
        return true;
    }
    pattern.split('+').all(|keyword| match keyword {
        "ALL" | "DEFAULT" | "HIGH" | "SECURE" | "COMPLEMENTOFDEFAULT" => true,
        "TLSv1.2" | "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" => name.starts_with("ECDHE"),
        "ECDSA" | "aECDSA" => name.contains("ECDSA"),
        "aRSA" => name.contains("-RSA-"),
        "AES" => name.contains("AES"),
        "AES128" => name.contains("AES128") || name.contains("AES_128"),
        "AES256" => name.contains("AES256") || name.contains("AES_256"),
        "AESGCM" => name.contains("GCM"),
        "CHACHA20" => name.contains("CHACHA20"),
        "SHA256" | "SHA384" => name.ends_with(keyword),
        _ => false,
    })
}

/// Returns the name of a suite in the standard, such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`.
fn standard_name(suite: CipherSuite) -> String {
    let name = format!("{suite:?}");
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring::ALL_CIPHER_SUITES;

    use super::*;

    fn names(list: &str) -> Option<Vec<&'static str>> {
        let suites = select(list, ALL_CIPHER_SUITES)?;
        let names = suites.iter().map(|suite| openssl_name(suite.suite()));
        Some(names.collect())
    }

    #[test]
    fn every_suite_has_a_name() {
        assert_eq!(names("DEFAULT:!aNULL:@STRENGTH").unwrap().len(), 9);
        for suite in ALL_CIPHER_SUITES {
            assert_ne!(openssl_name(suite.suite()), "unknown", "{suite:?}");
        }
    }

    #[test]
    fn a_list_selects_its_suites_in_its_order() {
        assert_eq!(
            names("AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384").unwrap(),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
        );
        assert_eq!(
            names("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_AES_128_GCM_SHA256").unwrap(),
            ["ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"]
        );
        assert_eq!(names("EECDH+AESGCM:!AES128").unwrap().len(), 2);
    }

    #[test]
    fn a_removed_suite_may_come_back_and_a_barred_one_may_not() {
        assert_eq!(
            names("TLSv1.2:!ECDSA:!CHACHA20:-AES128").unwrap(),
            ["ECDHE-RSA-AES256-GCM-SHA384"]
        );
        assert_eq!(names("HIGH:!TLS_AES_128_GCM_SHA256").unwrap().len(), 8);
        assert_eq!(names("ALL:-ALL:ALL").unwrap().len(), 9);
        assert_eq!(names("ALL:!ALL:ALL"), None);
    }

    #[test]
    fn a_list_without_any_suite_selects_nothing() {
        assert_eq!(names("RC4-MD5:DES-CBC3-SHA"), None);
        assert_eq!(names(""), None);
    }
}
