//! Walks the lines of configuration files and lets each option's row read its value.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Location, Severity};
use super::include::files_of;
use super::model::{Config, DEFAULT_PORT, ListenAddress, Listener};
use super::table::{self, Place, Row, Structure, Support};
use super::text::did_you_mean;
use super::value::{Argument, Outcome, TextRule, Value, Wrong, read_integer};

/// The longest path of a Unix socket, in bytes.
const LONGEST_SOCKET_PATH: usize = 107;

/// The part of a configuration that a line can be about.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Block {
    /// The broker as a whole.
    Broker,
    /// The listener made by options that stand before any `listener`.
    DefaultListener,
    /// The n-th `listener`.
    Listener(usize),
    /// The n-th `connection`.
    Bridge(usize),
}

/// What the lines of one file are about at the moment.
#[derive(Default)]
struct Current {
    listener: Option<Block>,
    bridge: Option<Block>,
    plugin: bool,
}

/// The state between two lines.
#[derive(Default)]
pub(super) struct Parser {
    config: Config,
    default_listener: Option<Listener>,
    listeners: Vec<Listener>,
    bridges: usize,
    /// `port`, `bind_address` or `listener` was there, so that the broker is not local.
    is_opened: bool,
    is_security_set: bool,
    /// Options that may stand only once in their block.
    seen: HashSet<(&'static str, Block)>,
    current: Current,
    location: Option<Location>,
    diagnostics: Vec<Diagnostic>,
}

impl Parser {
    /// Reads the file `path`, named on the command line.
    pub(super) fn read_main_file(&mut self, path: &Path) {
        self.location = None;
        if let Err(message) = self.read_file(path, None) {
            self.report(Severity::Error, message, None);
        }
    }

    /// What was read. Without an address it is a local-only configuration on `ports`, or
    /// on the default port if there are none.
    pub(super) fn finish(mut self, ports: &[u16]) -> (Config, Vec<Diagnostic>) {
        self.location = None;
        self.config.local_only = !self.is_opened;
        if self.is_opened {
            if !ports.is_empty() {
                let message =
                    "Warning: -p is ignored, because the configuration file says where to listen.";
                self.report(Severity::Warning, message.to_owned(), None);
            }
            self.config.listeners = self.listeners;
            self.config.listeners.extend(self.default_listener);
        } else {
            let template = self.default_listener.unwrap_or_else(default_listener);
            let ports = if ports.is_empty() {
                &[DEFAULT_PORT]
            } else {
                ports
            };
            self.config.listeners = ports
                .iter()
                .map(|&port| Listener {
                    port,
                    address: ListenAddress::Loopback,
                    ..template.clone()
                })
                .collect();
        }
        (self.config, self.diagnostics)
    }

    /// Reads one file; `Err` is the text for a file that cannot be read.
    fn read_file(&mut self, path: &Path, included_from: Option<Location>) -> Result<(), String> {
        let bytes = std::fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::IsADirectory => {
                format!("Error: Config file '{}' is a directory.", path.display())
            }
            _ => format!("Error: Unable to open config file '{}'.", path.display()),
        })?;
        let outer_current = std::mem::take(&mut self.current);
        let outer_location = self.location.replace(Location {
            file: path.to_owned(),
            line: 0,
            included_from: included_from.map(Box::new),
        });
        for line in without_byte_order_mark(&bytes).split(|&byte| byte == b'\n') {
            if let Some(location) = &mut self.location {
                location.line += 1;
            }
            if line.contains(&0) {
                self.error(Wrong {
                    message: "Error: NUL byte in configuration.".to_owned(),
                    hint: Some("The file must be saved as UTF-8, not UTF-16.".to_owned()),
                });
                break;
            }
            self.read_line(line);
        }
        self.current = outer_current;
        self.location = outer_location;
        Ok(())
    }

    fn read_line(&mut self, line: &[u8]) {
        if line.starts_with(b"#") {
            return;
        }
        let line = line.trim_ascii_end();
        let start = line.iter().position(|&byte| byte != b' ');
        let line = &line[start.unwrap_or(line.len())..];
        if line.is_empty() {
            return;
        }
        let end = line
            .iter()
            .position(|&byte| byte == b' ')
            .unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        let name = String::from_utf8_lossy(name);
        let argument = Argument {
            name: &name,
            rest: rest.trim_ascii(),
        };
        let outcome = match table::find(&name) {
            Some(row) => self.read_option(row, &argument),
            None => Err(unknown(&name)),
        };
        if let Err(wrong) = outcome {
            self.error(wrong);
        }
    }

    fn read_option(&mut self, row: &'static Row, argument: &Argument<'_>) -> Result<(), Wrong> {
        if let Some(instead) = row.deprecated {
            let message = format!(
                "The '{}' option is now deprecated and will be removed in version 3.0. {instead}",
                argument.name
            );
            self.report(Severity::Notice, message.trim_end().to_owned(), None);
        }
        let is_switched_off = match &row.place {
            Place::Global(value) => {
                self.read_value(row, value, argument, Block::Broker, |parser| {
                    Some(&mut parser.config)
                })?
            }
            Place::Listener(value) => {
                let block = self
                    .current
                    .listener
                    .ok_or_else(|| needs(argument, "a listener"))?;
                self.read_value(row, value, argument, block, |parser| parser.listener(block))?
            }
            Place::DefaultListener(value) => {
                let block = self.listener_or_default(argument);
                self.read_value(row, value, argument, block, |parser| parser.listener(block))?
            }
            Place::Security(value) if self.config.per_listener_settings => {
                let block = self
                    .current
                    .listener
                    .ok_or_else(|| needs(argument, "a listener"))?;
                if let Some(instead) = row.per_listener_name {
                    let message = format!(
                        "You are using the '{0}' option with 'per_listener_settings true'. Please replace this with '{instead}'.",
                        argument.name
                    );
                    self.report(Severity::Notice, message, None);
                }
                self.read_value(row, value, argument, block, |parser| {
                    parser
                        .listener(block)
                        .map(|listener| &mut listener.security)
                })?
            }
            Place::Security(value) => {
                self.is_security_set = true;
                self.read_value(row, value, argument, Block::Broker, |parser| {
                    Some(&mut parser.config.security)
                })?
            }
            Place::Bridge(value) => {
                let block = self
                    .current
                    .bridge
                    .ok_or_else(|| needs(argument, "a bridge"))?;
                self.read_checked_only(row, value, argument, block)?
            }
            Place::Plugin(value) => {
                if !self.current.plugin {
                    return Err(match value {
                        Value::Bool(_) => Wrong::new(format!(
                            "Error: An {} option exists in the config file without a plugin.",
                            argument.name
                        )),
                        _ => needs(argument, "plugin/global_plugin/plugin_load"),
                    });
                }
                self.read_checked_only(row, value, argument, Block::Broker)?
            }
            Place::Structure(structure) => {
                self.read_structure(row, *structure, argument)?;
                false
            }
        };
        if is_switched_off {
            return Ok(());
        }
        self.tell_support(row, argument)
    }

    /// Reads `value` into what `target` finds; says whether it only switches something off.
    fn read_value<T>(
        &mut self,
        row: &'static Row,
        value: &Value<T>,
        argument: &Argument<'_>,
        block: Block,
        target: impl FnOnce(&mut Self) -> Option<&mut T>,
    ) -> Result<bool, Wrong> {
        if let Some(duplicate) = value.duplicate_text() {
            self.refuse_second(row, duplicate, argument, block)?;
        }
        let outcome = match target(self) {
            Some(target) => value.read(target, argument),
            None => Ok(None),
        };
        self.note(outcome)?;
        Ok(value.is_switched_off(argument))
    }

    fn read_checked_only(
        &mut self,
        row: &'static Row,
        value: &Value<()>,
        argument: &Argument<'_>,
        block: Block,
    ) -> Result<bool, Wrong> {
        let mut nothing = ();
        if let Some(duplicate) = value.duplicate_text() {
            self.refuse_second(row, duplicate, argument, block)?;
        }
        self.note(value.read(&mut nothing, argument))?;
        Ok(value.is_switched_off(argument))
    }

    fn refuse_second(
        &mut self,
        row: &'static Row,
        duplicate: &str,
        argument: &Argument<'_>,
        block: Block,
    ) -> Result<(), Wrong> {
        if self.seen.insert((row.name(), block)) {
            return Ok(());
        }
        Err(Wrong::new(argument.fill(duplicate, "")))
    }

    fn tell_support(&mut self, row: &Row, argument: &Argument<'_>) -> Result<(), Wrong> {
        match row.support {
            Support::Built | Support::Companion => Ok(()),
            Support::Later => {
                let message = format!(
                    "Warning: The '{}' option is not supported yet and has no effect{}.",
                    argument.name,
                    self.place_in_brackets()
                );
                self.report(Severity::Warning, message, None);
                Ok(())
            }
            Support::Obsolete(message) => {
                self.report(Severity::Warning, message.to_owned(), None);
                Ok(())
            }
            Support::Refused(why) => Err(Wrong::new(argument.fill(why, ""))),
        }
    }

    fn read_structure(
        &mut self,
        row: &'static Row,
        structure: Structure,
        argument: &Argument<'_>,
    ) -> Result<(), Wrong> {
        match structure {
            Structure::Listener => self.read_listener(argument),
            Structure::Port => {
                self.is_opened = true;
                if !self.seen.insert((row.name(), Block::Broker)) {
                    let message = "Warning: Default listener port specified multiple times. Only the latest will be used.";
                    self.report(Severity::Warning, message.to_owned(), None);
                }
                let word = argument.word()?;
                let port = read_port(argument.name, &word)?;
                if port == 0 {
                    return Err(invalid_port(&word));
                }
                self.made_default_listener(argument).port = port;
                Ok(())
            }
            Structure::BindAddress => {
                self.is_opened = true;
                if let Some(duplicate) =
                    Value::<()>::Text(TextRule::ONCE, |_, _| {}).duplicate_text()
                {
                    self.refuse_second(row, duplicate, argument, Block::DefaultListener)?;
                }
                let host = argument.text()?;
                self.made_default_listener(argument).address = ListenAddress::Host(host);
                Ok(())
            }
            Structure::PerListenerSettings => {
                let is_security_set = self.is_security_set;
                let value =
                    Value::Bool(|config: &mut Config, on| config.per_listener_settings |= on);
                value.read(&mut self.config, argument)?;
                if is_security_set {
                    return Err(Wrong::new(
                        "Error: per_listener_settings must be set before any other security settings.",
                    ));
                }
                Ok(())
            }
            Structure::IncludeDir => self.read_include_dir(argument),
            Structure::Bridge => {
                self.bridges += 1;
                self.current.bridge = Some(Block::Bridge(self.bridges));
                argument.word().map(drop)
            }
            Structure::Plugin => {
                self.current.plugin = true;
                let mut words = argument.words();
                let named = argument.name == "plugin_load";
                let name = if named {
                    argument.word()?;
                    words.next().unwrap_or_default()
                } else {
                    "(null)".to_owned()
                };
                match words.next() {
                    Some(_) => Ok(()),
                    None => Err(Wrong::new(format!(
                        "Error: Missing plugin path for plugin name '{name}'."
                    ))),
                }
            }
        }
    }

    fn read_listener(&mut self, argument: &Argument<'_>) -> Result<(), Wrong> {
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
        let address = match (port, argument.words().nth(1)) {
            (0, None) => {
                return Err(Wrong::new(
                    "Error: A listener with port 0 must provide a Unix socket path.",
                ));
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
        Ok(())
    }

    fn read_include_dir(&mut self, argument: &Argument<'_>) -> Result<(), Wrong> {
        let directory = PathBuf::from(argument.text()?);
        let Some(here) = self
            .location
            .clone()
            .filter(|here| here.included_from.is_none())
        else {
            return Err(Wrong::new(
                "Error: The include_dir option is only valid in the main configuration file.",
            ));
        };
        let files = files_of(&directory).map_err(|_| {
            Wrong::new(format!(
                "Error: Unable to open include_dir '{}'.",
                directory.display()
            ))
        })?;
        for file in files {
            let message = format!("Loading config file '{}'", file.display());
            self.report(Severity::Information, message, None);
            if let Err(message) = self.read_file(&file, Some(here.clone())) {
                self.error(Wrong::new(message));
            }
        }
        Ok(())
    }

    fn listener(&mut self, block: Block) -> Option<&mut Listener> {
        match block {
            Block::Listener(index) => self.listeners.get_mut(index),
            Block::DefaultListener => self.default_listener.as_mut(),
            Block::Broker | Block::Bridge(_) => None,
        }
    }

    /// The current listener, or else the default one, which is made if need be.
    fn listener_or_default(&mut self, argument: &Argument<'_>) -> Block {
        if let Some(block) = self.current.listener {
            return block;
        }
        self.made_default_listener(argument);
        Block::DefaultListener
    }

    fn made_default_listener(&mut self, argument: &Argument<'_>) -> &mut Listener {
        if self.default_listener.is_none() {
            let name = argument.name;
            for message in [
                format!("Creating default listener due to '{name}' option."),
                format!(
                    "It is best practice to define a 'listener' first. Using the '{name}' option without a listener will be disabled in the future."
                ),
            ] {
                self.report(Severity::Information, message, None);
            }
        }
        self.current.listener.get_or_insert(Block::DefaultListener);
        self.default_listener.get_or_insert_with(default_listener)
    }

    fn note(&mut self, outcome: Outcome) -> Result<(), Wrong> {
        if let Some(note) = outcome? {
            self.report(note.severity, note.message, None);
        }
        Ok(())
    }

    fn error(&mut self, wrong: Wrong) {
        self.report(Severity::Error, wrong.message, wrong.hint);
    }

    fn report(&mut self, severity: Severity, message: String, hint: Option<String>) {
        let location = match severity {
            Severity::Error => self.location.clone(),
            _ => None,
        };
        self.diagnostics.push(Diagnostic {
            severity,
            message,
            location,
            hint,
        });
    }

    fn place_in_brackets(&self) -> String {
        self.location
            .as_ref()
            .map(|location| format!(" ({location})"))
            .unwrap_or_default()
    }
}

fn default_listener() -> Listener {
    Listener::new(DEFAULT_PORT, ListenAddress::Any)
}

/// The mark that some editors put at the start of a file is no part of the first name.
fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

fn read_port(name: &str, word: &str) -> Result<u16, Wrong> {
    let number = read_integer(name, word)?;
    u16::try_from(number).map_err(|_| invalid_port(&number.to_string()))
}

fn invalid_port(value: &str) -> Wrong {
    Wrong::new(format!("Error: Invalid 'port' value ({value})."))
}

fn needs(argument: &Argument<'_>, what: &str) -> Wrong {
    Wrong::new(format!(
        "Error: The '{}' option requires {what} to be defined first.",
        argument.name
    ))
}

fn unknown(name: &str) -> Wrong {
    let hint = if name.starts_with('#') {
        Some("A comment must begin in the first column.".to_owned())
    } else if name.contains('\t') {
        Some("Names and values are separated by spaces, not by tabs.".to_owned())
    } else {
        did_you_mean(name, table::names())
    };
    Wrong {
        message: format!("Error: Unknown configuration variable '{name}'."),
        hint,
    }
}
