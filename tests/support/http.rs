//! Requests to the HTTP API of a broker.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::LIMIT;

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The head with lower-case names.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    /// Returns the body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Sends `GET` for the path.
#[track_caller]
pub(crate) fn get(port: u16, path: &str) -> Response {
    request(port, "GET", path, &[], "")
}

/// Sends a request with these headers and this body.
#[track_caller]
pub(crate) fn request(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the broker listens");
    stream
        .set_read_timeout(Some(LIMIT))
        .expect("a limit can be set");
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        head.push_str("Host: localhost\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.len();
    let text = format!("{head}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).expect("the broker reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the broker answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("there is a head");
    let (first, rest) = head.split_once("\r\n").expect("there is a status line");
    let status = first.split(' ').nth(1).expect("there is a status");
    let lower = |line: &str| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}\n", name.to_ascii_lowercase()),
        None => format!("{line}\n"),
    };
    Response {
        status: status.parse().expect("the status is a number"),
        head: rest.split("\r\n").map(lower).collect(),
        body: body.to_owned(),
    }
}
