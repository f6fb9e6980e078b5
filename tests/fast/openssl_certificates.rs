//! Certificates as Mosquitto's manual and many guides say to make them with OpenSSL, in all
//! the roles that they have.

use std::fs;
use std::path::Path;

use mq::transport::tls_client::{Connector, Options};

use crate::support::broker::free_port;
use crate::support::openssl::Openssl;
use crate::support::peers::require_programs;
use crate::support::program::{Running, find_program, program_path};
use crate::support::tls::why_refused;
use crate::support::{Broker, Program};

const SERVER: &str = "certfile server.crt\nkeyfile server.key\n";

/// Whether the program at this command line, with a message to publish, is served.
fn publish(broker: &Broker, options: &str) -> Program {
    broker
        .typed(&format!("mq-pub -h localhost -t a -m x -q 1 {options}"))
        .in_folder(broker.folder())
}

/// Does what mosquitto-tls(7) says, but for the passphrases.
fn follow_the_manual(folder: &Path) {
    let openssl = Openssl(folder);
    for step in [
        "req -new -x509 -days 3650 -extensions v3_ca -nodes -keyout ca.key -out ca.crt -subj /CN=home",
        "genrsa -out server.key 2048",
        "req -out server.csr -key server.key -new -subj /CN=localhost",
        "genrsa -out client.key 2048",
        "req -out client.csr -key client.key -new -subj /O=school/CN=alice",
    ] {
        openssl.run(step);
    }
    openssl.sign_version_1("server", "ca");
    openssl.sign_version_1("client", "ca");
}

#[test]
fn certificates_made_as_mosquittos_manual_says_work_on_both_sides() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let builder = Broker::builder();
    follow_the_manual(builder.folder());
    let broker = builder
        .config(&format!(
            "{SERVER}cafile ca.crt\nrequire_certificate true\nuse_identity_as_username true\n"
        ))
        .start();
    let with_certificate = "--cert client.crt --key client.key";
    for options in [
        "--cafile ca.crt",
        "--cafile ca.crt --tls-version tlsv1.3",
        "--cafile ca.crt --insecure",
        "--tls-use-os-certs --insecure",
    ] {
        let mark = broker.log_mark();
        publish(&broker, &format!("{options} {with_certificate}"))
            .run()
            .succeeds();
        broker.wait_for_log_after(mark, "u'alice').");
    }
    publish(&broker, "--cafile ca.crt").run().exits_with(8);
    let outcome = Program::typed("mq-broker -c mosquitto.conf --check")
        .in_folder(broker.folder())
        .run();
    assert!(
        outcome
            .succeeds()
            .stdout()
            .contains("asks for a certificate")
    );
}

#[test]
fn openssl_and_mosquitto_talk_to_a_broker_with_a_version_1_certificate() {
    if !require_programs(&["openssl", "mosquitto_pub"]) {
        return;
    }
    let builder = Broker::builder();
    follow_the_manual(builder.folder());
    let broker = builder
        .config(&format!(
            "{SERVER}cafile ca.crt\nrequire_certificate true\n"
        ))
        .start();
    broker
        .typed("mosquitto_pub -h localhost --cafile ca.crt --cert client.crt --key client.key -t a -m x")
        .in_folder(broker.folder())
        .run()
        .succeeds();
    for version in ["-tls1_2", "-tls1_3"] {
        let line = format!(
            "openssl s_client -connect 127.0.0.1:{} -CAfile ca.crt -verify_return_error \
             -cert client.crt -key client.key -ign_eof {version}",
            broker.port()
        );
        let outcome = Program::typed(&line)
            .in_folder(broker.folder())
            .stdin(b"\xc0\x00")
            .run();
        assert!(!outcome.stderr().contains("alert"), "{outcome}");
    }
}

/// Options of a client that trusts the authorities of a file.
fn trusting(folder: &Path, file: &str) -> Options {
    Options {
        ca_file: Some(folder.join(file)),
        ..Options::default()
    }
}

#[test]
fn a_broker_of_version_1_is_believed_below_an_authority_that_the_user_names_only() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let builder = Broker::builder();
    let folder = builder.folder().to_owned();
    let openssl = Openssl(&folder);
    openssl.authority("ca");
    openssl.request("server", "/CN=localhost");
    openssl.sign_version_1("server", "ca");
    // The same name, and another key.
    fs::create_dir(folder.join("forger")).unwrap();
    Openssl(&folder.join("forger")).authority("ca");
    openssl.authority("other");
    let broker = builder.config(SERVER).start();

    publish(&broker, "--cafile ca.crt").run().succeeds();
    publish(&broker, "-h 127.0.0.1 --cafile ca.crt")
        .run()
        .exits_with(1);
    publish(&broker, "--tls-use-os-certs")
        .env("SSL_CERT_FILE", folder.join("ca.crt").to_str().unwrap())
        .run()
        .exits_with(1);
    for file in ["other.crt", "forger/ca.crt"] {
        let why = why_refused(&trusting(&folder, file), broker.port());
        assert!(why.contains("signed by nobody who is trusted"), "{why}");
    }
}

#[test]
fn a_version_1_certificate_vouches_for_nobody_else() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let builder = Broker::builder();
    let folder = builder.folder().to_owned();
    let openssl = Openssl(&folder);
    openssl.authority("ca");
    openssl.request("between", "/CN=between");
    openssl.sign_version_1("between", "ca");
    openssl.request("server", "/CN=localhost");
    openssl.sign("server", "between", "subjectAltName=DNS:localhost\n");
    openssl.request("client", "/CN=mallory");
    openssl.sign_version_1("client", "between");
    let chain = |name: &str| {
        let read = |name: &str| fs::read_to_string(folder.join(format!("{name}.crt"))).unwrap();
        fs::write(
            folder.join(format!("{name}.chain")),
            [read(name), read("between")].concat(),
        )
        .unwrap();
    };
    chain("server");
    chain("client");
    let broker = builder
        .config("certfile server.chain\nkeyfile server.key\n")
        .config("listener 0 clients.sock\ncertfile server.chain\nkeyfile server.key\n")
        .config("cafile ca.crt\nrequire_certificate true\n")
        .start();
    let why = why_refused(&trusting(&folder, "ca.crt"), broker.port());
    assert!(why.contains("signed by nobody who is trusted"), "{why}");
    let outcome = Program::typed("mq-pub --unix clients.sock --cafile ca.crt --insecure -t a -m x")
        .args_of("--cert client.chain --key client.key")
        .in_folder(&folder)
        .run();
    assert_ne!(outcome.code(), 0);
    broker.wait_for_log("the client's certificate is signed by nobody who is trusted");
}

#[test]
fn a_version_1_certificate_is_asked_for_its_time_and_whether_it_was_revoked() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let builder = Broker::builder();
    let folder = builder.folder().to_owned();
    let openssl = Openssl(&folder);
    openssl.authority("ca");
    openssl.request("server", "/CN=localhost");
    openssl.sign_version_1("server", "ca");
    for name in ["good", "revoked", "modern", "modern-revoked"] {
        openssl.request(name, &format!("/CN={name}"));
        match name.starts_with("modern") {
            true => openssl.sign(name, "ca", "basicConstraints=CA:FALSE\n"),
            false => openssl.sign_version_1(name, "ca"),
        }
    }
    // The first day that OpenSSL signs for is today.
    openssl.request("expired", "/CN=expired");
    openssl.run("x509 -req -days -1 -in expired.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out expired.crt");
    fs::write(folder.join("index"), "").unwrap();
    fs::write(
        folder.join("ca.conf"),
        "[ca]\ndefault_ca = own\n[own]\ndatabase = index\ndefault_md = sha256\n\
         default_crl_days = 3650\n",
    )
    .unwrap();
    let ca = "ca -config ca.conf -cert ca.crt -keyfile ca.key";
    openssl.run(&format!("{ca} -revoke revoked.crt"));
    openssl.run(&format!("{ca} -revoke modern-revoked.crt"));
    // The list, too, is of version 1 where OpenSSL is not told otherwise.
    openssl.run(&format!("{ca} -gencrl -out revoked.crl"));
    let broker = builder
        .config(&format!(
            "{SERVER}cafile ca.crt\nrequire_certificate true\ncrlfile revoked.crl\n"
        ))
        .start();
    let with = |name: &str| {
        publish(
            &broker,
            &format!("--cafile ca.crt --cert {name}.crt --key {name}.key"),
        )
        .run()
    };
    for (good, revoked) in [("good", "revoked"), ("modern", "modern-revoked")] {
        with(good).succeeds();
        let mark = broker.log_mark();
        with(revoked).exits_with(8);
        broker.wait_for_log_after(
            mark,
            "the client's certificate was revoked by its authority.",
        );
    }
    with("expired").exits_with(8);
    broker.wait_for_log("the client's certificate expired on ");
}

#[test]
fn a_common_name_counts_below_an_authority_that_the_user_names_and_a_hint_says_how_to_do_better() {
    if !require_programs(&["openssl", "script"]) {
        return;
    }
    let builder = Broker::builder();
    let folder = builder.folder().to_owned();
    let openssl = Openssl(&folder);
    openssl.authority("ca");
    openssl.request("between", "/CN=between");
    openssl.sign("between", "ca", "basicConstraints=critical,CA:TRUE\n");
    openssl.request("server", "/CN=localhost");
    openssl.sign("server", "between", "basicConstraints=CA:FALSE\n");
    let chain = ["server", "between"]
        .map(|name| fs::read_to_string(folder.join(format!("{name}.crt"))).unwrap())
        .concat();
    let broker = builder
        .file("chain.crt", chain)
        .config("certfile chain.crt\nkeyfile server.key\n")
        .start();
    publish(&broker, "--cafile ca.crt").run().succeeds();
    publish(&broker, "--tls-use-os-certs")
        .env("SSL_CERT_FILE", folder.join("ca.crt").to_str().unwrap())
        .run()
        .exits_with(1);
    let line = format!(
        "{} -h localhost -p {} --cafile ca.crt -t a -m x",
        program_path("mq-pub").display(),
        broker.port()
    );
    let script = find_program("script").expect("it was looked for");
    let outcome = Program::at(&script, "-qec")
        .arg(line)
        .arg("/dev/null")
        .in_folder(&folder)
        .run()
        .succeeds();
    let hint = "Hint: the broker's certificate has no subjectAltName, and other programs may \
                refuse it: sign it with `-extfile FILE`, where FILE has the line \
                subjectAltName=DNS:localhost";
    assert!(outcome.stdout().contains(hint), "{outcome}");
}

#[test]
fn a_common_name_does_not_count_where_names_are_constrained() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let builder = Broker::builder();
    let folder = builder.folder().to_owned();
    let openssl = Openssl(&folder);
    openssl.authority("ca");
    openssl.request("between", "/CN=between");
    openssl.sign(
        "between",
        "ca",
        "basicConstraints=critical,CA:TRUE\nnameConstraints=permitted;DNS:school.example\n",
    );
    openssl.request("server", "/CN=localhost");
    openssl.sign("server", "between", "basicConstraints=CA:FALSE\n");
    let chain = ["server", "between"]
        .map(|name| fs::read_to_string(folder.join(format!("{name}.crt"))).unwrap())
        .concat();
    let broker = builder
        .file("chain.crt", chain)
        .config("certfile chain.crt\nkeyfile server.key\n")
        .start();
    let why = why_refused(&trusting(&folder, "ca.crt"), broker.port());
    assert!(why.contains("subjectAltName"), "{why}");
}

/// Makes a root, `ca`, an authority below it, `between`, and a certificate of that one for each
/// name.
fn chain_of_three(folder: &Path, names: &[&str]) {
    let openssl = Openssl(folder);
    openssl.authority("ca");
    openssl.request("between", "/CN=between");
    openssl.sign("between", "ca", "basicConstraints=critical,CA:TRUE\n");
    for name in names {
        openssl.request(name, "/CN=localhost");
        openssl.sign(name, "between", "subjectAltName=DNS:localhost\n");
    }
    let read = |name: &str| fs::read_to_string(folder.join(format!("{name}.crt")));
    let both = ["between", "ca"].map(|name| read(name).unwrap_or_default());
    let _ = fs::write(folder.join("chain.pem"), both.concat());
    let _ = fs::create_dir(folder.join("authorities"));
    let _ = fs::write(folder.join("authorities/any-name"), both.concat());
}

#[test]
fn a_single_certificate_is_completed_from_the_authorities_as_in_openssl() {
    if !require_programs(&["openssl"]) {
        return;
    }
    for (options, is_complete) in [
        ("cafile chain.pem", true),
        ("capath authorities", true),
        ("cafile ca.crt", false),
        ("", false),
    ] {
        let builder = Broker::builder();
        chain_of_three(builder.folder(), &["server"]);
        let broker = builder.config(&format!("{SERVER}{options}\n")).start();
        let client = publish(&broker, "--cafile ca.crt").run();
        client.exits_with(if is_complete { 0 } else { 1 });
    }
}

#[test]
fn a_clients_single_certificate_is_completed_from_its_authorities() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let builder = Broker::builder();
    chain_of_three(builder.folder(), &["server", "client"]);
    let broker = builder
        .config("certfile full.pem\nkeyfile server.key\ncafile ca.crt\nrequire_certificate true\n");
    let read = |name: &str| fs::read_to_string(broker.folder().join(name)).unwrap();
    let full = [read("server.crt"), read("between.crt")].concat();
    let broker = broker.file("full.pem", full).start();
    for (options, code) in [
        ("--cafile chain.pem", 0),
        ("--capath authorities", 0),
        ("--cafile ca.crt", 8),
    ] {
        publish(
            &broker,
            &format!("{options} --cert client.crt --key client.key"),
        )
        .run()
        .exits_with(code);
    }
}

#[test]
fn a_test_of_the_configuration_says_what_a_chain_may_lack() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    chain_of_three(folder.path(), &["server"]);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    for (name, parts) in [
        ("full.pem", &["server.crt", "between.crt"][..]),
        ("wrong.pem", &["server.crt", "ca.crt", "between.crt"]),
    ] {
        let content: String = parts.iter().map(|part| read(part)).collect();
        fs::write(folder.path().join(name), content).unwrap();
    }
    let missing = "Warning: The certificate in \"server.crt\" is signed by \"CN=between\", whose own \
                   certificate is not there.";
    let order = "Warning: In \"wrong.pem\" certificate 1 is not signed by certificate 2";
    for (certfile, options, warning) in [
        ("server.crt", "", Some(missing)),
        ("server.crt", "cafile ca.crt", Some(missing)),
        ("wrong.pem", "", Some(order)),
        ("server.crt", "cafile chain.pem", None),
        ("full.pem", "", None),
    ] {
        let config = format!(
            "listener 8883\nallow_anonymous true\ncertfile {certfile}\nkeyfile server.key\n{options}\n"
        );
        fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let outcome = Program::typed("mq-broker --test-config -c mosquitto.conf")
            .in_folder(folder.path())
            .run()
            .exits_with(0);
        match warning {
            Some(warning) => assert!(outcome.stderr().contains(warning), "{outcome}"),
            None => assert!(!outcome.stderr().contains("Warning"), "{outcome}"),
        }
    }
}

#[test]
fn a_clients_own_authority_may_be_its_certificate() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let builder = Broker::builder();
    let openssl = Openssl(builder.folder());
    for name in ["server", "alice", "mallory"] {
        openssl.run(&format!(
            "req -new -x509 -days 3650 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
             -keyout {name}.key -out {name}.crt -subj /CN={name} \
             -addext subjectAltName=DNS:localhost"
        ));
    }
    let broker = builder
        .config(&format!(
            "{SERVER}cafile alice.crt\nrequire_certificate true\nuse_identity_as_username true\n"
        ))
        .start();
    let with = |name: &str| {
        let options = format!("--cafile server.crt --cert {name}.crt --key {name}.key");
        publish(&broker, &options).run()
    };
    with("alice").succeeds();
    broker.wait_for_log("u'alice').");
    with("mallory").exits_with(8);
    broker.wait_for_log("the client's certificate is an authority's own, and not trusted itself: name it with cafile.");
}

#[test]
fn a_trusted_certificate_of_openssl_is_trusted_for_what_it_says() {
    if !require_programs(&["openssl"]) {
        return;
    }
    for (settings, is_for_servers, is_for_clients) in [
        ("", true, true),
        ("-setalias school", true, true),
        ("-addtrust serverAuth", true, false),
        ("-addtrust clientAuth", false, true),
        ("-addtrust anyExtendedKeyUsage", true, true),
        ("-addreject clientAuth", true, false),
        ("-addreject serverAuth -addtrust clientAuth", false, true),
    ] {
        let builder = Broker::builder();
        let openssl = Openssl(builder.folder());
        openssl.authority("ca");
        for name in ["server", "client"] {
            openssl.request(name, "/CN=localhost");
            openssl.sign(name, "ca", "subjectAltName=DNS:localhost\n");
        }
        openssl.run(&format!(
            "x509 -in ca.crt -trustout {settings} -out trusted.crt"
        ));
        let broker = builder
            .config(&format!("{SERVER}\nlistener 0 clients.sock\n{SERVER}"))
            .config("cafile ca.pem\nrequire_certificate true\n");
        let trusted = fs::read_to_string(broker.folder().join("trusted.crt")).unwrap();
        assert!(trusted.starts_with("-----BEGIN TRUSTED CERTIFICATE-----"));
        // With another authority beside it the listener has somebody to trust in any case.
        Openssl(broker.folder()).authority("other");
        let other = fs::read_to_string(broker.folder().join("other.crt")).unwrap();
        let broker = broker.file("ca.pem", [trusted, other].concat()).start();
        let code = publish(&broker, "--cafile trusted.crt").run().code();
        assert_eq!(code == 0, is_for_servers, "{settings}");
        let code =
            Program::typed("mq-pub --unix clients.sock --cafile ca.crt --insecure -t a -m x")
                .args_of("--cert client.crt --key client.key")
                .in_folder(broker.folder())
                .run()
                .code();
        assert_eq!(code == 0, is_for_clients, "{settings}");
    }
}

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

/// Whether a text has something that only a programmer can read.
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
