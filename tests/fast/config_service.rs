//! The broker as a service: signals, and what it tells the service manager.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::broker::free_port;
use crate::support::output::Output;
use crate::support::peers::require_programs;
use crate::support::program::program_path;
use crate::support::{Broker, LIMIT, Program};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, User, geteuid, mkfifo};

#[test]
fn the_service_manager_hears_that_the_broker_is_ready_and_alive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(crate::support::LIMIT))
        .unwrap();
    let _broker = Broker::builder()
        .config("")
        .env("NOTIFY_SOCKET", path.to_str().unwrap())
        .env("WATCHDOG_USEC", "100000")
        .start();
    for expected in ["READY=1\n", "WATCHDOG=1\n", "WATCHDOG=1\n"] {
        let mut text = [0; 64];
        let length = manager.recv(&mut text).unwrap();
        assert_eq!(&text[..length], expected.as_bytes());
    }
}

#[test]
fn as_many_files_may_be_open_as_the_hard_limit_allows() {
    let port = free_port();
    let line = format!(
        "ulimit -Sn 64 && exec {} -p {port}",
        program_path("mq-broker").display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]).stderr(Stdio::piped());
    let mut broker = command.spawn().expect("there is a shell");
    let log = Output::collect(broker.stderr.take().expect("it is a pipe"));
    let running = log.wait_for_line(0, LIMIT, |line| line.ends_with(" running"));
    let limits = fs::read_to_string(format!("/proc/{}/limits", broker.id()));
    broker.kill().expect("it is ours");
    broker.wait().expect("it is ours");
    running.expect("it starts");
    let limits = limits.expect("it was running");
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let words: Vec<_> = files.unwrap_or_default().split_whitespace().collect();
    assert_eq!(words[3], words[4], "{words:?}");
}

#[test]
fn the_signals_for_users_end_nothing() {
    let broker = Broker::local();
    let mut subscriber = broker.subscriber("mq-sub -t a -C 1");
    broker.signal(Signal::SIGUSR1);
    broker.signal(Signal::SIGUSR2);
    broker.typed("mq-pub -t a -m x").run().succeeds();
    subscriber.expect_line("x");
    assert_eq!(broker.stop(), Some(0));
}

#[test]
fn sigusr2_prints_who_has_subscribed_to_what() {
    let port = free_port();
    let mut broker = Program::typed(&format!("mq-broker -v -p {port}")).start();
    let log = broker.stderr().clone();
    let wait = |text: &str| {
        log.wait_for_line(0, crate::support::LIMIT, |line| line.contains(text))
            .unwrap_or_else(|missing| panic!("{text} ({missing:?})"));
    };
    wait(&format!("{} running", env!("CARGO_PKG_VERSION")));
    let _subscriber = Program::typed("mq-sub -i me -q 1 -t a/+/c -t a")
        .port(port)
        .start();
    wait("Sending SUBACK to me");
    broker.signal(Signal::SIGUSR2);
    for line in ["a (me, 1)", "  +", "    c (me, 1)"] {
        broker.expect_line(line);
    }
    broker.signal(Signal::SIGTERM);
    let outcome = broker.ends();
    assert_eq!(outcome.code(), 0, "{outcome}");
}

#[test]
fn the_log_file_is_opened_again_when_it_was_moved_away() {
    let broker = Broker::builder()
        .config("log_dest stderr\nlog_dest file broker.log")
        .start();
    let log = broker.folder().join("broker.log");
    fs::rename(&log, broker.folder().join("broker.log.1")).unwrap();
    let number = nix::libc::SIGRTMIN();
    Program::typed(&format!("kill -{number} {}", broker.id()))
        .run()
        .succeeds();
    // The signal is acted on before the next one is looked at.
    let mark = broker.log_mark();
    broker.signal(Signal::SIGHUP);
    broker.wait_for_log_after(mark, "Reloading config.");
    broker.signal(Signal::SIGTERM);
    broker.wait_for_end();
    assert!(log.exists());
}

#[test]
fn an_environment_that_makes_no_sense_is_told() {
    let port = free_port();
    let outcome = Program::typed(&format!("mq-broker -p {port}"))
        .env("UMASK_SET", "nonsense")
        .run()
        .exits_with(3);
    let text = "Error: Invalid UMASK_SET value (nonsense).";
    assert!(outcome.stderr().contains(text), "{outcome}");
}

/// A pipe with a name, and its end to read from. The writer never waits for a reader.
fn named_pipe(path: &Path) -> File {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).expect("the folder is writable");
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .open(path)
        .expect("it is ours")
}

/// A broker that went to the background. It is ended when this goes out of scope.
struct Daemon(Pid);

impl Drop for Daemon {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = kill(self.0, Signal::SIGKILL);
    }
}

#[test]
fn with_d_the_broker_goes_to_the_background_and_leaves_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let log = Output::collect(named_pipe(&folder.path().join("log")));
    let port = free_port();
    let user = if geteuid().is_root() {
        "user root\n"
    } else {
        ""
    };
    let config = format!(
        "{user}listener {port} 127.0.0.1\nallow_anonymous true\npid_file number\nlog_dest file log\n"
    );
    fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
    let outcome = Program::typed("mq-broker -d -c mosquitto.conf")
        .in_folder(folder.path())
        .run()
        .succeeds();
    assert_eq!(outcome.stdout() + outcome.stderr(), "");

    log.wait_for_line(0, LIMIT, |line| line.ends_with(" running"))
        .expect("it says so in its log");
    let number = fs::read_to_string(folder.path().join("number")).unwrap();
    let daemon = Daemon(Pid::from_raw(number.parse().expect("only the number")));
    let mode = fs::metadata(folder.path().join("number")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o644);
    Program::typed("mq-pub -t a -m x")
        .port(port)
        .run()
        .succeeds();

    kill(daemon.0, Signal::SIGTERM).unwrap();
    log.wait_for_line(0, LIMIT, |line| line.ends_with(" terminating"))
        .expect("it ends");
    assert!(!folder.path().join("number").exists());
}

#[test]
fn a_number_that_cannot_be_written_is_told_with_code_14() {
    let outcome = Broker::builder()
        .config("pid_file nowhere/number")
        .run()
        .exits_with(14);
    for text in [
        "Error: Unable to write pid file.",
        "Error found at mosquitto.conf:",
        "There is no directory 'nowhere'.",
    ] {
        assert!(outcome.stderr().contains(text), "{outcome}");
    }
}

#[test]
fn root_becomes_the_user_after_it_has_read_the_files() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let builder = Broker::builder();
    fs::set_permissions(builder.folder(), Permissions::from_mode(0o755)).unwrap();
    let broker = builder
        .file("acl", "topic a\n")
        .config("acl_file acl\nlog_dest stderr\nlog_dest file log\nuser nobody")
        .start();
    broker.wait_for_log("Info: running mosquitto as user: nobody.");
    let status = fs::read_to_string(format!("/proc/{}/status", broker.id())).unwrap();
    let nobody = User::from_name("nobody").unwrap().unwrap().uid;
    let line = format!("Uid:\t{nobody}\t{nobody}\t{nobody}\t{nobody}");
    assert!(status.contains(&line), "{status}");
    broker.typed("mq-pub -t a -m x").run().succeeds();
    // Its log is its own, so that a reload can open it again.
    let log = fs::metadata(broker.folder().join("log")).unwrap();
    assert_eq!(log.uid(), nobody.as_raw());

    let outcome = Broker::builder()
        .config("user nobody-has-this-name")
        .run()
        .exits_with(3);
    let text = "Error: Unable to drop privileges to 'nobody-has-this-name' because this user \
                does not exist.";
    assert!(outcome.stderr().contains(text), "{outcome}");
}

#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    let builder = Broker::builder();
    let unread = named_pipe(&builder.folder().join("log"));
    let broker = builder.config("log_dest stderr\nlog_dest file log").start();
    let subscriber = broker.subscriber("mq-sub -t a -q 1 -C 5000");
    // A pipe holds 64 KiB, and each of these is four lines.
    let lines: String = (0..5000).map(|number| format!("{number}\n")).collect();
    broker
        .typed("mq-pub -t a -q 1 -l")
        .stdin(lines.clone())
        .run()
        .succeeds();
    subscriber.ends().succeeds().prints(lines);
    assert_eq!(broker.stop(), Some(0));
    drop(unread);
}

#[test]
fn what_is_stored_outlives_the_broker_and_lies_where_the_configuration_says() {
    let store = tempfile::tempdir().unwrap();
    let lines = format!(
        "persistence true\npersistence_location {}\npersistence_file kept\npersistence_sync true",
        store.path().display()
    );
    let broker = Broker::with_config(&lines);
    broker.typed("mq-pub -q 1 -r -t a -m x").run().succeeds();
    assert_eq!(broker.stop(), Some(0));
    assert!(store.path().join("kept.store").exists());

    let broker = Broker::with_config(&lines);
    broker
        .typed("mq-sub -t a -C 1")
        .run()
        .succeeds()
        .prints("x\n");
}

#[test]
fn who_starts_it_at_a_terminal_is_told_what_to_try() {
    let terminal = openpty(None, None).unwrap();
    let port = free_port();
    let mut child = Command::new(program_path("mq-broker"))
        .args(["-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(terminal.slave))
        .spawn()
        .unwrap();
    let screen = Output::collect(File::from(terminal.master));
    let last = "mq-broker -c mosquitto.conf";
    let told = screen.wait_for_line(0, LIMIT, |line| line.contains(last));
    child.kill().unwrap();
    child.wait().unwrap();
    told.expect("it greets");
    let text = screen.text();
    let (_, greeting) = text.split_once(" running\r\n").expect("it runs");
    for expected in [
        &format!("Listening on 127.0.0.1 and ::1, port {port},"),
        &format!("    mq-sub -p {port} -v -t 'test/#'"),
        &format!("    mq-pub -p {port} -t test/hello -m 'Hello, world'"),
        "    mq-passwd -c passwords alice",
    ] {
        assert!(greeting.contains(expected), "{expected:?} in {greeting}");
    }
    // The page is named unless another program has its port.
    assert!(greeting.lines().count() <= 13, "{greeting}");
}

#[test]
fn nothing_of_that_is_told_where_nobody_sits() {
    let broker = Broker::local();
    broker.typed("mq-pub -t a -m x").run().succeeds();
    broker.wait_for_log("disconnected.");
    let log = broker.log();
    assert!(!log.contains("mq-sub"), "{log}");
    assert!(log.lines().all(|line| line.contains(": ")), "{log}");
}

#[test]
fn the_file_for_systemd_is_in_order() {
    if !require_programs(&["systemd-analyze"]) {
        return;
    }
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd/mq-broker.service");
    let unit = fs::read_to_string(unit).unwrap();
    // The program is not installed yet.
    let program = program_path("mq-broker");
    let unit = unit.replace("/usr/bin/mq-broker", program.to_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mq-broker.service"), unit).unwrap();
    let outcome = Program::typed("systemd-analyze verify --man=no ./mq-broker.service")
        .in_folder(folder.path())
        .run()
        .succeeds();
    assert_eq!(outcome.stdout() + outcome.stderr(), "");
}

#[test]
fn a_file_that_only_root_can_read_is_reported_at_the_start_and_at_a_reload() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let builder = Broker::builder();
    fs::set_permissions(builder.folder(), Permissions::from_mode(0o755)).unwrap();
    Program::typed("mq-passwd -c -b passwd guest secret")
        .in_folder(builder.folder())
        .run()
        .exits_with(0);
    let broker = builder
        .config("allow_anonymous false\npassword_file passwd\nuser nobody")
        .start();
    let advice = "The user 'nobody' cannot read 'passwd'. To fix this, use \
                  `chown nobody passwd && chmod u+r passwd`.";
    broker.wait_for_log(&format!("Warning: A reload (SIGHUP) will fail. {advice}"));
    let mark = broker.log_mark();
    broker.signal(Signal::SIGHUP);
    broker.wait_for_log_after(mark, advice);

    Program::typed("chown nobody passwd")
        .in_folder(broker.folder())
        .run()
        .succeeds();
    broker.reload();
    assert_eq!(broker.log().matches(advice).count(), 2);
}
