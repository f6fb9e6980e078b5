//! The options, as data.

use crate::options::option_rows;

const CLIENTS: &[&str] = &["mq-pub", "mq-sub"];
const MQ_PUB: &[&str] = &["mq-pub"];
const MQ_SUB: &[&str] = &["mq-sub"];

option_rows! {
    pub enum OptionId;

    Host: 'h' "host" ("HOST" Host, "no host specified") CLIENTS "Connection"
        "the broker's host name or address [default: localhost]";
    Port: 'p' "port" ("PORT" Text, "no port specified") CLIENTS "Connection"
        "the broker's port [default: 1883, or 8883 with --cafile or --capath]";
    Url: 'L' "url" ("URL" Url, "no URL specified") CLIENTS "Connection"
        "broker, login and topic at once: mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC, or with mqtts, ws or wss";
    Unix: _ "unix" ("PATH" File, "no socket path specified") CLIENTS "Connection"
        "connect to a Unix domain socket instead";
    WebSocket: _ "ws" () CLIENTS "Connection"
        "use MQTT over WebSocket";
    Proxy: _ "proxy" ("URL" Url, "no proxy url specified") CLIENTS "Connection"
        "connect through a proxy: socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]";
    BindAddress: 'A' _ ("ADDRESS" Text, "no address specified") CLIENTS "Connection"
        "connect from this host name or address";
    KeepAlive: 'k' "keepalive" ("SECONDS" Text, "no keepalive specified") CLIENTS "Connection"
        "the keep alive, 5 to 65535 [default: 60]";
    ProtocolVersion: 'V' "protocol-version" ("VERSION" ["mqttv31", "mqttv311", "mqttv5", "31", "311", "5"], "no version specified") CLIENTS "Connection"
        "mqttv31, mqttv311 or mqttv5, or just 31, 311 or 5 [default: 311]";
    NoDelay: _ "nodelay" () CLIENTS "Connection"
        "send small packets at once; always the case, taken for compatibility";

    CaFile: _ "cafile" ("FILE" File, "no file specified") CLIENTS "Encryption"
        "trust the certificates in this PEM file, and speak TLS";
    CaPath: _ "capath" ("FOLDER" Directory, "no directory specified") CLIENTS "Encryption"
        "trust the certificates in all PEM files of this folder, and speak TLS";
    TlsUseOsCerts: _ "tls-use-os-certs" () CLIENTS "Encryption"
        "trust what the operating system trusts, and speak TLS";
    Certificate: _ "cert" ("FILE" File, "no file specified") CLIENTS "Encryption"
        "the client's own certificate, a PEM file";
    Key: _ "key" ("FILE" File, "no file specified") CLIENTS "Encryption"
        "the private key of the client's certificate, a PEM file";
    Insecure: _ "insecure" () CLIENTS "Encryption"
        "accept any certificate; only for tests";
    NoTls: _ "no-tls" () CLIENTS "Encryption"
        "do not speak TLS, whatever the other options and the port say";
    TlsVersion: _ "tls-version" ("VERSION" ["tlsv1.2", "tlsv1.3"], "no version specified") CLIENTS "Encryption"
        "tlsv1.2 for 1.2 and newer, or tlsv1.3 for that only [default: tlsv1.2]";
    Ciphers: _ "ciphers" ("LIST" Text, "no ciphers specified") CLIENTS "Encryption"
        "the ciphers of TLS 1.2, or of 1.3 with --tls-version tlsv1.3, as OpenSSL writes them";
    TlsAlpn: _ "tls-alpn" ("PROTOCOL" Text, "no protocol specified") CLIENTS "Encryption"
        "the application protocol to ask for";
    TlsKeyLog: _ "tls-keylog" ("FILE" File, "no file specified") CLIENTS "Encryption"
        "append the session keys to a file, to decrypt a recording";
    KeyForm: _ "keyform" ("FORM" Text, "no keyform specified") CLIENTS "Encryption"
        "the kind of the key: only pem is supported";
    Psk: _ "psk" ("KEY" Text, "no key specified") CLIENTS "Encryption" hidden
        "a pre-shared key: not supported";
    PskIdentity: _ "psk-identity" ("NAME" Text, "no identity specified") CLIENTS "Encryption" hidden
        "the name of the pre-shared key: not supported";
    TlsEngine: _ "tls-engine" ("ENGINE" Text, "no engine_id specified") CLIENTS "Encryption" hidden
        "an OpenSSL engine: not supported";
    TlsEngineKeyPassword: _ "tls-engine-kpass-sha1" ("HASH" Text, "no kpass sha1 specified") CLIENTS "Encryption" hidden
        "the password of an engine's key: not supported";

    Username: 'u' "username" ("NAME" Text, "no username specified") CLIENTS "Login"
        "the user name";
    Password: 'P' "pw" ("PASSWORD" Text, "no password specified") CLIENTS "Login"
        "the password, for everyone on this machine to see: rather use --pw-file or --pw-env";
    PasswordFile: _ "pw-file" ("FILE" File, "no file specified") CLIENTS "Login"
        "take the password from the first line of a file";
    PasswordEnvironment: _ "pw-env" ("NAME" Text, "no variable specified") CLIENTS "Login"
        "take the password from an environment variable";

    Id: 'i' "id" ("ID" Text, "no id specified") CLIENTS "Session"
        "the client identifier [default: the broker chooses one]";
    IdPrefix: 'I' "id-prefix" ("PREFIX" Text, "no id prefix specified") CLIENTS "Session"
        "use the prefix and the process id as the client identifier";
    Clean: 'c' "disable-clean-session" () CLIENTS "Session"
        "keep the session when the connection ends; needs -i";
    SessionExpiry: 'x' _ ("SECONDS" Text, "no session expiry interval specified") CLIENTS "Session"
        "how long the session outlives the connection (MQTT 5); -1 for ever";
    InflightMaximum: 'M' _ ("COUNT" Text, "max_inflight not specified") CLIENTS "Session"
        "how many QoS 1 and 2 messages are in flight at most [default: 20]";

    Topic: 't' "topic" ("TOPIC" Text, "no topic specified") CLIENTS "Message"
        "the topic; mq-sub takes several, with the wildcards + and #";
    Qos: 'q' "qos" ("QOS" ["0", "1", "2"], "no QoS specified") CLIENTS "Message"
        "the QoS: 0, 1 or 2 [default: 0]";
    Message: 'm' "message" ("TEXT" Text, "no message specified") MQ_PUB "Message"
        "send this message";
    File: 'f' "file" ("FILE" File, "no file specified") MQ_PUB "Message"
        "send a file's contents as one message";
    StdinFile: 's' "stdin-file" () MQ_PUB "Message"
        "send all of standard input as one message";
    Lines: 'l' "stdin-line" () MQ_PUB "Message"
        "send each line of standard input as a message";
    NullMessage: 'n' "null-message" () MQ_PUB "Message"
        "send an empty message";
    Retain: 'r' "retain" () MQ_PUB "Message"
        "have the broker retain the message";
    Repeat: _ "repeat" ("COUNT" Text, "no count specified") MQ_PUB "Message"
        "send the message so many times [default: 1]";
    RepeatDelay: _ "repeat-delay" ("SECONDS" Text, "no time specified") MQ_PUB "Message"
        "wait so long between repetitions [default: 0]";
    Property: 'D' "property" (property) CLIENTS "Message"
        "an MQTT 5 property: COMMAND NAME VALUE, or COMMAND user-property NAME VALUE";

    Unsubscribe: 'U' "unsubscribe" ("FILTER" Text, "no unsubscribe topic specified") MQ_SUB "Subscription"
        "end a subscription of an earlier session; may be repeated";
    FilterOut: 'T' "filter-out" ("FILTER" Text, "no topic filter specified") MQ_SUB "Subscription"
        "print no message on these topics; may be repeated";
    NoRetained: 'R' _ () MQ_SUB "Subscription"
        "print no retained messages";
    RetainedOnly: _ "retained-only" () MQ_SUB "Subscription"
        "print retained messages only, and end at the first other one";
    RemoveRetained: _ "remove-retained" () MQ_SUB "Subscription"
        "clear each retained message that comes";
    RetainAsPublished: _ "retain-as-published" () MQ_SUB "Subscription"
        "keep the retain flag as it was published (MQTT 5)";
    NoLocal: _ "no-local" () MQ_SUB "Subscription"
        "get no messages that this client published itself (MQTT 5)";
    RetainHandling: _ "retain-handling" ("WHEN" ["always", "new", "never"], "no option specified") MQ_SUB "Subscription"
        "always, new or never: when to be sent retained messages (MQTT 5)";
    RandomFilter: _ "random-filter" ("PERCENT" Text, "no chance specified") MQ_SUB "Subscription"
        "print only so many of a hundred messages, chosen at random";
    Count: 'C' _ ("COUNT" Text, "no count specified") MQ_SUB "Subscription"
        "end after so many messages";
    ExitAfterSubAck: 'E' _ () MQ_SUB "Subscription"
        "end as soon as the broker has answered the subscription";
    Timeout: 'W' _ ("SECONDS" Text, "no timeout specified") MQ_SUB "Subscription"
        "end with code 27 after so long";

    Verbose: 'v' "verbose" () MQ_SUB "Output"
        "print the topic before each message";
    Format: 'F' _ ("FORMAT" Text, "no format specified") MQ_SUB "Output"
        "how to print a message, such as '%I %t %p'";
    NoNewline: 'N' _ () MQ_SUB "Output"
        "print no line end after a message";
    Pretty: _ "pretty" () MQ_SUB "Output"
        "print JSON over several lines";
    Watch: 'w' "watch" () MQ_SUB "Output"
        "keep each topic's last message in a line of its own";
    MessageRate: _ "message-rate" () MQ_SUB "Output"
        "print each second how many messages came, instead of the messages";
    Debug: 'd' "debug" () CLIENTS "Output"
        "print each packet sent and received";
    Quiet: _ "quiet" () CLIENTS "Output"
        "print no errors, but those of the command line";

    WillTopic: _ "will-topic" ("TOPIC" Text, "no will topic specified") CLIENTS "Last will"
        "where the broker publishes the will when the connection is lost";
    WillPayload: _ "will-payload" ("TEXT" Text, "no will payload specified") CLIENTS "Last will"
        "the will's message [default: empty]";
    WillQos: _ "will-qos" ("QOS" ["0", "1", "2"], "no will QoS specified") CLIENTS "Last will"
        "the will's QoS [default: 0]";
    WillRetain: _ "will-retain" () CLIENTS "Last will"
        "have the broker retain the will";

    OptionsFile: 'o' _ ("FILE" File, "no options file specified") CLIENTS "Other"
        "read options from this file, one per line, instead of the one in the user's configuration folder";
    Help: _ "help" () CLIENTS "Other"
        "print this help";
    Version: _ "version" () CLIENTS "Other"
        "print the version";
}
