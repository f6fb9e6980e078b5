//! Ending a broker and starting it again in the same folder.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::super::LIMIT;
use super::super::output::Output;
use super::super::program::program_path;
use super::{Broker, free_port};

const CONFIG_FILE: &str = "mosquitto.conf";

impl Broker {
    /// Ends the broker with this signal, as a power cut or the service manager would, and
    /// starts it again. It must have a configuration file.
    #[track_caller]
    pub(crate) fn restart(&mut self, signal: Signal) {
        self.end(signal);
        self.start_again();
    }

    /// Ends the broker with this signal and waits for its end.
    #[track_caller]
    pub(crate) fn end(&mut self, signal: Signal) {
        self.signal(signal);
        self.wait_for_end();
        self.child.wait().expect("our own child can be waited for");
    }

    /// Starts a broker that has ended, and waits until it says that it runs.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        // Another process may have taken the port meanwhile.
        for _ in 0..10 {
            self.spawn_again(&[]);
            let started = self.log.wait_for_line(0, LIMIT, |line| {
                line.ends_with(" running") || line.contains("Address already in use")
            });
            if started.is_ok_and(|(line, _)| line.ends_with(" running")) {
                return;
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
            let text = self.log.text();
            assert!(
                text.contains("Address already in use"),
                "the broker does not start again:\n{text}"
            );
            self.change_port();
        }
        panic!("no free port in ten attempts");
    }

    /// Starts a broker that has ended and kills it after this time, wherever its start is.
    #[track_caller]
    pub(crate) fn start_and_kill(&mut self, after: Duration) {
        self.spawn_again(&[]);
        thread::sleep(after);
        self.end(Signal::SIGKILL);
    }

    /// Starts a broker that has ended with more arguments, and kills it as soon as `is_time`.
    #[track_caller]
    pub(crate) fn start_and_kill_when(&mut self, arguments: &[&str], is_time: impl Fn() -> bool) {
        self.spawn_again(arguments);
        while !is_time() {
            let status = self.child.try_wait().expect("it is our own child");
            assert!(status.is_none(), "it ended before:\n{}", self.log.text());
            thread::yield_now();
        }
        self.end(Signal::SIGKILL);
    }

    /// Starts a broker that has ended with more arguments; returns whether it runs, and
    /// not that it has ended.
    #[track_caller]
    pub(crate) fn try_to_start_again(&mut self, arguments: &[&str]) -> bool {
        self.try_to_start_under(&[], arguments)
    }

    /// As [`Broker::try_to_start_again`], as the last arguments of another program, which must
    /// become the broker.
    #[track_caller]
    pub(crate) fn try_to_start_under(&mut self, program: &[&str], arguments: &[&str]) -> bool {
        for _ in 0..10 {
            self.spawn_under(program, arguments);
            let started = self
                .log
                .wait_for_line(0, LIMIT, |line| line.ends_with(" running"));
            if started.is_ok() {
                return true;
            }
            if !self.log.text().contains("Address already in use") {
                return false;
            }
            self.change_port();
        }
        panic!("no free port in ten attempts");
    }

    /// The exit code of a broker that ends by itself; `None` when it died by a signal.
    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.wait_for_end();
        let status = self.child.wait().expect("our own child can be waited for");
        status.code()
    }

    #[track_caller]
    fn spawn_again(&mut self, arguments: &[&str]) {
        self.spawn_under(&[], arguments);
    }

    #[track_caller]
    fn spawn_under(&mut self, program: &[&str], arguments: &[&str]) {
        assert!(self.folder().join(CONFIG_FILE).is_file());
        let broker = program_path(&self.program);
        let mut command = match program {
            [] => Command::new(broker),
            [program, before @ ..] => {
                let mut command = Command::new(program);
                command.args(before).arg(broker);
                command
            }
        };
        let mut child: Child = command
            .args(["-c", CONFIG_FILE])
            .args(arguments)
            .current_dir(self.folder())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.program));
        self.log = Output::collect(child.stderr.take().expect("the errors are piped"));
        self.child = child;
    }

    fn change_port(&mut self) {
        let path = self.folder().join(CONFIG_FILE);
        let config = fs::read_to_string(&path).expect("it was written at the start");
        let port = free_port();
        let old = format!("listener {} 127.0.0.1\n", self.port);
        let new = format!("listener {port} 127.0.0.1\n");
        fs::write(&path, config.replace(&old, &new)).expect("the folder is writable");
        self.port = port;
    }
}
