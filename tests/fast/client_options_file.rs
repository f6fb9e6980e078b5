//! Options from a file, and passwords from elsewhere than the command line.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::program::program_path;
use crate::support::scripted_broker::ScriptedBroker;
use crate::support::{Broker, Program};

const CONNACK: &[u8] = b"\x20\x02\x00\x00";

#[test]
fn options_stand_in_a_file_one_per_line_and_the_command_line_comes_after_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("options");
    fs::write(&file, "# a comment\n\n-t ha/salon\r\n-m deux  mots\n-q 2\n").unwrap();
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub -q 2 -t # -F %t:%q:%p");
    broker
        .typed("mq-pub -q 1")
        .arg("-o")
        .arg(&file)
        .run()
        .succeeds();
    subscriber.expect_line("ha/salon:1:deux  mots");
}

#[test]
fn without_o_the_file_in_the_configuration_folder_counts_under_either_name() {
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub -v -t #");
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("mosquitto_pub");
    symlink(program_path("mq-pub"), &link).unwrap();
    let configuration = folder.path().join(".config");
    fs::create_dir(&configuration).unwrap();
    let run = |program: &Path, variable: &str, folder: &Path| {
        Program::at(program, "-m x")
            .port(broker.port())
            .env(variable, folder.to_str().unwrap())
            .run()
            .succeeds();
    };
    fs::write(configuration.join("mosquitto_pub"), "-t theirs\n").unwrap();
    run(&program_path("mq-pub"), "XDG_CONFIG_HOME", &configuration);
    subscriber.expect_line("theirs x");
    fs::write(configuration.join("mq-pub"), "-t ours\n").unwrap();
    run(&program_path("mq-pub"), "HOME", folder.path());
    subscriber.expect_line("ours x");
    run(&link, "HOME", folder.path());
    subscriber.expect_line("theirs x");
}

#[test]
fn wrong_options_in_a_file_are_refused_like_typed_ones_and_a_missing_file_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("options");
    fs::write(&file, "-q 3\n").unwrap();
    Program::typed("mq-pub -t a -m x -o")
        .arg(&file)
        .run()
        .exits_with(1)
        .complains("Error: Invalid QoS given: 3\n\nUse 'mq-pub --help' to see usage.\n");
    Program::typed("mq-sub -o /nonexistent/file")
        .run()
        .exits_with(1)
        .complains(
            "Error: You must specify a topic to subscribe to (-t) or unsubscribe from (-U).\n\n\
             Use 'mq-sub --help' to see usage.\n",
        );
    Program::typed("mq-sub -o a -o b")
        .run()
        .exits_with(1)
        .complains("Error: Duplicate -o argument given.\n\n\nUse 'mq-sub --help' to see usage.\n");
}

#[test]
fn a_password_comes_from_a_file_or_a_variable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "passsnir\n").unwrap();
    for how in ["--pw-file", "--pw-env"] {
        let broker = ScriptedBroker::with_connack(CONNACK);
        let value = match how {
            "--pw-file" => file.to_str().unwrap(),
            _ => "LAB_PASSWORD",
        };
        Program::typed("mq-pub -t a -m x -u snir")
            .arg(how)
            .arg(value)
            .env("LAB_PASSWORD", "passsnir")
            .port(broker.port())
            .run()
            .succeeds();
        let (_, connect) = broker.received().remove(0);
        assert!(connect.ends_with(b"\x00\x04snir\x00\x08passsnir"), "{how}");
    }
    Program::typed("mq-pub -t a -m x -u snir --pw-env NOT_SET_ANYWHERE")
        .run()
        .exits_with(1)
        .complains(
            "Error: The environment variable NOT_SET_ANYWHERE of --pw-env is not set.\n\n\
             Use 'mq-pub --help' to see usage.\n",
        );
}
