//! Chains of certificates, and whom they end at.

use std::fs;
use std::path::Path;

use super::{SERVER, publish};
use crate::support::openssl::Openssl;
use crate::support::peers::require_programs;
use crate::support::{Broker, Program};

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
