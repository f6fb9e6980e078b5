//! Options about who may connect and what clients may do, and plugins, which decide the same.

use super::super::diagnostic::Severity;
use super::super::plugin::Plugin;
use super::super::row::{PSK, Row, Structure, unused};
use super::super::value::Value::{Bool, Special, Text};
use super::super::value::{Argument, Note, Outcome, TextRule, Wrong};

const LAST_WINS: TextRule = TextRule::LAST_WINS;
const PREFIX: TextRule = TextRule::ONCE.at_most(50, "Error: auto_id_prefix length must be <= 50.");

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    Row::security(&["allow_anonymous"], Bool(|security, on| security.allow_anonymous = Some(on))).per_listener_name("listener_allow_anonymous")
        .documented("", "",
            "Allows clients to connect without a user name. The default is false; if the \
             configuration has no listener at all, the broker listens on the local machine only \
             and the default is true."),
    Row::security(&["password_file"], Text(LAST_WINS, |security, path| security.password_file = Some(path.into())))
        .documented("", "",
            "The file with the users and the hashes of their passwords, which `mq-passwd` edits. \
             SIGHUP reads it again, and disconnects clients whose login is no longer valid."),
    Row::security(&["acl_file"], Text(LAST_WINS, |security, path| security.acl_file = Some(path.into())))
        .documented("", "",
            "The file with the topics that clients may read and write. Without it, clients may \
             use all topics. It contains `topic [read|write|readwrite|deny] FILTER` lines, for \
             anonymous clients first and then for the user of each `user NAME` line, and \
             `pattern` lines in which `%u` stands for the user name and `%c` for the client \
             identifier. SIGHUP reads it again."),
    Row::security(&["acl_check_subscribe"], Bool(|security, on| security.acl_check_subscribe = on))
        .documented("false", "",
            "Refuses a subscription if the ACL file lets the client read none of the topics that \
             its filter matches. MQTT 5.0 clients get reason code 0x87, and MQTT 3.1.1 clients get \
             0x80; MQTT 3.1 has no code for it, so the subscription is granted. A filter that \
             matches at least one readable topic is always granted. Whatever the value, the log \
             names each such filter once, with the rule that denies it or that none grants it. \
             This option is not in Mosquitto."),
    Row::security(&["psk_file"], Text(LAST_WINS, unused())).refused(PSK)
        .documented("", "",
            "Is refused: the broker has no pre-shared keys. Use certificates."),
    Row::security(&["allow_zero_length_clientid"], Bool(|security, on| security.allow_zero_length_clientid = on))
        .documented("true", "",
            "Allows clients to leave the choice of their client identifier to the broker."),
    Row::security(&["auto_id_prefix"], Text(PREFIX, |security, prefix| security.auto_id_prefix = Some(prefix))).deprecated("Please use 'listener_auto_id_prefix' instead.")
        .documented("auto-", "",
            "The beginning of the client identifiers that the broker chooses, up to 50 \
             characters."),
    Row::global(&["clientid_prefixes"], Text(LAST_WINS, |config, prefix| config.clientid_prefix = Some(prefix))).deprecated("")
        .documented("", "",
            "The text that every client identifier must begin with. Other clients are refused."),
];

#[rustfmt::skip]
pub(super) static PLUGINS: &[Row] = &[
    Row::structure(&["plugin", "auth_plugin", "global_plugin", "plugin_load"], Structure::Plugin)
        .documented("", "",
            "A plugin of Mosquitto. The broker loads no plugins. It understands the two that read \
             a file, `mosquitto_acl_file.so` and `mosquitto_password_file.so`, and refuses all \
             others."),
    Row::structure(&["plugin_use"], Structure::PluginUse)
        .documented("", "",
            "Uses a plugin, by the name that `plugin_load` gave it, for the listener above this \
             line."),
    Row::plugin(&["plugin_opt_*", "auth_opt_*"], Special(plugin_option))
        .documented("", "",
            "An option of the plugin above this line. `plugin_opt_acl_file` means `acl_file`, and \
             `plugin_opt_password_file` means `password_file`."),
    Row::plugin(&["auth_plugin_deny_special_chars"], Bool(unused()))
        .documented("true", "",
            "Has no effect: user names and client identifiers with `+`, `#` or `/` never match a \
             pattern."),
];

fn plugin_option(plugin: &mut Plugin, argument: &Argument<'_>) -> Outcome {
    let key = argument.name.split_once("_opt_").map_or("", |(_, key)| key);
    if key.len() < 3 {
        return Err(Wrong::new("Error: Invalid 'plugin_opt_' config option."));
    }
    if argument.rest.is_empty() {
        return Err(Wrong::new(format!(
            "Error: Empty '{key}' value in configuration."
        )));
    }
    if plugin.set_option(key, &argument.text()?) {
        return Ok(argument.comment_in_text());
    }
    Ok(Some(Note {
        severity: Severity::Warning,
        message: format!("Warning: The '{}' option has no effect.", argument.name),
    }))
}
