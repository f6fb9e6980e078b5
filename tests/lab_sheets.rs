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
use support::peers::require_node;
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
    let Some(packages) = require_node() else {
        return;
    };
    for sheet in [FRENCH, ENGLISH] {
        let page = sheet::blocks(sheet)
            .iter()
            .find_map(|block| block.content_of("station.html"))
            .expect("the sheet has a page");
        let builder = Broker::builder()
            .websockets()
            .config("allow_anonymous false\npassword_file passwd");
        Program::typed("mq-passwd -c -b passwd snir passsnir")
            .in_folder(builder.folder())
            .run()
            .exits_with(0);
        let broker = builder.start();
        let page = page.replace("8080", &broker.websocket_port().to_string());
        fs::write(broker.folder().join("station.html"), page).expect("the folder is writable");

        let mark = broker.log_mark();
        let mut browser = Program::typed("node page.js")
            .arg(broker.folder().join("station.html"))
            .in_folder(&packages)
            .start();
        broker.wait_for_log_after(mark, "Sending SUBACK to ");
        broker
            .typed("mq-pub -u snir -P passsnir -t ha/_temperature2 -m 21.5")
            .run()
            .succeeds();
        browser.expect_line("temperature: 21.5");
    }
}

/// Chapters with Node.js are skipped where it is missing.
fn work_through(sheet: &str) {
    let packages = require_node();
    let node_modules = packages.map(|folder| folder.join("node_modules"));
    let steps = sheet::steps(sheet);
    assert!(steps.len() > 50, "the sheet has lost its blocks");
    let mut classroom = Classroom::new(node_modules.as_deref());
    for chapter in steps.chunk_by(|step, next| step.chapter == next.chapter) {
        let needs_node = chapter.iter().any(|step| {
            matches!(&step.action, Action::Command { command, .. } if command.starts_with("node "))
        });
        if needs_node && node_modules.is_none() {
            continue;
        }
        for step in chapter {
            classroom.work_through(step);
        }
        classroom.end_chapter(&chapter[0].chapter);
    }
}
