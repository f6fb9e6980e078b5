//! OpenSSL's cipher lists, as far as rustls has the suites.

use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use super::Versions;

/// The suites that a list names; `None` when there are none. A list is about TLS 1.2, and
/// all suites of 1.3 stay; it is about 1.3 when nothing else is spoken.
pub(super) fn choose(
    list: &str,
    versions: Versions,
    suites: &[SupportedCipherSuite],
) -> Option<Vec<SupportedCipherSuite>> {
    let listed_version: &SupportedProtocolVersion = match versions {
        Versions::From12 => &rustls::version::TLS12,
        Versions::Only13 => &rustls::version::TLS13,
    };
    let (listed, others): (Vec<_>, Vec<_>) = suites
        .iter()
        .copied()
        .partition(|suite| suite.version() == listed_version);
    let mut chosen: Vec<SupportedCipherSuite> = Vec::new();
    let mut barred: Vec<SupportedCipherSuite> = Vec::new();
    for item in list.split([':', ',', ' ']).filter(|item| !item.is_empty()) {
        let matching = |pattern: &str| {
            let all = listed.iter().copied();
            all.filter(|&suite| matches(pattern, suite))
                .collect::<Vec<_>>()
        };
        if let Some(pattern) = item.strip_prefix('!') {
            barred.extend(matching(pattern));
            chosen.retain(|suite| !barred.contains(suite));
        } else if let Some(pattern) = item.strip_prefix('-') {
            let removed = matching(pattern);
            chosen.retain(|suite| !removed.contains(suite));
        } else if !item.starts_with(['+', '@']) {
            // Both only change the order.
            for suite in matching(item) {
                if !chosen.contains(&suite) && !barred.contains(&suite) {
                    chosen.push(suite);
                }
            }
        }
    }
    if chosen.is_empty() {
        return None;
    }
    chosen.extend(others);
    Some(chosen)
}

/// Whether a name, a keyword, or several of them joined by `+`, stand for a suite.
fn matches(pattern: &str, suite: SupportedCipherSuite) -> bool {
    let name = openssl_name(suite);
    if pattern.eq_ignore_ascii_case(&name) || pattern == standard_name(suite) {
        return true;
    }
    pattern.split('+').all(|keyword| match keyword {
        "ALL" | "DEFAULT" | "HIGH" | "COMPLEMENTOFDEFAULT" | "TLSv1.2" => true,
        "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" => name.starts_with("ECDHE"),
        "ECDSA" | "aECDSA" => name.contains("ECDSA"),
        "aRSA" => name.contains("-RSA-"),
        "AES" => name.contains("AES"),
        "AES128" => name.contains("AES128") || name.contains("AES_128"),
        "AES256" => name.contains("AES256") || name.contains("AES_256"),
        "AESGCM" => name.contains("GCM"),
        "CHACHA20" => name.contains("CHACHA20"),
        "SHA256" => name.ends_with("SHA256"),
        "SHA384" => name.ends_with("SHA384"),
        _ => false,
    })
}

/// As in `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`.
fn standard_name(suite: SupportedCipherSuite) -> String {
    let name = format!("{:?}", suite.suite());
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name,
    }
}

/// As in `ECDHE-RSA-AES128-GCM-SHA256`; suites of TLS 1.3 have their standard name.
fn openssl_name(suite: SupportedCipherSuite) -> String {
    let name = standard_name(suite);
    let Some((exchange, cipher)) = name.split_once("_WITH_") else {
        return name;
    };
    let exchange = exchange.trim_start_matches("TLS_");
    let cipher = cipher
        .replace("AES_", "AES")
        .replace("CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305");
    format!("{exchange}-{cipher}").replace('_', "-")
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring::ALL_CIPHER_SUITES;

    use super::*;

    fn chosen(list: &str, versions: Versions) -> Option<Vec<String>> {
        let chosen = choose(list, versions, ALL_CIPHER_SUITES)?;
        let wanted = match versions {
            Versions::From12 => &rustls::version::TLS12,
            Versions::Only13 => &rustls::version::TLS13,
        };
        let listed = chosen.iter().filter(|suite| suite.version() == wanted);
        Some(listed.map(|&suite| openssl_name(suite)).collect())
    }

    #[test]
    fn a_list_means_what_rustls_has_of_it() {
        assert_eq!(
            chosen(
                "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:RC4-MD5",
                Versions::From12
            )
            .unwrap(),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"]
        );
        assert_eq!(
            chosen("HIGH:!ECDSA:!CHACHA20:-AES128", Versions::From12).unwrap(),
            ["ECDHE-RSA-AES256-GCM-SHA384"]
        );
        assert_eq!(
            chosen("TLS_AES_128_GCM_SHA256", Versions::Only13).unwrap(),
            ["TLS_AES_128_GCM_SHA256"]
        );
    }

    #[test]
    fn a_list_of_nothing_that_exists_chooses_nothing() {
        assert_eq!(chosen("RC4-MD5:DES-CBC3-SHA", Versions::From12), None);
        assert_eq!(chosen("ALL:!ALL", Versions::From12), None);
    }
}
