//! Certificates, keys and lists that cannot be used, and what is said of them.

use std::fs;
use std::path::Path;

use mq::transport::tls_client::{Connector, Options};

use super::trusting;
use crate::support::Program;
use crate::support::broker::free_port;
use crate::support::openssl::Openssl;
use crate::support::peers::require_programs;
use crate::support::program::Running;
use crate::support::tls::why_refused;

/// Files that cannot be used, with what is said of each.
const BAD_CERTIFICATES: &[(&str, &str)] = &[
    (
        "server.key",
        "it holds a private key and no certificate: are the two files swapped?",
    ),
    (
        "server.csr",
        "it holds a request for a certificate: an authority has to sign it",
    ),
    (
        "server.der",
        "it is not in PEM: convert it with `openssl x509 -inform der`",
    ),
    ("cut.crt", "a certificate in it is cut off"),
    ("damaged.crt", "a certificate in it is damaged"),
    ("empty.crt", "there is no certificate in it"),
];

const BAD_KEYS: &[(&str, &str)] = &[
    (
        "server.crt",
        "it holds a certificate and no key: are the two files swapped?",
    ),
    (
        "public.key",
        "it holds a public key: the private one is needed",
    ),
    ("cut.key", "the key is cut off"),
    ("empty.crt", "there is no private key in it"),
    (
        "p521.key",
        "a key of elliptic curve P-521 cannot be used: make one of P-256 or P-384",
    ),
    (
        "short.key",
        "an RSA key of 1024 bits is too short: make one of 2048 bits or more",
    ),
    (
        "dsa.key",
        "a key of type Ed448 cannot be used: make one of RSA, P-256, P-384 or Ed25519",
    ),
];

fn bad_files(folder: &Path) {
    let openssl = Openssl(folder);
    openssl.authority("ca");
    openssl.request("server", "/CN=localhost");
    openssl.sign("server", "ca", "subjectAltName=DNS:localhost\n");
    openssl.request("other", "/CN=localhost");
    openssl.request_with(
        "p521",
        "/CN=a",
        "-newkey ec -pkeyopt ec_paramgen_curve:P-521",
    );
    openssl.request_with("short", "/CN=a", "-newkey rsa:1024");
    openssl.run("genpkey -algorithm ed448 -out dsa.key");
    openssl.run("x509 -in server.crt -outform der -out server.der");
    openssl.run("pkey -in server.key -pubout -out public.key");
    openssl.run("pkcs8 -topk8 -in server.key -out encrypted.key -passout pass:word");
    openssl.run("ec -in server.key -aes128 -out old.key -passout pass:word");
    let write = |name: &str, content: &str| fs::write(folder.join(name), content);
    for (whole, cut) in [("server.crt", "cut.crt"), ("server.key", "cut.key")] {
        let text = fs::read_to_string(folder.join(whole)).unwrap_or_default();
        let _ = write(cut, &text[..100]);
    }
    let damaged = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    let _ = write("damaged.crt", damaged);
    let _ = write("empty.crt", "");
}

/// Returns whether a text has something that only a programmer can read.
fn has_debug_form(text: &str) -> bool {
    [
        "Error(",
        "OtherError",
        "Mismatch",
        "NoItemsFound",
        "no items found",
        "{",
        "Some(",
    ]
    .iter()
    .any(|form| text.contains(form))
}

#[test]
fn the_broker_says_in_words_what_is_wrong_with_a_certificate_or_a_key() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    bad_files(folder.path());
    let says = |certfile: &str, keyfile: &str, error: &str, cause: &str| {
        let config = format!("listener 8883\ncertfile {certfile}\nkeyfile {keyfile}\n");
        fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let outcome = Program::typed("mq-broker --test-config -c mosquitto.conf")
            .in_folder(folder.path())
            .run()
            .exits_with(1);
        assert!(outcome.stderr().contains(error), "{outcome}");
        assert!(outcome.stderr().contains(cause), "{cause} in {outcome}");
        assert!(!has_debug_form(outcome.stderr()), "{outcome}");
    };
    for (file, cause) in BAD_CERTIFICATES {
        let error = format!("Error: Unable to load server certificate \"{file}\". Check certfile.");
        says(file, "server.key", &error, cause);
    }
    for (file, cause) in BAD_KEYS {
        let error = format!("Error: Unable to load server key file \"{file}\". Check keyfile.");
        says("server.crt", file, &error, cause);
    }
    for (file, cause) in [
        (
            "encrypted.key",
            "decrypt it with `openssl pkey -in encrypted.key -out encrypted.key.new`",
        ),
        ("old.key", "openssl pkcs8 -topk8"),
    ] {
        let error = format!("Error: Unable to load server key file \"{file}\". Check keyfile.");
        says("server.crt", file, &error, cause);
    }
    let error = "Error: Server certificate/key are inconsistent.";
    says(
        "server.crt",
        "other.key",
        error,
        "the key is that of another certificate",
    );
}

#[test]
fn the_clients_say_in_words_what_is_wrong_with_a_certificate_or_a_key() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    bad_files(folder.path());
    let path = |name: &str| folder.path().join(name);
    let error = |ca_file: &str, certificate: &str, key: &str| {
        let options = Options {
            ca_file: Some(path(ca_file)),
            identity: Some((path(certificate), path(key))),
            ..Options::default()
        };
        let made = Connector::new(&options, &|| Ok("wrong".to_owned()));
        let text = made.expect_err("it cannot be used").to_string();
        assert!(!has_debug_form(&text), "{text}");
        text
    };
    for (file, cause) in BAD_CERTIFICATES {
        let expected = format!("{}: {cause}", path(file).display());
        assert_eq!(error(file, "server.crt", "server.key"), expected);
        assert_eq!(error("ca.crt", file, "server.key"), expected);
    }
    for (file, cause) in BAD_KEYS {
        let expected = format!("{}: {cause}", path(file).display());
        assert_eq!(error("ca.crt", "server.crt", file), expected);
    }
    let text = error("ca.crt", "server.crt", "encrypted.key");
    assert!(text.ends_with("the passphrase is wrong, or the key is encrypted in an unknown way"));
    let text = error("ca.crt", "server.crt", "other.key");
    assert!(
        text.contains("it does not belong to the certificate in "),
        "{text}"
    );
}

/// Starts the server of OpenSSL, which takes keys that we do not.
fn openssl_server(folder: &Path, name: &str, port: u16) -> Running {
    let mut server = Program::typed(&format!(
        "openssl s_server -accept 127.0.0.1:{port} -cert {name}.crt -key {name}.key \
         -cipher ALL:@SECLEVEL=0"
    ))
    .in_folder(folder)
    .keep_stdin_open()
    .start();
    server.wait_for_line(|line| line == "ACCEPT");
    server
}

#[test]
fn a_brokers_key_that_is_not_supported_is_told_from_one_that_is_not_trusted() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let openssl = Openssl(folder.path());
    for (name, key) in [
        ("short-ca", "-newkey rsa:1024"),
        ("ca", "-newkey ec -pkeyopt ec_paramgen_curve:P-256"),
    ] {
        openssl.run(&format!(
            "req -new -x509 -days 3650 {key} -nodes -keyout {name}.key -out {name}.crt -subj /CN={name}"
        ));
    }
    openssl.request_with("short", "/CN=localhost", "-newkey rsa:1024");
    openssl.sign("short", "ca", "subjectAltName=DNS:localhost\n");
    openssl.request_with(
        "p521",
        "/CN=localhost",
        "-newkey ec -pkeyopt ec_paramgen_curve:P-521",
    );
    openssl.sign("p521", "ca", "subjectAltName=DNS:localhost\n");
    openssl.request("below-short", "/CN=localhost");
    openssl.sign("below-short", "short-ca", "subjectAltName=DNS:localhost\n");
    for (name, authority, cause) in [
        (
            "short",
            "ca",
            "has an RSA key of 1024 bits, which is too short",
        ),
        (
            "below-short",
            "short-ca",
            "an authority (short-ca) with an RSA key of 1024 bits, which is too short",
        ),
        (
            "p521",
            "ca",
            "a key that is not supported here, such as P-521",
        ),
    ] {
        let port = free_port();
        let _server = openssl_server(folder.path(), name, port);
        let why = why_refused(&trusting(folder.path(), &format!("{authority}.crt")), port);
        assert!(why.contains(cause), "{why}");
        assert!(!has_debug_form(&why), "{why}");
    }
}

#[test]
fn a_list_of_revoked_certificates_is_read_also_where_no_certificate_is_required() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let openssl = Openssl(folder.path());
    bad_files(folder.path());
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    write("index", "");
    write(
        "ca.conf",
        "[ca]\ndefault_ca = own\n[own]\ndatabase = index\ndefault_md = sha256\n\
         [v2]\nauthorityKeyIdentifier = keyid\n",
    );
    let make = "ca -config ca.conf -cert ca.crt -keyfile ca.key -gencrl";
    openssl.run(&format!("{make} -crldays 3650 -out good.crl"));
    let dates = "-crl_lastupdate 20010101000000Z -crl_nextupdate 20020101000000Z";
    openssl.run(&format!("{make} {dates} -out expired.crl"));
    openssl.run(&format!("{make} {dates} -crlexts v2 -out expired-too.crl"));
    let text = fs::read_to_string(folder.path().join("good.crl")).unwrap();
    write("cut.crl", &text[..100]);
    let expired = "expired on 2002-01-01: a client whose certificate comes from its authority is \
                   refused. Get a newer list.";
    for (file, code, texts) in [
        (
            "good.crl",
            0,
            &["The 'crlfile' option has no effect without require_certificate true"][..],
        ),
        (
            "expired.crl",
            0,
            &[
                "The list of revoked certificates in \"expired.crl\"",
                expired,
            ],
        ),
        (
            "expired-too.crl",
            0,
            &[
                "The list of revoked certificates in \"expired-too.crl\"",
                expired,
            ],
        ),
        ("missing.crl", 1, &["No such file"]),
        (
            "empty.crt",
            1,
            &["there is no list of revoked certificates in it"],
        ),
        (
            "server.crt",
            1,
            &["there is no list of revoked certificates in it"],
        ),
        ("cut.crl", 1, &["a list in it is cut off"]),
    ] {
        let config = format!(
            "listener 8883\nallow_anonymous true\ncertfile server.crt\nkeyfile server.key\ncrlfile {file}\n"
        );
        write("mosquitto.conf", &config);
        let outcome = Program::typed("mq-broker --test-config -c mosquitto.conf")
            .in_folder(folder.path())
            .run()
            .exits_with(code);
        for text in texts {
            assert!(outcome.stderr().contains(text), "{text} in {outcome}");
        }
        if code == 1 {
            let error = format!(
                "Error: Unable to load certificate revocation file \"{file}\". Check crlfile."
            );
            assert!(outcome.stderr().contains(&error), "{outcome}");
            assert!(!has_debug_form(outcome.stderr()), "{outcome}");
        }
    }
}
