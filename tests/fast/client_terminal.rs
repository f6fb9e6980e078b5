//! What `mq-pub` and `mq-sub` do only when a person looks at them: at a terminal, which
//! `script` provides.

use crate::support::broker::free_port;
use crate::support::peers::require_programs;
use crate::support::program::{find_program, program_path};
use crate::support::scripted_broker::ScriptedBroker;
use crate::support::tls_server::{Identity, TlsServer};
use crate::support::{Broker, Program};

/// What a person sees who runs the command line and types `answer`.
fn at_a_terminal(line: &str, variables: &[(&str, &str)], answer: &str) -> String {
    // At the end of its input `script` would wait for two seconds.
    let mut script = terminal(line).keep_stdin_open();
    for (name, value) in variables {
        script = script.env(name, value);
    }
    let mut script = script.start();
    script.offer_line(answer);
    script.ends().stdout()
}

/// The command line at a terminal.
fn terminal(line: &str) -> Program {
    let script = find_program("script").expect("it was looked for");
    Program::at(&script, "-qec")
        .arg(line)
        .arg("/dev/null")
        .env("TERM", "xterm")
        .env("NO_COLOR", "")
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
fn at_a_terminal_control_characters_of_others_are_shown_and_not_obeyed() {
    if !require_programs(&["script"]) {
        return;
    }
    let broker = Broker::local();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payload");
    let text = "\x1b[2Jcold\n\x07";
    let payloads: [(&str, &[u8]); 2] = [
        ("text/\u{202e}x", text.as_bytes()),
        ("binary", &[0xff; 35_000]),
    ];
    for (topic, payload) in payloads {
        std::fs::write(&path, payload).unwrap();
        broker
            .typed("mq-pub -r -V 5")
            .args_of("-D publish content-type '\x1b]0;title\x07'")
            .arg("-t")
            .arg(topic)
            .arg("-f")
            .arg(&path)
            .run()
            .succeeds();
    }
    let line = |options: &str| {
        let program = program_path("mq-sub").display().to_string();
        format!("{program} -p {} -V 5 {options}", broker.port())
    };
    let cases = [
        (
            "-t text/+ -v -C 1",
            "text/\\u202ex \\x1b[2Jcold\r\n\\x07\r\n",
        ),
        (
            "-t text/+ -F '%C %t %p' -C 1",
            "\\x1b]0;title\\x07 text/\\u202ex \\x1b[2Jcold\r\n\\x07",
        ),
        ("-t text/+ -d -C 1", "'text/\\u202ex', ... (10 bytes))"),
        ("-t binary -C 1", "(binary, 35 kB)"),
        ("-t binary -F %p -C 1", "(binary, 35 kB)"),
        ("-t text/+ -C 1 --raw", "\x1b[2Jcold"),
    ];
    for (options, expected) in cases {
        let text = at_a_terminal(&line(options), &[("NO_COLOR", "1")], "");
        assert!(text.contains(expected), "{options}: {text:?}");
        assert_eq!(text.contains('\x1b'), options.contains("--raw"), "{text:?}");
    }
    broker
        .typed("mq-sub -t text/+ -C 1")
        .run()
        .succeeds()
        .prints(format!("{text}\n"));
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

#[test]
fn at_a_terminal_an_error_comes_with_a_hint_at_its_cause() {
    if !require_programs(&["script"]) {
        return;
    }
    let broker = Broker::local();
    let http = ScriptedBroker::with_connack(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let refusing = ScriptedBroker::with_connack(b"\x20\x02\x00\x05");
    // Port 9 is never reached.
    let tls = TlsServer::new(&Identity::authority(&["localhost"])).start(9);
    let free = free_port();
    let nothing = format!(
        "Hint: nothing listens at localhost port {free}: is the broker running? \
         `mq-broker` starts one"
    );
    let cases = [
        (
            "mq-pub -t a -m x --will-paylod y".to_owned(),
            "Hint: did you mean --will-payload?",
        ),
        (format!("mq-pub -t a -m x -p {free}"), nothing.as_str()),
        (format!("mq-sub -t a -p {free}"), &nothing),
        (
            format!("mq-pub -t a -m x -h 127.0.0.1 -p {}", refusing.port()),
            "Hint: the broker asks for a login: -u USERNAME --pw-file FILE",
        ),
        (
            format!(
                "mq-pub -t a -m x -h 127.0.0.1 -u ann -P secret -p {}",
                refusing.port()
            ),
            "Hint: the broker does not accept this password for the user 'ann'",
        ),
        (
            "mq-sub topic".to_owned(),
            "Hint: a topic follows -t: mq-sub -t 'topic'",
        ),
        (
            "mq-pub -t a -m x -h nowhere.invalid".to_owned(),
            "Hint: there is no host 'nowhere.invalid'",
        ),
        (
            "mq-pub -t a -m x -P secret".to_owned(),
            "Hint: -P needs a user name",
        ),
        (
            "mq-pub -t a -m x -V 6".to_owned(),
            "Hint: allowed are mqttv31, mqttv311 and mqttv5",
        ),
        (
            format!("mq-pub -t a -t b -m x -p {free}"),
            "Hint: mq-pub publishes on one topic, the last: b",
        ),
        (
            "mq-pub -t a -m x -p 0".to_owned(),
            "Hint: with --unix or -p 0 this is a Unix socket: localhost",
        ),
        (
            format!("mq-pub -t a -m x -h 127.0.0.1 -p {tls}"),
            "Hint: this port speaks TLS: try --cafile FILE",
        ),
        (
            format!("mq-pub -t a -m x -h 127.0.0.1 -p {}", http.port()),
            "Hint: this port speaks HTTP: try --ws",
        ),
        (
            format!("mq-pub -t a -m x --ws -p {}", broker.port()),
            "Hint: does the broker listen for WebSocket on this port?",
        ),
    ];
    for (line, hint) in cases {
        let (name, options) = line.split_once(' ').unwrap();
        let program = program_path(name);
        let text = at_a_terminal(&format!("{} {options}", program.display()), &[], "");
        assert!(text.contains(hint), "{line}: {text:?}");
        // Nobody is at a terminal here.
        let outcome = Program::typed(&line).run();
        assert!(!outcome.stderr().contains("Hint"), "{outcome}");
    }
}

#[test]
fn a_watched_terminal_is_drawn_again_when_it_gets_another_size() {
    if !require_programs(&["script", "stty"]) {
        return;
    }
    let broker = Broker::local();
    for (topic, text) in [("a", "one"), ("b", "two")] {
        broker
            .typed(&format!("mq-pub -r -t {topic} -m {text}"))
            .run()
            .succeeds();
    }
    // The kernel tells the size to everybody at the terminal.
    let line = format!(
        "{} -p {} -w -t a -t b & read go; stty cols 50 rows 10; wait",
        program_path("mq-sub").display(),
        broker.port()
    );
    let mut terminal = terminal(&line).keep_stdin_open().start();
    terminal.wait_for_line(|line| line.contains("Broker: localhost"));
    terminal.wait_for_line(|line| line.contains("one"));
    terminal.wait_for_line(|line| line.contains("two"));
    terminal.write_line("go");
    let cleared = terminal.wait_for_line(|line| line.contains("Broker: localhost"));
    assert!(cleared.contains("\x1b[2J\x1b[1;1H"), "{cleared:?}");
    let first = terminal.next_line();
    assert!(first.starts_with("\x1b[2;1Hone\x1b[K"), "{first:?}");
    let second = terminal.next_line();
    assert!(second.starts_with("\x1b[3;1Htwo\x1b[K"), "{second:?}");
}
