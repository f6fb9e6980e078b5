//! One of the configurations in `tests/configurations/`, in a folder of its own.
//!
//! Ports are changed to free ones of 127.0.0.1, and absolute paths to the folder, which has
//! the certificates and the password file that the configurations name. The users'
//! passwords are their names backwards.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use nix::unistd::geteuid;
use tempfile::TempDir;

use super::LIMIT;
use super::broker::free_port;
use super::output::Output;
use super::peers::require_programs;
use super::program::{Outcome, Program, Running};
use super::tls::Authority;

/// Where configurations expect their files.
const PLACES: [&str; 8] = [
    "/etc/letsencrypt/live/mqtt.example",
    "/etc/mosquitto/certs",
    "/etc/mosquitto",
    "/mosquitto/config",
    "/mosquitto/data",
    "/run/mosquitto",
    "/var/lib/mosquitto",
    "/var/log/mosquitto",
];
const USERS: [&str; 4] = ["admin", "alice", "bob", "guest"];
/// A publisher and a subscriber.
pub(crate) const OURS: (&str, &str) = ("mq-pub", "mq-sub");
/// Theirs.
pub(crate) const MOSQUITTOS: (&str, &str) = ("mosquitto_pub", "mosquitto_sub");

/// An installed configuration, and its broker once that runs.
pub(crate) struct Site {
    folder: TempDir,
    /// Ports as they are written, and as they are.
    ports: Vec<(u16, u16)>,
    broker: Option<Running>,
}

impl Site {
    /// The configuration, which `--test-config` has nothing to say against.
    #[track_caller]
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let authority = Authority::in_folder(folder.path());
        for (serial, name) in (1..).zip(["server", "alice", "thermometer", "lost"]) {
            authority.issue(folder.path(), name, (2025, 2090), serial);
        }
        authority.revoke(folder.path(), 4);
        fs::write(folder.path().join("passwd"), passwords()).expect("the folder is writable");
        let mut site = Self {
            folder,
            ports: Vec::new(),
            broker: None,
        };
        site.install(name);
        let outcome = site.tested();
        assert!(
            outcome.code() == 0 && outcome.stderr().contains("Configuration file is OK."),
            "{name}: {outcome}"
        );
        site
    }

    /// The same, and its broker runs.
    #[track_caller]
    pub(crate) fn start(name: &str) -> Self {
        let mut site = Self::new(name);
        // Another process may take a port between our look and the broker's start.
        for _ in 0..10 {
            let broker = Program::typed("mq-broker -c mosquitto.conf")
                .in_folder(site.folder.path())
                .start();
            let log = broker.stderr().clone();
            let told = log.wait_for_line(0, LIMIT, |line| {
                line.ends_with(" running") || line.contains("Address already in use")
            });
            if told.is_ok_and(|(line, _)| line.ends_with(" running")) {
                site.broker = Some(broker);
                return site;
            }
            let text = log.text();
            assert!(text.contains("Address already in use"), "{name}: {text}");
            site.ports.clear();
            site.install(name);
        }
        panic!("no free port in ten attempts");
    }

    /// Copies the configuration's files with the ports and paths of the test.
    fn install(&mut self, name: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/configurations")
            .join(name);
        let to = self.folder.path().to_owned();
        self.copy(&from, &to).expect("the files can be copied");
        let main = to.join("mosquitto.conf");
        let mut text = fs::read_to_string(&main).expect("there is one");
        // What the tests wait for must come here, too.
        text.push_str("\nlog_dest stderr\nlog_type all\n");
        if geteuid().is_root() {
            // Otherwise the broker becomes a user who may not read our temporary folder.
            text.push_str("user root\n");
        }
        fs::write(main, text).expect("the folder is writable");
    }

    fn copy(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let copy = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                self.copy(&entry.path(), &copy)?;
                continue;
            }
            let text = fs::read_to_string(entry.path())?;
            let lines: Vec<_> = text.split('\n').map(|line| self.moved(line)).collect();
            fs::write(copy, lines.join("\n"))?;
        }
        Ok(())
    }

    /// The line with the ports and paths of the test.
    fn moved(&mut self, line: &str) -> String {
        let ends = if line.ends_with('\r') { "\r" } else { "" };
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["listener", port] if port != "0" => {
                format!("listener {} 127.0.0.1{ends}", self.free_port_for(port))
            }
            ["listener", port, host] if port != "0" => {
                format!("listener {} {host}{ends}", self.free_port_for(port))
            }
            ["port", port] => format!("port {}{ends}", self.free_port_for(port)),
            _ => {
                let folder = self.folder.path().display().to_string();
                PLACES
                    .iter()
                    .fold(line.to_owned(), |line, place| line.replace(place, &folder))
            }
        }
    }

    fn free_port_for(&mut self, written: &str) -> u16 {
        let port = free_port();
        let written = written.parse().expect("a port");
        self.ports.push((written, port));
        port
    }

    /// The folder that everything is in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What `--test-config` says.
    pub(crate) fn tested(&self) -> Outcome {
        Program::typed("mq-broker --test-config -c mosquitto.conf")
            .in_folder(self.folder.path())
            .run()
    }

    /// The port that is written so in the configuration.
    pub(crate) fn port(&self, written: u16) -> u16 {
        let port = self.ports.iter().find(|(other, _)| *other == written);
        port.expect("the configuration has this port").1
    }

    /// A client's command line, in the folder.
    pub(crate) fn client(&self, program: &str, arguments: &str) -> Program {
        Program::typed(program)
            .args_of(arguments)
            .in_folder(self.folder.path())
    }

    /// A publisher at the port that is written so.
    pub(crate) fn publisher(&self, port: u16, arguments: &str) -> Program {
        self.client("mq-pub -m x", arguments).port(self.port(port))
    }

    /// Starts a subscriber and waits until it has subscribed.
    #[track_caller]
    pub(crate) fn subscriber(&self, program: Program) -> Running {
        let log = self.log();
        let mark = log.len();
        let running = program.args_of("-v").start();
        log.wait_for_line(mark, LIMIT, |line| line.contains("Sending SUBACK to "))
            .unwrap_or_else(|missing| panic!("no SUBACK ({missing:?}) in:\n{}", log.text()));
        running
    }

    /// Lets a message go from one client to another, by our clients and by Mosquitto's.
    #[track_caller]
    pub(crate) fn talk(&self, port: u16, subscriber: &str, publisher: &str, expected: &str) {
        let mut families = vec![OURS];
        families.extend(Some(MOSQUITTOS).filter(|(one, other)| require_programs(&[one, other])));
        for (publish, subscribe) in families {
            let port = self.port(port);
            let program = self.client(subscribe, subscriber).port(port);
            let mut running = self.subscriber(program);
            self.client(publish, publisher).port(port).run().succeeds();
            running.expect_line(expected);
        }
    }

    /// Waits until the log has a line with `text` in it.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) {
        let log = self.log();
        log.wait_for_line(0, LIMIT, |line| line.contains(text))
            .unwrap_or_else(|missing| panic!("no {text:?} ({missing:?}) in:\n{}", log.text()));
    }

    /// What the broker says.
    pub(crate) fn log(&self) -> &Output {
        self.broker.as_ref().expect("it runs").stderr()
    }
}

/// A password file of all users.
fn passwords() -> &'static str {
    static FILE: OnceLock<String> = OnceLock::new();
    FILE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for user in USERS {
            let create = if user == USERS[0] { "-c " } else { "" };
            let password: String = user.chars().rev().collect();
            Program::typed(&format!("mq-passwd {create}-b passwd {user} {password}"))
                .in_folder(folder.path())
                .run()
                .succeeds();
        }
        fs::read_to_string(folder.path().join("passwd")).expect("it was written")
    })
}
