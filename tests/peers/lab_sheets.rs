//! The lab sheets, worked through from top to bottom: every command in them runs, and
//! prints what they show. The guide of the README, too.

mod classroom;
mod sheet;
use std::fs;

use crate::support::browser::{Browser, require_browser};
use crate::support::peers::{require_node, require_programs};
use crate::support::{Broker, Program};
use classroom::Classroom;
use sheet::{Action, Step};

const FRENCH: &str = include_str!("../../docs/tp-mqtt.fr.md");
const ENGLISH: &str = include_str!("../../docs/lab.md");
const README: &str = include_str!("../../README.md");

#[test]
fn every_command_of_the_french_sheet_does_what_it_shows() {
    work_through(FRENCH);
}

#[test]
fn every_command_of_the_english_sheet_does_what_it_shows() {
    work_through(ENGLISH);
}

#[test]
fn the_browser_page_of_both_sheets_shows_the_temperature() {
    let Some(packages) = require_browser() else {
        return;
    };
    for (sheet, state, subscribed) in [(FRENCH, "etat", "Abonné"), (ENGLISH, "state", "Subscribed")]
    {
        let page = sheet::blocks(sheet)
            .iter()
            .find_map(|block| block.content_of("page/station.html"))
            .expect("the sheet has a page");
        let builder = Broker::builder()
            .config("allow_anonymous false\npassword_file passwd")
            .other_listener("protocol websockets\nhttp_dir page");
        let folder = builder.folder().join("page");
        let library = packages.join("node_modules/mqtt/dist/mqtt.min.js");
        fs::create_dir(&folder)
            .and_then(|()| fs::write(folder.join("station.html"), page))
            .and_then(|()| fs::copy(library, folder.join("mqtt.min.js")))
            .expect("the folder is writable");
        Program::typed("mq-passwd -c -b passwd snir passsnir")
            .in_folder(builder.folder())
            .run()
            .exits_with(0);
        let broker = builder.start();

        let mut browser = Browser::open(broker.other_port(), "/station.html");
        browser.shows(state, subscribed);
        broker
            .typed("mq-pub -u snir -P passsnir -t ha/_temperature2 -m 21.5")
            .run()
            .succeeds();
        browser.shows("temperature", "21.5");
    }
}

#[test]
fn the_guide_of_the_readme_runs() {
    let (_, guide) = README.split_once("```sh\n").expect("there is a guide");
    let (guide, _) = guide.split_once("```").expect("it ends");
    let lines: Vec<&str> = guide
        .lines()
        .map(|line| line.split(" # ").next().unwrap_or_default().trim_end())
        .collect();
    let [
        users,
        config,
        broker,
        subscriber,
        publishers @ ..,
        late,
        will,
        interrupt,
    ] = &lines[..]
    else {
        panic!("the guide has lost lines");
    };
    let mut classroom = Classroom::new(None);
    let mut act = |action| {
        classroom.work_through(&Step {
            chapter: String::new(),
            line_number: 0,
            action,
        });
    };
    act(typed("1", users, &["Adding password for user snir"]));
    let content = config.split('\'').nth(1).expect("the lines are quoted");
    act(Action::File {
        name: "mosquitto.conf".to_owned(),
        content: content.replace("\\n", "\n"),
    });
    act(typed("broker", broker, &["[…] running"]));
    act(typed("2", subscriber, &[]));
    for publisher in publishers {
        let packets = [
            "[…] sending CONNECT",
            "[…] received CONNACK (0)",
            "[…] sending PUBLISH (d0, q1, r0, m1, 'ha/humidity', ... (2 bytes))",
            "[…] received PUBACK (Mid: 1, RC:0)",
            "[…] sending DISCONNECT",
        ];
        let shown = if publisher.ends_with("-d") {
            &packets[..]
        } else {
            &[]
        };
        act(typed("1", publisher, shown));
    }
    act(typed("1", late, &["1013"]));
    act(typed("3", will, &[]));
    assert_eq!(*interrupt, "kill -INT $!");
    act(Action::CtrlC {
        terminal: "3".to_owned(),
    });
    act(Action::Output {
        terminal: "2".to_owned(),
        output: [
            "ha/_temperature2 21.5",
            "ha/humidity 48",
            "ha/pressure 1013",
            "ha/end lost",
        ]
        .map(str::to_owned)
        .to_vec(),
        stays: true,
    });
    for terminal in ["2", "broker"] {
        act(Action::CtrlC {
            terminal: terminal.to_owned(),
        });
    }
}

/// A command that prints these lines, and goes on if it ends with `&`.
fn typed(terminal: &str, line: &str, output: &[&str]) -> Action {
    let command = line.strip_suffix(" &");
    Action::Command {
        terminal: terminal.to_owned(),
        command: command.unwrap_or(line).to_owned(),
        output: output.iter().map(|&line| line.to_owned()).collect(),
        stays: command.is_some(),
    }
}

/// Chapters whose programs are missing are skipped.
fn work_through(sheet: &str) {
    let packages = require_node();
    let node_modules = packages.map(|folder| folder.join("node_modules"));
    let has_openssl = require_programs(&["openssl"]);
    let steps = sheet::steps(sheet);
    assert!(steps.len() > 50, "the sheet has lost its blocks");
    let mut classroom = Classroom::new(node_modules.as_deref());
    for chapter in steps.chunk_by(|step, next| step.chapter == next.chapter) {
        let needs = |program: &str| {
            chapter.iter().any(|step| {
                matches!(&step.action, Action::Command { command, .. } if command.starts_with(program))
            })
        };
        if needs("node ") && node_modules.is_none() || needs("openssl ") && !has_openssl {
            continue;
        }
        for step in chapter {
            classroom.work_through(step);
        }
        classroom.end_chapter(&chapter[0].chapter);
    }
}
