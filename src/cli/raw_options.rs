use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use bytes::Bytes;

use super::number::integer;
use super::property::{PropertyLists, parse_property};
use super::tls::RawTls;
use super::url::{Url, host_and_port};
use super::value::{
    count, filter, format, keep_alive, password_in_file, password_in_variable, path, port, qos,
    random_filter, repeat, repeat_delay, retain_handling, session_expiry, timeout, topic, version,
};
use super::{Kind, OptionId, UsageError, help, proxy};
use crate::client::Proxy;
use crate::options::{Arity, OptionTable, OptionUse, ScanError, Scanner};
use crate::protocol::{ProtocolVersion, QoS, RetainHandling, TopicFilter, TopicName};
use crate::publish::{MAX_PAYLOAD, Source};
use crate::subscribe::Format;

/// The action that a command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// Run the program.
    Run(Box<RawOptions>),
    /// `--help`
    Help,
    /// `--version`
    Version,
}

/// The options of a command line.
///
/// Each value is well-formed, but the combination is not yet checked.
#[derive(Debug, Default)]
pub struct RawOptions {
    pub(super) bind: Option<Vec<u8>>,
    /// A host, or a socket's path if the port is 0.
    pub(super) host: Option<Vec<u8>>,
    pub(super) port: Option<u16>,
    /// The port behind the host of `-h`, which counts without `-p`.
    pub(super) host_port: Option<u16>,
    /// True if a URL has no topic.
    pub(super) lacks_url_topic: bool,
    /// The time for a connection to stand, before the CONNECT.
    pub(super) connect_timeout: Option<Duration>,
    pub(super) proxy: Option<Proxy>,
    pub(super) websocket: bool,
    pub(super) tls: RawTls,
    pub(super) id: Option<Vec<u8>>,
    pub(super) id_prefix: Option<Vec<u8>>,
    pub(super) keep_session: bool,
    /// The session expiry in seconds; `u32::MAX` is for ever.
    pub(super) session_expiry: Option<u32>,
    pub(super) inflight_maximum: Option<u16>,
    pub(super) keep_alive: Option<u16>,
    pub(super) version: Option<ProtocolVersion>,
    pub(super) username: Option<Vec<u8>>,
    pub(super) password: Option<Vec<u8>>,
    pub(super) properties: PropertyLists,
    pub(super) will: RawWill,
    pub(super) qos: QoS,
    pub(super) debug: bool,
    pub(super) quiet: bool,

    pub(super) topic: Option<TopicName>,
    /// True if a second topic of `mq-pub` has replaced the first.
    pub(super) replaces_topic: bool,
    pub(super) source: Option<Source>,
    pub(super) retain: bool,
    pub(super) repeat: Option<u64>,
    pub(super) repeat_delay: Duration,

    pub(super) filters: Vec<TopicFilter>,
    pub(super) unsubscribe: Vec<TopicFilter>,
    pub(super) filter_out: Vec<TopicFilter>,
    pub(super) no_retained: bool,
    pub(super) retained_only: bool,
    pub(super) remove_retained: bool,
    pub(super) retain_as_published: bool,
    pub(super) retain_handling: RetainHandling,
    pub(super) count: Option<u64>,
    pub(super) exit_after_suback: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) verbose: bool,
    pub(super) format: Option<Format>,
    pub(super) no_newline: bool,
    pub(super) pretty: bool,
    pub(super) raw: bool,
    pub(super) watch: bool,
    pub(super) message_rate: bool,
    /// The percentage of messages to print.
    pub(super) random_filter: Option<f64>,
    pub(super) no_local: bool,
}

/// The options of the will.
#[derive(Debug, Default)]
pub(super) struct RawWill {
    pub(super) topic: Option<TopicName>,
    pub(super) payload: Option<Bytes>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
}

/// Parses the lines of an options file and the command line without its first word.
///
/// The first error ends it.
pub fn parse(
    kind: Kind,
    option_lines: Vec<Vec<OsString>>,
    words: Vec<OsString>,
) -> Result<Parsed, UsageError> {
    let mut raw = RawOptions::default();
    let options = help::options(kind);
    for words in option_lines.into_iter().chain([words]) {
        for option in Scanner::new(options.clone(), words).with_attached_values() {
            let option = option.map_err(|error| scan_error(kind, &options, error))?;
            match option.row.id {
                OptionId::Help => return Ok(Parsed::Help),
                OptionId::Version => return Ok(Parsed::Version),
                _ => raw.apply(kind, option)?,
            }
        }
    }
    Ok(Parsed::Run(Box::new(raw)))
}

/// Words an error as Mosquitto does, which calls two options by their long names.
fn scan_error(
    kind: Kind,
    options: &OptionTable<OptionId>,
    error: ScanError<OptionId>,
) -> UsageError {
    match error {
        ScanError::Unknown(word) => {
            let word = word.to_string_lossy();
            let name = word.split('=').next().unwrap_or_default();
            let hint = match (options.nearest(name), kind) {
                (Some(name), _) => Some(format!("did you mean --{name}?")),
                (None, Kind::Subscribe) if !word.starts_with('-') => {
                    Some(format!("a topic follows -t: mq-sub -t '{word}'"))
                }
                (None, Kind::Publish) if !word.starts_with('-') => {
                    Some("a topic follows -t and a message -m: mq-pub -t TOPIC -m TEXT".to_owned())
                }
                (None, _) => None,
            };
            UsageError::new(format!("Error: Unknown option '{word}'.\n")).hint(hint)
        }
        ScanError::MissingValue(row) => {
            let name = match (row.id, row.long) {
                (OptionId::ProtocolVersion | OptionId::Property, Some(long)) => format!("--{long}"),
                _ => row.name(),
            };
            let missing = row.missing();
            UsageError::new(format!("Error: {name} argument given but {missing}.\n\n"))
        }
    }
}

impl RawOptions {
    /// Returns whether `--quiet` was given.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    fn apply(&mut self, kind: Kind, option: OptionUse<OptionId>) -> Result<(), UsageError> {
        let id = option.row.id;
        let mut values: Vec<_> = option.values.into_iter().map(OsString::into_vec).collect();
        match option.row.arity {
            Arity::Flag => self.set_flag(id),
            Arity::Value { .. } => self.set_value(kind, id, values.pop().unwrap_or_default()),
            Arity::Property => {
                self.version = Some(ProtocolVersion::V5);
                parse_property(&values, &mut self.properties)
            }
        }
    }

    fn set_flag(&mut self, id: OptionId) -> Result<(), UsageError> {
        use OptionId as Id;
        match id {
            Id::Clean => self.keep_session = true,
            Id::Debug => self.debug = true,
            Id::ExitAfterSubAck => self.exit_after_suback = true,
            Id::Insecure => self.tls.insecure = true,
            Id::Lines => self.set_source(Source::Lines)?,
            Id::MessageRate => self.message_rate = true,
            Id::NoLocal => self.no_local = true,
            Id::NoNewline => self.no_newline = true,
            Id::NoRetained => self.no_retained = true,
            Id::NoTls => self.tls.off = true,
            Id::NullMessage => self.set_source(Source::Message(Bytes::new()))?,
            Id::Pretty => self.pretty = true,
            Id::Raw => self.raw = true,
            Id::Quiet => self.quiet = true,
            Id::RemoveRetained => self.remove_retained = true,
            Id::Retain => self.retain = true,
            Id::RetainAsPublished => self.retain_as_published = true,
            Id::RetainedOnly => self.retained_only = true,
            Id::StdinFile => self.set_source(Source::Stdin)?,
            Id::TlsUseOsCerts => self.tls.os_certificates = true,
            Id::Verbose => self.verbose = true,
            Id::Watch => self.watch = true,
            Id::WebSocket => self.websocket = true,
            Id::WillRetain => self.will.retain = true,
            // --help and --version end the command line, and --nodelay is always on.
            _ => {}
        }
        self.check_retained()
    }

    fn set_value(&mut self, kind: Kind, id: OptionId, value: Vec<u8>) -> Result<(), UsageError> {
        use OptionId as Id;
        match id {
            Id::BindAddress => self.bind = Some(value),
            Id::Count => self.count = Some(count(&value)?),
            Id::File => self.set_source(Source::File(path(value)))?,
            Id::FilterOut => self.filter_out.push(filter(value, "-T", "filter")?),
            Id::Format => self.format = Some(format(&value)?),
            Id::Host => self.set_host(kind, value)?,
            Id::ConnectTimeout => self.connect_timeout = Some(timeout(&value)?),
            Id::Id => self.id = Some(value),
            Id::IdPrefix => self.id_prefix = Some(value),
            Id::InflightMaximum => self.set_inflight_maximum(&value)?,
            Id::KeepAlive => self.keep_alive = Some(keep_alive(&value)?),
            Id::Message => self.set_message(value)?,
            Id::Password => self.password = Some(value),
            Id::PasswordEnvironment => self.password = Some(password_in_variable(value)?),
            Id::PasswordFile => self.password = Some(password_in_file(value)?),
            Id::Port => self.port = Some(port(&value)?),
            Id::Proxy => self.proxy = Some(proxy::parse(&value)?),
            Id::ProtocolVersion => self.version = Some(version(&value)?),
            Id::Qos => self.qos = qos(&value, "Invalid QoS given:", "\n")?,
            Id::RandomFilter => self.random_filter = Some(random_filter(&value)?),
            Id::Repeat => self.repeat = Some(repeat(&value)?),
            Id::RepeatDelay => self.repeat_delay = repeat_delay(&value)?,
            Id::RetainHandling => self.retain_handling = retain_handling(&value)?,
            Id::SessionExpiry => {
                self.session_expiry = Some(session_expiry(&value)?);
                self.version = Some(ProtocolVersion::V5);
            }
            Id::Timeout => self.timeout = Some(timeout(&value)?),
            Id::Topic => self.add_topic(kind, value, "-t")?,
            Id::Unix => {
                self.host = Some(value);
                self.port = Some(0);
            }
            Id::Unsubscribe => self.unsubscribe.push(filter(value, "-U", "unsubscribe")?),
            Id::Url => self.set_url(kind, &value)?,
            Id::Username => self.username = Some(value),
            Id::WillPayload => self.will.payload = Some(Bytes::from(value)),
            Id::WillQos => self.will.qos = qos(&value, "Invalid will QoS", ".\n\n")?,
            Id::WillTopic => self.will.topic = Some(topic(value, "--will-topic", "will")?),
            // The options file was read before.
            Id::OptionsFile => {}
            id => self.tls.set(id, value),
        }
        self.check_ids()
    }

    fn set_source(&mut self, source: Source) -> Result<(), UsageError> {
        if self.source.is_some() {
            return Err(UsageError::new(
                "Error: Only one type of message can be sent at once.\n\n",
            ));
        }
        self.source = Some(source);
        Ok(())
    }

    fn set_message(&mut self, value: Vec<u8>) -> Result<(), UsageError> {
        if value.len() > MAX_PAYLOAD {
            return Err(UsageError::new(format!(
                "Error: Message length must be less than {MAX_PAYLOAD} bytes.\n\n"
            )));
        }
        self.set_source(Source::Message(Bytes::from(value)))
    }

    /// Sets the maximum in flight; Mosquitto ignores a number that does not fit.
    fn set_inflight_maximum(&mut self, value: &[u8]) -> Result<(), UsageError> {
        let number = integer(value).filter(|&number| number > 0).ok_or_else(|| {
            UsageError::new("Error: Maximum inflight messages must be greater than 0.\n\n")
        })?;
        if let Ok(number) = u16::try_from(number) {
            self.inflight_maximum = Some(number);
        }
        Ok(())
    }

    fn add_topic(&mut self, kind: Kind, value: Vec<u8>, option: &str) -> Result<(), UsageError> {
        match kind {
            Kind::Publish => {
                let topic = topic(value, option, "publish")?;
                self.replaces_topic |= self.topic.replace(topic).is_some();
            }
            Kind::Subscribe => self.filters.push(filter(value, option, "subscription")?),
        }
        Ok(())
    }

    fn set_url(&mut self, kind: Kind, value: &[u8]) -> Result<(), UsageError> {
        let url = Url::parse(value)?;
        self.host = Some(url.host);
        self.port = Some(url.port);
        self.websocket |= url.scheme.is_websocket();
        self.tls.os_certificates |= url.scheme.is_encrypted();
        if let Some(username) = url.username {
            self.username = Some(username);
        }
        if let Some(password) = url.password {
            self.password = Some(password);
        }
        match url.topic {
            Some(topic) => self.add_topic(kind, topic, "-L topic"),
            None => {
                self.lacks_url_topic = true;
                Ok(())
            }
        }
    }

    /// Sets the host; people also write `HOST:PORT`, or a whole URL.
    fn set_host(&mut self, kind: Kind, value: Vec<u8>) -> Result<(), UsageError> {
        if memchr::memmem::find(&value, b"://").is_some() {
            return self.set_url(kind, &value);
        }
        let colons = memchr::memchr_iter(b':', &value).count();
        if colons == 1
            && let Ok((host, Some(port))) = host_and_port(&value)
        {
            self.host = Some(host.to_vec());
            self.host_port = Some(port);
        } else {
            self.host = Some(value);
        }
        Ok(())
    }

    fn check_ids(&self) -> Result<(), UsageError> {
        if self.id.is_some() && self.id_prefix.is_some() {
            return Err(UsageError::new(
                "Error: -i and -I argument cannot be used together.\n\n",
            ));
        }
        Ok(())
    }

    fn check_retained(&self) -> Result<(), UsageError> {
        if self.no_retained && self.retained_only {
            return Err(UsageError::bare(
                "\nError: Combining '-R' and '--retained-only' makes no sense.\n",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
