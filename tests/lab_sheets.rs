//! The lab sheets, worked through from top to bottom: every command in them runs, and
//! prints what they show.

#[path = "lab_sheets/classroom.rs"]
mod classroom;
#[path = "lab_sheets/sheet.rs"]
mod sheet;
mod support;

use std::fs;

use classroom::Classroom;
use sheet::Action;
use support::browser::{Browser, require_browser};
use support::peers::{require_node, require_programs};
use support::{Broker, Program};

const FRENCH: &str = include_str!("../docs/tp-mqtt.fr.md");
const ENGLISH: &str = include_str!("../docs/lab.md");

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
