use std::fmt;

use crate::protocol::Text;

/// A function for the lines that Mosquitto's clients print with `-d`.
pub type Log = Box<dyn FnMut(fmt::Arguments<'_>) + Send>;

/// The writer of the lines of `-d`, which name the client.
pub(super) struct Trace {
    log: Option<Log>,
    name: String,
}

impl Trace {
    pub(super) fn new(client_id: &Text) -> Self {
        Self {
            log: None,
            name: client_id.to_string(),
        }
    }

    pub(super) fn set_log(&mut self, log: Log) {
        self.log = Some(log);
    }

    /// Changes the name to the one that the broker assigned.
    pub(super) fn rename(&mut self, client_id: &Text) {
        self.name = client_id.to_string();
    }

    pub(super) fn is_on(&self) -> bool {
        self.log.is_some()
    }

    /// Writes `Client NAME` and an action.
    pub(super) fn client(&mut self, what: fmt::Arguments<'_>) {
        let name = match self.name.as_str() {
            "" => "null",
            name => name,
        };
        if let Some(log) = &mut self.log {
            log(format_args!("Client {name} {what}"));
        }
    }

    /// Writes the line about a CONNACK, in which Mosquitto shows an empty name differently.
    pub(super) fn connack(&mut self, code: u8) {
        let name = match self.name.as_str() {
            "" => "(null)",
            name => name,
        };
        if let Some(log) = &mut self.log {
            log(format_args!("Client {name} received CONNACK ({code})"));
        }
    }

    /// Writes the line about the broker's DISCONNECT.
    pub(super) fn disconnected(&mut self, code: u8) {
        if let Some(log) = &mut self.log {
            log(format_args!("Received DISCONNECT ({code})"));
        }
    }

    /// Writes the warning about a PUBREC with an unknown identifier.
    pub(super) fn unknown_pubrec(&mut self, packet_id: u16) {
        let name = match self.name.as_str() {
            "" => "null",
            name => name,
        };
        if let Some(log) = &mut self.log {
            log(format_args!(
                "Warning: Received PUBREC from {name} for an unknown packet identifier {packet_id}."
            ));
        }
    }
}

/// Writes a line of `-d`; the arguments are evaluated only if someone reads it.
macro_rules! trace {
    ($client:expr, $($format:tt)*) => {
        if $client.trace.is_on() {
            $client.trace.client(format_args!($($format)*));
        }
    };
}
pub(super) use trace;
