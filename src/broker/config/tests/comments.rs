//! Comments behind values: ignored behind a word, a part of a text.

use super::super::row::{Row, Section, Support};
use super::super::source_lines::SourceLines;
use super::super::table;
use super::super::value::Value;
use super::every_option::NAMES;
use super::*;

/// Behind a value; it would change the meaning of every kind of value if it were read.
const COMMENT: &str = "# 5 out 2";

const REMEDY: &str = "A comment must be on a line of its own.";

/// The options besides those of `Value::Text` whose value is the rest of the line.
const TEXTS: [&str; 8] = [
    "auth_plugin",
    "bind_address",
    "global_plugin",
    "http_dir",
    "include_dir",
    "mount_point",
    "plugin",
    "plugin_load",
];

/// A value that the option takes.
fn value_of(name: &str) -> &'static str {
    match name {
        "accept_protocol_versions" => "4",
        "bridge_protocol_version" => "mqttv311",
        "bridge_reload_type" => "lazy",
        "bridge_tcp_keepalive" => "1 2 3",
        "listener" => "1884",
        "log_dest" => "stderr",
        "log_type" => "all",
        "max_packet_size" => "20",
        "persistent_client_expiration" => "2d",
        "plugin_use" => "n",
        "protocol" => "mqtt",
        "restart_timeout" => "5",
        "socket_domain" => "ipv4",
        "start_type" => "once",
        _ => "1",
    }
}

fn takes_text(row: &Row, name: &str) -> bool {
    let is_text = match &row.section {
        Section::Global(value) => matches!(value, Value::Text(..)),
        Section::Listener(value) | Section::DefaultListener(value) => {
            matches!(value, Value::Text(..))
        }
        Section::Security(value) => matches!(value, Value::Text(..)),
        Section::Bridge(value) => matches!(value, Value::Text(..)),
        Section::Plugin(value) => matches!(value, Value::Text(..)),
        Section::Structure(_) => false,
    };
    is_text || TEXTS.contains(&name)
}

/// Loads `line`, which is about the option of `row`; returns the result and all texts.
fn load(row: &Row, line: &str) -> (Option<Config>, Vec<String>) {
    let bridge = match row.section {
        Section::Bridge(_) => "connection b",
        _ => "",
    };
    let before = "listener 1883\nplugin_load n /mosquitto_acl_file.so\nplugin_opt_acl_file /a";
    let loaded = Files::new(format!("{before}\n{bridge}\n{line}\n")).load();
    let mut config = loaded.config;
    if let Some(config) = &mut config {
        // It keeps the lines as they are written.
        config.source_lines = SourceLines::default();
    }
    (config, loaded.lines)
}

#[test]
fn a_comment_behind_a_word_is_ignored_and_behind_a_text_reported() {
    for name in NAMES.split_whitespace() {
        let row = table::find(name).unwrap();
        // A refused option has no value, and a topic may begin with a '#'.
        if matches!(row.support, Support::Refused(_)) || name == "topic" {
            continue;
        }
        let value = value_of(name);
        let plain = load(row, &format!("{name} {value}"));
        let commented = load(row, &format!("{name} {value} {COMMENT}"));
        if takes_text(row, name) {
            let warning = format!(
                "Warning: The value of '{name}' is the whole rest of the line, including the '#' \
                 (mosquitto.conf:5). {REMEDY}"
            );
            let is_told = commented.1.contains(&warning);
            let is_refused = commented.1.iter().any(|line| line.contains(REMEDY));
            assert!(is_told || is_refused, "{name}: {:?}", commented.1);
        } else {
            assert_eq!(commented, plain, "{name}");
        }
    }
}

#[test]
fn a_comment_behind_the_port_of_a_listener_is_no_address() {
    for line in ["listener 1884 # any address", "listener 1884 #any"] {
        assert_eq!(listener(line).address, ListenAddress::Any, "{line}");
    }
    let line = "listener 1884 127.0.0.1 # this machine";
    let address = ListenAddress::Host("127.0.0.1".to_owned());
    assert_eq!(listener(line).address, address);
    assert_eq!(
        errors("listener 0 # a socket")[0],
        "Error: A listener with port 0 must provide a Unix socket path."
    );
}

#[test]
fn a_comment_behind_the_log_file_is_reported() {
    let warning = "Warning: The value of 'log_dest' is the whole rest of the line, including the \
                   '#' (mosquitto.conf:1). A comment must be on a line of its own.";
    assert!(remarks("log_dest file /f # the log").contains(&warning.to_owned()));
}
