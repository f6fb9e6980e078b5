//! `packaging/mosquitto-links.sh`: Mosquitto's names for our programs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::Program;
use tempfile::TempDir;

const LINKS: [(&str, &str); 4] = [
    ("mosquitto", "mq-broker"),
    ("mosquitto_passwd", "mq-passwd"),
    ("mosquitto_pub", "mq-pub"),
    ("mosquitto_sub", "mq-sub"),
];

/// The folder of the programs that Cargo built.
fn programs() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_mq-broker"));
    program
        .parent()
        .expect("a program lies in a folder")
        .to_owned()
}

fn script(action: &str, folder: &Path) -> Program {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/mosquitto-links.sh");
    Program::at(Path::new(script), action)
        .arg(folder)
        .arg(programs())
}

fn names_in(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .expect("the folder can be read")
        .map(|entry| entry.expect("the folder can be read").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn four_links_are_made_and_lead_to_our_programs() {
    let folder = tempfile::tempdir().unwrap();
    let _ = script("add", folder.path()).run().succeeds();
    for (link, program) in LINKS {
        let target = fs::read_link(folder.path().join(link)).unwrap();
        assert_eq!(target, programs().join(program), "{link}");
    }
    let outcome = Program::at(&folder.path().join("mosquitto_sub"), "--help").run();
    assert!(
        outcome.stdout().contains("Usage: mosquitto_sub "),
        "{outcome}"
    );
}

#[test]
fn making_them_twice_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let _ = script("add", folder.path()).run().succeeds();
    let _ = script("add", folder.path()).run().succeeds();
    assert_eq!(names_in(&folder), LINKS.map(|(link, _)| link));
}

#[test]
fn removing_takes_our_links_away_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("other"), "").unwrap();
    let _ = script("add", folder.path()).run().succeeds();
    let _ = script("remove", folder.path()).run().succeeds();
    assert_eq!(names_in(&folder), ["other"]);
    let _ = script("remove", folder.path()).run().succeeds().prints("");
}

#[test]
fn a_program_with_such_a_name_stops_it_before_anything_is_changed() {
    for action in ["add", "remove"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mosquitto_sub"), "theirs").unwrap();
        let _ = script(action, folder.path()).run().exits_with(1);
        assert_eq!(names_in(&folder), ["mosquitto_sub"], "{action}");
        let content = fs::read_to_string(folder.path().join("mosquitto_sub")).unwrap();
        assert_eq!(content, "theirs", "{action}");
    }
}

#[test]
fn a_link_to_something_else_is_not_ours() {
    for action in ["add", "remove"] {
        let folder = tempfile::tempdir().unwrap();
        symlink("/nonexistent/mosquitto", folder.path().join("mosquitto")).unwrap();
        let _ = script(action, folder.path()).run().exits_with(1);
        let target = fs::read_link(folder.path().join("mosquitto")).unwrap();
        assert_eq!(target, Path::new("/nonexistent/mosquitto"), "{action}");
    }
}

#[test]
fn a_missing_program_is_noticed_before_the_first_link() {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/mosquitto-links.sh");
    let _ = Program::at(Path::new(script), "add")
        .arg(folder.path())
        .arg("/nonexistent")
        .run()
        .exits_with(1)
        .complains("Error: There is no program /nonexistent/mq-broker.\n");
    assert!(names_in(&folder).is_empty());
}
