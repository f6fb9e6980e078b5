use super::super::table;
use super::*;

/// Every name that Mosquitto 2.1 knows, and our own.
pub(super) const NAMES: &str = "
    user pid_file include_dir per_listener_settings sys_interval set_tcp_nodelay retain_available
    retain_expiry_interval check_retain_source allow_duplicate_messages upgrade_outgoing_qos
    enable_control_api packet_buffer_size websockets_headers_size
    log_dest log_type log_timestamp log_timestamp_format log_facility connection_messages
    websockets_log_level http_api_admin http_api_allow_origin http_api_metrics_names
    persistence retained_persistence persistence_file persistence_location autosave_interval
    autosave_on_changes persistence_sync
    max_inflight_messages max_inflight_bytes max_queued_messages max_queued_bytes
    queue_qos0_messages max_packet_size max_connect_size max_filters_per_packet
    max_subscriptions_per_client max_user_properties max_messages_per_second max_bytes_per_second
    message_size_limit max_keepalive
    persistent_client_expiration memory_limit global_max_clients global_max_connections
    max_connections_per_address max_unauthenticated_connections
    listener bind_interface socket_domain protocol max_connections max_qos maximum_qos
    max_topic_alias max_topic_alias_broker mount_point use_username_as_clientid
    accept_protocol_versions listener_allow_anonymous listener_auto_id_prefix
    enable_proxy_protocol proxy_protocol_v2_require_tls http_dir websockets_origin
    certfile keyfile cafile capath crlfile require_certificate use_identity_as_username
    use_subject_as_username disable_client_cert_date_checks tls_version ciphers ciphers_tls1.3
    tls_engine tls_engine_kpass_sha1 tls_keyform dhparamfile psk_hint psk_file
    allow_anonymous password_file acl_file acl_check_subscribe allow_zero_length_clientid
    auto_id_prefix
    clientid_prefixes
    plugin auth_plugin global_plugin plugin_load plugin_use plugin_opt_file auth_opt_file
    auth_plugin_deny_special_chars
    connection address addresses topic remote_clientid clientid local_clientid remote_username
    username remote_password password local_username local_password cleansession
    local_cleansession keepalive_interval start_type threshold idle_timeout restart_timeout
    round_robin notifications notifications_local_only notification_topic try_private
    bridge_protocol_version bridge_attempt_unsubscribe bridge_outgoing_retain
    bridge_max_packet_size bridge_max_topic_alias bridge_receive_maximum
    bridge_session_expiry_interval bridge_bind_address bridge_tcp_keepalive
    bridge_tcp_user_timeout bridge_reload_type bridge_cafile bridge_capath
    bridge_tls_use_os_certs bridge_certfile bridge_keyfile bridge_insecure bridge_alpn
    bridge_tls_version bridge_ciphers bridge_ciphers_tls1.3 bridge_require_ocsp bridge_identity
    bridge_psk bridge_accept_unasked bridge_transport bridge_proxy
    port bind_address retry_interval
";

/// Options that take any value, also none.
const UNREAD: [&str; 3] = ["websockets_log_level", "retry_interval", "dhparamfile"];

#[test]
fn every_name_is_known_once() {
    for name in NAMES.split_whitespace() {
        let rows = table::rows().filter(|row| row.is_called(name)).count();
        assert_eq!(rows, 1, "{name}");
    }
    let with_prefixes = NAMES.split_whitespace().count();
    let prefixes = ["plugin_opt_file", "auth_opt_file"].len();
    assert_eq!(table::names().count(), with_prefixes - prefixes);
}

/// The first error about `line` after everything that it may need.
fn error(line: &str) -> String {
    let text = format!("listener 1883\nconnection b\nplugin p\n{line}\n");
    let lines = errors(text);
    let place = lines
        .iter()
        .position(|line| line == "Error found at mosquitto.conf:4.")
        .unwrap_or_else(|| panic!("{line}: no error in {lines:?}"));
    lines[place - 1].clone()
}

#[test]
fn no_option_goes_without_a_value() {
    for name in NAMES
        .split_whitespace()
        .filter(|name| !UNREAD.contains(name))
    {
        let expected = match name {
            "listener" => "Error: Empty 'listener port' value in configuration.".to_owned(),
            "address" | "addresses" => "Error: Empty address value in configuration.".to_owned(),
            "plugin_opt_file" | "auth_opt_file" => {
                "Error: Empty 'file' value in configuration.".to_owned()
            }
            "plugin" | "auth_plugin" | "global_plugin" => {
                "Error: Missing plugin path for plugin name '(null)'.".to_owned()
            }
            "bridge_tcp_keepalive" => "Error: invalid TCP keepalive idle value.".to_owned(),
            _ => format!("Error: Empty '{name}' value in configuration."),
        };
        assert_eq!(error(name), expected);
    }
}

#[test]
fn truth_values_are_true_false_1_and_0() {
    for name in [
        "per_listener_settings",
        "set_tcp_nodelay",
        "retain_available",
        "check_retain_source",
        "allow_duplicate_messages",
        "upgrade_outgoing_qos",
        "enable_control_api",
        "log_timestamp",
        "connection_messages",
        "persistence",
        "retained_persistence",
        "autosave_on_changes",
        "persistence_sync",
        "queue_qos0_messages",
        "use_username_as_clientid",
        "listener_allow_anonymous",
        "proxy_protocol_v2_require_tls",
        "require_certificate",
        "use_identity_as_username",
        "use_subject_as_username",
        "disable_client_cert_date_checks",
        "allow_anonymous",
        "acl_check_subscribe",
        "allow_zero_length_clientid",
        "auth_plugin_deny_special_chars",
        "cleansession",
        "local_cleansession",
        "round_robin",
        "notifications",
        "notifications_local_only",
        "try_private",
        "bridge_attempt_unsubscribe",
        "bridge_outgoing_retain",
        "bridge_tls_use_os_certs",
        "bridge_insecure",
        "bridge_require_ocsp",
        "bridge_accept_unasked",
    ] {
        for wrong in ["yes", "True", "on", "2"] {
            assert_eq!(
                error(&format!("{name} {wrong}")),
                format!("Error: Invalid '{name}' value ({wrong}).")
            );
        }
    }
    assert!(!config("retain_available 0 # remark").retain_available);
    assert!(config("retain_available 1").retain_available);
}

#[test]
fn numbers_have_their_range() {
    // O stands for the option and X for the value; no text has these letters otherwise.
    let invalid = "Error: Invalid 'O' value (X).";
    let buffer = "Error: Packet buffer size must be between 0 and 65535 inclusive.";
    let qos = "Error: 'max_qos' must be between 0 and 2 inclusive.";
    let alias = "Error: Invalid 'O' value in configuration.";
    let bridge_alias = "Error: bridge_max_topic_alias must be > 0 and <= 65535.";
    for (name, wrong, text) in [
        ("sys_interval", &["-1", "65536"][..], invalid),
        ("packet_buffer_size", &["-1", "65536"], buffer),
        ("websockets_headers_size", &["-1", "65536"], buffer),
        ("log_facility", &["-1", "8"], invalid),
        (
            "retain_expiry_interval",
            &["0", "-1"],
            "Error: retain_expiry_interval must be >= 1.",
        ),
        (
            "max_inflight_messages",
            &["65536"],
            "Error: 'max_inflight_messages' must be <= 65535.",
        ),
        (
            "max_packet_size",
            &["0", "19", "-1"],
            "Error: 'max_packet_size' must be >= 20.",
        ),
        (
            "max_connect_size",
            &["0", "19", "-1"],
            "Error: 'max_connect_size' must be >= 20.",
        ),
        ("message_size_limit", &["-1", "268435456"], invalid),
        ("max_keepalive", &["-1", "65536"], invalid),
        ("memory_limit", &["-1"], invalid),
        ("max_qos", &["-1", "3"], qos),
        ("maximum_qos", &["-1", "3"], qos),
        ("max_topic_alias", &["-1", "65536"], alias),
        ("max_topic_alias_broker", &["-1", "65536"], alias),
        (
            "enable_proxy_protocol",
            &["0", "3"],
            "Error: enable_proxy_protocol must be 1 or 2.",
        ),
        (
            "keepalive_interval",
            &["65536"],
            "Error: Bridge keepalive value too high.",
        ),
        ("bridge_max_topic_alias", &["-1", "65536"], bridge_alias),
        (
            "bridge_receive_maximum",
            &["0", "-1"],
            "Error: bridge_receive_maximum must be greater than 0.",
        ),
        (
            "bridge_receive_maximum",
            &["65536"],
            "Error: bridge_receive_maximum must be lower than 65535.",
        ),
        (
            "bridge_session_expiry_interval",
            &["-1"],
            "Error: bridge_session_expiry_interval must not be negative.",
        ),
        (
            "bridge_tcp_user_timeout",
            &["-1"],
            "Error: invalid TCP user timeout value.",
        ),
    ] {
        for value in wrong {
            let text = text.replace('O', name).replace('X', value);
            assert_eq!(error(&format!("{name} {value}")), text);
        }
    }
}

#[test]
fn what_is_no_number_is_told_from_one_that_is_too_large() {
    for name in [
        "sys_interval",
        "retain_expiry_interval",
        "packet_buffer_size",
        "log_facility",
        "autosave_interval",
        "max_inflight_messages",
        "max_inflight_bytes",
        "max_queued_messages",
        "max_queued_bytes",
        "max_packet_size",
        "max_connect_size",
        "max_filters_per_packet",
        "max_subscriptions_per_client",
        "max_user_properties",
        "max_messages_per_second",
        "max_bytes_per_second",
        "message_size_limit",
        "max_keepalive",
        "memory_limit",
        "global_max_clients",
        "global_max_connections",
        "max_connections_per_address",
        "max_unauthenticated_connections",
        "max_connections",
        "max_qos",
        "max_topic_alias",
        "max_topic_alias_broker",
        "enable_proxy_protocol",
        "port",
        "keepalive_interval",
        "threshold",
        "idle_timeout",
        "restart_timeout",
        "bridge_max_packet_size",
        "bridge_max_topic_alias",
        "bridge_receive_maximum",
        "bridge_session_expiry_interval",
        "bridge_tcp_user_timeout",
    ] {
        assert_eq!(
            error(&format!("{name} many")),
            format!("Error: '{name}' value not a number.")
        );
        assert_eq!(
            error(&format!("{name} 4294967296")),
            format!("Error: '{name}' value out of range.")
        );
    }
}

#[test]
fn other_wrong_values_have_texts_of_their_own() {
    for (line, text) in [
        (
            "log_dest nowhere",
            "Error: Invalid 'log_dest' value (nowhere).",
        ),
        (
            "log_dest file",
            "Error: Empty \"log_dest file\" value in configuration.",
        ),
        ("log_type loud", "Error: Invalid 'log_type' value (loud)."),
        ("protocol amqp", "Error: Invalid 'protocol' value (amqp)."),
        (
            "socket_domain ipv5",
            "Error: Invalid 'socket_domain' value 'ipv5' in configuration.",
        ),
        (
            "mount_point a/#",
            "Error: Invalid 'mount_point' value (a/#). Does it contain a wildcard character?",
        ),
        (
            "mount_point +/a",
            "Error: Invalid 'mount_point' value (+/a). Does it contain a wildcard character?",
        ),
        (
            "plugin_load n",
            "Error: Missing plugin path for plugin name 'n'.",
        ),
        ("plugin_use n", "Error: Plugin 'n' not previously loaded."),
        (
            "plugin_opt_ab c",
            "Error: Invalid 'plugin_opt_' config option.",
        ),
        (
            "start_type manual",
            "Error: Manual start_type not supported.",
        ),
        (
            "start_type now",
            "Error: Invalid 'start_type' value in configuration (now).",
        ),
        (
            "bridge_protocol_version mqttv6",
            "Error: Invalid 'bridge_protocol_version' value (mqttv6).",
        ),
        (
            "bridge_reload_type never",
            "Error: Invalid 'bridge_reload_type' value in configuration (never).",
        ),
        (
            "bridge_tcp_keepalive 1 x 3",
            "Error: invalid TCP keepalive interval value.",
        ),
        (
            "bridge_tcp_keepalive 1 2",
            "Error: invalid TCP keepalive counter value.",
        ),
    ] {
        assert_eq!(error(line), text);
    }
    for wrong in ["3", "d", "3q", "0d", "-1d", "d3", "99999999999d", "1,5é"] {
        assert_eq!(
            error(&format!("persistent_client_expiration {wrong}")),
            "Error: Invalid 'persistent_client_expiration' duration in configuration.",
            "{wrong}"
        );
    }
}

#[test]
fn a_wrong_word_brings_the_nearest_right_one() {
    let lines = errors("listener 8080\nprotocol websocket\n");
    assert_eq!(lines[2], "Did you mean 'websockets'?");
    let lines = errors("log_type warn\nlog_dest sdtout\n");
    assert_eq!(lines.last().unwrap(), "Did you mean 'stdout'?");
}

#[test]
fn an_option_may_stand_twice_only_where_it_is_harmless() {
    for (name, called) in [
        ("pid_file", "pid_file"),
        ("log_timestamp_format", "log_timestamp_format"),
        ("persistence_file", "persistence_file"),
        ("persistence_location", "persistence_location"),
        ("auto_id_prefix", "auto_id_prefix"),
        ("listener_auto_id_prefix", "listener_auto_id_prefix"),
        ("bind_address", "bind_address"),
        ("http_dir", "http_dir"),
        ("tls_version", "tls_version"),
        ("clientid", "bridge remote clientid"),
        ("bridge_alpn", "bridge_alpn"),
    ] {
        let text = format!("listener 1883\nconnection b\n{name} a\n{name} b\n");
        let duplicate = format!("Error: Duplicate '{called}' value in configuration.");
        assert!(errors(text).contains(&duplicate), "{name}");
    }
    assert_eq!(
        errors("log_dest file /a\nlog_dest file /b\n")[0],
        "Error: Duplicate \"log_dest file\" value."
    );
    let config = config(
        "password_file /a\npassword_file /b\nuser a\nuser b\nmax_keepalive 1\nmax_keepalive 2\n",
    );
    assert_eq!(config.security.password_file, Some("/b".into()));
    assert_eq!(config.user.as_deref(), Some("b"));
    assert_eq!(config.limits.max_keepalive, Some(2));
}

#[test]
fn each_listener_may_have_what_may_stand_only_once() {
    let config = config(
        "listener 1883\nlistener_auto_id_prefix a-\nlistener 1884\nlistener_auto_id_prefix b-\n",
    );
    assert_eq!(config.listeners[1].auto_id_prefix.as_deref(), Some("b-"));
}

#[test]
fn options_need_the_block_that_they_are_about() {
    for (line, text) in [
        (
            "max_topic_alias 1",
            "Error: The 'max_topic_alias' option requires a listener to be defined first.",
        ),
        (
            "websockets_origin x",
            "Error: The 'websockets_origin' option requires a listener to be defined first.",
        ),
        (
            "topic #",
            "Error: The 'topic' option requires a bridge to be defined first.",
        ),
        (
            "bridge_psk 00",
            "Error: The 'bridge_psk' option requires a bridge to be defined first.",
        ),
        (
            "plugin_opt_file x",
            "Error: The 'plugin_opt_file' option requires plugin/global_plugin/plugin_load to be defined first.",
        ),
        (
            "auth_plugin_deny_special_chars true",
            "Error: An auth_plugin_deny_special_chars option exists in the config file without a plugin.",
        ),
    ] {
        assert_eq!(
            errors(line)[..2],
            [text, "Error found at mosquitto.conf:1."]
        );
    }
    assert_eq!(
        errors("max_topic_alias 1")[2],
        "Put it below a 'listener' line, in the same file."
    );
}

#[test]
fn what_is_out_of_date_is_said() {
    for (line, text) in [
        (
            "retry_interval 20",
            "Warning: The 'retry_interval' option is no longer available.",
        ),
        (
            "dhparamfile /f",
            "Warning: dhparamfile is no longer required.",
        ),
        (
            "message_size_limit 100",
            "Note: It is recommended to replace `message_size_limit` with `max_packet_size`.",
        ),
        (
            "retain_expiry_interval 10000001",
            "Warning: retain_expiry_interval being capped at 19 years.",
        ),
        (
            "allow_duplicate_messages true",
            "The 'allow_duplicate_messages' option is now deprecated and will be removed in version 3.0.",
        ),
    ] {
        assert_eq!(remarks(line)[0], text);
    }
}

#[test]
fn what_a_reload_changes_is_in_the_table() {
    let reloaded: Vec<&str> = Config::options_applied_on_reload().collect();
    for name in [
        "password_file",
        "log_type",
        "max_connections",
        "allow_anonymous",
        "include_dir",
        "max_keepalive",
    ] {
        assert!(reloaded.contains(&name), "{name}");
    }
    for name in ["port", "user", "pid_file", "socket_domain"] {
        assert!(!reloaded.contains(&name), "{name}");
    }
}
