//! Certificates as Mosquitto's manual and many guides say to make them with OpenSSL, in all
//! the roles that they have.

mod chains;
mod files;

use std::fs;
use std::path::Path;

use mq::transport::tls_client::Options;

use crate::support::openssl::Openssl;
use crate::support::peers::require_programs;
use crate::support::program::{find_program, program_path};
use crate::support::tls::why_refused;
use crate::support::{Broker, Program};

const SERVER: &str = "certfile server.crt\nkeyfile server.key\n";

/// Makes a client that publishes a message with these options.
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

#[test]
fn the_subject_becomes_the_user_name_as_openssl_writes_it() {
    if !require_programs(&["openssl"]) {
        return;
    }
    let builder = Broker::builder();
    let openssl = Openssl(builder.folder());
    openssl.authority("ca");
    openssl.request("server", "/CN=localhost");
    openssl.sign("server", "ca", "subjectAltName=DNS:localhost\n");
    let mut names = Vec::new();
    for (name, subject) in [
        ("one", "/C=DE/O=school/CN=Ger\u{e4}t/UID=u1"),
        ("two", "/CN=a+UID=u2+emailAddress=a@b.example/O=c,d"),
        (
            "three",
            "/serialNumber=7/title=head/GN=Ada/dnQualifier=x/1.2.3.4=y",
        ),
    ] {
        openssl.request(name, subject);
        openssl.sign_version_1(name, "ca");
        let line = openssl.run(&format!(
            "x509 -in {name}.crt -noout -subject -nameopt RFC2253"
        ));
        let written = line.trim_end().strip_prefix("subject=").map(str::to_owned);
        names.push((name, written.expect("a subject")));
    }
    assert!(names[0].1.contains("UID=u1,CN=Ger\\C3\\A4t"), "{names:?}");
    let broker = builder
        .config(&format!(
            "{SERVER}cafile ca.crt\nrequire_certificate true\nuse_subject_as_username true\n"
        ))
        .start();
    for (name, subject) in names {
        publish(
            &broker,
            &format!("--cafile ca.crt --cert {name}.crt --key {name}.key"),
        )
        .run()
        .succeeds();
        broker.wait_for_log(&format!(" u'{subject}')."));
    }
}
