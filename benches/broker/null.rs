//! The limit of the machine: a forwarder that copies frames and answers
//! acknowledgements, and does nothing else that a broker does.
//!
//! Whoever subscribes gets every PUBLISH of everybody; there are no topics.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::wire::whole_frame;

type Subscribers = Arc<Mutex<Vec<Arc<TcpStream>>>>;

pub fn serve(address: &str) {
    let listener = TcpListener::bind(address).expect("the port is free");
    let subscribers = Subscribers::default();
    for socket in listener.incoming().flatten() {
        let subscribers = Arc::clone(&subscribers);
        let thread = std::thread::Builder::new().stack_size(64 * 1024);
        let spawned = thread.spawn(move || forward(socket, &subscribers));
        drop(spawned);
    }
}

fn forward(socket: TcpStream, subscribers: &Subscribers) {
    let _ = socket.set_nodelay(true);
    let socket = Arc::new(socket);
    let mut buffer = Vec::new();
    let mut chunk = vec![0; 4 * 1024];
    while let Ok(length @ 1..) = (&*socket).read(&mut chunk) {
        buffer.extend_from_slice(&chunk[..length]);
        if length == chunk.len() && chunk.len() < 256 * 1024 {
            chunk.resize(chunk.len() * 2, 0);
        }
        let (mut end, mut answers) = (0, Vec::new());
        let mut runs: Vec<Range<usize>> = Vec::new();
        while let Some((header, length)) = whole_frame(&buffer[end..]) {
            let frame = &buffer[end..end + length];
            end += length;
            match frame[0] >> 4 {
                1 => answers.extend_from_slice(&[0x20, 2, 0, 0]),
                3 => {
                    let at = header + 2 + usize::from(frame[header + 1]);
                    match frame[0] >> 1 & 0b11 {
                        1 => answers.extend_from_slice(&[0x40, 2, frame[at], frame[at + 1]]),
                        2 => answers.extend_from_slice(&[0x50, 2, frame[at], frame[at + 1]]),
                        _ => {}
                    }
                    match runs.last_mut() {
                        // Frames that follow each other are one write.
                        Some(run) if run.end == end - length => run.end = end,
                        _ => runs.push(end - length..end),
                    }
                }
                5 => answers.extend_from_slice(&[0x62, 2, frame[2], frame[3]]),
                6 => answers.extend_from_slice(&[0x70, 2, frame[2], frame[3]]),
                8 => {
                    answers.extend_from_slice(&[0x90, 3, 0, 1, frame[length - 1]]);
                    subscribers
                        .lock()
                        .expect("nobody panics")
                        .push(Arc::clone(&socket));
                }
                _ => {}
            }
        }
        for run in runs {
            let mut everybody = subscribers.lock().expect("nobody panics");
            everybody.retain(|subscriber| (&**subscriber).write_all(&buffer[run.clone()]).is_ok());
        }
        if !answers.is_empty() && (&*socket).write_all(&answers).is_err() {
            break;
        }
        buffer.drain(..end);
    }
    subscribers
        .lock()
        .expect("nobody panics")
        .retain(|other| !Arc::ptr_eq(other, &socket));
}
