use std::fmt;
use std::io::{self, IsTerminal, Write};

use super::{Address, ConnectOptions, Endpoint, Error, OtherProtocol, refusal_text, show_controls};

/// The messages of a client program on standard error.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    quiet: bool,
    at_terminal: bool,
}

impl Report {
    /// Creates a report: `--quiet` drops errors, and only a terminal gets hints.
    pub fn new(quiet: bool) -> Self {
        Self {
            quiet,
            at_terminal: io::stderr().is_terminal(),
        }
    }

    /// Prints a line, unless the program is quiet.
    pub fn line(self, text: impl fmt::Display) {
        if self.quiet {
            return;
        }
        let line = format!("{text}\n");
        let mut shown = Vec::new();
        match self.at_terminal {
            true => show_controls(line.as_bytes(), true, &mut shown),
            false => shown = line.into_bytes(),
        }
        // Nobody can be informed if standard error is closed.
        let _ = io::stderr().write_all(&shown);
    }

    /// Prints `Error: ` and the text.
    pub fn error(self, text: impl fmt::Display) {
        self.line(format_args!("Error: {text}"));
    }

    /// Reports why there is no stream to the broker.
    pub fn connect_failure(self, error: &Error, endpoint: &Endpoint) {
        let in_tls_handshake = endpoint.tls.is_some() && !endpoint.websocket;
        match error {
            Error::Lookup => self.line("Unable to connect (Lookup error)."),
            Error::Io(cause) if cause.kind() == io::ErrorKind::InvalidInput => {
                self.line("Unable to connect (Invalid input).");
            }
            Error::Tls(_) => self.line("Unable to connect (A TLS error occurred)."),
            Error::ConnectionLost if in_tls_handshake => {
                self.line("Unable to connect (A TLS error occurred).");
            }
            _ => self.error(error),
        }
        match error {
            Error::Io(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {
                self.hint(format_args!(
                    "nothing listens at {endpoint}: is the broker running? `mq-broker` starts one"
                ));
            }
            Error::Io(cause) if cause.kind() == io::ErrorKind::TimedOut => self.hint(format_args!(
                "{endpoint} did not answer in {} s: is the address right, and does a firewall let \
                 the port through? --connect-timeout waits longer",
                endpoint.connect_timeout.as_secs_f64()
            )),
            Error::Io(_) if matches!(endpoint.address, Address::Unix(_)) => self.hint(
                format_args!("with --unix or -p 0 this is a Unix socket: {endpoint}"),
            ),
            Error::Lookup => self.hint(format_args!(
                "there is no host '{}': is the name spelled right?",
                endpoint.first_host()
            )),
            Error::WebSocket(cause) => self.hint(format_args!(
                "{cause}: does the broker listen for WebSocket on this port, with the path /mqtt?"
            )),
            Error::ConnectionLost if endpoint.websocket => {
                self.hint("does the broker listen for WebSocket on this port?");
            }
            Error::ConnectionLost if in_tls_handshake => {
                self.hint("the broker ended the connection: does it speak TLS on this port?");
            }
            Error::Tls(cause) => self.hint(cause),
            _ => {}
        }
    }

    /// Reports how the broker refused the client.
    pub fn refusal(self, error: &Error, options: &ConnectOptions) {
        if let Error::Refused(code) = error {
            self.line(format_args!("Connection error: {}", refusal_text(*code)));
            match &options.username {
                _ if !error.is_login_refused() => {}
                Some(name) => self.hint(format_args!(
                    "the broker does not accept this password for the user '{name}', or does not \
                     know the user"
                )),
                None => self.hint("the broker asks for a login: -u USERNAME --pw-file FILE"),
            }
        }
    }

    /// Adds what is known about the end of a connection beyond the error.
    pub fn cause(self, error: &Error) {
        if let Error::Tls(cause) = error {
            self.hint(cause);
        }
    }

    /// Reports that something else than a broker answered.
    pub fn wrong_protocol(self, other: Option<OtherProtocol>) {
        match other {
            Some(OtherProtocol::Tls) => self.hint(
                "this port speaks TLS: try --cafile FILE, or --tls-use-os-certs for a public \
                 certificate",
            ),
            Some(OtherProtocol::Http) => {
                self.hint("this port speaks HTTP: try --ws, or the broker's MQTT port");
            }
            None => {}
        }
    }

    /// Returns whether a person reads the hints, who can also be asked a question.
    pub fn has_reader(self) -> bool {
        self.at_terminal && !self.quiet
    }

    /// Prints a hint if a person reads it.
    pub fn hint(self, text: impl fmt::Display) {
        if self.has_reader() {
            self.line(format_args!("Hint: {text}"));
        }
    }

    /// Prints a line about the course of things if a person reads it.
    pub fn note(self, text: impl fmt::Display) {
        if self.has_reader() {
            self.line(text);
        }
    }

    /// Returns whether `--quiet` was given.
    pub fn is_quiet(self) -> bool {
        self.quiet
    }
}
