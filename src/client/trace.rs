use std::fmt;

use crate::protocol::Text;

/// Takes the lines that Mosquitto's clients print with `-d`.
pub type Log = Box<dyn FnMut(fmt::Arguments<'_>) + Send>;

/// Writes the lines of `-d`, each about the client by its name.
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

    /// Changes the name to the one that the broker gave.
    pub(super) fn rename(&mut self, client_id: &Text) {
        self.name = client_id.to_string();
    }

    pub(super) fn is_on(&self) -> bool {
        self.log.is_some()
    }

    /// Writes `Client NAME` and what it does.
    pub(super) fn client(&mut self, what: fmt::Arguments<'_>) {
        let name = match self.name.as_str() {
            "" => "null",
            name => name,
        };
        if let Some(log) = &mut self.log {
            log(format_args!("Client {name} {what}"));
        }
    }

    /// Writes the line about a CONNACK, where Mosquitto shows no name in another way.
    pub(super) fn connack(&mut self, code: u8) {
        let name = match self.name.as_str() {
            "" => "(null)",
            name => name,
        };
        if let Some(log) = &mut self.log {
            log(format_args!("Client {name} received CONNACK ({code})"));
        }
    }

    /// Writes the broker's farewell.
    pub(super) fn disconnected(&mut self, code: u8) {
        if let Some(log) = &mut self.log {
            log(format_args!("Received DISCONNECT ({code})"));
        }
    }

    /// Writes the warning about a PUBREC that answers nothing.
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

/// Writes a line of `-d`; the arguments are looked at only when someone reads it.
macro_rules! trace {
    ($client:expr, $($format:tt)*) => {
        if $client.trace.is_on() {
            $client.trace.client(format_args!($($format)*));
        }
    };
}
pub(super) use trace;
