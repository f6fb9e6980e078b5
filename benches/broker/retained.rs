//! Many retained messages, read at once.

use std::io::{self, Write};
use std::time::Instant;

use super::fan::RATE;
use super::server::Server;
use super::wire::{Client, publish, subscribe};
use crate::report::Figure;

const MESSAGES: u64 = 200_000;
const RETAIN: u8 = 1;

/// Fills the broker, and subscribes to `#`.
pub fn run(server: &Server) -> Result<Vec<Figure>, String> {
    measure(server).map_err(|error| error.to_string())
}

fn measure(server: &Server) -> io::Result<Vec<Figure>> {
    let mut publisher = Client::connect(server.address, "publisher")?;
    let mut chunk = Vec::new();
    for sequence in 0..MESSAGES {
        let at = chunk.len();
        // The last one is acknowledged, and with it those before it are there.
        let qos = u8::from(sequence == MESSAGES - 1);
        let topic = format!("building/{}/sensor/{sequence}", sequence / 1_000);
        publish(&mut chunk, &topic, qos, 1, sequence);
        chunk[at] |= RETAIN;
        if chunk.len() > 60_000 || qos == 1 {
            publisher.socket.write_all(&chunk)?;
            chunk.clear();
        }
    }
    publisher.read_frames(|_| {})?;
    let memory = server.memory();
    let mut subscriber = Client::connect(server.address, "subscriber")?;
    let begin = Instant::now();
    subscriber.socket.write_all(&subscribe("#", 0))?;
    let mut seen = vec![false; MESSAGES as usize];
    let (mut count, mut doubled) = (0, None);
    while count < MESSAGES {
        subscriber.read_frames(|frame| {
            if frame.is_publish() {
                count += 1;
                let sequence = frame.sequence();
                if std::mem::replace(&mut seen[sequence as usize], true) {
                    doubled = Some(sequence);
                }
            }
        })?;
    }
    if let Some(sequence) = doubled {
        return Err(io::Error::other(format!("message {sequence} came twice")));
    }
    Ok(vec![
        Figure {
            name: RATE,
            value: MESSAGES as f64 / begin.elapsed().as_secs_f64() / 1_000.0,
        },
        Figure {
            name: "MB with them",
            value: memory,
        },
    ])
}
