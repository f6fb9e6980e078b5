//! What is measured.

use std::fs::File;
use std::io::{self, Write};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use super::broker::Broker;
use super::peer::{Blaster, PAYLOAD, Sink, TOPIC};
use super::program::{Maker, Run, Tool};
use crate::report::{Figure, median};

/// One row of the report.
pub struct Case {
    pub name: &'static str,
    pub messages: u64,
    pub measure: fn(Maker, u64) -> Result<Vec<Figure>, String>,
}

pub const CASES: &[Case] = &[
    Case {
        name: "pub -l, q0, into a sink",
        messages: 1_000_000,
        measure: |maker, messages| lines_to_sink(maker, messages).map_err(text),
    },
    Case {
        name: "pub -l, q1, window 20",
        // Mosquitto's mosquitto_pub loses some of more than 65,535.
        messages: 60_000,
        measure: |maker, messages| lines_to_broker(maker, messages, 1).map_err(text),
    },
    Case {
        name: "pub -l, q2, window 20",
        messages: 60_000,
        measure: |maker, messages| lines_to_broker(maker, messages, 2).map_err(text),
    },
    Case {
        name: "sub, q0, from a blaster",
        messages: 1_000_000,
        measure: |maker, messages| print(maker, messages).map_err(text),
    },
    Case {
        name: "pub, one message",
        messages: 100,
        measure: |maker, times| single(maker, times).map_err(text),
    },
];

fn text(error: io::Error) -> String {
    error.to_string()
}

/// From the start of the program to the last message's arrival.
fn lines_to_sink(maker: Maker, messages: u64) -> io::Result<Vec<Figure>> {
    let (sink, port) = Sink::bind()?;
    let input = lines(messages)?;
    let begin = Instant::now();
    let received = thread::spawn(move || sink.receive());
    let run = Run::start(maker, Tool::Publish, &["-l", "-t", TOPIC], port, input)?;
    let peak_memory = run.finish()?.peak_memory;
    let (count, last) = received
        .join()
        .map_err(|_| io::Error::other("the sink failed"))??;
    if count != messages {
        return Err(io::Error::other(format!("{count} of {messages} arrived")));
    }
    let seconds = last.duration_since(begin).as_secs_f64();
    Ok(vec![rate(messages, seconds), memory(peak_memory)])
}

/// From the start of the program to its end, when all is acknowledged.
fn lines_to_broker(maker: Maker, messages: u64, qos: u8) -> io::Result<Vec<Figure>> {
    let broker = Broker::start()?;
    let input = lines(messages)?;
    let qos = qos.to_string();
    let words = ["-l", "-t", TOPIC, "-q", &qos, "-M", "20"];
    let ended = Run::start(maker, Tool::Publish, &words, broker.port, input)?.finish()?;
    Ok(vec![
        rate(messages, ended.seconds),
        memory(ended.peak_memory),
    ])
}

/// From the first message to the program's farewell, when all is printed.
fn print(maker: Maker, messages: u64) -> io::Result<Vec<Figure>> {
    let (blaster, port) = Blaster::bind()?;
    let blasting = thread::spawn(move || blaster.blast(messages));
    let count = messages.to_string();
    let words = ["-t", TOPIC, "-C", &count];
    let run = Run::start(maker, Tool::Subscribe, &words, port, Stdio::null())?;
    let peak_memory = run.finish()?.peak_memory;
    let seconds = blasting
        .join()
        .map_err(|_| io::Error::other("the blaster failed"))??
        .as_secs_f64();
    Ok(vec![rate(messages, seconds), memory(peak_memory)])
}

/// From the start of the program to its end, the median of some times.
fn single(maker: Maker, times: u64) -> io::Result<Vec<Figure>> {
    let broker = Broker::start()?;
    let mut seconds = Vec::new();
    for _ in 0..times.max(10) {
        let words = ["-t", TOPIC, "-m", "x"];
        let run = Run::start(maker, Tool::Publish, &words, broker.port, Stdio::null())?;
        seconds.push(run.wait()?);
    }
    Ok(vec![Figure {
        name: "milliseconds",
        value: median(&seconds) * 1_000.0,
    }])
}

fn rate(messages: u64, seconds: f64) -> Figure {
    Figure {
        name: "thousand messages a second",
        value: messages as f64 / seconds / 1_000.0,
    }
}

fn memory(megabytes: f64) -> Figure {
    Figure {
        name: "peak memory, MB",
        value: megabytes,
    }
}

/// A file of lines, as a standard input.
fn lines(count: u64) -> io::Result<File> {
    let mut file = tempfile::NamedTempFile::new()?;
    let line = [[b'x'; PAYLOAD].as_slice(), b"\n"].concat();
    file.write_all(&line.repeat(count as usize))?;
    file.reopen()
}
