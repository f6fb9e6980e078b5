//! The options that decide what the lines after them are about.

use std::path::PathBuf;

use super::{Block, Parser, default_listener, second};
use crate::broker::config::diagnostic::Severity;
use crate::broker::config::include::files_of;
use crate::broker::config::model::ListenAddress;
use crate::broker::config::row::{Row, Structure};
use crate::broker::config::value::{Argument, DUPLICATE, Wrong, read_bool, read_integer};

/// The longest path of a Unix socket, in bytes.
const LONGEST_SOCKET_PATH: usize = 107;

/// For a default listener with more than one port.
const SECOND_PORT: &str = "Warning: Default listener port specified multiple times. \
    Only the latest will be used.";

impl Parser {
    /// Reads an option of a row that holds `structure`.
    pub(super) fn read_structure(
        &mut self,
        row: &'static Row,
        structure: Structure,
        argument: &Argument<'_>,
    ) -> Result<(), Wrong> {
        match structure {
            Structure::Listener => self.read_listener(row, argument),
            Structure::Port => self.read_default_port(row, argument),
            Structure::BindAddress => self.read_bind_address(row, argument),
            Structure::PerListenerSettings => self.read_per_listener_settings(row, argument),
            Structure::IncludeDir => self.read_include_dir(argument),
            Structure::Bridge => self.read_bridge(argument),
            Structure::Plugin => self.read_plugin(argument),
            Structure::PluginUse => self.read_plugin_use(argument),
        }
    }

    fn read_listener(&mut self, row: &'static Row, argument: &Argument<'_>) -> Result<(), Wrong> {
        self.is_opened = true;
        // Made first, so that a wrong address is one error and not one for every line of the block.
        self.listeners.push(default_listener());
        let block = Block::Listener(self.listeners.len() - 1);
        self.current.listener = Some(block);

        let called = Argument {
            name: "listener port",
            ..*argument
        };
        let port = read_port(called.name, &called.word()?)?;
        let address = match (port, argument.words_before_comment().nth(1)) {
            (0, None) => {
                return Err(Wrong::new(
                    "Error: A listener with port 0 must provide a Unix socket path.",
                )
                .hint("Write 'listener 0 /run/mosquitto.sock', or a port of 1 to 65535."));
            }
            (0, Some(path)) if path.len() > LONGEST_SOCKET_PATH => {
                return Err(Wrong::new(format!(
                    "Error: Path to unix socket is too long \"{path}\"."
                )));
            }
            (0, Some(path)) => ListenAddress::Unix(path.into()),
            (_, None) => ListenAddress::Any,
            (_, Some(host)) => ListenAddress::Host(host),
        };
        if let Some(listener) = self.listener(block) {
            listener.port = port;
            listener.address = address;
        }
        self.note_line(row, argument, block);
        Ok(())
    }

    fn read_default_port(
        &mut self,
        row: &'static Row,
        argument: &Argument<'_>,
    ) -> Result<(), Wrong> {
        self.is_opened = true;
        let earlier = self.note_line(row, argument, Block::DefaultListener);
        if earlier.is_some() {
            self.report(Severity::Warning, SECOND_PORT.to_owned(), None);
        }
        let port = match read_port(argument.name, &argument.word()?)? {
            0 => return Err(invalid_port(0)),
            port => port,
        };
        self.made_default_listener(argument).port = port;
        Ok(())
    }

    fn read_bind_address(
        &mut self,
        row: &'static Row,
        argument: &Argument<'_>,
    ) -> Result<(), Wrong> {
        self.is_opened = true;
        if let Some(earlier) = self.note_line(row, argument, Block::DefaultListener) {
            return Err(second(DUPLICATE, argument, &earlier));
        }
        let host = argument.text()?;
        self.report_note(argument.comment_in_text());
        self.made_default_listener(argument).address = ListenAddress::Host(host);
        Ok(())
    }

    /// What is once true stays true.
    fn read_per_listener_settings(
        &mut self,
        row: &'static Row,
        argument: &Argument<'_>,
    ) -> Result<(), Wrong> {
        self.note_line(row, argument, Block::Broker);
        self.config.per_listener_settings |= read_bool(argument)?;
        if self.is_security_set {
            let message =
                "Error: per_listener_settings must be set before any other security settings.";
            return Err(Wrong::new(message).hint("Make it the first line of the file."));
        }
        Ok(())
    }

    fn read_include_dir(&mut self, argument: &Argument<'_>) -> Result<(), Wrong> {
        let directory = PathBuf::from(argument.text()?);
        self.report_note(argument.comment_in_text());
        let Some(here) = self
            .location
            .clone()
            .filter(|here| here.included_from.is_none())
        else {
            return Err(Wrong::new(
                "Error: The include_dir option is only valid in the main configuration file.",
            ));
        };
        let files = files_of(&directory).map_err(|error| {
            let directory = directory.display();
            Wrong::new(format!("Error: Unable to open include_dir '{directory}'."))
                .hint(format!("The system says: {error}."))
        })?;
        for file in files {
            let message = format!("Loading config file '{}'", file.display());
            self.report(Severity::Information, message, None);
            if let Err(wrong) = self.read_file(&file, Some(here.clone())) {
                self.error(wrong);
            }
        }
        Ok(())
    }
}

fn read_port(name: &str, word: &str) -> Result<u16, Wrong> {
    let number = read_integer(name, word)?;
    u16::try_from(number).map_err(|_| invalid_port(number))
}

fn invalid_port(value: i32) -> Wrong {
    Wrong::new(format!("Error: Invalid 'port' value ({value})."))
        .hint("Ports are numbers from 1 to 65535.")
}
