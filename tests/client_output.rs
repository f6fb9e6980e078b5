//! What `mq-sub` shows besides plain messages.

mod support;

use std::process::{Command, Stdio};

use support::peers::require_programs;
use support::program::program_path;
use support::scripted_broker::ScriptedBroker;
use support::{Broker, Program};

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

/// What a person sees who runs the command line and types `answer`.
fn at_a_terminal(line: &str, variables: &[(&str, &str)], answer: &str) -> String {
    use std::io::Write;
    let mut child = Command::new("script")
        .args(["-qec", line, "/dev/null"])
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it works on this machine");
    let mut stdin = child.stdin.take().expect("it works on this machine");
    writeln!(stdin, "{answer}").expect("it works on this machine");
    let output = child.wait_with_output().expect("it works on this machine");
    drop(stdin);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn at_a_terminal_topics_are_coloured_unless_no_color_is_set() {
    if !require_programs(&["script"]) {
        return;
    }
    let broker = Broker::local();
    broker.typed("mq-pub -t a -r -m x").run().succeeds();
    let line = format!(
        "{} -p {} -v -t a -C 1",
        program_path("mq-sub").display(),
        broker.port()
    );
    let text = at_a_terminal(&line, &[], "");
    assert!(text.contains("\x1b[36ma\x1b[0m x"), "{text:?}");
    let text = at_a_terminal(&line, &[("NO_COLOR", "1")], "");
    assert!(text.contains("a x") && !text.contains('\x1b'), "{text:?}");
}

#[test]
fn at_a_terminal_a_password_that_is_missing_is_asked_for() {
    if !require_programs(&["script"]) {
        return;
    }
    let broker = ScriptedBroker::answering(|first, body| match first {
        0x10 if body.ends_with(b"\x00\x08passsnir") => b"\x20\x02\x00\x00".to_vec(),
        0x10 => b"\x20\x02\x00\x05".to_vec(),
        _ => Vec::new(),
    });
    let line = format!(
        "{} -p {} -u snir -t a -m x",
        program_path("mq-pub").display(),
        broker.port()
    );
    let text = at_a_terminal(&line, &[], "passsnir");
    assert!(text.contains("Password for snir: "), "{text:?}");
    assert!(!text.contains("refused"), "{text:?}");
    assert!(broker.received().contains(&(0x30, b"\x00\x01ax".to_vec())));
}
