use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc;

use super::writer::MAX_WAITING_LINES;
use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// Settings for a log in `path`, without times.
fn to_file(path: &Path) -> Settings {
    Settings {
        destinations: Some(Destinations {
            file: Some(path.to_owned()),
            ..Destinations::default()
        }),
        timestamp: false,
        ..Settings::default()
    }
}

fn log_to_file(path: &Path) -> Log {
    let log = Log::new("mq-broker");
    log.reconfigure(&to_file(path));
    log
}

fn written(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn lines_are_appended_to_a_file_that_only_its_owner_can_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = log_to_file(&path);
    log.notice(format_args!("{}", "one"));
    assert!(log.flush(PATIENCE));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(log);

    log_to_file(&path).error(format_args!("two"));
    assert_eq!(written(&path), "one\ntwo\n");
}

#[test]
fn lines_begin_with_the_seconds_since_1970_by_default() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = Log::new("mq-broker");
    log.reconfigure(&Settings {
        timestamp: true,
        ..to_file(&path)
    });
    log.information(format_args!("text"));
    drop(log);
    let line = written(&path);
    let (time, text) = line.split_once(": ").unwrap();
    assert!(time.parse::<u64>().unwrap() > 1_700_000_000);
    assert_eq!(text, "text\n");
}

#[test]
fn types_that_are_off_are_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = log_to_file(&path);
    assert!(log.enabled(LogType::Notice));
    assert!(!log.enabled(LogType::Debug));
    log.debug(format_args!("before"));
    log.reconfigure(&Settings {
        types: Some(LogTypes::ALL),
        ..to_file(&path)
    });
    log.debug(format_args!("after"));
    log.write(LogType::Subscribe, format_args!("subscribed"));
    drop(log);
    assert_eq!(written(&path), "after\nsubscribed\n");
}

#[test]
fn lines_go_to_the_destination_of_their_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = directory.path().join("first");
    let second = directory.path().join("second");
    let log = log_to_file(&first);
    log.notice(format_args!("one"));
    log.reconfigure(&to_file(&second));
    log.notice(format_args!("two"));
    drop(log);
    assert_eq!(written(&first), "one\n");
    assert_eq!(written(&second), "two\n");
}

#[test]
fn a_renamed_file_is_left_after_a_reopen() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let rotated = directory.path().join("log.1");
    let log = log_to_file(&path);
    log.notice(format_args!("one"));
    assert!(log.flush(PATIENCE));
    std::fs::rename(&path, &rotated).unwrap();
    log.notice(format_args!("two"));
    log.reopen();
    log.notice(format_args!("three"));
    drop(log);
    assert_eq!(written(&rotated), "one\ntwo\n");
    assert_eq!(written(&path), "three\n");
}

#[test]
fn a_symbolic_link_is_no_log_file() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("target");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let log = log_to_file(&link);
    log.notice(format_args!("text"));
    drop(log);
    assert!(!target.exists());
}

#[test]
fn topic_lines_come_with_their_type_and_without_debug() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::new("mq-broker");
    log.reconfigure(&Settings {
        destinations: Some(Destinations {
            topic: true,
            ..Destinations::default()
        }),
        types: Some(LogTypes::ALL),
        ..to_file(&directory.path().join("unused"))
    });
    let (sender, receiver) = mpsc::channel();
    log.set_topic_sink(Some(Box::new(move |log_type, line| {
        let _ = sender.send((log_type, line.to_owned()));
    })));
    log.debug(format_args!("a packet"));
    log.warning(format_args!("careful"));
    drop(log);
    let lines: Vec<_> = receiver.iter().collect();
    assert_eq!(lines, [(LogType::Warning, "careful".to_owned())]);
}

#[test]
fn a_reader_that_stops_holds_up_nobody_and_learns_what_it_missed() {
    let log = Log::new("mq-broker");
    log.reconfigure(&Settings {
        destinations: Some(Destinations {
            topic: true,
            ..Destinations::default()
        }),
        timestamp: false,
        ..Settings::default()
    });
    let (entered_sender, entered) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let (line_sender, lines) = mpsc::channel();
    let wait = parking_lot::Mutex::new(wait);
    log.set_topic_sink(Some(Box::new(move |_, line| {
        let _ = entered_sender.send(());
        let _ = wait.lock().recv();
        let _ = line_sender.send(line.to_owned());
    })));
    log.notice(format_args!("first"));
    entered.recv().unwrap();
    for number in 0..MAX_WAITING_LINES + 7 {
        log.notice(format_args!("{number}"));
    }
    assert!(!log.flush(Duration::from_millis(1)));

    drop(go_on);
    assert!(log.flush(PATIENCE));
    drop(log);
    let lines: Vec<String> = lines.iter().collect();
    assert_eq!(lines.len(), 1 + 1 + MAX_WAITING_LINES);
    assert_eq!(lines[0], "first");
    assert_eq!(
        lines[MAX_WAITING_LINES],
        (MAX_WAITING_LINES - 1).to_string()
    );
    assert_eq!(
        lines[MAX_WAITING_LINES + 1],
        "Warning: 7 log lines were dropped, because the log is read too slowly."
    );
}

#[test]
fn handles_are_shared_between_threads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log = log_to_file(&path);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = log.clone();
            scope.spawn(move || {
                for number in 0..100 {
                    log.notice(format_args!("{thread} {number}"));
                }
            });
        }
    });
    drop(log);
    assert_eq!(written(&path).lines().count(), 400);
}
