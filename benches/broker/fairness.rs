//! What one client costs the others.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::fan::rates;
use super::flood::Floods;
use super::latency;
use super::server::Server;
use super::wire::Client;
use crate::report::Figure;

/// A client that takes nothing counts as stalled after so long.
const STALLED: Duration = Duration::from_millis(1_500);

/// The delays of 2,000 messages a second while another publisher sends to another
/// subscriber what its socket takes. Those two would be on other machines, so they get only
/// the time of the processors that the broker and the measured flow leave.
pub fn beside_a_flood(server: &Server, time: Duration) -> Result<Vec<Figure>, String> {
    let itself = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut flood = Command::new("nice")
        .args(["-n", "19"])
        .arg(itself)
        .args(["flood", &server.address.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("nice: {error}"))?;
    thread::sleep(time / 10);
    let figures = latency::run(server, time, 0);
    // Its end of input ends it.
    drop(flood.stdin.take());
    let output = flood
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    let mut figures = figures?;
    let rate = String::from_utf8_lossy(&output.stdout).trim().parse();
    figures.push(Figure {
        name: "the flood, thousand messages a second",
        value: rate.map_err(|_| "the flood failed")?,
    });
    Ok(figures)
}

/// Floods a broker until the end of standard input, and prints the thousands of messages a
/// second that arrived.
pub fn flood(address: &str) {
    let address = address.parse().expect("an address");
    let floods = Floods::start(address, 1).expect("the broker takes clients");
    let begin = Instant::now();
    let _ = io::stdin().read_to_end(&mut Vec::new());
    let rate = floods.received() as f64 / begin.elapsed().as_secs_f64() / 1_000.0;
    floods.stop().expect("the messages come in order");
    println!("{rate}");
}

/// What a subscriber gets while another one, with the same filter, reads nothing at all.
pub fn beside_a_stalled_one(server: &Server, time: Duration) -> Result<Vec<Figure>, String> {
    let mut stalled = Client::connect(server.address, "stalled").map_err(|e| e.to_string())?;
    let subscribed = stalled.subscribe(&Floods::topic(0), 0);
    subscribed.map_err(|error| error.to_string())?;
    let floods = Floods::start(server.address, 1).map_err(|error| error.to_string())?;
    thread::sleep(STALLED);
    let (begin, cpu) = (Instant::now(), server.cpu_seconds());
    let count = floods.count(time);
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), server.cpu_seconds() - cpu);
    let memory = server.memory();
    // Whoever waits for the stalled one gets its turn now.
    drop(stalled);
    floods.stop()?;
    let mut figures = rates(count, seconds, cpu);
    figures.push(Figure {
        name: "MB at the end",
        value: memory,
    });
    Ok(figures)
}
