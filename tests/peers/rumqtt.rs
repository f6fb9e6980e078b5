//! `rumqttc` as a client of our broker and `rumqttd` as a broker for our clients: a codec
//! that is tested only against itself proves nothing. Both are asked only for what they do.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::support::broker::free_port;
use crate::support::program::Running;
use crate::support::{Broker, LIMIT, Program};
use rumqttc::{Event, LastWill, Packet, QoS};

const LEVELS: [(u8, QoS); 3] = [
    (0, QoS::AtMostOnce),
    (1, QoS::AtLeastOnce),
    (2, QoS::ExactlyOnce),
];

fn options(id: &str, port: u16) -> rumqttc::MqttOptions {
    let mut options = rumqttc::MqttOptions::new(id, "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(60));
    options
}

fn options_v5(id: &str, port: u16) -> rumqttc::v5::MqttOptions {
    let mut options = rumqttc::v5::MqttOptions::new(id, "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(60));
    options
}

/// The next incoming packet that `wanted` turns into something.
#[track_caller]
fn next<T>(connection: &mut rumqttc::Connection, wanted: impl Fn(Packet) -> Option<T>) -> T {
    loop {
        let event = connection
            .recv_timeout(LIMIT)
            .expect("a packet comes in time")
            .expect("the connection holds");
        if let Event::Incoming(packet) = event
            && let Some(found) = wanted(packet)
        {
            return found;
        }
    }
}

/// As [`next`], for MQTT 5.
#[track_caller]
fn next_v5<T>(
    connection: &mut rumqttc::v5::Connection,
    wanted: impl Fn(rumqttc::v5::mqttbytes::v5::Packet) -> Option<T>,
) -> T {
    loop {
        let event = connection
            .recv_timeout(LIMIT)
            .expect("a packet comes in time")
            .expect("the connection holds");
        if let rumqttc::v5::Event::Incoming(packet) = event
            && let Some(found) = wanted(packet)
        {
            return found;
        }
    }
}

#[test]
fn rumqttc_subscribes_at_our_broker_at_every_level() {
    let broker = Broker::local();
    for (level, qos) in LEVELS {
        let (client, mut connection) = rumqttc::Client::new(options("rumqttc", broker.port()), 10);
        client.subscribe("maison/+/lumière", qos).unwrap();
        next(&mut connection, |packet| {
            matches!(packet, Packet::SubAck(_)).then_some(())
        });
        broker
            .typed(&format!(
                "mq-pub -t maison/été/lumière -q {level} -m allumée"
            ))
            .run()
            .succeeds();
        let publish = next(&mut connection, |packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        });
        assert_eq!(publish.topic, "maison/été/lumière");
        assert_eq!(publish.payload, "allumée".as_bytes());
        assert_eq!(publish.qos, qos);
    }
}

#[test]
fn rumqttc_subscribes_at_our_broker_at_every_level_in_mqtt_5() {
    use rumqttc::v5::mqttbytes::QoS as QoS5;
    use rumqttc::v5::mqttbytes::v5::Packet as Packet5;

    let broker = Broker::local();
    for (level, qos) in [
        (0, QoS5::AtMostOnce),
        (1, QoS5::AtLeastOnce),
        (2, QoS5::ExactlyOnce),
    ] {
        let (client, mut connection) =
            rumqttc::v5::Client::new(options_v5("rumqttc", broker.port()), 10);
        client.subscribe("maison/+/lumière", qos).unwrap();
        next_v5(&mut connection, |packet| {
            matches!(packet, Packet5::SubAck(_)).then_some(())
        });
        broker
            .typed(&format!(
                "mq-pub -V 5 -t maison/été/lumière -q {level} -m allumée"
            ))
            .run()
            .succeeds();
        let publish = next_v5(&mut connection, |packet| match packet {
            Packet5::Publish(publish) => Some(publish),
            _ => None,
        });
        assert_eq!(publish.topic, "maison/été/lumière".as_bytes());
        assert_eq!(publish.payload, "allumée".as_bytes());
        assert_eq!(publish.qos, qos);
    }
}

#[test]
fn rumqttc_publishes_to_our_broker_at_every_level() {
    let broker = Broker::local();
    for (level, qos) in LEVELS {
        let mut subscriber =
            broker.subscriber(&format!("mq-sub -t rumqttc/été -q {level} -C 3 -F '%q %p'"));
        let (client, mut connection) = rumqttc::Client::new(options("rumqttc", broker.port()), 10);
        for number in 0..3 {
            client
                .publish("rumqttc/été", qos, false, format!("{number}"))
                .unwrap();
        }
        // The connection does its work while somebody polls it, until it is told to end.
        let polled = thread::spawn(move || while let Ok(Ok(_)) = connection.recv() {});
        for number in 0..3 {
            subscriber.expect_line(&format!("{level} {number}"));
        }
        subscriber.ends().succeeds();
        client.disconnect().unwrap();
        polled.join().unwrap();
    }
}

#[test]
fn rumqttc_leaves_a_will_and_reads_a_retained_message() {
    let broker = Broker::local();
    broker
        .typed("mq-pub -t state -r -q 1 -m kept")
        .run()
        .succeeds();
    let mut listener = broker.subscriber("mq-sub -t will -q 1");
    let mut options = options("rumqttc", broker.port());
    options.set_last_will(LastWill::new("will", "gone", QoS::AtLeastOnce, false));
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    client.subscribe("state", QoS::AtLeastOnce).unwrap();
    let publish = next(&mut connection, |packet| match packet {
        Packet::Publish(publish) => Some(publish),
        _ => None,
    });
    assert!(publish.retain);
    assert_eq!(publish.payload, "kept".as_bytes());
    // Dropped without a DISCONNECT.
    drop(connection);
    listener.expect_line("gone");
}

#[test]
fn rumqttc_is_told_of_a_wrong_password() {
    let builder = Broker::builder().config("allow_anonymous false\npassword_file passwd");
    Program::typed("mq-passwd -c -b passwd snir passsnir")
        .in_folder(builder.folder())
        .run()
        .exits_with(0);
    let broker = builder.start();

    let mut wrong = options("rumqttc", broker.port());
    wrong.set_credentials("snir", "faux");
    let (_client, mut connection) = rumqttc::Client::new(wrong, 10);
    let error = connection.recv_timeout(LIMIT).unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            rumqttc::ConnectionError::ConnectionRefused(rumqttc::ConnectReturnCode::NotAuthorized)
        ),
        "{error}"
    );

    let mut wrong = options_v5("rumqttc", broker.port());
    wrong.set_credentials("snir", "faux");
    let (_client, mut connection) = rumqttc::v5::Client::new(wrong, 10);
    let error = connection.recv_timeout(LIMIT).unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            rumqttc::v5::ConnectionError::ConnectionRefused(
                rumqttc::v5::mqttbytes::v5::ConnectReturnCode::NotAuthorized
            )
        ),
        "{error}"
    );
}

/// A `rumqttd` inside this process, with one port for MQTT 3.1.1 and one for MQTT 5. It has
/// no way to end, so it ends with the process.
struct Rumqttd {
    v311: u16,
    v5: u16,
}

impl Rumqttd {
    fn start() -> Self {
        let (v311, v5) = (free_port(), free_port());
        let config = rumqttd::Config {
            id: 0,
            router: rumqttd::RouterConfig {
                max_connections: 100,
                max_outgoing_packet_count: 200,
                max_segment_size: 1 << 20,
                max_segment_count: 10,
                ..Default::default()
            },
            v4: Some(server(v311)),
            v5: Some(server(v5)),
            ..Default::default()
        };
        thread::spawn(move || {
            let mut broker = rumqttd::Broker::new(config);
            // Returns only when it could not start; the wait below says so.
            let _ = broker.start();
        });
        for port in [v311, v5] {
            wait_for_listener(port);
        }
        Self { v311, v5 }
    }
}

fn server(port: u16) -> HashMap<String, rumqttd::ServerSettings> {
    let settings = rumqttd::ServerSettings {
        name: port.to_string(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        tls: None,
        next_connection_delay_ms: 1,
        connections: rumqttd::ConnectionSettings {
            connection_timeout_ms: 60_000,
            max_payload_size: 1 << 20,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    HashMap::from([(port.to_string(), settings)])
}

/// It does not say when it listens, so it has to be asked.
fn wait_for_listener(port: u16) {
    for _ in 0..LIMIT.as_millis() / 10 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("rumqttd does not listen on port {port}");
}

/// A subscriber that has seen a retained message, so that its subscription is in place.
#[track_caller]
fn ready_subscriber(line: &str, port: u16) -> Running {
    Program::typed(&format!(
        "{} -t ready -r -q 1 -m ready",
        line_of_publisher(line)
    ))
    .port(port)
    .run()
    .succeeds();
    let mut subscriber = Program::typed(&format!("{line} -t ready"))
        .port(port)
        .start();
    subscriber.expect_line("ready");
    subscriber
}

/// The publisher of the same protocol version, because rumqttd speaks one on each port.
fn line_of_publisher(subscriber: &str) -> &'static str {
    if subscriber.contains("-V 5") {
        "mq-pub -V 5"
    } else {
        "mq-pub -V 311"
    }
}

#[test]
fn our_clients_talk_to_each_other_through_rumqttd() {
    let rumqttd = Rumqttd::start();
    for (version, port) in [("311", rumqttd.v311), ("5", rumqttd.v5)] {
        for qos in 0..3 {
            let mut subscriber = ready_subscriber(
                &format!("mq-sub -V {version} -i sub{version}{qos} -t home/+/light -q {qos}"),
                port,
            );
            for number in 0..3 {
                Program::typed(&format!(
                    "mq-pub -V {version} -i pub{version}{qos} -t home/hall/light -q {qos} -m {number}"
                ))
                .port(port)
                .run()
                .succeeds();
                subscriber.expect_line(&number.to_string());
            }
        }
    }
}

#[test]
fn ten_thousand_lines_reach_rumqttd() {
    let rumqttd = Rumqttd::start();
    let mut subscriber = ready_subscriber("mq-sub -V 311 -i reader -t lines -q 1", rumqttd.v311);
    let lines: String = (0..10_000).map(|number| format!("{number}\n")).collect();
    Program::typed("mq-pub -V 311 -i writer -l -q 1 -t lines")
        .port(rumqttd.v311)
        .stdin(lines.as_str())
        .run()
        .succeeds();
    for line in lines.lines() {
        subscriber.expect_line(line);
    }
}
