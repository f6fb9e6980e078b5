//! The lab guide, part by part, with its commands as it prints them: only the names of the
//! programs, the address and the port differ.

use std::fs;

use crate::support::{Broker, Program};
use nix::sys::signal::Signal;

/// Part 4: `mosquitto_passwd -c FILE NAME`, then the two lines of configuration.
fn broker_with_a_login() -> Broker {
    let builder = Broker::builder().config("allow_anonymous false\npassword_file passwd");
    Program::typed("mq-passwd -c passwd snir")
        .in_folder(builder.folder())
        .stdin("passsnir\npasssnir\n")
        .run()
        .exits_with(0)
        .complains("");
    builder.start()
}

#[test]
fn part_4_the_password_file_lists_its_users_and_hides_their_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let create = |user: &str, password: &str| {
        Program::typed("mq-passwd -c passwd")
            .arg(user)
            .in_folder(folder.path())
            .stdin(format!("{password}\n{password}\n"))
            .run()
            .exits_with(0)
            .complains("")
    };
    let read = || fs::read_to_string(folder.path().join("passwd")).unwrap();

    let outcome = create("snir", "passsnir");
    assert!(outcome.stdout().contains("Password: "), "{outcome}");
    assert!(outcome.stdout().contains("Reenter password: "), "{outcome}");
    assert!(
        read().starts_with("snir:$7$") && read().lines().count() == 1,
        "{}",
        read()
    );
    assert!(!read().contains("passsnir"), "{}", read());

    // "Ce dernier sera écrasé s'il existe déjà."
    let _ = create("prof", "autre");
    assert!(
        read().starts_with("prof:$7$") && read().lines().count() == 1,
        "{}",
        read()
    );
}

#[test]
fn part_4_two_different_passwords_create_nothing() {
    let folder = tempfile::tempdir().unwrap();
    Program::typed("mq-passwd -c passwd snir")
        .in_folder(folder.path())
        .stdin("passsnir\npassnsir\n")
        .run()
        .exits_with(2)
        .complains("Error: Passwords do not match.\n");
    assert!(!folder.path().join("passwd").exists());
}

#[test]
fn part_5_the_weather_station_is_read_with_a_login() {
    let broker = broker_with_a_login();
    let mut subscriber =
        broker.subscriber("mq-sub -h localhost -u 'snir' -P 'passsnir' -t 'ha/_temperature2'");
    for (topic, value) in [
        ("ha/humidity", "61"),
        ("ha/pressure", "1013"),
        ("ha/_temperature2", "21.5"),
    ] {
        broker
            .typed("mq-pub -h localhost -u snir -P passsnir")
            .arg("-t")
            .arg(topic)
            .arg("-m")
            .arg(value)
            .run()
            .succeeds();
    }
    subscriber.expect_line("21.5");
}

#[test]
fn part_5_a_wrong_or_missing_login_is_refused_with_code_5() {
    let broker = broker_with_a_login();
    let refused = "Connection error: Connection Refused: not authorised\n";
    for login in [
        "",
        "-u snir -P faux",
        "-u snir",
        "-u personne -P passsnir",
        "-u '' -P ''",
    ] {
        broker
            .typed(&format!(
                "mq-sub -h localhost {login} -t 'ha/_temperature2'"
            ))
            .run()
            .exits_with(5)
            .prints("")
            .complains(refused);
        broker
            .typed(&format!("mq-pub -h localhost {login} -t 'ha/x' -m 1"))
            .run()
            .exits_with(5)
            .prints("")
            .complains(&format!("{refused}Error: The connection was refused\n"));
    }
}

#[test]
fn part_5_a_wrong_or_missing_login_is_refused_with_code_135_in_mqtt_5() {
    let broker = broker_with_a_login();
    for login in ["", "-u snir -P faux"] {
        broker
            .typed(&format!("mq-sub -V 5 -h localhost {login} -t 'ha/x'"))
            .run()
            .exits_with(135)
            .complains("Connection error: Not authorized\n");
        broker
            .typed(&format!("mq-pub -V 5 -h localhost {login} -t 'ha/x' -m 1"))
            .run()
            .exits_with(135)
            .complains(
                "Connection error: Not authorized\n\
                 Error: A network protocol error occurred when communicating with the broker\n",
            );
    }
}

#[test]
fn part_5_a_message_goes_from_one_terminal_to_another() {
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub -h localhost -t topic/test");
    broker
        .typed(r#"mq-pub -h localhost -t topic/test -m "Voici un test""#)
        .run()
        .succeeds()
        .prints("");
    subscriber.expect_line("Voici un test");
}

#[test]
fn part_7_a_message_arrives_at_the_lower_of_both_levels() {
    let broker = Broker::local();
    for (published, subscribed) in (0..3).flat_map(|level| [(level, 0), (level, 1), (level, 2)]) {
        let mut subscriber = broker.subscriber(&format!(
            "mq-sub -h localhost -t maison/chambre/temp -q {subscribed} -F '%q %p'"
        ));
        broker
            .typed(&format!(
                "mq-pub -h localhost -t maison/chambre/temp -m 21 -q {published}"
            ))
            .run()
            .succeeds();
        subscriber.expect_line(&format!("{} 21", published.min(subscribed)));
    }
}

#[test]
fn part_7_each_level_exchanges_the_packets_the_guide_names() {
    let broker = Broker::local();
    for (level, exchange) in [
        (0, &[][..]),
        (1, &["received PUBACK"]),
        (
            2,
            &["received PUBREC", "sending PUBREL", "received PUBCOMP"],
        ),
    ] {
        let outcome = broker
            .typed(&format!("mq-pub -h localhost -d -t a -m 1 -q {level}"))
            .run()
            .succeeds();
        let printed = outcome.stdout();
        let packets: Vec<&str> = printed
            .lines()
            .filter(|line| {
                !["sending CONNECT", "received CONNACK", "sending PUBLISH"]
                    .iter()
                    .any(|common| line.contains(common))
            })
            .collect();
        assert_eq!(
            packets.len(),
            exchange.len() + 1,
            "and DISCONNECT: {outcome}"
        );
        for (line, packet) in packets.iter().zip(exchange) {
            assert!(line.contains(packet), "{packet} in {line}");
        }
        assert!(
            packets[exchange.len()].contains("sending DISCONNECT"),
            "{outcome}"
        );
    }
}

#[test]
fn part_8_plus_stands_for_one_level() {
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub -h localhost -v -t maison/+/lumière");
    for topic in [
        "maison/salon/lumière",
        "maison/salon/lumière/plafond",
        "maison/lumière",
        "maison/salon/thermostat",
        "maison/cuisine/lumière",
    ] {
        broker
            .typed(&format!("mq-pub -h localhost -t {topic} -m on"))
            .run()
            .succeeds();
    }
    subscriber.expect_line("maison/salon/lumière on");
    subscriber.expect_line("maison/cuisine/lumière on");
}

#[test]
fn part_8_hash_stands_for_all_levels_below_and_the_level_itself() {
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub -h localhost -v -t maison/#");
    let topics = [
        "maison/salon/lumière",
        "maison/cuisine/thermostat",
        "maison/jardin/arrosage",
        "maison",
    ];
    for topic in ["maisonnette/salon", "été/salon"].iter().chain(&topics) {
        broker
            .typed(&format!("mq-pub -h localhost -t {topic} -m 1"))
            .run()
            .succeeds();
    }
    for topic in topics {
        subscriber.expect_line(&format!("{topic} 1"));
    }
}

#[test]
fn part_8_the_guides_other_filters_and_accents_work() {
    let broker = Broker::local();
    let mut subscriber = broker
        .subscriber("mq-sub -h localhost -v -t maison/capteurs/# -t maison/salon/# -t été/salon");
    for topic in ["été/salon", "maison/capteurs/1", "maison/salon/volet"] {
        broker
            .typed(&format!("mq-pub -h localhost -t {topic} -m fermé"))
            .run()
            .succeeds();
        subscriber.expect_line(&format!("{topic} fermé"));
    }
}

#[test]
fn part_8_a_plus_inside_a_level_gets_a_clear_error() {
    Program::typed("mq-sub -h localhost -t maison+/lumière")
        .run()
        .exits_with(1)
        .prints("")
        .complains(
            "Error: Invalid subscription topic 'maison+/lumière', \
             are all '+' and '#' wildcards correct?\n\
             \nUse 'mq-sub --help' to see usage.\n",
        );
}

#[test]
fn part_8_wildcards_cannot_be_published_to() {
    for topic in ["maison/+/lumière", "maison/#"] {
        Program::typed(&format!("mq-pub -h localhost -t {topic} -m on"))
            .run()
            .exits_with(1)
            .prints("")
            .complains(&format!(
                "Error: Invalid publish topic '{topic}', does it contain '+' or '#'?\n\
                 \nUse 'mq-pub --help' to see usage.\n"
            ));
    }
}

const SUBSCRIBER_WITH_A_WILL: &str = "mq-sub -h localhost -t some/topic -q 1 \
    --will-topic \"testament/topic\" \
    --will-payload \"Client unexpectedly disconnected\" --will-qos 1";

/// Part 9: both terminals, then `end` ends the first. Whether a will was sent is known when
/// a message that was published after it arrives.
#[track_caller]
fn testament_after(
    options: &str,
    end: impl FnOnce(&Broker, crate::support::program::Running),
) -> Vec<String> {
    let broker = Broker::local();
    let client = broker.subscriber(&format!("{SUBSCRIBER_WITH_A_WILL} {options}"));
    let mut listener = broker.subscriber("mq-sub -h localhost -t testament/topic -q 1");
    let mark = broker.log_mark();
    end(&broker, client);
    broker.wait_for_disconnect_after(mark);
    broker
        .typed("mq-pub -h localhost -t testament/topic -q 1 -m after")
        .run()
        .succeeds();
    let mut lines = Vec::new();
    loop {
        match listener.next_line() {
            line if line == "after" => return lines,
            line => lines.push(line),
        }
    }
}

#[test]
fn part_9_ctrl_c_fires_the_will_in_every_version() {
    for version in ["31", "311", "5"] {
        let lines = testament_after(&format!("-V {version}"), |_, client| {
            client.signal(Signal::SIGINT);
            client.ends().exits_with(0).complains("");
        });
        assert_eq!(
            lines,
            ["Client unexpectedly disconnected"],
            "MQTT version {version}"
        );
    }
}

#[test]
fn part_9_a_closed_terminal_window_fires_the_will_in_every_version() {
    for version in ["31", "311", "5"] {
        let lines = testament_after(&format!("-V {version}"), |_, client| {
            client.signal(Signal::SIGHUP);
            client.ends().exits_with(128 + Signal::SIGHUP as i32);
        });
        assert_eq!(
            lines,
            ["Client unexpectedly disconnected"],
            "MQTT version {version}"
        );
    }
}

#[test]
fn part_9_a_crash_fires_the_will() {
    let lines = testament_after("", |_, client| {
        client.signal(Signal::SIGKILL);
        client.ends().exits_with(128 + Signal::SIGKILL as i32);
    });
    assert_eq!(lines, ["Client unexpectedly disconnected"]);
}

#[test]
fn part_9_a_clean_end_fires_no_will() {
    for version in ["31", "311", "5"] {
        let lines = testament_after(&format!("-C 1 -V {version}"), |broker, client| {
            broker
                .typed("mq-pub -h localhost -t some/topic -m last")
                .run()
                .succeeds();
            client.ends().succeeds().prints("last\n");
        });
        assert!(lines.is_empty(), "MQTT version {version}: {lines:?}");
    }
}

#[test]
fn part_9_without_a_will_ctrl_c_disconnects_cleanly() {
    for version in ["31", "311", "5"] {
        let broker = Broker::local();
        let client = broker.subscriber(&format!("mq-sub -h localhost -t some/topic -V {version}"));
        client.signal(Signal::SIGINT);
        client.ends().succeeds().prints("");
        broker.wait_for_log("Received DISCONNECT from ");
    }
}

#[test]
fn part_9_the_will_is_sent_with_its_level_and_kept_when_it_is_to_be_retained() {
    let broker = Broker::local();
    let client = broker.subscriber(
        "mq-sub -h localhost -t capteur/temp --will-topic capteur/etat --will-payload Offline \
         --will-qos 2 --will-retain",
    );
    let mark = broker.log_mark();
    client.signal(Signal::SIGHUP);
    client.ends().exits_with(128 + Signal::SIGHUP as i32);
    broker.wait_for_disconnect_after(mark);
    broker
        .typed("mq-sub -h localhost -t capteur/etat -q 2 -C 1 -F '%q %r %t %p'")
        .run()
        .succeeds()
        .prints("2 1 capteur/etat Offline\n");
}
