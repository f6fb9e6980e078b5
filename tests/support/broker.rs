//! A broker on a free loopback port, with a folder of its own, for one test.

mod restart;

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use tempfile::TempDir;

use super::program::{Outcome, Program, Running, program_path};
use super::raw_client::RawClient;
use super::{LIMIT, output::Output};

/// Log lines that a broker under load can afford, instead of one or two for each packet.
pub(crate) const FEW_LOG_LINES: &str =
    "log_type error\nlog_type warning\nlog_type notice\nlog_type information";

/// A running broker. It is killed when this goes out of scope.
pub(crate) struct Broker {
    program: String,
    environment: Vec<(String, String)>,
    child: Child,
    port: u16,
    websocket_port: Option<u16>,
    other_port: Option<u16>,
    folder: TempDir,
    log: Output,
}

/// How a broker is to be started.
#[must_use = "no broker runs until it is started"]
pub(crate) struct Builder {
    program: String,
    folder: TempDir,
    before: String,
    config: Option<String>,
    websockets: bool,
    other_listener: Option<String>,
    environment: Vec<(String, String)>,
}

impl Broker {
    /// `mq-broker -p PORT -v`, without a configuration file, as somebody tries it first.
    pub(crate) fn local() -> Self {
        Self::builder().start()
    }

    /// `mq-broker -c FILE` with one listener on 127.0.0.1 and these lines.
    pub(crate) fn with_config(config: &str) -> Self {
        Self::builder().config(config).start()
    }

    /// Everything else.
    pub(crate) fn builder() -> Builder {
        Builder {
            program: "mq-broker".to_owned(),
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            before: String::new(),
            config: None,
            websockets: false,
            other_listener: None,
            environment: Vec::new(),
        }
    }

    /// The port that speaks MQTT over TCP.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The port that speaks MQTT over WebSocket.
    pub(crate) fn websocket_port(&self) -> u16 {
        self.websocket_port
            .expect("the test asked for a WebSocket listener")
    }

    /// The port of the listener that was asked for by [`Builder::other_listener`].
    pub(crate) fn other_port(&self) -> u16 {
        self.other_port
            .expect("the test asked for another listener")
    }

    /// The ports of the listeners that not every test has: WebSocket, and another.
    pub(crate) fn more_ports(&self) -> (Option<u16>, Option<u16>) {
        (self.websocket_port, self.other_port)
    }

    /// The folder the broker runs in, where its files lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts another file in the place of one in the folder, at once: a reload that is still
    /// going on reads the old one or the new one, and never half of either.
    pub(crate) fn replace_file(&self, name: &str, contents: &str) {
        let new = self.folder().join(format!("{name}.new"));
        fs::write(&new, contents).expect("the folder is ours");
        fs::rename(&new, self.folder().join(name)).expect("both are in one folder");
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A command line with this broker's port added, ready to run.
    pub(crate) fn typed(&self, line: &str) -> Program {
        Program::typed(line).port(self.port)
    }

    /// Starts a subscriber and waits until the broker has granted its subscription.
    #[track_caller]
    pub(crate) fn subscriber(&self, line: &str) -> Running {
        let mark = self.log.len();
        let subscriber = self.typed(line).start();
        self.wait_for_log_after(mark, "Sending SUBACK to ");
        subscriber
    }

    /// A connection that has said nothing yet.
    pub(crate) fn raw_client(&self) -> RawClient {
        RawClient::connect(self.port)
    }

    /// The length of the log so far: a mark for [`Broker::wait_for_log_after`].
    pub(crate) fn log_mark(&self) -> usize {
        self.log.len()
    }

    /// Waits until the log has a line with `text` in it; returns that line.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        self.wait_for_log_after(0, text)
    }

    /// As [`Broker::wait_for_log`], looking only behind `mark`.
    #[track_caller]
    pub(crate) fn wait_for_log_after(&self, mark: usize, text: &str) -> String {
        self.log
            .wait_for_line(mark, LIMIT, |line| line.contains(text))
            .unwrap_or_else(|missing| panic!("the broker did not log {text:?} ({missing:?})"))
            .0
    }

    /// Waits until a client is gone, whichever way it went.
    #[track_caller]
    pub(crate) fn wait_for_disconnect_after(&self, mark: usize) {
        self.log
            .wait_for_line(mark, LIMIT, |line| {
                // The second text is that of Mosquitto before 2.1.
                line.contains(" disconnected") || line.contains(" closed its connection")
            })
            .unwrap_or_else(|missing| panic!("no client went ({missing:?})"));
    }

    /// What the broker has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Sends a signal to the broker.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id fits in an i32");
        kill(Pid::from_raw(id), signal).expect("the broker is running");
    }

    /// Lets the broker reload its configuration and waits until it has done so.
    #[track_caller]
    pub(crate) fn reload(&self) {
        // The reload is over when the next one begins.
        for _ in 0..2 {
            let mark = self.log_mark();
            self.signal(Signal::SIGHUP);
            self.wait_for_log_after(mark, "Reloading config.");
        }
    }

    /// Ends the broker with SIGTERM; returns its exit code, `None` when it died by a signal.
    #[track_caller]
    pub(crate) fn stop(self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.ends()
    }

    /// Waits until the broker has ended, and keeps its folder.
    #[track_caller]
    pub(crate) fn wait_for_end(&self) {
        self.log.wait_for_end(LIMIT).expect("the broker ends");
    }

    /// Waits until the broker ends; returns its exit code, `None` when it died by a signal.
    #[track_caller]
    pub(crate) fn ends(mut self) -> Option<i32> {
        self.wait_for_end();
        let status = self.child.wait().expect("our own child can be waited for");
        status.code()
    }

    /// Ticks of processor time that it has used, a hundred to the second.
    pub(crate) fn processor_ticks(&self) -> u64 {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it is running");
        let (_, fields) = stat.rsplit_once(") ").expect("the name is in brackets");
        let ticks = fields.split(' ').skip(11).take(2);
        ticks
            .map(|ticks| ticks.parse::<u64>().expect("a number"))
            .sum()
    }

    /// The memory the broker holds, in bytes, as the kernel counts it.
    pub(crate) fn resident_memory(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most that it has held.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("the broker is running");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("a process has a resident size");
        let kibibytes: u64 = line
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("the size is a number");
        kibibytes * 1024
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Fails only when the broker has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = self.log.text();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!("the last lines of the broker's log:\n{last}");
        }
    }
}

impl Builder {
    /// Another broker, found in `PATH`.
    pub(crate) fn program(mut self, program: &str) -> Self {
        program.clone_into(&mut self.program);
        self
    }

    /// Lines of the configuration file, behind the listener. Paths are relative to the
    /// broker's folder.
    pub(crate) fn config(mut self, lines: &str) -> Self {
        let config = self.config.get_or_insert_default();
        config.push_str(lines);
        config.push('\n');
        self
    }

    /// A file in the broker's folder.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.folder.path().join(name), content).expect("the folder is writable");
        self
    }

    /// A second listener, for MQTT over WebSocket.
    pub(crate) fn websockets(mut self) -> Self {
        self.websockets = true;
        self.config.get_or_insert_default();
        self
    }

    /// Lines that stand before everything else.
    pub(crate) fn before(mut self, lines: &str) -> Self {
        self.before.push_str(lines);
        self.before.push('\n');
        self.config.get_or_insert_default();
        self
    }

    /// A second listener on 127.0.0.1, with these lines.
    pub(crate) fn other_listener(mut self, lines: &str) -> Self {
        self.other_listener = Some(lines.to_owned());
        self.config.get_or_insert_default();
        self
    }

    /// An environment variable of the broker.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The folder the broker will run in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the broker and waits until it says that it runs.
    #[track_caller]
    pub(crate) fn start(self) -> Broker {
        // Another process may take a port between our look and the broker's start.
        for _ in 0..10 {
            let port = free_port();
            let websocket_port = self.websockets.then(free_port);
            let other_port = self.other_listener.is_some().then(free_port);
            let mut child = self.spawn(port, websocket_port, other_port);
            let log = Output::collect(child.stderr.take().expect("the errors are piped"));
            // Lines are compared without their end.
            if log
                .wait_for_line(0, LIMIT, |line| {
                    line.ends_with(" running") || line.contains("Address already in use")
                })
                .is_ok_and(|(line, _)| line.ends_with(" running"))
            {
                return Broker {
                    program: self.program,
                    environment: self.environment,
                    child,
                    port,
                    websocket_port,
                    other_port,
                    folder: self.folder,
                    log,
                };
            }
            let _ = child.kill();
            let _ = child.wait();
            let text = log.text();
            assert!(
                text.contains("Address already in use"),
                "the broker does not start:\n{text}"
            );
        }
        panic!("no free port in ten attempts");
    }

    /// Runs a broker that is expected to end at once, and waits for its end.
    #[must_use = "an outcome is there to be checked"]
    pub(crate) fn run(self) -> Outcome {
        self.write_config(free_port(), None, Some(free_port()));
        Program::typed(&format!("{} -c mosquitto.conf", self.program))
            .in_folder(self.folder.path())
            .within(Duration::from_secs(10))
            .run()
    }

    fn spawn(&self, port: u16, websocket_port: Option<u16>, other_port: Option<u16>) -> Child {
        let mut command = Command::new(program_path(&self.program));
        if self.write_config(port, websocket_port, other_port) {
            command.args(["-c", "mosquitto.conf"]);
        } else {
            command.args(["-v", "-p", &port.to_string()]);
        }
        command
            .current_dir(self.folder.path())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.program))
    }

    /// Writes the configuration file, if there is one.
    fn write_config(
        &self,
        port: u16,
        websocket_port: Option<u16>,
        other_port: Option<u16>,
    ) -> bool {
        let Some(lines) = &self.config else {
            return false;
        };
        let mut config = self.before.clone();
        if geteuid().is_root() {
            // Otherwise the broker becomes a user who may not read our temporary folder.
            config.push_str("user root\n");
        }
        if !lines.contains("log_type ") {
            config.push_str("log_type all\n");
        }
        if !lines.contains("allow_anonymous ") && self.before.is_empty() {
            config.push_str("allow_anonymous true\n");
        }
        let _ = write!(config, "listener {port} 127.0.0.1\n{lines}");
        if let Some(port) = websocket_port {
            let _ = write!(config, "listener {port} 127.0.0.1\nprotocol websockets\n");
        }
        if let (Some(port), Some(lines)) = (other_port, &self.other_listener) {
            let _ = write!(config, "listener {port} 127.0.0.1\n{lines}\n");
        }
        fs::write(self.folder.path().join("mosquitto.conf"), config)
            .expect("the folder is writable");
        true
    }
}

/// A TCP port of 127.0.0.1 that nobody listened on a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("the loopback interface has a free port")
        .port()
}
