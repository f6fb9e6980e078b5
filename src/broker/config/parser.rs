//! Walks the lines of configuration files and lets each option's row read its value.

mod block;
mod bridges;
mod consistency;
mod plugins;
mod security;
mod security_use;
mod structure;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::Path;

use self::block::Block;
use self::security_use::SecurityUse;
use super::diagnostic::{Diagnostic, Location, Severity};
use super::model::{Bridge, Config, DEFAULT_PORT, ListenAddress, Listener};
use super::plugin::Plugin;
use super::row::{Row, Section, Support};
use super::source_lines::{Scope, SourceLine};
use super::table;
use super::text::did_you_mean;
use super::value::{Argument, Note, Value, Wrong};

/// What the lines of one file are about at the moment.
#[derive(Default)]
struct Current {
    listener: Option<Block>,
    bridge: Option<Block>,
    /// Its place among the plugins.
    plugin: Option<usize>,
}

/// The state between two lines.
#[derive(Default)]
pub(super) struct Parser {
    config: Config,
    default_listener: Option<Listener>,
    listeners: Vec<Listener>,
    bridges: Vec<Bridge>,
    plugins: Vec<Plugin>,
    /// Plugins by their places, and what they are about.
    plugin_uses: Vec<(usize, Block)>,
    /// `port`, `bind_address` or `listener` was there, so that the broker is not local.
    is_opened: bool,
    /// Security options that count for all listeners, in the order of the file.
    security_uses: Vec<SecurityUse>,
    is_security_set: bool,
    /// The options that were there, wrong ones included.
    seen: HashMap<(&'static str, Block), SourceLine>,
    /// Where the default listener came to be.
    default_listener_from: Option<Location>,
    current: Current,
    location: Option<Location>,
    diagnostics: Vec<Diagnostic>,
}

impl Parser {
    /// Reads the file `path`, named on the command line.
    pub(super) fn read_main_file(&mut self, path: &Path) {
        self.location = None;
        if let Err(wrong) = self.read_file(path, None) {
            self.error(wrong);
        }
    }

    /// What was read. Without an address it is a local-only configuration on `ports`, or
    /// on the default port if there are none.
    pub(super) fn finish(mut self, ports: &[u16]) -> (Config, Vec<Diagnostic>) {
        self.apply_plugins();
        self.location = None;
        self.check_listeners();
        self.check_shared_security();
        self.check_bridges();
        self.config.bridges = std::mem::take(&mut self.bridges);
        self.config.local_only = !self.is_opened;
        let default_listeners;
        if self.is_opened {
            if !ports.is_empty() {
                let message =
                    "Warning: -p is ignored, because the configuration file says where to listen.";
                self.report(Severity::Warning, message.to_owned(), None);
            }
            self.config.listeners = self.listeners;
            default_listeners = self.config.listeners.len()..self.config.listeners.len() + 1;
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
            default_listeners = 0..ports.len();
        }
        for ((option, block), place) in self.seen {
            let scopes: Vec<Scope> = match block {
                Block::Broker => vec![Scope::Broker],
                Block::Listener(index) => vec![Scope::Listener(index)],
                Block::DefaultListener => default_listeners.clone().map(Scope::Listener).collect(),
                Block::Bridge(_) => Vec::new(),
            };
            for scope in scopes {
                self.config.source_lines.add(option, scope, place.clone());
            }
        }
        (self.config, self.diagnostics)
    }

    /// Reads one file; `Err` is for a file that cannot be read.
    fn read_file(&mut self, path: &Path, included_from: Option<Location>) -> Result<(), Wrong> {
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
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
                self.error(
                    Wrong::new("Error: NUL byte in configuration.")
                        .hint("The file must be saved as UTF-8, not UTF-16."),
                );
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
        if let Err(mut wrong) = outcome {
            if line.contains(&b'\t') {
                wrong = wrong.hint("Names and values are separated by spaces, not by tabs.");
            }
            self.error(wrong);
        }
    }

    fn read_option(&mut self, row: &'static Row, argument: &Argument<'_>) -> Result<(), Wrong> {
        self.report_deprecated(row, argument);
        if self.read_section(row, argument)? {
            return Ok(());
        }
        self.report_support(row, argument)
    }

    /// Reads the value into the block that the row says; tells whether it only switches
    /// off what is off anyway.
    fn read_section(&mut self, row: &'static Row, argument: &Argument<'_>) -> Result<bool, Wrong> {
        match &row.section {
            Section::Global(value) => {
                self.read_value(row, value, argument, Block::Broker, |parser| {
                    Some(&mut parser.config)
                })
            }
            Section::Listener(value) => {
                let block = self.current_listener(argument)?;
                self.read_value(row, value, argument, block, |parser| parser.listener(block))
            }
            Section::DefaultListener(value) => {
                let block = self.listener_or_default(argument);
                self.read_value(row, value, argument, block, |parser| parser.listener(block))
            }
            Section::Security(value) if self.config.per_listener_settings => {
                let block = self.current_listener(argument)?;
                self.report_per_listener_name(row, argument);
                self.read_value(row, value, argument, block, |parser| {
                    let listener = parser.listener(block)?;
                    Some(&mut listener.security)
                })
            }
            Section::Security(value) => {
                self.is_security_set = true;
                self.note_shared_security(row, value, argument);
                self.read_value(row, value, argument, Block::Broker, |parser| {
                    Some(&mut parser.config.security)
                })
            }
            Section::Bridge(value) => {
                let bridge = self.current.bridge;
                let block = bridge.ok_or_else(|| needs(argument, "a bridge"))?;
                self.read_value(row, value, argument, block, |parser| parser.bridge(block))
            }
            Section::Plugin(value) => match (self.current.plugin, value) {
                (Some(at), _) => self.read_value(row, value, argument, Block::Broker, |parser| {
                    parser.plugins.get_mut(at)
                }),
                (None, Value::Bool(_)) => Err(Wrong::new(format!(
                    "Error: An {} option exists in the config file without a plugin.",
                    argument.name
                ))),
                (None, _) => Err(needs(argument, "plugin/global_plugin/plugin_load")),
            },
            Section::Structure(structure) => {
                self.read_structure(row, *structure, argument)?;
                Ok(false)
            }
        }
    }

    fn read_value<T>(
        &mut self,
        row: &'static Row,
        value: &Value<T>,
        argument: &Argument<'_>,
        block: Block,
        target: impl FnOnce(&mut Self) -> Option<&mut T>,
    ) -> Result<bool, Wrong> {
        let earlier = self.note_line(row, argument, block);
        if let (Some(duplicate), Some(earlier)) = (value.duplicate_text(), earlier) {
            return Err(second(duplicate, argument, &earlier));
        }
        let note = match target(self) {
            Some(target) => value.read(target, argument)?,
            None => None,
        };
        self.report_note(note);
        Ok(value.is_switched_off(argument))
    }

    /// Keeps where the option stands; returns where it stood before.
    fn note_line(
        &mut self,
        row: &'static Row,
        argument: &Argument<'_>,
        block: Block,
    ) -> Option<Location> {
        let location = self.location.clone()?;
        let value = argument.rest.to_vec();
        match self.seen.entry((row.name(), block)) {
            Entry::Vacant(vacant) => {
                let values = vec![value];
                vacant.insert(SourceLine { location, values });
                None
            }
            Entry::Occupied(mut occupied) => {
                let place = occupied.get_mut();
                place.values.push(value);
                Some(std::mem::replace(&mut place.location, location))
            }
        }
    }

    /// Where the option of this block stands.
    fn location_of(&self, option: &'static str, block: Block) -> Option<Location> {
        let place = self.seen.get(&(option, block))?;
        Some(place.location.clone())
    }

    /// Where the block says its address, if that could be read.
    fn address_location(&self, block: Block) -> Option<Location> {
        match block {
            Block::DefaultListener => self.default_listener_from.clone(),
            _ => self.location_of("listener", block),
        }
    }

    fn report_deprecated(&mut self, row: &Row, argument: &Argument<'_>) {
        let Some(instead) = row.deprecated else {
            return;
        };
        let message = format!(
            "The '{}' option is now deprecated and will be removed in version 3.0. {instead}",
            argument.name
        );
        self.report(Severity::Notice, message.trim_end().to_owned(), None);
    }

    fn report_per_listener_name(&mut self, row: &Row, argument: &Argument<'_>) {
        let Some(instead) = row.per_listener_name else {
            return;
        };
        let message = format!(
            "You are using the '{}' option with 'per_listener_settings true'. \
             Please replace this with '{instead}'.",
            argument.name
        );
        self.report(Severity::Notice, message, None);
    }

    fn report_support(&mut self, row: &Row, argument: &Argument<'_>) -> Result<(), Wrong> {
        match row.support {
            Support::Built | Support::Companion => Ok(()),
            Support::Obsolete(message) => {
                self.report(Severity::Warning, message.to_owned(), None);
                Ok(())
            }
            Support::Refused(why) => Err(Wrong::new(argument.fill(why, ""))),
        }
    }

    fn listener(&mut self, block: Block) -> Option<&mut Listener> {
        match block {
            Block::Listener(index) => self.listeners.get_mut(index),
            Block::DefaultListener => self.default_listener.as_mut(),
            Block::Broker | Block::Bridge(_) => None,
        }
    }

    fn bridge(&mut self, block: Block) -> Option<&mut Bridge> {
        match block {
            Block::Bridge(index) => self.bridges.get_mut(index),
            Block::Broker | Block::Listener(_) | Block::DefaultListener => None,
        }
    }

    fn current_listener(&self, argument: &Argument<'_>) -> Result<Block, Wrong> {
        self.current
            .listener
            .ok_or_else(|| needs(argument, "a listener"))
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
            self.default_listener_from = self.location.clone();
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

    fn error(&mut self, wrong: Wrong) {
        self.report(Severity::Error, wrong.message, wrong.hint);
    }

    /// An error about a line that was read before.
    fn error_at(&mut self, location: Option<Location>, wrong: Wrong) {
        let here = std::mem::replace(&mut self.location, location);
        self.error(wrong);
        self.location = here;
    }

    fn report_note(&mut self, note: Option<Note>) {
        let Some(Note { severity, message }) = note else {
            return;
        };
        let place = self.location.as_ref();
        let place = place.map_or(String::new(), |location| format!(" ({location})"));
        self.report(severity, message.replace("{place}", &place), None);
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
}

fn default_listener() -> Listener {
    Listener::new(DEFAULT_PORT, ListenAddress::Any)
}

fn unreadable(path: &Path, error: &io::Error) -> Wrong {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::IsADirectory => {
            Wrong::new(format!("Error: Config file '{path}' is a directory."))
        }
        _ => Wrong::new(format!("Error: Unable to open config file '{path}'."))
            .hint(format!("The system says: {error}.")),
    }
}

/// The error for a second use of an option.
fn second(text: &str, argument: &Argument<'_>, earlier: &Location) -> Wrong {
    Wrong::new(argument.fill(text, "")).hint(format!("It stands already at {earlier}."))
}

/// The mark that some editors put at the start of a file is no part of the first name.
fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

fn needs(argument: &Argument<'_>, what: &str) -> Wrong {
    let name = argument.name;
    let begins = match what {
        "a listener" => "listener",
        "a bridge" => "connection",
        _ => "plugin",
    };
    Wrong::new(format!(
        "Error: The '{name}' option requires {what} to be defined first."
    ))
    .hint(format!("Put it below a '{begins}' line, in the same file."))
}

fn unknown(name: &str) -> Wrong {
    let hint = if name.starts_with('#') {
        Some("A comment must begin in the first column.".to_owned())
    } else {
        did_you_mean(name, table::names())
    };
    Wrong {
        message: format!("Error: Unknown configuration variable '{name}'."),
        hint,
    }
}
