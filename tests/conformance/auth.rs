//! 3.15 and 4.12: enhanced authentication, for which the broker has no method.

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

const METHOD: u8 = 0x15;

// 5.0 [MQTT-4.12.0-1] [MQTT-4.12.0-4] [MQTT-4.12.0-6]
#[test]
fn an_authentication_method_is_refused() {
    let broker = Broker::local();
    let connect = V5.connect("method").property(&text(METHOD, "SCRAM-SHA-1"));
    let said = refused(&broker, &connect.bytes());
    assert_eq!(said, connack(V5, 0x8c));
    // Its data are not looked at.
    let connect = connect.property(&[0x16, 0, 1, b'd']);
    assert_eq!(refused(&broker, &connect.bytes()), connack(V5, 0x8c));
    let plain = Client::new(&broker, V5, "plain");
    assert!(!plain.properties.contains(&METHOD));
}

// 5.0 [MQTT-4.12.0-7] [MQTT-4.12.1-1] [MQTT-4.12.1-2] [MQTT-3.15.2-1]
#[test]
fn an_auth_without_a_method_ends_the_connection() {
    let broker = Broker::local();
    for code in [0x00, 0x18, 0x19] {
        let mut client = Client::new(&broker, V5, "plain");
        let properties = sized(&text(METHOD, "other"));
        client.send(packet(0xf0, &[&[code][..], &properties].concat()));
        client.expect_end(0x82);
    }
}
