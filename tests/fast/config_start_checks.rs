//! All that a start would fail on is found by `--test-config`, in the same words.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::Program;
use crate::support::broker::free_port;
use tempfile::TempDir;

/// A directory of a broker, with one in it that nobody may write.
struct Scene {
    directory: TempDir,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("it is ours");
        let closed = directory.path().join("closed");
        fs::create_dir(&closed).expect("it is new");
        fs::set_permissions(&closed, Permissions::from_mode(0o555)).expect("it is ours");
        Self { directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `mq-broker OPTIONS -c mosquitto.conf` as a user with few rights.
    fn run(&self, config: &str, options: &str, code: i32) -> String {
        let config = format!("user nobody\n{config}");
        fs::write(self.path().join("mosquitto.conf"), config).expect("it is ours");
        let outcome = Program::typed(&format!("mq-broker {options} -c mosquitto.conf"))
            .in_folder(self.path())
            .run()
            .exits_with(code);
        outcome.stderr().to_owned()
    }
}

/// Lines from the second on, what is said of them, and the exit code.
const FAULTS: &[(&str, &[&str], i32)] = &[
    (
        "listener PORT 192.0.2.1",
        &[
            "Error: Cannot assign requested address",
            "Error found at mosquitto.conf:2.",
            "192.0.2.1 is not an address of this machine.",
        ],
        1,
    ),
    (
        "listener PORT nowhere.invalid",
        &[
            "Error creating listener: ",
            "Error found at mosquitto.conf:2.",
            "This machine cannot resolve the name 'nowhere.invalid'.",
        ],
        1,
    ),
    (
        "listener PORT 127.0.0.1\nsocket_domain ipv6",
        &[
            "Error: 127.0.0.1 has no IPv6 address.",
            "Error found at mosquitto.conf:3.",
        ],
        1,
    ),
    (
        "listener PORT\nbind_interface nothere",
        &[
            "Error: Interface nothere does not exist.",
            "Error found at mosquitto.conf:3.",
            "'ip link' shows what interfaces there are.",
        ],
        1,
    ),
    (
        "listener 0 closed/socket",
        &[
            "Error: closed/socket: ",
            "Error found at mosquitto.conf:2.",
            "The broker's user needs an existing directory",
        ],
        1,
    ),
    (
        "listener PORT\npersistence true\npersistence_location closed/store",
        &[
            "Error: Unable to open the store closed/store/mq-broker.store: ",
            "Error found at mosquitto.conf:4.",
            "must be allowed to create files in 'closed'",
        ],
        1,
    ),
    (
        "listener PORT\npid_file closed/pid",
        &[
            "Error: Unable to write pid file.",
            "Error found at mosquitto.conf:3.",
            "must be allowed to create files in 'closed'",
        ],
        14,
    ),
];

#[test]
fn what_a_start_fails_on_is_found_by_a_test_in_the_same_words() {
    let scene = Scene::new();
    for (lines, texts, code) in FAULTS {
        let lines = lines.replace("PORT", &free_port().to_string());
        for options in ["--test-config", ""] {
            let said = scene.run(&lines, options, *code);
            let mut rest = said.as_str();
            for text in *texts {
                let found = rest.split_once(text);
                rest = found
                    .unwrap_or_else(|| panic!("{lines}: no {text:?} in {said}"))
                    .1;
            }
        }
    }
}

#[test]
fn all_faults_of_a_start_are_found_at_once() {
    let scene = Scene::new();
    let port = free_port();
    let said = scene.run(
        &format!(
            "listener {port} 192.0.2.1\nlistener 0 closed/socket\npid_file closed/pid\n\
             persistence true\npersistence_location closed\nacl_file missing\n"
        ),
        "--test-config",
        13,
    );
    for line in [2, 3, 4, 6, 7] {
        let place = format!("Error found at mosquitto.conf:{line}.");
        assert!(said.contains(&place), "{place} in {said}");
    }
}

#[test]
fn a_log_file_that_cannot_be_opened_is_found() {
    let scene = Scene::new();
    let lines = format!("listener {}\nlog_dest file missing/log\n", free_port());
    let said = scene.run(&lines, "--test-config", 1);
    for text in [
        "Error: Unable to open log file missing/log for writing.",
        "Error found at mosquitto.conf:3.",
        "There is no directory 'missing'.",
    ] {
        assert!(said.contains(text), "{text} in {said}");
    }
}

#[test]
fn a_port_that_is_taken_passes_the_test_and_stops_the_start_with_its_owner() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let scene = Scene::new();
    let lines = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
    scene.run(&lines, "--test-config", 0);
    let said = scene.run(&lines, "", 1);
    for text in [
        "Error: Address already in use",
        "Error found at mosquitto.conf:2.",
        &format!(" listens on port {port}."),
    ] {
        assert!(said.contains(text), "{text} in {said}");
    }
}

#[test]
fn an_empty_password_file_lets_nobody_in_and_is_reported() {
    let scene = Scene::new();
    fs::write(scene.path().join("users"), "# nobody yet\n").unwrap();
    let lines = format!("listener {}\npassword_file users\n", free_port());
    let said = scene.run(&lines, "--test-config", 0);
    let warning = "Nobody can log in on port ";
    assert!(said.contains(warning), "{said}");
    assert!(said.contains("the password_file has no users"), "{said}");
}
