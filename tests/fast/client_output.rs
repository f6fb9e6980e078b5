//! What `mq-sub` shows besides plain messages.

use std::path::Path;

use crate::support::program::program_path;
use crate::support::scripted_broker::ScriptedBroker;
use crate::support::{Broker, Program};

#[test]
fn watch_keeps_a_line_for_each_topic() {
    let broker = Broker::local();
    let subscriber = broker.subscriber("mq-sub -w -v -t # -C 3");
    for line in ["-t a -m 1", "-t b -m 2", "-t a -m 3"] {
        broker.typed(&format!("mq-pub {line}")).run().succeeds();
    }
    subscriber.ends().succeeds().prints(
        "\x1b[2J\x1b[1;1HBroker: localhost\n\
         \x1b[2;1Ha 1\x1b[3;1H\n\x1b[3;1Hb 2\x1b[4;1H\n\x1b[2;1Ha 3\x1b[4;1H\n",
    );
}

#[test]
fn message_rate_prints_numbers_instead_of_messages() {
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub --message-rate -t a");
    broker
        .typed("mq-pub -t a -m x --repeat 5 -q 1")
        .run()
        .succeeds();
    let mut sum = 0;
    while sum < 5 {
        let line = subscriber.next_line();
        let number = line.strip_suffix(" msgs/s").expect("a rate");
        sum += number.parse::<u32>().unwrap();
    }
    assert_eq!(sum, 5);
}

#[test]
fn a_random_filter_prints_its_share_and_all_messages_count() {
    let broker = Broker::local();
    let lines = "x\n".repeat(2000);
    for (share, least, most) in [("100", 2000, 2000), ("50", 700, 1300), ("0.1", 0, 100)] {
        let subscriber =
            broker.subscriber(&format!("mq-sub -t a -q 1 -C 2000 --random-filter {share}"));
        broker
            .typed("mq-pub -t a -l -q 1")
            .stdin(lines.clone())
            .run()
            .succeeds();
        let outcome = subscriber.ends().succeeds();
        let printed = outcome.stdout().lines().count();
        assert!((least..=most).contains(&printed), "{share}: {printed}");
    }
    for share in ["0", "100.1", "x"] {
        Program::typed(&format!("mq-sub -t a --random-filter {share}"))
            .run()
            .exits_with(1)
            .complains(
                "Error: --random-filter chance must be between 0.1-100.0\n\n\n\
                 Use 'mq-sub --help' to see usage.\n",
            );
    }
}

#[test]
fn pretty_json_and_base64_are_formats() {
    let broker = Broker::local();
    let subscriber = broker.subscriber("mq-sub -t a -C 1 -F %b");
    broker
        .typed("mq-pub -t a -s")
        .stdin(b"\xff\x00".to_vec())
        .run()
        .succeeds();
    subscriber.ends().succeeds().prints("/wA=\n");

    let subscriber = broker.subscriber("mq-sub -t a -C 1 --pretty -F %J");
    broker
        .typed("mq-pub -t a -m '{\"k\":[1,2],\"o\":{}}'")
        .run()
        .succeeds();
    let outcome = subscriber.ends().succeeds();
    let text = outcome.stdout();
    assert!(
        text.ends_with("\t\"payload\":\t{\n\t\t\"k\":\t[1, 2],\n\t\t\"o\":\t{\n\t\t}\n\t}\n}\n"),
        "{text}"
    );
}

#[test]
fn no_local_is_asked_of_the_broker() {
    let broker = ScriptedBroker::answering(|first, _| match first {
        0x10 => b"\x20\x03\x00\x00\x00".to_vec(),
        0x82 => b"\x90\x04\x00\x01\x00\x00".to_vec(),
        _ => Vec::new(),
    });
    Program::typed("mq-sub -V 5 -t a -q 1 --no-local -E")
        .port(broker.port())
        .run()
        .succeeds();
    assert_eq!(
        broker.received()[1],
        (0x82, b"\x00\x01\x00\x00\x01a\x05".to_vec())
    );
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let broker = Broker::local();
    broker.typed("mq-pub -t a -r -m x").run().succeeds();
    let mut shell = Program::at(Path::new("/bin/sh"), "-c");
    shell = shell.arg(format!(
        "'{}' -p {} -t a -C 1 >/dev/full",
        program_path("mq-sub").display(),
        broker.port()
    ));
    shell
        .run()
        .exits_with(1)
        .complains("Error: Unable to write to standard output: No space left on device.\n");
    for name in ["mq-pub", "mq-sub", "mq-passwd", "mq-broker"] {
        let line = format!("'{}' --help >/dev/full", program_path(name).display());
        let outcome = Program::at(Path::new("/bin/sh"), "-c").arg(line).run();
        assert!(
            outcome
                .stderr()
                .starts_with("Error: Unable to write to standard output: No space"),
            "{outcome}"
        );
        outcome.exits_with(1);
    }
}

#[test]
fn a_subscriber_ends_when_the_reader_of_its_output_is_gone() {
    let broker = Broker::local();
    broker.typed("mq-pub -t a -r -m x").run().succeeds();
    // No second message wakes the subscriber.
    Program::at(Path::new("/bin/sh"), "-c")
        .arg(format!(
            "'{}' -p {} -t a | head -1",
            program_path("mq-sub").display(),
            broker.port()
        ))
        .run()
        .succeeds()
        .prints("x\n");
}
