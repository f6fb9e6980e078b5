//! The options, as data.

use super::Kind;

/// An option by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is described by its row")]
pub enum OptionId {
    BindAddress,
    CaFile,
    CaPath,
    Certificate,
    Ciphers,
    Clean,
    Count,
    Debug,
    ExitAfterSubAck,
    File,
    FilterOut,
    Format,
    Help,
    Host,
    Id,
    IdPrefix,
    InflightMaximum,
    Insecure,
    KeepAlive,
    Key,
    KeyForm,
    Lines,
    Message,
    MessageRate,
    NoDelay,
    NoLocal,
    NoNewline,
    NoRetained,
    NoTls,
    NullMessage,
    OptionsFile,
    Password,
    PasswordEnvironment,
    PasswordFile,
    Port,
    Pretty,
    Property,
    Proxy,
    Psk,
    PskIdentity,
    ProtocolVersion,
    Qos,
    Quiet,
    RandomFilter,
    RemoveRetained,
    Repeat,
    RepeatDelay,
    Retain,
    RetainAsPublished,
    RetainHandling,
    RetainedOnly,
    SessionExpiry,
    StdinFile,
    Timeout,
    TlsAlpn,
    TlsEngine,
    TlsEngineKeyPassword,
    TlsKeyLog,
    TlsUseOsCerts,
    TlsVersion,
    Topic,
    Unix,
    Unsubscribe,
    Url,
    Username,
    Verbose,
    Version,
    Watch,
    WebSocket,
    WillPayload,
    WillQos,
    WillRetain,
    WillTopic,
}

/// Which programs have an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Programs {
    Both,
    Publish,
    Subscribe,
}

impl Programs {
    /// Whether the program has the option.
    pub fn include(self, kind: Kind) -> bool {
        match self {
            Self::Both => true,
            Self::Publish => kind == Kind::Publish,
            Self::Subscribe => kind == Kind::Subscribe,
        }
    }
}

/// A heading of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the titles say it")]
pub enum Group {
    Connection,
    Tls,
    Login,
    Session,
    Message,
    Subscription,
    Output,
    Will,
    Other,
}

impl Group {
    /// The heading's text.
    pub fn title(self) -> &'static str {
        match self {
            Self::Connection => "Connection",
            Self::Tls => "Encryption",
            Self::Login => "Login",
            Self::Session => "Session",
            Self::Message => "Message",
            Self::Subscription => "Subscription",
            Self::Output => "Output",
            Self::Will => "Last will",
            Self::Other => "Other",
        }
    }
}

/// How many words follow an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// None.
    None,
    /// One value, by its name in the help and in the error when it is missing.
    One(&'static str, &'static str),
    /// A command, a property's name and its value; two values for a user property.
    Property,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// What it means.
    pub id: OptionId,
    /// The same in letters.
    pub key: &'static str,
    /// The letter after one dash.
    pub short: Option<char>,
    /// The name after two dashes.
    pub long: Option<&'static str>,
    /// What follows it.
    pub words: Words,
    /// Which programs have it.
    pub programs: Programs,
    /// Where the help lists it.
    pub group: Group,
    /// What the help says.
    pub help: &'static str,
}

impl OptionRow {
    /// How errors call the option: by its letter when it has one, but for `-V` and `-D`.
    pub fn name_in_errors(&self) -> String {
        match (self.id, self.short, self.long) {
            (OptionId::ProtocolVersion | OptionId::Property, _, Some(long))
            | (_, None, Some(long)) => format!("--{long}"),
            (_, Some(short), _) => format!("-{short}"),
            (_, None, None) => String::new(),
        }
    }

    /// Whether the word is this option.
    pub(super) fn is_named(&self, word: &str) -> bool {
        if let Some(long) = word.strip_prefix("--") {
            return self.long == Some(long);
        }
        let letter = word.strip_prefix('-').map(str::chars);
        letter.is_some_and(|mut letters| {
            letters.next() == self.short && self.short.is_some() && letters.next().is_none()
        })
    }
}

/// A row: letter or `_`, name or `_`, what follows, programs, group, help.
macro_rules! options {
    ($($id:ident: $short:tt $long:tt $words:tt $programs:ident $group:ident $help:literal;)*) => {
        /// Every option of the two programs, by group.
        pub const OPTIONS: &[OptionRow] = &[$(OptionRow {
            id: OptionId::$id,
            key: stringify!($id),
            short: options!(@option $short),
            long: options!(@option $long),
            words: options!(@words $words),
            programs: Programs::$programs,
            group: Group::$group,
            help: $help,
        },)*];
    };
    (@option _) => { None };
    (@option $value:literal) => { Some($value) };
    (@words ()) => { Words::None };
    (@words (property)) => { Words::Property };
    (@words ($value:literal, $missing:literal)) => { Words::One($value, $missing) };
}

options! {
    Host: 'h' "host" ("HOST", "no host specified") Both Connection
        "the broker's host name or address [default: localhost]";
    Port: 'p' "port" ("PORT", "no port specified") Both Connection
        "the broker's port [default: 1883, or 8883 with --cafile or --capath]";
    Url: 'L' "url" ("URL", "no URL specified") Both Connection
        "broker, login and topic at once: mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC, or with mqtts, ws or wss";
    Unix: _ "unix" ("PATH", "no socket path specified") Both Connection
        "connect to a Unix domain socket instead";
    WebSocket: _ "ws" () Both Connection
        "use MQTT over WebSocket";
    Proxy: _ "proxy" ("URL", "no proxy url specified") Both Connection
        "connect through a proxy: socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]";
    BindAddress: 'A' _ ("ADDRESS", "no address specified") Both Connection
        "connect from this host name or address";
    KeepAlive: 'k' "keepalive" ("SECONDS", "no keepalive specified") Both Connection
        "the keep alive, 5 to 65535 [default: 60]";
    ProtocolVersion: 'V' "protocol-version" ("VERSION", "no version specified") Both Connection
        "mqttv31, mqttv311 or mqttv5, or just 31, 311 or 5 [default: 311]";
    NoDelay: _ "nodelay" () Both Connection
        "send small packets at once; always the case, taken for compatibility";

    CaFile: _ "cafile" ("FILE", "no file specified") Both Tls
        "trust the certificates in this PEM file, and speak TLS";
    CaPath: _ "capath" ("FOLDER", "no directory specified") Both Tls
        "trust the certificates in all PEM files of this folder, and speak TLS";
    TlsUseOsCerts: _ "tls-use-os-certs" () Both Tls
        "trust what the operating system trusts, and speak TLS";
    Certificate: _ "cert" ("FILE", "no file specified") Both Tls
        "the client's own certificate, a PEM file";
    Key: _ "key" ("FILE", "no file specified") Both Tls
        "the private key of the client's certificate, a PEM file";
    Insecure: _ "insecure" () Both Tls
        "accept any certificate; only for tests";
    NoTls: _ "no-tls" () Both Tls
        "do not speak TLS, whatever the other options and the port say";
    TlsVersion: _ "tls-version" ("VERSION", "no version specified") Both Tls
        "tlsv1.2 for 1.2 and newer, or tlsv1.3 for that only [default: tlsv1.2]";
    Ciphers: _ "ciphers" ("LIST", "no ciphers specified") Both Tls
        "the ciphers of TLS 1.2, or of 1.3 with --tls-version tlsv1.3, as OpenSSL writes them";
    TlsAlpn: _ "tls-alpn" ("PROTOCOL", "no protocol specified") Both Tls
        "the application protocol to ask for";
    TlsKeyLog: _ "tls-keylog" ("FILE", "no file specified") Both Tls
        "append the session keys to a file, to decrypt a recording";
    KeyForm: _ "keyform" ("FORM", "no keyform specified") Both Tls
        "the kind of the key: only pem is supported";
    Psk: _ "psk" ("KEY", "no key specified") Both Tls
        "a pre-shared key: not supported";
    PskIdentity: _ "psk-identity" ("NAME", "no identity specified") Both Tls
        "the name of the pre-shared key: not supported";
    TlsEngine: _ "tls-engine" ("ENGINE", "no engine_id specified") Both Tls
        "an OpenSSL engine: not supported";
    TlsEngineKeyPassword: _ "tls-engine-kpass-sha1" ("HASH", "no kpass sha1 specified") Both Tls
        "the password of an engine's key: not supported";

    Username: 'u' "username" ("NAME", "no username specified") Both Login
        "the user name";
    Password: 'P' "pw" ("PASSWORD", "no password specified") Both Login
        "the password, for everyone on this machine to see: rather use --pw-file or --pw-env";
    PasswordFile: _ "pw-file" ("FILE", "no file specified") Both Login
        "take the password from the first line of a file";
    PasswordEnvironment: _ "pw-env" ("NAME", "no variable specified") Both Login
        "take the password from an environment variable";

    Id: 'i' "id" ("ID", "no id specified") Both Session
        "the client identifier [default: the broker chooses one]";
    IdPrefix: 'I' "id-prefix" ("PREFIX", "no id prefix specified") Both Session
        "use the prefix and the process id as the client identifier";
    Clean: 'c' "disable-clean-session" () Both Session
        "keep the session when the connection ends; needs -i";
    SessionExpiry: 'x' _ ("SECONDS", "no session expiry interval specified") Both Session
        "how long the session outlives the connection (MQTT 5); -1 for ever";
    InflightMaximum: 'M' _ ("COUNT", "max_inflight not specified") Both Session
        "how many QoS 1 and 2 messages are in flight at most [default: 20]";

    Topic: 't' "topic" ("TOPIC", "no topic specified") Both Message
        "the topic; mq-sub takes several, with the wildcards + and #";
    Qos: 'q' "qos" ("QOS", "no QoS specified") Both Message
        "the QoS: 0, 1 or 2 [default: 0]";
    Message: 'm' "message" ("TEXT", "no message specified") Publish Message
        "send this message";
    File: 'f' "file" ("FILE", "no file specified") Publish Message
        "send a file's contents as one message";
    StdinFile: 's' "stdin-file" () Publish Message
        "send all of standard input as one message";
    Lines: 'l' "stdin-line" () Publish Message
        "send each line of standard input as a message";
    NullMessage: 'n' "null-message" () Publish Message
        "send an empty message";
    Retain: 'r' "retain" () Publish Message
        "have the broker retain the message";
    Repeat: _ "repeat" ("COUNT", "no count specified") Publish Message
        "send the message so many times [default: 1]";
    RepeatDelay: _ "repeat-delay" ("SECONDS", "no time specified") Publish Message
        "wait so long between repetitions [default: 0]";
    Property: 'D' "property" (property) Both Message
        "an MQTT 5 property: COMMAND NAME VALUE, or COMMAND user-property NAME VALUE";

    Unsubscribe: 'U' "unsubscribe" ("FILTER", "no unsubscribe topic specified") Subscribe Subscription
        "end a subscription of an earlier session; may be repeated";
    FilterOut: 'T' "filter-out" ("FILTER", "no topic filter specified") Subscribe Subscription
        "print no message on these topics; may be repeated";
    NoRetained: 'R' _ () Subscribe Subscription
        "print no retained messages";
    RetainedOnly: _ "retained-only" () Subscribe Subscription
        "print retained messages only, and end at the first other one";
    RemoveRetained: _ "remove-retained" () Subscribe Subscription
        "clear each retained message that comes";
    RetainAsPublished: _ "retain-as-published" () Subscribe Subscription
        "keep the retain flag as it was published (MQTT 5)";
    NoLocal: _ "no-local" () Subscribe Subscription
        "get no messages that this client published itself (MQTT 5)";
    RetainHandling: _ "retain-handling" ("WHEN", "no option specified") Subscribe Subscription
        "always, new or never: when to be sent retained messages (MQTT 5)";
    RandomFilter: _ "random-filter" ("PERCENT", "no chance specified") Subscribe Subscription
        "print only so many of a hundred messages, chosen at random";
    Count: 'C' _ ("COUNT", "no count specified") Subscribe Subscription
        "end after so many messages";
    ExitAfterSubAck: 'E' _ () Subscribe Subscription
        "end as soon as the broker has answered the subscription";
    Timeout: 'W' _ ("SECONDS", "no timeout specified") Subscribe Subscription
        "end with code 27 after so long";

    Verbose: 'v' "verbose" () Subscribe Output
        "print the topic before each message";
    Format: 'F' _ ("FORMAT", "no format specified") Subscribe Output
        "how to print a message, such as '%I %t %p'";
    NoNewline: 'N' _ () Subscribe Output
        "print no line end after a message";
    Pretty: _ "pretty" () Subscribe Output
        "print JSON over several lines";
    Watch: 'w' "watch" () Subscribe Output
        "keep each topic's last message in a line of its own";
    MessageRate: _ "message-rate" () Subscribe Output
        "print each second how many messages came, instead of the messages";
    Debug: 'd' "debug" () Both Output
        "print each packet sent and received";
    Quiet: _ "quiet" () Both Output
        "print no errors, but those of the command line";

    WillTopic: _ "will-topic" ("TOPIC", "no will topic specified") Both Will
        "where the broker publishes the will when the connection is lost";
    WillPayload: _ "will-payload" ("TEXT", "no will payload specified") Both Will
        "the will's message [default: empty]";
    WillQos: _ "will-qos" ("QOS", "no will QoS specified") Both Will
        "the will's QoS [default: 0]";
    WillRetain: _ "will-retain" () Both Will
        "have the broker retain the will";

    OptionsFile: 'o' _ ("FILE", "no options file specified") Both Other
        "read options from this file, one per line, instead of the one in the user's configuration folder";
    Help: _ "help" () Both Other
        "print this help";
    Version: _ "version" () Both Other
        "print the version";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_options_have_the_same_name() {
        let mut seen = HashSet::new();
        for row in OPTIONS {
            assert!(row.short.is_some() || row.long.is_some(), "{:?}", row.id);
            for name in [
                row.short.map(|short| short.to_string()),
                row.long.map(str::to_owned),
            ]
            .into_iter()
            .flatten()
            {
                assert!(seen.insert(name.clone()), "{name}");
            }
        }
    }
}
