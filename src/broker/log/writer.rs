//! The log's own thread, and the bounded queue before it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Condvar, Mutex};

use super::destination::{LogFile, Syslog, write_to_stderr, write_to_stdout};
use super::line::{LineWriter, Prefix};
use super::settings::{Destinations, LogType, Settings};

/// Lines that wait to be written. Once there are so many, lines are dropped and counted
/// until half of them are written.
pub(super) const MAX_WAITING_LINES: usize = 16_384;

/// A receiver of the lines for `log_dest topic`: their type, and their text with the time.
pub type TopicSink = Box<dyn Fn(LogType, &str) + Send + Sync>;

/// A line before its time is written out.
pub(super) struct Line {
    pub(super) log_type: LogType,
    pub(super) at: SystemTime,
    pub(super) text: String,
    /// Whether it arose while another line was written: to publish it, too, could go on
    /// for ever.
    pub(super) is_own: bool,
}

thread_local! {
    static IS_LOG_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether the caller is the log's own thread.
pub(super) fn is_log_thread() -> bool {
    IS_LOG_THREAD.get()
}

/// The tasks of the thread, in order.
enum Task {
    Write(Line),
    Reconfigure(Box<Settings>),
    Reopen,
    SetTopicSink(Option<TopicSink>),
}

#[derive(Default)]
struct Waiting {
    tasks: VecDeque<Task>,
    lines: usize,
    dropped: u64,
    /// Tasks ever taken in, and tasks done.
    taken: u64,
    done: u64,
    is_closed: bool,
}

/// The queue before the thread.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    has_work: Condvar,
    has_progress: Condvar,
}

impl Queue {
    pub(super) fn write(&self, line: Line) {
        let mut waiting = self.waiting.lock();
        let is_dropping = waiting.dropped > 0;
        let room_from = if is_dropping {
            MAX_WAITING_LINES / 2
        } else {
            MAX_WAITING_LINES
        };
        if waiting.lines >= room_from {
            waiting.dropped += 1;
            return;
        }
        self.log_dropped(&mut waiting);
        waiting.lines += 1;
        self.push(&mut waiting, Task::Write(line));
    }

    pub(super) fn reconfigure(&self, settings: Settings) {
        self.push(
            &mut self.waiting.lock(),
            Task::Reconfigure(Box::new(settings)),
        );
    }

    pub(super) fn reopen(&self) {
        self.push(&mut self.waiting.lock(), Task::Reopen);
    }

    pub(super) fn set_topic_sink(&self, sink: Option<TopicSink>) {
        self.push(&mut self.waiting.lock(), Task::SetTopicSink(sink));
    }

    /// Waits until everything asked for so far is done, but not past `deadline`.
    pub(super) fn flush(&self, deadline: Instant) -> bool {
        let mut waiting = self.waiting.lock();
        self.log_dropped(&mut waiting);
        let target = waiting.taken;
        while waiting.done < target {
            if self
                .has_progress
                .wait_until(&mut waiting, deadline)
                .timed_out()
            {
                return waiting.done >= target;
            }
        }
        true
    }

    /// Lets the thread end when the queue is empty.
    pub(super) fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.has_work.notify_one();
    }

    /// Puts a line about dropped ones where they would have been.
    fn log_dropped(&self, waiting: &mut Waiting) {
        let dropped = std::mem::take(&mut waiting.dropped);
        if dropped == 0 {
            return;
        }
        waiting.lines += 1;
        self.push(
            waiting,
            Task::Write(Line {
                log_type: LogType::Warning,
                at: SystemTime::now(),
                is_own: false,
                text: format!(
                    "Warning: {dropped} log lines were dropped, because the log is read too slowly."
                ),
            }),
        );
    }

    fn push(&self, waiting: &mut Waiting, task: Task) {
        waiting.taken += 1;
        waiting.tasks.push_back(task);
        self.has_work.notify_one();
    }

    /// Waits for the next task; `None` when closed and empty.
    fn next(&self) -> Option<Task> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.tasks.is_empty() {
                self.log_dropped(&mut waiting);
            }
            if let Some(task) = waiting.tasks.pop_front() {
                if matches!(task, Task::Write(_)) {
                    waiting.lines -= 1;
                }
                return Some(task);
            }
            if waiting.is_closed {
                return None;
            }
            self.has_work.wait(&mut waiting);
        }
    }

    fn task_is_done(&self) {
        self.waiting.lock().done += 1;
        self.has_progress.notify_all();
    }
}

/// Starts the thread that empties `queue`.
pub(super) fn start(queue: Arc<Queue>, program: String) -> std::io::Result<()> {
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || {
            IS_LOG_THREAD.set(true);
            let mut writer = Writer::new(program);
            while let Some(task) = queue.next() {
                writer.perform(task);
                queue.task_is_done();
            }
        })
        .map(drop)
}

/// The open destinations.
struct Writer {
    program: String,
    line_writer: LineWriter,
    destinations: Destinations,
    file: Option<LogFile>,
    syslog: Option<Syslog>,
    topic_sink: Option<TopicSink>,
}

impl Writer {
    fn new(program: String) -> Self {
        Self {
            program,
            line_writer: LineWriter::new(Prefix::Epoch),
            destinations: Settings::default().destinations(),
            file: None,
            syslog: None,
            topic_sink: None,
        }
    }

    fn perform(&mut self, task: Task) {
        match task {
            Task::Write(line) => self.write(&line),
            Task::Reconfigure(settings) => self.reconfigure(&settings),
            Task::Reopen => {
                if let Some(file) = &mut self.file {
                    file.reopen();
                }
            }
            Task::SetTopicSink(sink) => self.topic_sink = sink,
        }
    }

    fn reconfigure(&mut self, settings: &Settings) {
        self.line_writer = LineWriter::new(prefix(settings));
        self.destinations = settings.destinations();
        let before = self.file.take();
        self.file = self.destinations.file.as_deref().map(|path| {
            let opened = LogFile::open(path);
            match before {
                // A file that is there is better than one that is not.
                Some(before) if !opened.is_open() => before,
                _ => opened,
            }
        });
        self.syslog = self.destinations.syslog.then(|| {
            let path = Syslog::SOCKET_PATH.as_ref();
            Syslog::new(path, &self.program, settings.local_facility)
        });
    }

    fn write(&mut self, line: &Line) {
        let text = self.line_writer.line(line.at, &line.text);
        if self.destinations.stdout {
            write_to_stdout(&text);
        }
        if self.destinations.stderr {
            write_to_stderr(&text);
        }
        if let Some(file) = &mut self.file {
            file.write(line.log_type, &text);
        }
        if let Some(syslog) = &mut self.syslog {
            let second = line
                .at
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs();
            syslog.write(line.log_type, second.try_into().unwrap_or(i64::MAX), &text);
        }
        // A line about a packet would become a packet, and that a line again.
        if line.is_own || line.log_type == LogType::Debug || !self.destinations.topic {
            return;
        }
        if let Some(sink) = &self.topic_sink {
            sink(line.log_type, &text);
        }
    }
}

fn prefix(settings: &Settings) -> Prefix {
    match &settings.timestamp_format {
        _ if !settings.timestamp => Prefix::None,
        Some(format) => Prefix::Format(format.clone()),
        None => Prefix::Epoch,
    }
}
