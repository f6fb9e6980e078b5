//! `acl_file`: what clients may publish and get, and what the others notice of it.

use crate::support::raw_client::{CONNACK_ACCEPTED, CONNECT_V5, CONNECT_V311, packet, string};
use crate::support::{Broker, Program};

/// A house: everybody sees the temperatures, each thing speaks for itself, éva sees all.
const HOUSE: &str = "\
topic read temperature/#\n\
topic deny temperature/secret\n\
topic write inbox\n\
\n\
user éva\n\
topic #\n\
topic read $SYS/#\n\
\n\
pattern write thing/%c/#\n\
pattern readwrite user/%u/#\n";

fn house() -> Broker {
    Broker::builder()
        .file("acl", HOUSE)
        .config("acl_file acl")
        .start()
}

#[test]
fn a_client_gets_what_it_may_read_and_nothing_else() {
    let broker = house();
    let mut anonymous = broker.subscriber("mq-sub -t # -v -C 2");
    let mut owner = broker.subscriber("mq-sub -u éva -t # -v -C 3");
    for topic in ["temperature/in", "temperature/secret", "temperature/out"] {
        broker
            .typed(&format!("mq-pub -u éva -q 1 -t {topic} -m x"))
            .run()
            .succeeds();
    }
    anonymous.expect_line("temperature/in x");
    anonymous.expect_line("temperature/out x");
    for topic in ["temperature/in", "temperature/secret", "temperature/out"] {
        owner.expect_line(&format!("{topic} x"));
    }
}

#[test]
fn patterns_stand_for_the_client_and_the_user() {
    let broker = house();
    let mut owner = broker.subscriber("mq-sub -u éva -t # -v -C 3");
    for line in [
        "mq-pub -i lamp -t thing/lamp/state -m on",
        "mq-pub -i lamp -t thing/door/state -m on",
        "mq-pub -u bob -t user/bob/note -m x",
        "mq-pub -u bob -t user/eve/note -m x",
        "mq-pub -i last -t thing/last/end -m x",
    ] {
        broker.typed(line).run().succeeds();
    }
    owner.expect_line("thing/lamp/state on");
    owner.expect_line("user/bob/note x");
    owner.expect_line("thing/last/end x");
}

#[test]
fn a_denied_publisher_is_told_in_mqtt_5_only() {
    let broker = house();
    let publish = |first: u8, properties: &[u8]| {
        let body = [&string("other")[..], &[0, 7], properties, b"x"].concat();
        packet(first, &body)
    };
    let mut client = broker.raw_client();
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    client.send(publish(0x32, &[]));
    client.expect(b"\x40\x02\x00\x07");
    client.send(publish(0x34, &[]));
    client.expect(b"\x50\x02\x00\x07");
    client.send(b"\x62\x02\x00\x07");
    client.expect(b"\x70\x02\x00\x07");

    let mut client = broker.raw_client();
    client.send(CONNECT_V5);
    client.packet();
    client.send(publish(0x32, &[0]));
    client.expect(b"\x40\x03\x00\x07\x87");
    client.send(publish(0x34, &[0]));
    client.expect(b"\x50\x03\x00\x07\x87");
    client.expect_alive();
    broker.wait_for_log("Denied PUBLISH from raw (d0, q1, r0, m7, 'other', ... (1 bytes))");
}

#[test]
fn retained_messages_wills_and_shared_subscriptions_obey_the_rules() {
    let broker = house();
    for topic in ["temperature/in", "temperature/secret"] {
        broker
            .typed(&format!("mq-pub -u éva -r -t {topic} -m kept"))
            .run()
            .succeeds();
    }
    broker
        .typed("mq-sub -t temperature/# -v -W 1")
        .run()
        .exits_with(27)
        .prints("temperature/in kept\n");

    let mut owner = broker.subscriber("mq-sub -u éva -t inbox -t other -v -C 1");
    for topic in ["other", "inbox"] {
        let mut client = broker.raw_client();
        let will = [string(topic), string("gone")].concat();
        let head = b"\x00\x04MQTT\x04\x06\x00\x3c";
        client.send(packet(0x10, &[&head[..], &string("w"), &will].concat()));
        client.expect(CONNACK_ACCEPTED);
    }
    owner.expect_line("inbox gone");

    let mut reader = broker.subscriber("mq-sub -u éva -t $share/g/private -C 4");
    let _other = broker.subscriber("mq-sub -t $share/g/private -C 1");
    for number in 0..4 {
        broker
            .typed(&format!("mq-pub -u éva -t private -m {number}"))
            .run()
            .succeeds();
    }
    for number in 0..4 {
        reader.expect_line(&number.to_string());
    }
}

#[test]
fn new_rules_count_at_once_for_what_is_published_and_for_what_is_queued() {
    let broker = Broker::builder()
        .file("acl", "topic a\ntopic b\n")
        .config("acl_file acl")
        .start();
    broker
        .typed("mq-sub -i late -c -q 1 -t a -t b -E")
        .run()
        .succeeds();
    let mut subscriber = broker.subscriber("mq-sub -t a -t b -v");
    let mut publisher = broker
        .typed("mq-pub -q 1 -t a -l")
        .keep_stdin_open()
        .start();
    publisher.write_line("first");
    subscriber.expect_line("a first");
    broker.typed("mq-pub -q 1 -t b -m second").run().succeeds();
    subscriber.expect_line("b second");

    let reload = |acl: &str| {
        broker.replace_file("acl", acl);
        broker.reload();
    };
    // A mistake changes nothing.
    reload("topic b\nnonsense\n");
    broker.wait_for_log("rules of before the reload stay");
    publisher.write_line("third");
    subscriber.expect_line("a third");

    let mark = broker.log_mark();
    reload("topic b\ntopic write c\n");
    broker.typed("mq-pub -q 1 -t c -m x").run().succeeds();
    publisher.write_line("fourth");
    broker.wait_for_log_after(mark, "Denied PUBLISH from ");
    broker.typed("mq-pub -q 1 -t b -m fifth").run().succeeds();
    subscriber.expect_line("b fifth");
    // What waited for the absent client on topic a is gone.
    broker
        .typed("mq-sub -i late -c -q 1 -t b -v -C 2")
        .run()
        .succeeds()
        .prints("b second\nb fifth\n");
}

#[test]
fn each_listener_has_rules_of_its_own_under_per_listener_settings() {
    let broker = Broker::builder()
        .file("acl", "topic read a\n")
        .config("listener_allow_anonymous true\nacl_file acl")
        .before("per_listener_settings true")
        .other_listener("listener_allow_anonymous true")
        .start();
    let mut restricted = broker.subscriber("mq-sub -t # -v -C 1");
    broker.typed("mq-pub -t a -q 1 -m denied").run().succeeds();
    broker.wait_for_log("Denied PUBLISH");
    for topic in ["b", "a"] {
        Program::typed(&format!("mq-pub -t {topic} -q 1 -m x"))
            .port(broker.other_port())
            .run()
            .succeeds();
    }
    restricted.expect_line("a x");
}

#[test]
fn the_plugins_of_the_two_files_mean_what_the_options_mean() {
    let builder = Broker::builder().file("acl", "user ann\ntopic a\n").config(
        "plugin /usr/lib/mosquitto_acl_file.so\nplugin_opt_acl_file acl\n\
             plugin /usr/lib/mosquitto_password_file.so\nplugin_opt_password_file passwd",
    );
    Program::typed("mq-passwd -c -b passwd ann secret")
        .in_folder(builder.folder())
        .run()
        .succeeds();
    let broker = builder.start();
    let mut ann = broker.subscriber("mq-sub -u ann -P secret -t # -v -C 1");
    broker.typed("mq-pub -t a -m anonymous").run().succeeds();
    broker
        .typed("mq-pub -u ann -P wrong -t a -m x")
        .run()
        .exits_with(5);
    broker
        .typed("mq-pub -u ann -P secret -t b -m x")
        .run()
        .succeeds();
    broker
        .typed("mq-pub -u ann -P secret -t a -m x")
        .run()
        .succeeds();
    ann.expect_line("a x");
    broker.stop();

    let outcome = Broker::builder()
        .config("plugin /usr/lib/mosquitto_dynamic_security.so")
        .run()
        .exits_with(3);
    assert!(
        outcome
            .stderr()
            .contains("Use 'password_file' and 'acl_file'"),
        "{outcome}"
    );
}

/// Everybody reads the house but its cellar, and each thing its own.
const HIDDEN_CELLAR: &str = "\
topic read house/#\n\
topic deny house/cellar/#\n\
topic write inbox\n\
pattern read own/%c/#\n";

/// Runs `mq-sub -d` with these arguments; returns what it says, and the codes of its SUBACK.
#[track_caller]
fn subscribed(broker: &Broker, arguments: &str) -> (String, String) {
    let line = format!("mq-sub -d {arguments}");
    let outcome = broker.typed(&line).run().exits_with(0);
    let said = format!("{}{}", outcome.stdout(), outcome.stderr());
    let codes = said
        .lines()
        .find_map(|line| line.strip_prefix("Subscribed (mid: 1): "))
        .unwrap_or_else(|| panic!("no SUBACK: {said}"))
        .to_owned();
    (said, codes)
}

#[test]
fn a_filter_of_which_nothing_is_readable_is_granted_and_reported_once() {
    let broker = Broker::builder()
        .file("acl", HIDDEN_CELLAR)
        .config("acl_file acl")
        .start();
    for (filter, reason) in [
        (
            "house/cellar/+",
            "'topic deny house/cellar/#' (acl:2) denies them",
        ),
        ("inbox", "no rule in acl grants them"),
        ("$share/g/own/other", "no rule in acl grants them"),
        ("$SYS/#", "no rule in acl grants them"),
    ] {
        let line = format!(
            "Client c subscribed to '{filter}' and may read none of its topics: {reason}. It will \
             get no messages."
        );
        for version in ["mqttv31", "mqttv311", "mqttv5"] {
            let arguments = format!("-V {version} -i c -E -t {filter}");
            assert_eq!(subscribed(&broker, &arguments).1, "0");
        }
        broker.wait_for_log(&line);
        assert_eq!(broker.log().matches(&line).count(), 1, "{}", broker.log());
    }
    let silent = broker.log_mark();
    for filter in [
        "#",
        "+/+/light",
        "house/+/light",
        "own/c",
        "own/+/x",
        "$share/g/house/#",
    ] {
        subscribed(&broker, &format!("-i c -E -t {filter}"));
    }
    // Other rules, and it is said again.
    broker.reload();
    subscribed(&broker, "-i c -E -t inbox");
    broker.wait_for_log_after(silent, "Client c subscribed to 'inbox'");
    let log = broker.log();
    assert_eq!(
        log[silent..].matches("none of its topics").count(),
        1,
        "{log}"
    );
}

#[test]
fn a_filter_of_which_nothing_is_readable_is_refused_where_subscriptions_are_checked() {
    let broker = Broker::builder()
        .file("acl", HIDDEN_CELLAR)
        .config("acl_file acl\nacl_check_subscribe true")
        .start();
    for (version, code) in [("mqttv311", 128), ("mqttv5", 135)] {
        for filter in ["house/cellar/+", "inbox", "$share/g/own/other"] {
            let (said, codes) = subscribed(&broker, &format!("-V {version} -i c -t {filter}"));
            assert_eq!(codes, code.to_string());
            assert!(
                said.contains("All subscription requests were denied."),
                "{said}"
            );
            broker.wait_for_log(&format!(
                "Client c subscribed to '{filter}' and may read none of its topics: "
            ));
        }
        // What brings something is granted beside it.
        let arguments = format!("-V {version} -i c -E -t inbox -t house/# -t own/c/#");
        assert_eq!(subscribed(&broker, &arguments).1, format!("{code}, 0, 0"));
    }
    broker.wait_for_log("The subscription was refused.");
    // MQTT 3.1 has no word for it.
    assert_eq!(subscribed(&broker, "-V mqttv31 -i old -E -t inbox").1, "0");
    broker.wait_for_log("Client old subscribed to 'inbox'");
}

#[test]
fn a_refused_filter_is_not_subscribed_to_and_an_earlier_subscription_stays() {
    let broker = Broker::builder()
        .file("acl", "topic readwrite a\n")
        .config("acl_file acl\nacl_check_subscribe true")
        .start();
    let mut client = broker.raw_client();
    client.send(CONNECT_V5);
    client.packet();
    let subscribe = packet(0x82, &[b"\x00\x01\x00", &string("a")[..], &[0]].concat());
    client.send(&subscribe);
    client.expect(b"\x90\x04\x00\x01\x00\x00");
    broker.replace_file("acl", "topic write a\n");
    broker.reload();
    client.send(&subscribe);
    client.expect(b"\x90\x04\x00\x01\x00\x87");
    broker.replace_file("acl", "topic readwrite a\n");
    broker.reload();
    broker.typed("mq-pub -t a -m back").run().succeeds();
    let (first, body) = client.packet();
    assert_eq!((first, &body[3..]), (0x30, &b"\x00back"[..]));
}

#[test]
fn subscriptions_are_checked_from_a_reload_on_and_behind_a_mount_point() {
    let config = "acl_file acl\nacl_check_subscribe false\nmount_point guests/";
    let broker = Broker::builder()
        .file(
            "acl",
            "topic read guests/door\ntopic read inside\ntopic read guests\n",
        )
        .config(config)
        .start();
    let code = |filter: &str| subscribed(&broker, &format!("-V mqttv5 -E -t {filter}")).1;
    assert_eq!(code("inside"), "0");
    let file = broker.folder().join("mosquitto.conf");
    let text = std::fs::read_to_string(file).expect("the broker was started with it");
    let strict = text.replace("acl_check_subscribe false", "acl_check_subscribe true");
    broker.replace_file("mosquitto.conf", &strict);
    broker.reload();
    assert_eq!(code("inside"), "135");
    assert_eq!(code("door"), "0");
    assert_eq!(code("+"), "0");
    broker.replace_file("acl", "topic read guests\n");
    broker.reload();
    // Its clients do not see the topic that is called as the mount point.
    assert_eq!(code("#"), "135");
}
