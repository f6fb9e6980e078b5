//! Debian's Mosquitto, the programs we replace: its clients at our broker, ours at its
//! broker, and password files of each read by the other.

use std::time::Duration;

use crate::support::broker::Builder;
use crate::support::peers::require_programs;
use crate::support::{Broker, Program};

const VERSIONS: [&str; 3] = ["mqttv31", "mqttv311", "mqttv5"];

/// Sends one message for each pair of protocol versions and each level.
fn exchange(broker: &Broker, publisher: &str, subscriber: &str) {
    for subscribed in VERSIONS {
        for published in VERSIONS {
            for qos in 0..3 {
                let mut running = broker.subscriber(&format!(
                    "{subscriber} -V {subscribed} -t maison/+/lumière -q {qos} -C 1 -v"
                ));
                broker
                    .typed(&format!(
                        "{publisher} -V {published} -t maison/été/lumière -q {qos} -m allumée"
                    ))
                    .run()
                    .succeeds();
                running.expect_line("maison/été/lumière allumée");
                running.ends().succeeds();
            }
        }
    }
}

#[test]
fn mosquittos_clients_talk_to_each_other_through_our_broker() {
    if !require_programs(&["mosquitto_pub", "mosquitto_sub"]) {
        return;
    }
    exchange(&Broker::local(), "mosquitto_pub", "mosquitto_sub");
}

#[test]
fn mosquittos_publisher_reaches_our_subscriber_and_the_other_way_round() {
    if !require_programs(&["mosquitto_pub", "mosquitto_sub"]) {
        return;
    }
    let broker = Broker::local();
    exchange(&broker, "mosquitto_pub", "mq-sub");
    exchange(&broker, "mq-pub", "mosquitto_sub");
}

#[test]
fn our_clients_talk_to_each_other_through_mosquittos_broker() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    let broker = Broker::builder().program("mosquitto").start();
    exchange(&broker, "mq-pub", "mq-sub");
}

#[test]
fn sixty_thousand_lines_reach_mosquittos_broker() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    let limit = Duration::from_secs(120);
    let broker = Broker::builder()
        .program("mosquitto")
        .config("max_queued_messages 0\nlog_type information")
        .start();
    broker
        .typed("mq-pub -t ready -r -q 1 -m ready")
        .run()
        .succeeds();
    let mut subscriber = broker
        .typed("mq-sub -t data -t ready -q 1 -C 60001")
        .within(limit)
        .start();
    subscriber.expect_line("ready");
    let lines: String = (0..60_000).map(|number| format!("{number}\n")).collect();
    broker
        .typed("mq-pub -l -q 1 -t data")
        .stdin(lines.as_str())
        .within(limit)
        .run()
        .succeeds();
    subscriber
        .ends()
        .succeeds()
        .prints(format!("ready\n{lines}"));
}

#[test]
fn our_clients_resume_their_session_at_mosquittos_broker() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    let broker = Broker::builder().program("mosquitto").start();
    for version in ["311", "5"] {
        let line = format!("mq-sub -V {version} -c -i keeper{version} -t kept -q 2");
        broker.typed(&line).arg("-E").run().succeeds();
        broker
            .typed("mq-pub -t kept -q 2 -l")
            .stdin("one\ntwo\n")
            .run()
            .succeeds();
        broker
            .typed(&line)
            .args_of("-C 2")
            .run()
            .succeeds()
            .prints("one\ntwo\n");
    }
}

/// A user made by each of these command lines may log in at the broker; others may not.
fn logins(builder: Builder, commands: &[&str]) {
    for command in commands {
        Program::typed(command)
            .in_folder(builder.folder())
            .run()
            .exits_with(0);
    }
    let broker = builder
        .config("allow_anonymous false\npassword_file passwd")
        .start();
    for number in 0..commands.len() {
        let login = |password: &str| {
            broker
                .typed(&format!("mq-pub -u user{number} -P {password} -t a -m x"))
                .run()
        };
        login("geheim").succeeds();
        login("falsch").exits_with(5);
    }
}

#[test]
fn mosquitto_reads_our_password_files() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    logins(
        Broker::builder().program("mosquitto"),
        &[
            "mq-passwd -c -b passwd user0 geheim",
            "mq-passwd -b passwd user1 geheim",
            "mq-passwd -H sha512 -b passwd user2 geheim",
            "mq-passwd -I 20000 -b passwd user3 geheim",
        ],
    );
}

#[test]
fn our_broker_reads_mosquittos_password_files() {
    if !require_programs(&["mosquitto_passwd"]) {
        return;
    }
    logins(
        Broker::builder(),
        &[
            "mosquitto_passwd -c -b passwd user0 geheim",
            "mosquitto_passwd -b passwd user1 geheim",
            "mosquitto_passwd -H sha512 -b passwd user2 geheim",
        ],
    );
}
