//! Limits of the configuration that a packet or a client meets.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::support::Broker;
use crate::support::raw_client::{PINGREQ, PINGRESP};
use crate::wire::*;

#[test]
fn a_connect_larger_than_allowed_is_refused() {
    let broker = Broker::local();
    for version in BOTH {
        // A will of 60,000 bytes is taken, one of 66,000 is not.
        let connect = |size: usize| {
            let field = binary(&vec![b'x'; size / 2]);
            let behind = [version.no_properties(), &string("w"), &field, &field].concat();
            version.connect("c").flags(0x86).behind(&behind)
        };
        Client::open(&broker, &connect(60_000)).leave();
        assert_eq!(refused(&broker, &connect(66_000).bytes()), b"");
    }
    let broker = Broker::with_config("max_connect_size 100");
    assert_eq!(refused(&broker, &V5.connect(&"c".repeat(100)).bytes()), b"");
    Client::new(&broker, V5, "c").leave();
}

#[test]
fn a_packet_with_more_filters_than_allowed_ends_the_connection() {
    let broker = Broker::with_config("max_filters_per_packet 3");
    for version in BOTH {
        for (count, is_allowed) in [(3, true), (4, false)] {
            let filters = vec![("a", 0); count];
            let mut client = Client::new(&broker, version, "many");
            client.send(subscribe(version, 1, &[], &filters));
            if is_allowed {
                client.expect(client.suback(1, &[0; 3]));
            } else {
                client.expect_end(0x97);
                client = Client::new(&broker, version, "many");
            }
            client.send(unsubscribe(version, 2, &vec!["b"; count]));
            match (is_allowed, version) {
                (true, V311) => client.expect(ack(0xb0, 2)),
                (true, V5) => client.expect(packet(0xb0, &[0, 2, 0, 0x11, 0x11, 0x11])),
                (false, _) => client.expect_end(0x97),
            }
        }
    }
}

#[test]
fn a_client_with_all_its_subscriptions_is_refused_more() {
    let broker = Broker::with_config("max_subscriptions_per_client 2");
    for version in BOTH {
        let mut client = Client::new(&broker, version, "many");
        let quota = if version == V5 { 0x97 } else { 0x80 };
        client.send(subscribe(
            version,
            1,
            &[],
            &[("a", 0), ("b", 0), ("c", 0), ("a", 1)],
        ));
        client.expect(client.suback(1, &[0, 0, quota, 1]));
        client.unsubscribe("a");
        client.subscribe("c", 0);
        client.publish("c", 0, false, "x");
        client.receive("x");
    }
    broker.wait_for_log("Client many has 2 subscriptions, and more are refused.");
}

#[test]
fn a_packet_with_more_user_properties_than_allowed_ends_the_connection() {
    let broker = Broker::with_config("max_user_properties 3");
    let many = |count| user("n", "v").repeat(count);
    let mut client = Client::new(&broker, V5, "many");
    client.subscribe("a", 0);
    client.publish_with("a", 0, &many(3), "x");
    assert_eq!(client.receive("x").properties, many(3));
    client.send(publish_with(V5, 0, "a", 0, &many(4), b"x"));
    client.expect_end(0x97);
    let will = V5.connect("will").will(0, false, &many(4));
    assert_eq!(refused(&broker, &will.bytes()), connack(V5, 0x97));
}

#[test]
fn a_client_over_its_rate_is_read_again_when_the_rate_is_kept() {
    let message = publish_with(V311, 2, "a", 1, &[], &[b'x'; 94]);
    for limit in ["max_messages_per_second 100", "max_bytes_per_second 10000"] {
        let broker = Broker::with_config(limit);
        let mut other = Client::new(&broker, V311, "other");
        let connect = V311.connect("fast").keep_alive(1);
        let mut client = Client::open(&broker, &connect);
        let begin = Instant::now();
        // One second's worth each, of which the first is free.
        for _ in 0..4 {
            client.send(message.repeat(100));
            for _ in 0..100 {
                client.expect(ack(0x40, 1));
            }
        }
        let took = begin.elapsed();
        assert!(took > Duration::from_millis(1900), "{limit}: {took:?}");
        other.expect_nothing();
    }
}

/// The longest of round trips of another client until `is_over`.
fn longest_round_trip(broker: &Broker, is_over: impl Fn() -> bool) -> Duration {
    let mut canary = Client::new(broker, V311, "canary");
    let mut longest = Duration::ZERO;
    while !is_over() {
        let begin = Instant::now();
        canary.send(PINGREQ);
        canary.expect(PINGRESP);
        longest = longest.max(begin.elapsed());
    }
    longest
}

#[test]
fn a_packet_of_ten_thousand_filters_holds_up_nobody_and_no_stop() {
    let broker = Broker::with_config("log_type error\nlog_type information");
    let mut publisher = Client::new(&broker, V5, "publisher");
    for number in 0..1000 {
        publisher.publish(&format!("kept/{number}"), 0, true, "x");
    }
    for version in BOTH {
        let mut client = Client::new(&broker, version, "many");
        client.send(unsubscribe(version, 1, &vec!["a"; 10_000]));
        client.send(subscribe(version, 2, &[], &vec![("#", 0); 10_000]));
        let answers = thread::spawn(move || {
            loop {
                let (first, body) = client.packet();
                if first == 0x90 {
                    return body.len();
                }
            }
        });
        let longest = longest_round_trip(&broker, || answers.is_finished());
        // An unoptimised broker on a busy machine; without turns it is many seconds.
        assert!(longest < Duration::from_secs(1), "{longest:?}");
        let length = answers.join().expect("the SUBACK comes");
        assert_eq!(length, 2 + version.no_properties().len() + 10_000);
    }
    let mut client = Client::new(&broker, V5, "many");
    client.send(subscribe(V5, 2, &[], &vec![("#", 0); 10_000]));
    let begin = Instant::now();
    broker.signal(Signal::SIGTERM);
    broker.wait_for_end();
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn retained_messages_take_the_bytes_of_their_properties() {
    let broker = Broker::with_config("max_user_properties 0");
    let mut client = Client::new(&broker, V5, "kept");
    let properties = user("", "").repeat(390_000);
    let before = broker.resident_memory();
    for number in 0..20 {
        client.publish_with(&format!("kept/{number}"), 3, &properties, "x");
    }
    let grown = broker.resident_memory() - before;
    assert!(grown < 80_000_000, "{grown} bytes");
    client.subscribe("kept/7", 0);
    assert_eq!(client.message().properties, properties);
}
