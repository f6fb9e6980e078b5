//! What a client may read is asked again for what it was given already: at a takeover by
//! another user, at a restart and at a reload.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::support::Broker;
use crate::support::broker::FEW_LOG_LINES;
use crate::wire::*;

/// Alice may read everything, Mallory what is public. Whoever has no name publishes.
const RULES: &str = "\
topic write #\n\
topic read $SYS/#\n\
user alice\n\
topic read secret/#\n\
topic read public\n\
user mallory\n\
topic read public\n";

/// The rules with what Alice may read no longer.
fn without_secrets() -> String {
    let rules = RULES.replace("topic read secret/#\n", "");
    assert_ne!(rules, RULES);
    rules
}

fn broker() -> Broker {
    Broker::builder()
        .file("rules", RULES)
        .config("persistence true\nacl_file rules\nsys_interval 1")
        .start()
}

/// A CONNECT that takes up the session of `client` in the name of a user.
fn by(version: Version, user: &str) -> Connect {
    version
        .persistent("client")
        .flags(0x80)
        .behind(&string(user))
}

fn subscribed(broker: &Broker, version: Version, qos: u8) -> Client {
    let mut alice = Client::open(broker, &by(version, "alice"));
    for filter in ["secret/#", "public"] {
        alice.subscribe(filter, qos);
    }
    alice
}

/// Publishes at QoS 2; the receiver's subscription says how it gets it.
fn publish(broker: &Broker, topic: &str, payload: &str) {
    Client::new(broker, V311, "publisher").publish(topic, 2, false, payload);
}

/// Takes the session up, which must still be there.
#[track_caller]
fn take_up(broker: &Broker, version: Version, user: &str) -> Client {
    let client = Client::open(broker, &by(version, user));
    assert!(client.session_present);
    client
}

/// The session has one message in flight and one queued, both secret, and another of each
/// that is public.
#[track_caller]
fn fill(broker: &Broker, version: Version, qos: u8) {
    let mut alice = subscribed(broker, version, qos);
    for topic in ["secret/flight", "public"] {
        publish(broker, topic, "in flight");
        assert_eq!(alice.message().topic, topic.as_bytes());
    }
    alice.cut(broker);
    for topic in ["secret/queue", "public"] {
        publish(broker, topic, "queued");
    }
}

/// The client gets the public messages and no other, now and when it comes back.
#[track_caller]
fn expect_public_only(broker: &Broker, version: Version, user: &str) {
    let mut client = take_up(broker, version, user);
    let again = client.receive("in flight");
    assert_eq!((again.dup, &again.topic[..]), (true, &b"public"[..]));
    let queued = client.receive("queued");
    assert_eq!((queued.dup, &queued.topic[..]), (false, &b"public"[..]));
    client.expect_nothing();
    client.cut(broker);
    take_up(broker, version, "alice").expect_nothing();
}

const TWO_DROPPED: &str = "Dropping 2 messages that client client may not read.";

#[test]
fn another_user_of_a_client_identifier_gets_nothing_that_it_may_not_read() {
    for version in BOTH {
        for qos in 1..3 {
            let broker = broker();
            fill(&broker, version, qos);
            expect_public_only(&broker, version, "mallory");
            let log = broker.log();
            assert_eq!(log.matches(TWO_DROPPED).count(), 1, "{log}");
        }
    }
}

#[test]
fn a_message_that_is_dropped_gives_its_place_in_the_window_free() {
    for qos in 1..3 {
        let broker = broker();
        let mut alice = subscribed(&broker, V5, qos);
        publish(&broker, "secret/key", "secret");
        let secret = alice.message();
        alice.cut(&broker);
        let connect = by(V5, "mallory").property(&two(RECEIVE_MAXIMUM, 1));
        let mut mallory = Client::open(&broker, &connect);
        publish(&broker, "public", "open");
        let open = mallory.receive("open");
        assert_ne!(open.id, secret.id, "the client may still know the old one");
        // An acknowledgement of what is gone is no error.
        mallory.send(ack(0x40, secret.id));
        mallory.expect_nothing();
    }
}

#[test]
fn an_exchange_that_has_its_pubrec_is_finished_by_another_user() {
    for version in BOTH {
        let mut broker = broker();
        let mut alice = subscribed(&broker, version, 2);
        publish(&broker, "secret/key", "secret");
        let secret = alice.message();
        alice.send(ack(0x50, secret.id));
        alice.expect_ack(0x62, secret.id);
        alice.cut(&broker);
        for _ in 0..2 {
            let mut mallory = take_up(&broker, version, "mallory");
            mallory.expect_ack(0x62, secret.id);
            mallory.cut(&broker);
            broker.replace_file("rules", &without_secrets());
            broker.restart(Signal::SIGKILL);
        }
        let mut mallory = take_up(&broker, version, "mallory");
        mallory.expect_ack(0x62, secret.id);
        mallory.send(ack(0x70, secret.id));
        mallory.expect_nothing();
        mallory.cut(&broker);
        take_up(&broker, version, "alice").expect_nothing();
    }
}

#[test]
fn a_restart_with_other_rules_drops_what_they_forbid() {
    for version in BOTH {
        for (qos, signal) in [
            (1, Signal::SIGTERM),
            (1, Signal::SIGKILL),
            (2, Signal::SIGKILL),
        ] {
            let mut broker = broker();
            fill(&broker, version, qos);
            broker.end(signal);
            broker.replace_file("rules", &without_secrets());
            broker.start_again();
            broker.wait_for_log(TWO_DROPPED);
            expect_public_only(&broker, version, "alice");
            // It is gone for good.
            broker.end(Signal::SIGKILL);
            broker.replace_file("rules", RULES);
            broker.start_again();
            take_up(&broker, version, "alice").expect_nothing();
        }
    }
}

#[test]
fn a_reload_with_other_rules_drops_what_waits_for_an_absent_client() {
    for version in BOTH {
        for qos in 1..3 {
            let mut broker = broker();
            fill(&broker, version, qos);
            let mut watcher = Client::new(&broker, V311, "watcher");
            watcher.subscribe("$SYS/broker/publish/messages/dropped", 0);
            watcher.receive("0");
            broker.replace_file("rules", &without_secrets());
            broker.reload();
            broker.wait_for_log(TWO_DROPPED);
            watcher.receive("2");
            broker.replace_file("rules", RULES);
            broker.restart(Signal::SIGKILL);
            expect_public_only(&broker, version, "alice");
        }
    }
}

#[test]
fn a_reload_lets_a_connected_client_acknowledge_what_it_has() {
    for version in BOTH {
        for qos in 1..3 {
            let broker = broker();
            let mut alice = subscribed(&broker, version, qos);
            publish(&broker, "secret/key", "secret");
            let secret = alice.message();
            broker.replace_file("rules", &without_secrets());
            broker.reload();
            publish(&broker, "secret/key", "hidden");
            match qos {
                1 => alice.send(ack(0x40, secret.id)),
                _ => {
                    alice.send(ack(0x50, secret.id));
                    alice.expect_ack(0x62, secret.id);
                    alice.send(ack(0x70, secret.id));
                }
            }
            alice.expect_nothing();
            alice.cut(&broker);
            take_up(&broker, version, "alice").expect_nothing();
        }
    }
}

#[test]
fn what_a_connected_client_had_not_acknowledged_at_a_reload_is_not_sent_again() {
    for version in BOTH {
        for qos in 1..3 {
            let broker = broker();
            let mut alice = subscribed(&broker, version, qos);
            publish(&broker, "secret/key", "secret");
            let secret = alice.message();
            broker.replace_file("rules", &without_secrets());
            broker.reload();
            alice.cut(&broker);
            let mut alice = take_up(&broker, version, "alice");
            alice.expect_nothing();
            // Late, and of no consequence.
            alice.send(ack(0x40, secret.id));
            alice.send(ack(0x50, secret.id));
            let (first, body) = alice.packet();
            assert_eq!((first, &body[..2]), (0x62, &secret.id.to_be_bytes()[..]));
            alice.send(ack(0x70, secret.id));
            alice.expect_nothing();
        }
    }
}

#[test]
fn what_waits_for_room_in_the_window_of_a_connected_client_is_dropped_by_a_reload() {
    for qos in 1..3 {
        let broker = broker();
        let mut alice = subscribed(&broker, V5, qos);
        for topic in ["secret/1", "secret/2", "public"] {
            publish(&broker, topic, topic);
            alice.message();
        }
        alice.cut(&broker);
        publish(&broker, "secret/3", "secret/3");
        // One of four is sent again, and three wait.
        let connect = by(V5, "alice").property(&two(RECEIVE_MAXIMUM, 1));
        let mut alice = Client::open(&broker, &connect);
        let first = alice.message();
        assert_eq!(first.payload, b"secret/1");
        broker.replace_file("rules", &without_secrets());
        broker.reload();
        broker.wait_for_log(TWO_DROPPED);
        match qos {
            1 => alice.send(ack(0x40, first.id)),
            _ => {
                alice.send(ack(0x50, first.id));
                alice.expect_ack(0x62, first.id);
                alice.send(ack(0x70, first.id));
            }
        }
        alice.receive("public");
        alice.expect_nothing();
    }
}

#[test]
fn what_a_member_may_no_longer_read_goes_to_another_member_of_its_group() {
    // By another user, by a reload, by a restart.
    for change in 0..3 {
        let mut broker = broker();
        let mut alice = Client::open(&broker, &by(V5, "alice"));
        alice.subscribe("$share/group/secret/#", 1);
        publish(&broker, "secret/1", "in flight");
        alice.message();
        alice.cut(&broker);
        publish(&broker, "secret/2", "queued");
        let other = V5.persistent("other").flags(0x80).behind(&string("bob"));
        let mut other = Client::open(&broker, &other);
        other.subscribe("$share/group/secret/#", 1);
        let bob_instead = format!("{}user bob\ntopic read secret/#\n", without_secrets());
        broker.replace_file("rules", &format!("{RULES}user bob\ntopic read secret/#\n"));
        broker.reload();
        other.expect_nothing();
        match change {
            0 => take_up(&broker, V5, "mallory").expect_nothing(),
            1 => {
                broker.replace_file("rules", &bob_instead);
                broker.reload();
            }
            _ => {
                other.cut(&broker);
                broker.end(Signal::SIGKILL);
                broker.replace_file("rules", &bob_instead);
                broker.start_again();
                let connect = V5.persistent("other").flags(0x80).behind(&string("bob"));
                other = Client::open(&broker, &connect);
            }
        }
        other.receive("in flight");
        other.receive("queued");
        other.expect_nothing();
        assert!(!broker.log().contains("may not read"));
        take_up(&broker, V5, "alice").expect_nothing();
    }
}

#[test]
fn a_retained_message_that_was_queued_is_asked_for_again() {
    let broker = broker();
    Client::new(&broker, V311, "publisher").publish("secret/kept", 1, true, "kept");
    let connect = by(V5, "alice").property(&two(RECEIVE_MAXIMUM, 1));
    let mut alice = Client::open(&broker, &connect);
    alice.subscribe("public", 1);
    publish(&broker, "public", "first");
    alice.message();
    // It waits behind the first.
    alice.subscribe("secret/#", 1);
    alice.cut(&broker);
    let mut mallory = take_up(&broker, V5, "mallory");
    mallory.receive("first");
    mallory.expect_nothing();
}

#[test]
fn the_will_of_an_earlier_user_has_the_rights_of_that_user() {
    let rules = "topic read #\nuser alice\ntopic write will\nuser mallory\ntopic write other\n";
    let broker = Broker::builder()
        .file("rules", rules)
        .config("acl_file rules")
        .start();
    for (left_by, taken_by, published) in [("alice", "mallory", true), ("mallory", "alice", false)]
    {
        let mut watcher = Client::new(&broker, V5, "watcher");
        watcher.subscribe("#", 1);
        let connect = V5.persistent("client").will(1, false, &[]).flags(0x8c);
        let first = Client::open(&broker, &connect.behind(&string(left_by)));
        let _second = take_up(&broker, V5, taken_by);
        drop(first);
        if published {
            watcher.receive("gone");
        }
        watcher.expect_nothing();
    }
}

/// Who publishes finds out who may read a message before it is delivered. Meanwhile the
/// session may have gone to somebody else.
#[test]
fn what_is_under_way_during_a_takeover_reaches_nobody_who_may_not_read_it() {
    const TAKEOVERS: usize = 100;
    let broker = Broker::builder()
        .file("rules", RULES)
        .config(FEW_LOG_LINES)
        .config("acl_file rules")
        .start();
    subscribed(&broker, V5, 1).leave();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let batch: Vec<u8> = (0..100)
                .flat_map(|_| publish_with(V311, 0, "secret/key", 0, &[], b"secret"))
                .collect();
            let mut publisher = Client::new(&broker, V311, "publisher");
            while !is_over.load(Ordering::Relaxed) {
                publisher.send(&batch);
                publisher.expect_nothing();
            }
        });
        let _end = Flag(&is_over);
        for _ in 0..TAKEOVERS {
            let mut alice = take_up(&broker, V5, "alice");
            assert_eq!(alice.message().payload, b"secret");
            // She is still connected.
            let mut mallory = take_up(&broker, V5, "mallory");
            mallory.expect_nothing();
        }
    });
}

/// Is set when it goes, also when a test fails.
struct Flag<'a>(&'a AtomicBool);

impl Drop for Flag<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
