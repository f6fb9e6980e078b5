//! Options about who may connect and what clients may do, and plugins, which decide the same.

use super::super::diagnostic::Severity;
use super::super::plugin::Plugin;
use super::super::value::Value::{Bool, Special, Text};
use super::super::value::{Argument, Note, Outcome, TextRule, Wrong};
use super::{PSK, Row, Structure, unused};

const LAST_WINS: TextRule = TextRule::LAST_WINS;
const PREFIX: TextRule = TextRule::ONCE.at_most(50, "Error: auto_id_prefix length must be <= 50.");

// A row is a line, so that the table can be read down.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    Row::security(&["allow_anonymous"], Bool(|security, on| security.allow_anonymous = Some(on))).per_listener_name("listener_allow_anonymous"),
    Row::security(&["password_file"], Text(LAST_WINS, |security, path| security.password_file = Some(path.into()))),
    Row::security(&["acl_file"], Text(LAST_WINS, |security, path| security.acl_file = Some(path.into()))),
    Row::security(&["psk_file"], Text(LAST_WINS, unused())).refused(PSK),
    Row::security(&["allow_zero_length_clientid"], Bool(|security, on| security.allow_zero_length_clientid = on)),
    Row::security(&["auto_id_prefix"], Text(PREFIX, |security, prefix| security.auto_id_prefix = Some(prefix))).restart().deprecated("Please use 'listener_auto_id_prefix' instead."),
    Row::global(&["clientid_prefixes"], Text(LAST_WINS, |config, prefix| config.clientid_prefix = Some(prefix))).reloaded().deprecated(""),

    // Plugins
    Row::structure(&["plugin", "auth_plugin", "global_plugin", "plugin_load"], Structure::Plugin),
    Row::structure(&["plugin_use"], Structure::PluginUse),
    Row::plugin(&["plugin_opt_*", "auth_opt_*"], Special(plugin_option)),
    Row::plugin(&["auth_plugin_deny_special_chars"], Bool(unused())),
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
        return Ok(None);
    }
    Ok(Some(Note {
        severity: Severity::Warning,
        message: format!("Warning: The '{}' option has no effect.", argument.name),
    }))
}
