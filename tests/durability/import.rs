//! `--import-mosquitto-db`: what Debian's Mosquitto had saved goes on at our broker.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::mosquitto_db::{Database, END_OF_TIME};
use crate::scene::{absent, durable_broker, pull_the_plug, resume, store};
use crate::support::Broker;
use crate::support::peers::require_programs;
use crate::support::random::Random;
use crate::wire::*;

/// A running Mosquitto that saves everything when it ends.
fn mosquitto() -> Broker {
    let builder = Broker::builder().program("mosquitto");
    let location = format!("persistence_location {}/", builder.folder().display());
    builder.config("persistence true").config(&location).start()
}

/// Ends Mosquitto and returns what it wrote.
#[track_caller]
fn saved(mosquitto: &mut Broker) -> PathBuf {
    mosquitto.end(Signal::SIGTERM);
    mosquitto.folder().join("mosquitto.db")
}

/// A broker of ours that has imported the file, and was killed since.
#[track_caller]
fn imported(file: &Path) -> Broker {
    imported_by(durable_broker(""), file)
}

/// This broker when it has imported the file into its empty store, and was killed since.
#[track_caller]
fn imported_by(mut broker: Broker, file: &Path) -> Broker {
    let content = fs::read(file).expect("Mosquitto wrote it");
    broker.end(Signal::SIGTERM);
    let path = file.to_str().expect("a plain name");
    if broker.try_to_start_again(&["--import-mosquitto-db", path]) {
        broker.end(Signal::SIGKILL);
    } else {
        assert_eq!(broker.exit_code(), Some(0), "{}", broker.log());
    }
    broker.start_again();
    assert_eq!(fs::read(file).expect("it is still there"), content);
    broker
}

#[test]
fn sessions_and_their_messages_go_on_at_our_broker() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    for version in BOTH {
        let mut theirs = mosquitto();
        absent(&theirs, version, "absent", "a/+", 2);
        let mut publisher = Client::new(&theirs, version, "publisher");
        for qos in 1..3 {
            publisher.publish("a/b", qos, false, &format!("at QoS {qos}"));
        }
        let mut broker = imported(&saved(&mut theirs));
        let mut client = resume(&broker, version, "absent");
        for qos in 1..3 {
            let message = client.receive(&format!("at QoS {qos}"));
            assert_eq!((message.dup, message.qos), (false, qos));
        }
        client.leave();
        broker.restart(Signal::SIGTERM);
        let mut client = resume(&broker, version, "absent");
        client.expect_nothing();
        // It is subscribed as before.
        Client::new(&broker, version, "publisher").publish("a/c", 2, false, "new");
        client.receive("new");
    }
}

#[test]
fn retained_messages_go_on_at_our_broker() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    let properties = [text(0x03, "text/plain"), user("n", "v")].concat();
    let expiring = [&properties[..], &four(MESSAGE_EXPIRY, 3_600)].concat();
    let mut theirs = mosquitto();
    let mut publisher = Client::new(&theirs, V5, "publisher");
    publisher.publish_with("a/lasting", 2 | 1, &properties, "kept");
    publisher.publish_with("a/passing", 4 | 1, &expiring, "kept");
    let mut broker = imported(&saved(&mut theirs));
    pull_the_plug(&mut broker);
    let mut client = Client::new(&broker, V5, "newcomer");
    client.subscribe("a/lasting", 2);
    let message = client.receive("kept");
    assert_eq!((message.qos, message.retain), (1, true));
    assert_eq!(message.properties, properties);
    client.subscribe("a/passing", 2);
    let message = client.receive("kept");
    assert_eq!((message.qos, message.retain), (2, true));
    assert!(contains(&message.properties, &user("n", "v")));
    let expiry: Vec<_> = message
        .properties
        .windows(5)
        .filter(|window| window[..3] == [MESSAGE_EXPIRY, 0, 0])
        .map(|window| u16::from_be_bytes([window[3], window[4]]))
        .collect();
    assert!(matches!(expiry[..], [3_500..=3_600]), "{expiry:?}");
}

#[test]
fn subscriptions_keep_their_options_and_identifiers() {
    const NO_LOCAL: u8 = 0x04;
    const RETAIN_AS_PUBLISHED: u8 = 0x08;
    if !require_programs(&["mosquitto"]) {
        return;
    }
    let identifier = [SUBSCRIPTION_ID, 0xff, 0x7f];
    let mut theirs = mosquitto();
    let mut client = Client::open(&theirs, &V5.persistent("client"));
    client.subscribe_with("a", 1 | NO_LOCAL | RETAIN_AS_PUBLISHED, &identifier);
    client.leave();
    let mut broker = imported(&saved(&mut theirs));
    pull_the_plug(&mut broker);
    let mut client = resume(&broker, V5, "client");
    client.publish("a", 1, false, "not to me");
    client.expect_nothing();
    Client::new(&broker, V5, "publisher").publish("a", 1, true, "to you");
    let message = client.receive("to you");
    assert!(message.retain);
    assert_eq!(message.properties, identifier);
}

#[test]
fn deliveries_go_on_where_they_were() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    for version in BOTH {
        let mut theirs = mosquitto();
        let mut client = Client::open(&theirs, &version.persistent("client"));
        client.subscribe("a", 2);
        let mut publisher = Client::new(&theirs, version, "publisher");
        for (payload, qos) in [("0", 1), ("1", 2), ("2", 2)] {
            publisher.publish("a", qos, false, payload);
        }
        let sent = [0; 3].map(|_| client.message());
        client.send(ack(0x50, sent[2].id));
        client.expect_ack(0x62, sent[2].id);
        client.cut(&theirs);
        let broker = imported(&saved(&mut theirs));
        let mut client = resume(&broker, version, "client");
        let mut came = [0; 3].map(|_| client.raw.packet());
        came.sort();
        let [first, second, (0x62, released)] = &came else {
            panic!("{came:02x?}");
        };
        assert_eq!(released[..2], sent[2].id.to_be_bytes());
        for (packet, before) in [first, second].into_iter().zip(&sent) {
            let again = Publish::parse(version, packet.0, &packet.1);
            let expected = Publish {
                dup: true,
                ..before.clone()
            };
            assert_eq!(again, expected);
        }
        client.expect_nothing();
    }
}

#[test]
fn a_message_that_was_not_yet_released_reaches_its_receivers_once() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    for version in BOTH {
        let mut theirs = mosquitto();
        absent(&theirs, version, "absent", "a", 2);
        let mut publisher = Client::open(&theirs, &version.persistent("publisher"));
        publisher.send(publish_with(version, 4, "a", 5, &[], b"once"));
        publisher.expect_ack(0x50, 5);
        // Mosquitto passes it on at its PUBREL, which comes to us.
        publisher.cut(&theirs);
        let broker = imported(&saved(&mut theirs));
        let mut publisher = resume(&broker, version, "publisher");
        publisher.send(publish_with(version, 4 | 8, "a", 5, &[], b"once"));
        publisher.expect_ack(0x50, 5);
        publisher.send(ack(0x62, 5));
        publisher.expect_ack(0x70, 5);
        let mut client = resume(&broker, version, "absent");
        client.receive("once");
        client.expect_nothing();
    }
}

/// What waited is kept until its client is back. Meanwhile nothing is known of the listener
/// by which it had come, so that only rules for all listeners can let it get more.
#[test]
fn an_imported_session_has_the_rights_that_every_listener_gives() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    for (settings, gets_more) in [("", true), ("per_listener_settings true", false)] {
        let mut theirs = mosquitto();
        absent(&theirs, V311, "absent", "a", 1);
        Client::new(&theirs, V311, "publisher").publish("a", 1, false, "before");
        let ours = Broker::builder()
            .before(settings)
            .config("persistence true\nlistener_allow_anonymous true")
            .start();
        let broker = imported_by(ours, &saved(&mut theirs));
        Client::new(&broker, V311, "publisher").publish("a", 1, false, "meanwhile");
        let mut client = resume(&broker, V311, "absent");
        client.receive("before");
        if gets_more {
            client.receive("meanwhile");
        }
        client.expect_nothing();
        Client::new(&broker, V311, "publisher").publish("a", 1, false, "now");
        client.receive("now");
    }
}

#[test]
fn the_publisher_of_an_imported_message_is_known() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    let mut theirs = mosquitto();
    let mut publisher = Client::new(&theirs, V311, "publisher");
    publisher.publish("open", 1, true, "kept");
    publisher.publish("taken", 1, true, "kept");
    let ours = Broker::builder()
        .file("rules", "topic read #\ntopic write open\n")
        .config("persistence true\nacl_file rules\ncheck_retain_source true")
        .start();
    let broker = imported_by(ours, &saved(&mut theirs));
    let mut client = Client::new(&broker, V311, "newcomer");
    client.subscribe("#", 1);
    assert_eq!(client.receive("kept").topic, b"open");
    client.expect_nothing();
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_imports_nothing() {
    let mut broker = durable_broker("");
    absent(&broker, V311, "absent", "a", 1);
    Client::new(&broker, V311, "publisher").publish("a", 1, false, "kept");
    broker.end(Signal::SIGTERM);
    let file = broker.folder().join("broken.db");
    fs::write(
        &file,
        b"\x00\xb5\x00mosquitto db\0\0\0\0\0\0\0\x06\0\0\0\x02",
    )
    .expect("the folder is writable");
    let path = file.to_str().expect("a plain name");
    assert!(!broker.try_to_start_again(&["--import-mosquitto-db", path]));
    assert!(
        broker
            .exit_code()
            .is_some_and(|code| code != 0 && code != 101)
    );
    assert!(broker.log().contains(path), "{}", broker.log());
    broker.start_again();
    resume(&broker, V311, "absent").receive("kept");
}

#[test]
fn a_file_with_times_beyond_the_clocks_is_imported_as_lasting() {
    let mut database = Database::new();
    database.session("lasting", Some(END_OF_TIME));
    database.retained("a", b"lasting", Some(END_OF_TIME));
    let mut broker = durable_broker("");
    let file = broker.folder().join("hostile.db");
    fs::write(&file, database.bytes()).expect("the folder is writable");
    broker.end(Signal::SIGTERM);
    let path = file.to_str().expect("a plain name");
    assert!(
        broker.try_to_start_again(&["--import-mosquitto-db", path]),
        "{}",
        broker.log()
    );
    for _ in 0..2 {
        resume(&broker, V5, "lasting").leave();
        let mut client = Client::new(&broker, V5, "newcomer");
        client.subscribe("a", 0);
        client.receive("lasting");
        client.leave();
        pull_the_plug(&mut broker);
    }
}

#[test]
fn a_changed_file_is_imported_or_refused_without_a_panic() {
    let mut random = Random::seeded("MQ_IMPORT_SEED");
    let mut database = Database::new();
    for number in 0..3 {
        database.session(&format!("client-{number}"), Some(END_OF_TIME));
        database.retained(&format!("a/{number}"), b"kept", None);
    }
    let mut broker = durable_broker("");
    broker.end(Signal::SIGTERM);
    let file = broker.folder().join("changed.db");
    let path = file.to_str().expect("a plain name").to_owned();
    for _ in 0..12 {
        let mut bytes = database.bytes().to_vec();
        let length = u64::try_from(bytes.len()).expect("a small file");
        let at = usize::try_from(random.below(length)).expect("a small file");
        let end = bytes.len().min(at + 8);
        bytes[at..end].fill(0xff);
        fs::write(&file, &bytes).expect("the folder is writable");
        fs::remove_dir_all(store(&broker)).expect("it is ours");
        if broker.try_to_start_again(&["--import-mosquitto-db", &path]) {
            Client::new(&broker, V5, "newcomer").subscribe("a/#", 0);
            pull_the_plug(&mut broker);
            broker.end(Signal::SIGKILL);
        } else {
            assert_eq!(broker.exit_code(), Some(1), "byte {at}: {}", broker.log());
        }
        assert!(!broker.log().contains("panicked"), "{}", broker.log());
    }
}
