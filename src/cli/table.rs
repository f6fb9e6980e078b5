//! The options of both programs.

use crate::options::option_rows;

const CLIENTS: &[&str] = &["mq-pub", "mq-sub"];
const MQ_PUB: &[&str] = &["mq-pub"];
const MQ_SUB: &[&str] = &["mq-sub"];

option_rows! {
    pub enum OptionId;

    Host: 'h' "host" ("HOST" Host, "no host specified") CLIENTS "Connection"
        "host name or address of the broker [default: localhost]";
    Port: 'p' "port" ("PORT" Text, "no port specified") CLIENTS "Connection"
        "port of the broker [default: 1883, or 8883 with --cafile or --capath]";
    Url: 'L' "url" ("URL" Url, "no URL specified") CLIENTS "Connection"
        "broker, login and topic in one: mqtt://[USERNAME[:PASSWORD]@]HOST[:PORT]/TOPIC; also mqtts, ws and wss";
    Unix: _ "unix" ("PATH" File, "no socket path specified") CLIENTS "Connection"
        "connect to a Unix domain socket instead";
    WebSocket: _ "ws" () CLIENTS "Connection"
        "use MQTT over WebSocket";
    Proxy: _ "proxy" ("URL" Url, "no proxy url specified") CLIENTS "Connection"
        "connect through a proxy: socks5h://[USERNAME[:PASSWORD]@]HOST[:PORT]";
    BindAddress: 'A' _ ("ADDRESS" Text, "no address specified") CLIENTS "Connection"
        "connect from this host name or address";
    ConnectTimeout: _ "connect-timeout" ("SECONDS" Text, "no timeout specified") CLIENTS "Connection"
        "give up an attempt to connect after SECONDS [default: 10]";
    KeepAlive: 'k' "keepalive" ("SECONDS" Text, "no keepalive specified") CLIENTS "Connection"
        "keep alive, 5 to 65535 [default: 60]";
    ProtocolVersion: 'V' "protocol-version" ("VERSION" ["mqttv31", "mqttv311", "mqttv5", "31", "311", "5"], "no version specified") CLIENTS "Connection"
        "mqttv31, mqttv311 or mqttv5, or 31, 311 or 5 [default: 311]";
    NoDelay: _ "nodelay" () CLIENTS "Connection"
        "send small packets at once; always on, accepted for compatibility";

    CaFile: _ "cafile" ("FILE" File, "no file specified") CLIENTS "Encryption"
        "use TLS and trust the certificates in this PEM file";
    CaPath: _ "capath" ("DIRECTORY" Directory, "no directory specified") CLIENTS "Encryption"
        "use TLS and trust the certificates in all PEM files of this directory";
    TlsUseOsCerts: _ "tls-use-os-certs" () CLIENTS "Encryption"
        "use TLS and trust the certificates that the operating system trusts";
    Certificate: _ "cert" ("FILE" File, "no file specified") CLIENTS "Encryption"
        "certificate of the client, a PEM file";
    Key: _ "key" ("FILE" File, "no file specified") CLIENTS "Encryption"
        "private key of the client's certificate, a PEM file";
    Insecure: _ "insecure" () CLIENTS "Encryption"
        "accept any certificate; for tests only";
    NoTls: _ "no-tls" () CLIENTS "Encryption"
        "do not use TLS, whatever the other options and the port say";
    TlsVersion: _ "tls-version" ("VERSION" ["tlsv1.2", "tlsv1.3"], "no version specified") CLIENTS "Encryption"
        "tlsv1.2 for TLS 1.2 and newer, tlsv1.3 for TLS 1.3 only [default: tlsv1.2]";
    Ciphers: _ "ciphers" ("LIST" Text, "no ciphers specified") CLIENTS "Encryption"
        "ciphers of TLS 1.2, or of TLS 1.3 with --tls-version tlsv1.3, by their OpenSSL names";
    TlsAlpn: _ "tls-alpn" ("PROTOCOL" Text, "no protocol specified") CLIENTS "Encryption"
        "application protocol to request";
    TlsKeyLog: _ "tls-keylog" ("FILE" File, "no file specified") CLIENTS "Encryption"
        "log TLS session keys to FILE so that a tool such as Wireshark can decrypt the traffic; so can anyone with the file";
    KeyForm: _ "keyform" ("FORM" Text, "no keyform specified") CLIENTS "Encryption"
        "form of the private key; only pem is supported";
    Psk: _ "psk" ("KEY" Text, "no key specified") CLIENTS "Encryption" hidden
        "pre-shared key; not supported";
    PskIdentity: _ "psk-identity" ("NAME" Text, "no identity specified") CLIENTS "Encryption" hidden
        "name of the pre-shared key; not supported";
    TlsEngine: _ "tls-engine" ("ENGINE" Text, "no engine_id specified") CLIENTS "Encryption" hidden
        "OpenSSL engine; not supported";
    TlsEngineKeyPassword: _ "tls-engine-kpass-sha1" ("HASH" Text, "no kpass sha1 specified") CLIENTS "Encryption" hidden
        "password of an engine's key; not supported";

    Username: 'u' "username" ("NAME" Text, "no username specified") CLIENTS "Login"
        "user name";
    Password: 'P' "pw" ("PASSWORD" Text, "no password specified") CLIENTS "Login"
        "password, which everyone on this machine can see; better use --pw-file or --pw-env";
    PasswordFile: _ "pw-file" ("FILE" File, "no file specified") CLIENTS "Login"
        "read the password from the first line of FILE";
    PasswordEnvironment: _ "pw-env" ("NAME" Text, "no variable specified") CLIENTS "Login"
        "read the password from an environment variable";

    Id: 'i' "id" ("ID" Text, "no id specified") CLIENTS "Session"
        "client identifier [default: the broker assigns one]";
    IdPrefix: 'I' "id-prefix" ("PREFIX" Text, "no id prefix specified") CLIENTS "Session"
        "client identifier made of PREFIX and the process id";
    Clean: 'c' "disable-clean-session" () CLIENTS "Session"
        "keep the session when the connection ends; needs -i";
    SessionExpiry: 'x' _ ("SECONDS" Text, "no session expiry interval specified") CLIENTS "Session"
        "keep the session for SECONDS after the connection ends (MQTT 5); -1 for ever";
    InflightMaximum: 'M' _ ("COUNT" Text, "max_inflight not specified") CLIENTS "Session"
        "maximum number of QoS 1 and 2 messages in flight [default: 20]";

    Topic: 't' "topic" ("TOPIC" Text, "no topic specified") CLIENTS "Message"
        "topic; mq-sub accepts several, with the wildcards + and #";
    Qos: 'q' "qos" ("QOS" ["0", "1", "2"], "no QoS specified") CLIENTS "Message"
        "QoS: 0, 1 or 2 [default: 0]";
    Message: 'm' "message" ("TEXT" Text, "no message specified") MQ_PUB "Message"
        "send TEXT as the message";
    File: 'f' "file" ("FILE" File, "no file specified") MQ_PUB "Message"
        "send the contents of FILE as one message";
    StdinFile: 's' "stdin-file" () MQ_PUB "Message"
        "send all of standard input as one message";
    Lines: 'l' "stdin-line" () MQ_PUB "Message"
        "send each line of standard input as a message";
    NullMessage: 'n' "null-message" () MQ_PUB "Message"
        "send an empty message";
    Retain: 'r' "retain" () MQ_PUB "Message"
        "make the broker retain the message";
    Repeat: _ "repeat" ("COUNT" Text, "no count specified") MQ_PUB "Message"
        "send the message COUNT times [default: 1]";
    RepeatDelay: _ "repeat-delay" ("SECONDS" Text, "no time specified") MQ_PUB "Message"
        "wait SECONDS between repetitions [default: 0]";
    Property: 'D' "property" (property) CLIENTS "Message"
        "add an MQTT 5 property: COMMAND NAME VALUE, or COMMAND user-property NAME VALUE";

    Unsubscribe: 'U' "unsubscribe" ("FILTER" Text, "no unsubscribe topic specified") MQ_SUB "Subscription"
        "end the subscription to FILTER of an earlier session; may be repeated";
    FilterOut: 'T' "filter-out" ("FILTER" Text, "no topic filter specified") MQ_SUB "Subscription"
        "do not print messages on topics that match FILTER; may be repeated";
    NoRetained: 'R' _ () MQ_SUB "Subscription"
        "do not print retained messages";
    RetainedOnly: _ "retained-only" () MQ_SUB "Subscription"
        "print retained messages only, and exit at the first other one";
    RemoveRetained: _ "remove-retained" () MQ_SUB "Subscription"
        "clear each retained message on the broker";
    RetainAsPublished: _ "retain-as-published" () MQ_SUB "Subscription"
        "keep the retain flag that the message was published with (MQTT 5)";
    NoLocal: _ "no-local" () MQ_SUB "Subscription"
        "do not receive messages that this client published itself (MQTT 5)";
    RetainHandling: _ "retain-handling" ("WHEN" ["always", "new", "never"], "no option specified") MQ_SUB "Subscription"
        "when to receive retained messages: always, new or never (MQTT 5)";
    RandomFilter: _ "random-filter" ("PERCENT" Text, "no chance specified") MQ_SUB "Subscription"
        "print only PERCENT of the messages, chosen at random";
    Count: 'C' _ ("COUNT" Text, "no count specified") MQ_SUB "Subscription"
        "exit after COUNT messages";
    ExitAfterSubAck: 'E' _ () MQ_SUB "Subscription"
        "exit as soon as the broker has acknowledged the subscription";

    Verbose: 'v' "verbose" () MQ_SUB "Output"
        "print the topic before each message";
    Format: 'F' _ ("FORMAT" Text, "no format specified") MQ_SUB "Output"
        "format of a message, such as '%I %t %p'";
    NoNewline: 'N' _ () MQ_SUB "Output"
        "do not print a line end after a message";
    Pretty: _ "pretty" () MQ_SUB "Output"
        "print JSON on several lines";
    Raw: _ "raw" () MQ_SUB "Output"
        "at a terminal, print control characters and binary messages as they are";
    Watch: 'w' "watch" () MQ_SUB "Output"
        "show the last message of each topic on a line of its own";
    MessageRate: _ "message-rate" () MQ_SUB "Output"
        "print the number of messages in each second instead of the messages";
    Debug: 'd' "debug" () CLIENTS "Output"
        "print each packet sent and received";
    Quiet: _ "quiet" () CLIENTS "Output"
        "print no errors except those of the command line";

    WillTopic: _ "will-topic" ("TOPIC" Text, "no will topic specified") CLIENTS "Last will"
        "topic on which the broker publishes the will if the connection is lost";
    WillPayload: _ "will-payload" ("TEXT" Text, "no will payload specified") CLIENTS "Last will"
        "message of the will [default: empty]";
    WillQos: _ "will-qos" ("QOS" ["0", "1", "2"], "no will QoS specified") CLIENTS "Last will"
        "QoS of the will [default: 0]";
    WillRetain: _ "will-retain" () CLIENTS "Last will"
        "make the broker retain the will";

    Timeout: 'W' _ ("SECONDS" Text, "no timeout specified") CLIENTS "Other"
        "exit with status 27 after SECONDS";
    OptionsFile: 'o' _ ("FILE" File, "no options file specified") CLIENTS "Other"
        "read options from FILE, one per line, instead of the file in the user's configuration directory";
    Help: _ "help" () CLIENTS "Other"
        "print this help";
    Version: _ "version" () CLIENTS "Other"
        "print the version";
}
