//! 4.7: topic names and topic filters.

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-4.7.2-1] · 3.1.1 [MQTT-4.7.2-1]
#[test]
fn leading_wildcards_do_not_match_topics_that_begin_with_a_dollar() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "wild");
        for filter in ["#", "+", "+/#", "+/x", "+/+"] {
            client.subscribe(filter, 0);
        }
        client.publish("$other/x", 1, false, "x");
        client.publish("$other", 1, true, "x");
        client.subscribe("#", 0);
        client.expect_nothing();
        client.subscribe("$other/#", 0);
        client.receive("x");
        client.publish("$other", 0, true, "");
    }
}

// 5.0 [MQTT-4.7.3-4] · 3.1.1 [MQTT-4.7.3-4]
#[test]
fn topics_are_compared_byte_by_byte() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "bytes");
        let composed = "\u{e9}";
        client.subscribe(composed, 0);
        client.subscribe("Accounts", 0);
        client.subscribe("a//b/", 0);
        for topic in [
            "e\u{301}",
            "accounts",
            "ACCOUNTS",
            "a/b/",
            "a//b",
            "/a//b/",
            " Accounts",
        ] {
            client.publish(topic, 1, false, "other");
        }
        client.expect_nothing();
        for topic in [composed, "Accounts", "a//b/"] {
            client.send(publish_with(version, 0, topic, 0, &[], b"same"));
            assert_eq!(client.receive("same").topic, topic.as_bytes());
        }
    }
}

// 5.0 [MQTT-4.7.3-3] · 3.1.1 [MQTT-4.7.3-3]
#[test]
fn a_topic_may_have_65535_bytes() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "long");
        let topic = "t".repeat(65_535);
        client.subscribe(&topic, 0);
        client.send(publish_with(version, 0, &topic, 0, &[], b"x"));
        assert_eq!(client.receive("x").topic, topic.as_bytes());
        client.unsubscribe(&topic);
    }
}

// 5.0 [MQTT-4.7.1-1] [MQTT-4.7.1-2] · 3.1.1 [MQTT-4.7.1-2] [MQTT-4.7.1-3]
#[test]
fn wildcards_may_stand_at_every_level() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "wild");
        for filter in ["+", "#", "/#", "+/+/+", "a/+/b/+/#", "/+/", "//+"] {
            client.subscribe(filter, 1);
        }
        client.expect_nothing();
    }
}
