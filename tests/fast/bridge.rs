//! Bridges against a remote broker that the test plays byte by byte.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::Broker;
use crate::support::raw_client::{CONNECT_V311, packet, string};
use crate::support::remote::{CONNACK, CONNACK_V5, Remote, ack, publish, subscribe, unsubscribe};

const STATE: &str = "$SYS/broker/connection/far/state";

/// A broker whose bridge `b` leads to `remote`, with these lines in its block.
fn bridged(remote: &Remote, lines: &str) -> Broker {
    Broker::with_config(&config(remote, lines))
}

fn config(remote: &Remote, lines: &str) -> String {
    let port = remote.port();
    format!(
        "allow_anonymous true\nlog_type all\nconnection b\naddress 127.0.0.1:{port}\n\
         remote_clientid far\nrestart_timeout 1\n{lines}\n"
    )
}

/// The lines of a bridge that says nothing but what its messages need.
const QUIET: &str = "notifications false\nbridge_attempt_unsubscribe false\n";

fn quiet(lines: &str) -> String {
    format!("{QUIET}{lines}")
}

/// Publishes one message and waits until the broker has it.
#[track_caller]
fn say(broker: &Broker, line: &str) {
    broker.typed(&format!("mq-pub {line}")).run().succeeds();
}

#[test]
fn a_bridge_introduces_itself_as_mosquitto_does() {
    let remote = Remote::new();
    let lines = "topic a/# out 1\ntopic b in 2 l/ r/\ntopic c both 0\n";
    let _broker = bridged(&remote, lines);
    let mut connection = remote.accept();
    let connect = [
        &b"\x00\x04MQTT\x84\x2c\x00\x3c"[..],
        &string("far"),
        &string(STATE),
        &string("0"),
    ];
    connection.expect(packet(0x10, &connect.concat()));
    connection.send(CONNACK);
    connection.expect(publish(0x03, STATE, 1, "1"));
    connection.expect(unsubscribe(2, "a/#"));
    connection.expect(subscribe(3, "r/b", 2));
    connection.expect(subscribe(4, "c", 0));
}

#[test]
fn an_mqtt_5_bridge_asks_for_no_local_and_the_retain_flag() {
    let remote = Remote::new();
    let lines = "bridge_protocol_version mqttv50\nbridge_session_expiry_interval 60\n\
                 username u\npassword p\nnotifications false\ntopic b in 1\n";
    let _broker = bridged(&remote, lines);
    let mut connection = remote.accept();
    let connect = [
        &b"\x00\x04MQTT\x05\xc0\x00\x3c\x0b\x22\x00\x0a\x11\x00\x00\x00\x3c\x21\x00\x14"[..],
        &string("far"),
        &string("u"),
        &string("p"),
    ];
    connection.expect(packet(0x10, &connect.concat()));
    connection.send(CONNACK_V5);
    connection.expect(packet(
        0x82,
        &[b"\x00\x01\x00".to_vec(), string("b"), vec![0x0d]].concat(),
    ));
}

#[test]
fn topics_are_renamed_in_both_directions() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic # both 2 local/ far/"));
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(1, "far/#", 2));
    let mut subscriber = broker.subscriber("mq-sub -t # -q 2 -v -C 1");
    connection.send(publish(0x02, "far/in/1", 9, "hello"));
    connection.expect(ack(0x40, 9));
    subscriber.expect_line("local/in/1 hello");
    say(&broker, "-t local/out -m bye -q 1");
    connection.expect(publish(0x02, "far/out", 2, "bye"));
}

#[test]
fn a_message_never_goes_back_by_the_connection_that_brought_it() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic # both 1\ntry_private false"));
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(1, "#", 1));
    connection.send(publish(0x02, "t", 9, "from afar"));
    connection.expect(ack(0x40, 9));
    say(&broker, "-t t -m local -q 1");
    connection.expect(publish(0x02, "t", 2, "local"));
}

#[test]
fn each_remote_topic_gets_one_copy_of_a_message() {
    let remote = Remote::new();
    let lines = quiet(
        "topic # out 1\ntopic a/# out 1 \"\" r/\ntopic a/b out 1 \"\" q/\ntopic b out 1 a/ r/a/",
    );
    let broker = bridged(&remote, &lines);
    let mut connection = remote.accept_with(CONNACK);
    say(&broker, "-t a/b -m x -q 1");
    let mut topics: Vec<String> = (0..3)
        .map(|_| {
            let (_, body) = connection.packet();
            let length = usize::from(body[1]);
            String::from_utf8(body[2..2 + length].to_vec()).unwrap()
        })
        .collect();
    topics.sort();
    assert_eq!(topics, ["a/b", "q/a/b", "r/a/b"]);
    say(&broker, "-t end -m x -q 1");
    connection.expect(publish(0x02, "end", 4, "x"));
}

#[test]
fn what_no_topic_line_asks_for_is_refused_and_logged() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic asked in 1"));
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(1, "asked", 1));
    let mut subscriber = broker.subscriber("mq-sub -t # -v -C 1");
    connection.send(publish(0x02, "other", 8, "x"));
    connection.expect(ack(0x40, 8));
    connection.send(publish(0x02, "asked", 9, "y"));
    connection.expect(ack(0x40, 9));
    subscriber.expect_line("asked y");
    broker.wait_for_log("Bridge b drops a message on other: no topic line asks for it.");
}

#[test]
fn what_no_topic_line_asks_for_is_accepted_if_that_is_wanted() {
    let remote = Remote::new();
    let broker = bridged(
        &remote,
        &quiet("topic asked in 1\nbridge_accept_unasked true"),
    );
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(1, "asked", 1));
    let mut subscriber = broker.subscriber("mq-sub -t # -v -C 1");
    connection.send(publish(0x02, "other", 8, "x"));
    subscriber.expect_line("other x");
}

#[test]
fn a_topic_with_wildcards_from_the_remote_ends_the_connection() {
    let remote = Remote::new();
    let _broker = bridged(&remote, &quiet("topic # in 0"));
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(1, "#", 0));
    connection.send(publish(0, "++++++", 0, "x"));
    connection.expect_closed();
}

#[test]
fn what_was_not_acknowledged_is_sent_again_after_a_cut() {
    for (qos, flags) in [(1, 0x02), (2, 0x04)] {
        let remote = Remote::new();
        let broker = bridged(&remote, &quiet("topic # out 2"));
        let mut connection = remote.accept_with(CONNACK);
        say(&broker, &format!("-t t -m one -q {qos}"));
        connection.expect(publish(flags, "t", 1, "one"));
        drop(connection);
        broker.wait_for_log("Client local.far disconnected");
        say(&broker, &format!("-t t -m two -q {qos}"));
        let mut connection = remote.accept_with(b"\x20\x02\x01\x00");
        connection.expect(publish(flags | 0x08, "t", 1, "one"));
        connection.expect(publish(flags, "t", 2, "two"));
        if qos == 2 {
            connection.send(ack(0x50, 1));
            connection.expect(ack(0x62, 1));
            drop(connection);
            let mut connection = remote.accept_with(b"\x20\x02\x01\x00");
            connection.expect(publish(0x0c, "t", 2, "two"));
            connection.expect(ack(0x62, 1));
            connection.send(ack(0x70, 1));
            connection.send(ack(0x50, 2));
            connection.expect(ack(0x62, 2));
        }
    }
}

#[test]
fn a_qos_2_message_that_comes_again_is_taken_once() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic # in 2"));
    let mut subscriber = broker.subscriber("mq-sub -t # -q 2 -v -C 2");
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(1, "#", 2));
    connection.send(publish(0x04, "t", 7, "once"));
    connection.expect(ack(0x50, 7));
    drop(connection);
    let mut connection = remote.accept_with(b"\x20\x02\x01\x00");
    connection.expect(subscribe(2, "#", 2));
    connection.send(publish(0x0c, "t", 7, "once"));
    connection.expect(ack(0x50, 7));
    connection.send(ack(0x62, 7));
    connection.expect(ack(0x70, 7));
    connection.send(publish(0x04, "t", 7, "next"));
    connection.expect(ack(0x50, 7));
    subscriber.expect_line("t once");
    subscriber.expect_line("t next");
}

#[test]
fn a_remote_that_has_lost_the_session_begins_its_identifiers_again() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic # in 2"));
    let mut subscriber = broker.subscriber("mq-sub -t # -q 2 -v -C 2");
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(1, "#", 2));
    connection.send(publish(0x04, "t", 1, "one"));
    connection.expect(ack(0x50, 1));
    drop(connection);
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(2, "#", 2));
    connection.send(publish(0x04, "t", 1, "two"));
    connection.expect(ack(0x50, 1));
    subscriber.expect_line("t one");
    subscriber.expect_line("t two");
}

#[test]
fn messages_wait_for_a_remote_that_starts_late() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic # out 1"));
    let mut connection = remote.accept();
    assert_eq!(connection.packet().0, 0x10);
    say(&broker, "-t t -m early -q 1");
    connection.send(CONNACK);
    connection.expect(publish(0x02, "t", 1, "early"));
}

#[test]
fn the_clean_flags_decide_what_outlives_the_connection() {
    for (flags, connect_flags, is_kept) in [
        ("cleansession false", 0x00, true),
        ("cleansession true", 0x02, false),
        ("cleansession true\nlocal_cleansession false", 0x02, true),
        ("cleansession false\nlocal_cleansession true", 0x00, false),
    ] {
        let remote = Remote::new();
        let broker = bridged(&remote, &quiet(&format!("topic # out 1\n{flags}")));
        let mut connection = remote.accept();
        assert_eq!(connection.packet().1[7], connect_flags, "{flags}");
        connection.send(CONNACK);
        drop(connection);
        broker.wait_for_log("Client local.far disconnected");
        say(&broker, "-t t -m while-down -q 1");
        let mut connection = remote.accept_with(CONNACK);
        if !is_kept {
            say(&broker, "-t t -m later -q 1");
            connection.expect(publish(0x02, "t", 1, "later"));
        } else {
            connection.expect(publish(0x02, "t", 1, "while-down"));
        }
    }
}

#[test]
fn retained_messages_go_once_and_their_deletion_too() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic # out 1"));
    let mut connection = remote.accept_with(CONNACK);
    say(&broker, "-t r -m kept -q 1 -r");
    connection.expect(publish(0x03, "r", 1, "kept"));
    connection.send(ack(0x40, 1));
    say(&broker, "-t zero -m kept -q 0 -r");
    connection.expect(publish(0x01, "zero", 0, "kept"));
    drop(connection);
    broker.wait_for_log("Client local.far disconnected");
    say(&broker, "-t r -n -q 1 -r");
    say(&broker, "-t zero -n -q 0 -r");
    let mut connection = remote.accept_with(b"\x20\x02\x01\x00");
    connection.expect(publish(0x03, "r", 2, ""));
    connection.expect(publish(0x01, "zero", 0, ""));
}

#[test]
fn the_retain_flag_can_be_left_out() {
    let remote = Remote::new();
    let lines = quiet("topic \"with space/#\" out 1\nbridge_outgoing_retain false");
    let broker = bridged(&remote, &lines);
    let mut connection = remote.accept_with(CONNACK);
    let topic = "with space/t";
    say(&broker, &format!("-q 1 -r -m x -t '{topic}'"));
    connection.expect(publish(0x02, "with space/t", 1, "x"));
}

#[test]
fn the_state_of_the_bridge_is_published_here_and_there() {
    let remote = Remote::new();
    let broker = bridged(&remote, "topic t out 1\nbridge_attempt_unsubscribe false");
    let mut connection = remote.accept();
    let mut subscriber = broker.subscriber(&format!("mq-sub -t {STATE} -F %r%p -C 4"));
    subscriber.expect_line("10");
    connection.packet();
    connection.send(CONNACK);
    subscriber.expect_line("01");
    connection.expect(publish(0x03, STATE, 1, "1"));
    connection.send(ack(0x40, 1));
    drop(connection);
    subscriber.expect_line("00");
    let _connection = remote.accept_with(CONNACK);
    subscriber.expect_line("01");
}

#[test]
fn the_state_can_stay_at_home_or_have_another_topic() {
    let remote = Remote::new();
    let lines = "topic # both 1\nbridge_attempt_unsubscribe false\nnotifications_local_only true\n\
                 notification_topic bridge/state";
    let broker = bridged(&remote, lines);
    let mut connection = remote.accept();
    let (_, connect) = connection.packet();
    assert_eq!(connect[7], 0, "there is no will");
    connection.send(CONNACK);
    connection.expect(subscribe(1, "#", 1));
    let mut subscriber = broker.subscriber("mq-sub -t bridge/state -C 1");
    subscriber.expect_line("1");
    say(&broker, "-t t -m x -q 1");
    connection.expect(publish(0x02, "t", 2, "x"));
}

#[test]
fn a_remote_that_knows_no_bridges_gets_a_client_like_any_other() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic t out 1"));
    let mut connection = remote.accept();
    assert_eq!(connection.packet().1[6], 0x84);
    connection.send(b"\x20\x02\x00\x01");
    broker.wait_for_log("Connection Refused: unacceptable protocol version");
    let mut connection = remote.accept();
    assert_eq!(connection.packet().1[6], 0x04);
}

#[test]
fn a_remote_without_mqtt_5_gets_an_earlier_version() {
    let remote = Remote::new();
    let lines = quiet("topic t out 1\nbridge_protocol_version mqttv50");
    let broker = bridged(&remote, &lines);
    let mut connection = remote.accept();
    assert_eq!(connection.packet().1[6], 5);
    connection.send(b"\x20\x02\x00\x01");
    broker.wait_for_log(
        "Warning: Remote bridge b does not support MQTT v5.0, reconnecting using MQTT v3.1.1.",
    );
    let mut connection = remote.accept();
    assert_eq!(connection.packet().1[6], 0x84);
}

#[test]
fn the_limits_of_an_mqtt_5_remote_are_kept_to() {
    let remote = Remote::new();
    let lines = "topic t both 2\nbridge_protocol_version mqttv50";
    let broker = bridged(&remote, lines);
    // Maximum QoS 0, no retained messages.
    let mut connection = remote.accept_with(b"\x20\x07\x00\x00\x04\x24\x00\x25\x00");
    let state = [string(STATE), b"\x00".to_vec(), b"1".to_vec()].concat();
    connection.expect(packet(0x30, &state));
    connection.expect(packet(
        0x82,
        &[b"\x00\x01\x00".to_vec(), string("t"), vec![0x0c]].concat(),
    ));
    say(&broker, "-t t -m x -q 2 -r");
    let (first, _) = connection.packet();
    assert_eq!(first, 0x30);
}

#[test]
fn a_refusal_of_retain_or_qos_is_answered_by_less() {
    let remote = Remote::new();
    let broker = bridged(&remote, "topic t out 2\nbridge_protocol_version mqttv50");
    let mut connection = remote.accept();
    assert_eq!(connection.packet().1[7], 0x2c);
    connection.send(b"\x20\x03\x00\x9a\x00");
    broker.wait_for_log("Connection Refused: retain not available (will retry)");
    let mut connection = remote.accept();
    assert_eq!(connection.packet().1[7], 0x0c);
    connection.send(b"\x20\x03\x00\x9b\x00");
    broker.wait_for_log("Connection Refused: QoS not supported (will retry)");
    let mut connection = remote.accept();
    connection.packet();
    connection.send(b"\x20\x03\x00\x9b\x00");
    let mut connection = remote.accept();
    assert_eq!(connection.packet().1[7], 0x04, "the will has QoS 0");
}

#[test]
fn a_message_that_crossed_many_bridges_goes_no_further() {
    let remote = Remote::new();
    let lines = quiet("topic # both 1\nbridge_protocol_version mqttv50");
    let broker = bridged(&remote, &lines);
    let mut connection = remote.accept_with(CONNACK_V5);
    connection.packet();
    let crossed = |count: &str, packet_id: u16| {
        let property = [&b"\x26"[..], &string("mq-bridge-hops"), &string(count)].concat();
        let length = u8::try_from(property.len()).unwrap();
        let body = [
            &string("t")[..],
            &packet_id.to_be_bytes(),
            &[length],
            &property,
            b"x",
        ];
        packet(0x32, &body.concat())
    };
    let mut subscriber = broker.subscriber("mq-sub -V 5 -t # -C 1 -F %P");
    connection.send(crossed("16", 1));
    connection.packet();
    connection.send(crossed("15", 2));
    connection.packet();
    subscriber.expect_line("mq-bridge-hops:16");
    broker.wait_for_log("has crossed 16 bridges: do they form a circle?");
    say(&broker, "-t own -m x -q 1");
    let (_, body) = connection.packet();
    let property = [&b"\x26"[..], &string("mq-bridge-hops"), &string("1")].concat();
    assert!(
        body.windows(property.len()).any(|part| part == property),
        "{body:02x?}"
    );
}

#[test]
fn the_next_address_is_tried_after_a_failure() {
    let (nobody, remote) = (Remote::new().port(), Remote::new());
    let port = remote.port();
    let broker = Broker::with_config(&format!(
        "allow_anonymous true\nconnection b\naddresses 127.0.0.1:{nobody} 127.0.0.1:{port}\n\
         restart_timeout 1\nround_robin true\ntopic t out\n"
    ));
    let _connection = remote.accept_with(CONNACK);
    let line = broker.wait_for_log("Warning: Unable to connect bridge b (127.0.0.1:");
    assert!(line.contains("Connection refused"), "{line}");
}

#[test]
fn the_first_address_is_returned_to_when_it_can_be_reached() {
    let first = Remote::new();
    let (first_port, second) = (first.port(), Remote::new());
    drop(first);
    let port = second.port();
    let _broker = Broker::with_config(&format!(
        "allow_anonymous true\nconnection b\naddresses 127.0.0.1:{first_port} 127.0.0.1:{port}\n\
         restart_timeout 1\ntopic t out\n"
    ));
    let mut connection = second.accept_with(CONNACK);
    let first = std::net::TcpListener::bind(("127.0.0.1", first_port)).expect("nobody has it");
    let (probe, _) = first.accept().expect("the bridge looks whether it is back");
    drop(probe);
    while connection.is_open() {}
    let (_stream, _) = first.accept().expect("the bridge comes back");
}

#[test]
fn a_bridge_that_starts_once_does_not_come_back() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic t out\nstart_type once"));
    drop(remote.accept_with(CONNACK));
    broker.wait_for_log("Client local.far disconnected");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(remote.is_alone());
}

#[test]
fn a_lazy_bridge_comes_back_when_enough_messages_wait() {
    let remote = Remote::new();
    let lines = quiet("topic t out 1\nstart_type lazy\nthreshold 2\nidle_timeout 1");
    let broker = bridged(&remote, &lines);
    let mut connection = remote.accept_with(CONNACK);
    connection.expect_closed();
    broker.wait_for_log("Bridge connection local.far has exceeded idle timeout, disconnecting.");
    say(&broker, "-t t -m one -q 0");
    std::thread::sleep(Duration::from_millis(500));
    assert!(remote.is_alone());
    say(&broker, "-t t -m two -q 1");
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(publish(0, "t", 0, "one"));
    connection.expect(publish(0x02, "t", 1, "two"));
}

#[test]
fn a_reload_leaves_an_unchanged_bridge_and_its_queue_alone() {
    let remote = Remote::new();
    let broker = bridged(
        &remote,
        &quiet("topic # out 1\nbridge_reload_type immediate"),
    );
    let mut connection = remote.accept_with(CONNACK);
    broker.reload();
    say(&broker, "-t t -m one -q 1");
    connection.expect(publish(0x02, "t", 1, "one"));
    drop(connection);
    broker.wait_for_log("Client local.far disconnected");
    say(&broker, "-t t -m two -q 1");
    broker.reload();
    let mut connection = remote.accept_with(b"\x20\x02\x01\x00");
    connection.expect(publish(0x0a, "t", 1, "one"));
    connection.expect(publish(0x02, "t", 2, "two"));
}

#[test]
fn a_changed_bridge_reconnects_and_keeps_what_its_topics_still_match() {
    let remote = Remote::new();
    let lines = quiet("topic a out 1\ntopic b out 1\nbridge_reload_type immediate");
    let broker = bridged(&remote, &lines);
    let mut connection = remote.accept_with(CONNACK);
    say(&broker, "-t a -m one -q 1");
    connection.expect(publish(0x02, "a", 1, "one"));
    say(&broker, "-t b -m two -q 1");
    connection.expect(publish(0x02, "b", 2, "two"));
    rewrite(&broker, "topic a out 1\n", "topic c out 1\n");
    broker.signal(Signal::SIGHUP);
    let mut connection = {
        connection.expect(b"\xe0\x00");
        remote.accept_with(b"\x20\x02\x01\x00")
    };
    connection.expect(publish(0x0a, "b", 2, "two"));
    say(&broker, "-t c -m three -q 1");
    let (first, body) = connection.packet();
    assert_eq!((first, &body[..3]), (0x32, &b"\x00\x01c"[..]));
}

#[test]
fn a_lazily_reloaded_bridge_changes_after_its_connection() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic a in 1\n"));
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(1, "a", 1));
    rewrite(&broker, "topic a in 1\n", "topic b in 1\n");
    broker.reload();
    assert!(connection.is_open() && remote.is_alone());
    drop(connection);
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(2, "b", 1));
}

#[test]
fn a_bridge_that_is_gone_from_the_file_says_goodbye() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic a out 1\n"));
    let mut connection = remote.accept_with(CONNACK);
    let block = config(&remote, &quiet("topic a out 1\n"));
    let block = &block[block.find("connection").unwrap()..];
    rewrite(&broker, block, "");
    broker.signal(Signal::SIGHUP);
    connection.expect(b"\xe0\x00");
}

#[test]
fn a_broker_that_stops_leaves_the_will_to_the_remote() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic a out 1\n"));
    let mut connection = remote.accept_with(CONNACK);
    say(&broker, "-t a -m x -q 1");
    connection.expect(publish(0x02, "a", 1, "x"));
    assert_eq!(broker.stop(), Some(0));
    connection.expect_closed();
}

#[test]
fn a_client_cannot_take_what_waits_for_the_remote() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic a out 1\nlocal_clientid raw\n"));
    let mut client = broker.raw_client();
    client.send(CONNECT_V311);
    client.expect(b"\x20\x02\x00\x02");
}

#[test]
fn a_packet_that_is_too_large_is_dropped_and_said() {
    let remote = Remote::new();
    let broker = bridged(&remote, &quiet("topic t out 1\nbridge_max_packet_size 20"));
    let mut connection = remote.accept_with(CONNACK);
    say(&broker, "-t t -m 12345678901234567890 -q 1");
    say(&broker, "-t t -m short -q 1");
    connection.expect(publish(0x02, "t", 1, "short"));
    broker.wait_for_log("Dropping too large outgoing PUBLISH for local.far (27 bytes).");
}

#[test]
fn failures_are_logged_at_growing_distances() {
    let nobody = Remote::new().port();
    let broker = Broker::with_config(&format!(
        "allow_anonymous true\nconnection b\naddress 127.0.0.1:{nobody}\nrestart_timeout 1\n\
         topic t out\n"
    ));
    broker.wait_for_log("Connecting bridge b");
    std::thread::sleep(Duration::from_secs(5));
    let lines = broker
        .log()
        .matches("Warning: Unable to connect bridge b")
        .count();
    assert!((3..=4).contains(&lines), "{}", broker.log());
}

#[test]
fn the_brokers_topics_tell_what_goes_over_a_bridge() {
    let remote = Remote::new();
    let port = remote.port();
    let broker = Broker::with_config(&format!(
        "allow_anonymous true\nsys_interval 1\nconnection b\naddress 127.0.0.1:{port}\n\
         restart_timeout 1\nnotifications false\ntopic t both 1\n"
    ));
    let mut connection = remote.accept_with(CONNACK);
    connection.expect(subscribe(1, "t", 1));
    say(&broker, "-t t -m x -q 1");
    connection.expect(publish(0x02, "t", 2, "x"));
    connection.send(publish(0, "t", 0, "y"));
    for (topic, value) in [
        ("connected", "1"),
        ("queued", "1"),
        ("sent", "1"),
        ("received", "1"),
        ("reconnects", "0"),
    ] {
        let line = format!("mq-sub -t $SYS/broker/bridge/b/{topic}");
        let mut subscriber = broker.subscriber(&line);
        subscriber.wait_for_line(|line| line == value);
    }
}

/// Puts one text for another in the configuration.
#[track_caller]
fn rewrite(broker: &Broker, from: &str, to: &str) {
    let file = broker.folder().join("mosquitto.conf");
    let text = std::fs::read_to_string(file).expect("there is a configuration");
    assert!(text.contains(from), "{from:?} in {text}");
    broker.replace_file("mosquitto.conf", &text.replacen(from, to, 1));
}
