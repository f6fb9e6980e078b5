//! The machine a lab sheet is worked through on: a folder, and terminals with the built
//! programs in their `PATH`. The sheet's ports stand for free ones.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use tempfile::TempDir;

use super::sheet::{Action, Step};
use crate::support::broker::free_port;
use crate::support::program::{Outcome, Program, Running, program_path};
use crate::support::{LIMIT, output::Output};

/// Stands in a sheet for text that differs each time.
const ANYTHING: &str = "[…]";
/// What the sheets show and a test cannot run: it would build for minutes, or download. The
/// built programs, and the package that `npm ci` put into `tests/peers`, take their place.
const NOT_RUN: [&str; 2] = ["cargo install --path . --locked", "npm install mqtt@5.14.1"];

/// What the sheet calls a port, and which one it is here.
type Ports = [(&'static str, u16); 3];

/// Where a sheet is worked through.
pub(crate) struct Classroom {
    folder: TempDir,
    ports: Ports,
    terminals: BTreeMap<String, Terminal>,
    /// The log of the broker that runs.
    broker_log: Option<Output>,
}

#[derive(Default)]
struct Terminal {
    running: Option<Foreground>,
    /// The exit code of the last command, for `echo $?`.
    exit_code: i32,
}

/// The program that has the terminal.
struct Foreground {
    program: Running,
    /// A broker prints more than a sheet shows.
    is_broker: bool,
}

impl Classroom {
    /// A new one. `node_modules` has the packages that `npm install` would bring.
    pub(crate) fn new(node_modules: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let classroom = Self {
            ports: ["1883", "8080", "8883"].map(|named| (named, free_port())),
            folder,
            terminals: BTreeMap::new(),
            broker_log: None,
        };
        if let Some(node_modules) = node_modules {
            symlink(node_modules, classroom.folder.path().join("node_modules"))
                .expect("the folder is writable");
        }
        classroom.install_programs();
        classroom
    }

    /// Does what the sheet says, and checks what it shows.
    #[track_caller]
    pub(crate) fn work_through(&mut self, step: &Step) {
        let place = format!("line {} of the sheet", step.line_number);
        match &step.action {
            Action::File { name, content } => self.save(name, content),
            Action::NotRun { command } => {
                assert!(NOT_RUN.contains(&command.as_str()), "{place}: {command}");
            }
            Action::Command {
                terminal,
                command,
                output,
                stays: true,
            } => {
                self.start(terminal, command, &place);
                self.expect(terminal, output, &place);
            }
            Action::Command {
                terminal,
                command,
                output,
                stays: false,
            } => self.run(terminal, command, output, &place),
            Action::Output {
                terminal,
                output,
                stays,
            } => {
                self.expect(terminal, output, &place);
                if !stays {
                    let code = self.wait_for_end(terminal, &place);
                    self.terminal(terminal).exit_code = code;
                }
            }
            Action::CtrlC { terminal } => self.interrupt(terminal, &place),
        }
    }

    /// At the end of a chapter nothing may run but a broker, and no error be unmentioned.
    #[track_caller]
    pub(crate) fn end_chapter(&mut self, chapter: &str) {
        for (name, terminal) in &self.terminals {
            assert!(
                terminal.running.as_ref().is_none_or(|it| it.is_broker),
                "at the end of '{chapter}' something still runs in terminal {name}"
            );
            assert_eq!(
                terminal.exit_code, 0,
                "the sheet says nothing of the exit code, terminal {name}, '{chapter}'"
            );
        }
    }

    /// Scripts with the programs' names add what a test needs: the port, and the broker's
    /// full log, which tells when a subscription is in place.
    fn install_programs(&self) {
        let port = self.ports[0].1;
        for (name, options) in [
            ("mq-broker", format!("-v -p {port}")),
            ("mq-pub", format!("-p {port}")),
            ("mq-sub", format!("-p {port}")),
            ("mq-passwd", String::new()),
        ] {
            let program = program_path(name);
            let script = format!("#!/bin/sh\nexec '{}' {options} \"$@\"\n", program.display());
            let path = self.folder.path().join("bin").join(name);
            fs::create_dir_all(self.folder.path().join("bin"))
                .and_then(|()| fs::write(&path, script))
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
                .expect("the folder is writable");
        }
    }

    fn save(&self, name: &str, content: &str) {
        let mut content = self.with_our_ports(content);
        if name.ends_with(".conf") {
            for (_, port) in self.ports {
                let line = format!("listener {port}\n");
                content = content.replace(&line, &format!("listener {port} 127.0.0.1\n"));
            }
            if geteuid().is_root() {
                // Otherwise the broker becomes a user who may not read our temporary folder.
                content.push_str("user root\n");
            }
        }
        fs::write(self.folder.path().join(name), content).expect("the folder is writable");
    }

    /// Types a command that goes on. A subscriber is there when the broker says so.
    #[track_caller]
    fn start(&mut self, terminal: &str, command: &str, place: &str) {
        let mark = self.broker_log.as_ref().map_or(0, Output::len);
        let program = self
            .prepare(terminal, &format!("exec {command}"), place)
            .start();
        let is_broker = command.starts_with("mq-broker");
        if is_broker {
            self.broker_log = Some(program.stdout().clone());
        }
        self.terminal(terminal).running = Some(Foreground { program, is_broker });
        if command.starts_with("mq-sub") {
            let log = self.broker_log.as_ref().expect("a broker runs");
            log.wait_for_line(mark, LIMIT, |line| line.contains("Sending SUBACK to "))
                .unwrap_or_else(|missing| panic!("{place}: {missing:?}: {}", log.text()));
        }
    }

    /// Types a command and waits for its end. A publisher at QoS 0 is gone before the broker
    /// has handled its message, so that a test is too fast for the next command.
    #[track_caller]
    fn run(&mut self, terminal: &str, command: &str, output: &[String], place: &str) {
        let mark = self.broker_log.as_ref().map_or(0, Output::len);
        let outcome = self.prepare(terminal, command, place).run();
        if let (true, 0, Some(log)) = (command.contains("mq-pub"), outcome.code(), &self.broker_log)
        {
            log.wait_for_line(mark, LIMIT, |line| line.contains(" disconnected"))
                .unwrap_or_else(|missing| panic!("{place}: {missing:?}: {}", log.text()));
        }
        self.check_end(&outcome, output, place);
        self.terminal(terminal).exit_code = outcome.code();
    }

    /// A shell that runs the command as a terminal shows it, errors and output in one.
    #[track_caller]
    fn prepare(&mut self, terminal: &str, command: &str, place: &str) -> Program {
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", self.folder.path().join("bin").display());
        let terminal = self.terminal(terminal);
        assert!(terminal.running.is_none(), "{place}: the terminal is busy");
        let last = std::mem::take(&mut terminal.exit_code);
        assert!(
            last == 0 || command.contains("$?"),
            "{place}: the command before ended with code {last}, which the sheet does not show"
        );
        let script = format!("exec 2>&1\n(exit {last})\n{command}");
        let program = Program::typed("sh -c")
            .arg(self.with_our_ports(&script))
            .env("PATH", &path)
            .in_folder(self.folder.path());
        if command.contains("mq-passwd") {
            program.stdin("passsnir\npasssnir\n")
        } else {
            program
        }
    }

    /// The program in the terminal prints these lines next.
    #[track_caller]
    fn expect(&mut self, terminal: &str, output: &[String], place: &str) {
        let ports = self.ports;
        let running = self.terminal(terminal).running.as_mut();
        let running = running.unwrap_or_else(|| panic!("{place}: nothing runs there"));
        for wanted in output {
            let shown = |line: &str| matches(wanted, &as_in_the_sheet(line, ports));
            if running.is_broker {
                running.program.wait_for_line(shown);
            } else {
                let line = running.program.next_line();
                assert!(shown(&line), "{place}\nshown: {wanted}\nprinted: {line}");
            }
        }
    }

    /// Presses Ctrl+C.
    #[track_caller]
    fn interrupt(&mut self, terminal: &str, place: &str) {
        let running = self.terminal(terminal).running.as_ref();
        let running = running.unwrap_or_else(|| panic!("{place}: nothing runs there"));
        running.program.signal(Signal::SIGINT);
        let code = self.wait_for_end(terminal, place);
        assert!(
            code == 0 || code == 128 + Signal::SIGINT as i32,
            "{place}: the program ended with code {code}"
        );
    }

    /// The program in the terminal ends, and has printed nothing but what the sheet shows.
    /// Returns its exit code.
    #[track_caller]
    fn wait_for_end(&mut self, terminal: &str, place: &str) -> i32 {
        let running = self.terminal(terminal).running.take();
        let running = running.unwrap_or_else(|| panic!("{place}: nothing runs there"));
        let read = running.program.read();
        let outcome = running.program.ends();
        if running.is_broker {
            self.broker_log = None;
        } else {
            let unread = outcome.stdout().split_off(read);
            assert_eq!(unread, "", "{place}: more was printed than shown");
        }
        outcome.code()
    }

    #[track_caller]
    fn check_end(&self, outcome: &Outcome, output: &[String], place: &str) {
        let printed = outcome.stdout();
        let printed: Vec<String> = printed
            .lines()
            .map(|line| as_in_the_sheet(line, self.ports))
            .collect();
        let same = printed.len() == output.len()
            && output
                .iter()
                .zip(&printed)
                .all(|(wanted, line)| matches(wanted, line));
        assert!(
            same,
            "{place}\nshown:\n{}\nprinted:\n{}",
            output.join("\n"),
            printed.join("\n")
        );
    }

    fn terminal(&mut self, name: &str) -> &mut Terminal {
        self.terminals.entry(name.to_owned()).or_default()
    }

    fn with_our_ports(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (named, port)| {
                text.replace(named, &port.to_string())
            })
    }
}

/// A printed line as the sheets show it: with their ports and without the time.
fn as_in_the_sheet(line: &str, ports: Ports) -> String {
    let line = match line.split_once(": ") {
        Some((time, text)) if time.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{ANYTHING}: {text}")
        }
        _ => line.to_owned(),
    };
    let line = ports.iter().fold(line, |line, (named, port)| {
        line.replace(&port.to_string(), named)
    });
    line.trim_end().to_owned()
}

/// Whether a printed line is the one a sheet shows.
fn matches(shown: &str, printed: &str) -> bool {
    match shown.split_once(ANYTHING) {
        None => shown == printed,
        Some((start, end)) => {
            printed.len() >= start.len() + end.len()
                && printed.starts_with(start)
                && printed.ends_with(end)
        }
    }
}
