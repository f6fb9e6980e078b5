//! 4.5 and 4.6: who gets a message, and in which order.

use crate::client::Client;
use crate::support::Broker;
use crate::support::raw_client::PINGREQ;
use crate::wire::*;

// 5.0 [MQTT-4.5.0-1] · 3.1.1 [MQTT-4.5.0-1]
#[test]
fn a_message_reaches_everybody_who_subscribed_present_or_absent() {
    let broker = Broker::local();
    for version in BOTH {
        let mut absent = Client::open(&broker, &version.persistent("absent"));
        absent.subscribe("+", 1);
        absent.leave();
        let mut present = BOTH.map(|version| {
            let mut client = Client::new(&broker, version, &format!("{version:?}"));
            client.subscribe("a", 1);
            client
        });
        Client::new(&broker, version, "publisher").publish("a", 1, false, "x");
        for client in &mut present {
            client.receive("x");
        }
        let mut absent = Client::open(&broker, &version.persistent("absent"));
        absent.receive("x");
        absent.leave();
        Client::new(&broker, version, "absent").leave();
    }
}

// 5.0 [MQTT-4.6.0-5] [MQTT-4.6.0-6] · 3.1.1 [MQTT-4.6.0-5] [MQTT-4.6.0-6]
#[test]
fn messages_keep_their_order_with_every_qos_mixed() {
    let broker = Broker::with_config("log_type error\nlog_type information");
    for version in BOTH {
        for granted in 0..3 {
            let mut client = Client::new(&broker, version, "ordered");
            client.subscribe("t/+", granted);
            let mut publisher = Client::new(&broker, version, "publisher");
            let mut bytes = Vec::new();
            for number in 0..300_u16 {
                // At QoS 0 messages would be allowed to overtake others of theirs.
                let flags = [2, 4, 2][usize::from(number % 3)];
                let topic = if number % 2 == 0 { "t/even" } else { "t/odd" };
                let payload = number.to_string();
                bytes.extend(publish_with(
                    version,
                    flags,
                    topic,
                    number + 1,
                    &[],
                    payload.as_bytes(),
                ));
                if flags == 4 {
                    bytes.extend(ack(0x62, number + 1));
                }
            }
            publisher.send(bytes);
            for number in 0..300 {
                client.receive(&number.to_string());
            }
            client.leave();
        }
    }
}

// 5.0 [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1] [MQTT-4.3.2-3] [MQTT-4.3.3-3]
//     [MQTT-4.3.3-5] [MQTT-4.3.3-6] · 3.1.1 [MQTT-4.4.0-1] [MQTT-4.6.0-6] [MQTT-3.3.1-1]
//     [MQTT-2.3.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1]
#[test]
fn what_was_in_flight_is_sent_again_first_and_in_its_order() {
    let broker = Broker::local();
    for version in BOTH {
        let mut publisher = Client::new(&broker, version, "publisher");
        let mut client = Client::open(&broker, &version.persistent("resumed"));
        client.subscribe("a", 2);
        for (qos, payload) in [(1, "0"), (2, "1"), (2, "2"), (1, "3"), (1, "4")] {
            publisher.publish("a", qos, false, payload);
        }
        let sent = [0; 5].map(|_| client.message());
        // The second is half done, the fourth acknowledged.
        client.send(ack(0x50, sent[1].id));
        client.expect(ack(0x62, sent[1].id));
        client.send(ack(0x40, sent[3].id));
        client.expect_nothing();
        client.cut(&broker);
        publisher.publish("a", 1, false, "5");
        let mut client = Client::open(&broker, &version.persistent("resumed"));
        let again = |publish: &Publish| Publish {
            dup: true,
            ..publish.clone()
        };
        // The PUBREL has an order of its own, that of the PUBRECs.
        let came = [0; 5].map(|_| client.raw.packet());
        let (pubrels, messages): (Vec<_>, Vec<_>) =
            came.iter().partition(|(first, _)| *first == 0x62);
        assert_eq!(pubrels, [&(0x62, sent[1].id.to_be_bytes().to_vec())]);
        let messages: Vec<_> = messages
            .iter()
            .map(|(first, body)| Publish::parse(version, *first, body))
            .collect();
        let (new, resent) = messages.split_last().expect("four messages");
        assert_eq!(resent, [0, 2, 4].map(|at| again(&sent[at])));
        assert_eq!((new.dup, &new.payload[..]), (false, &b"5"[..]));
        assert!(
            sent.iter()
                .all(|old| old.id != new.id || old.id == sent[3].id)
        );
        // On an open connection nothing is sent twice.
        client.expect_nothing();
        client.leave();
        Client::new(&broker, version, "resumed").leave();
    }
}

#[test]
fn a_clients_own_message_comes_after_the_answer_to_its_publish() {
    for config in ["", "persistence true"] {
        let broker = Broker::with_config(config);
        for version in BOTH {
            let mut stranger = Client::new(&broker, version, "stranger");
            let connect = version.persistent(&format!("own {version:?}"));
            let mut client = Client::open(&broker, &connect);
            client.subscribe("a", 2);
            for number in 0..100_u16 {
                // Messages of others may come at any time.
                stranger.send(publish_with(version, 0, "a", 0, &[], b"stranger"));
                for (flags, first) in [(2, 0x40), (4, 0x50)] {
                    client.send(publish_with(version, flags, "a", number + 1, &[], b"own"));
                    let mut has_answer = false;
                    loop {
                        let (came, body) = client.packet();
                        if came & 0xf0 != 0x30 {
                            has_answer |= came == first;
                            go_on(&mut client, came, &body);
                            continue;
                        }
                        let publish = Publish::parse(version, came, &body);
                        if publish.payload == b"own" {
                            assert!(has_answer, "{config} {version:?} {number}");
                            let last = if publish.qos == 1 { 0x40 } else { 0x50 };
                            client.send(ack(last, publish.id));
                            break;
                        }
                    }
                    if flags == 4 {
                        client.send(ack(0x62, number + 1));
                    }
                    settle(&mut client);
                }
            }
        }
    }
}

/// Takes what is left of an exchange, and messages of others.
fn settle(client: &mut Client) {
    client.send(PINGREQ);
    loop {
        match client.packet() {
            (0xd0, _) => break,
            (first, body) => go_on(client, first, &body),
        }
    }
}

/// Answers a PUBREL.
fn go_on(client: &mut Client, first: u8, body: &[u8]) {
    if first == 0x62 {
        client.send([&[0x70, 2], &body[..2]].concat());
    }
}
