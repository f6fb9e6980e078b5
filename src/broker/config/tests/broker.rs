use std::time::Duration;

use super::*;
use crate::broker::log::LogType;

#[test]
fn defaults_are_mosquittos_but_for_tcp_nodelay_and_queues() {
    let config = config("");
    assert!(config.set_tcp_nodelay);
    assert_eq!(config.limits.max_queued_messages, None);
    assert_eq!(config.limits.max_queued_bytes, None);
    assert_eq!(config.limits.max_inflight_messages, 20);
    assert_eq!(config.limits.max_packet_size, 2_000_000);
    assert_eq!(config.limits.max_keepalive, None);
    assert_eq!(config.sys_interval, Some(Duration::from_secs(10)));
    assert!(config.retain_available);
    assert!(config.allow_duplicate_messages);
    assert!(!config.queue_qos0_messages);
    assert!(config.connection_messages);
    assert!(config.log.timestamp);
    assert!(config.log.destinations().stderr);
}

#[test]
fn limits_are_kept_with_what_stands_for_none() {
    let limits = |text| config(text).limits;
    assert_eq!(limits("max_inflight_messages 7").max_inflight_messages, 7);
    assert_eq!(limits("max_inflight_messages -7").max_inflight_messages, 0);
    assert_eq!(
        limits("max_inflight_messages 65535").max_inflight_messages,
        0
    );
    assert_eq!(limits("max_queued_messages 0").max_queued_messages, Some(0));
    assert_eq!(
        limits("max_queued_messages -1").max_queued_messages,
        Some(0)
    );
    assert_eq!(limits("max_queued_bytes 9").max_queued_bytes, Some(9));
    assert_eq!(limits("max_inflight_bytes 9").max_inflight_bytes, Some(9));
    assert_eq!(limits("max_inflight_bytes -9").max_inflight_bytes, None);
    assert_eq!(limits("max_packet_size 20").max_packet_size, 20);
    assert_eq!(limits("max_keepalive 0").max_keepalive, None);
    assert_eq!(limits("message_size_limit 5").message_size_limit, Some(5));
    assert_eq!(limits("global_max_clients -1").global_max_clients, None);
    assert_eq!(limits("global_max_clients 3").global_max_clients, Some(3));
    assert_eq!(
        limits("global_max_connections 3").global_max_connections,
        Some(3)
    );
}

#[test]
fn durations_have_a_unit() {
    const DAY: u64 = 86_400;
    for (value, seconds) in [
        ("90s", 90),
        ("2h", 7200),
        ("1d", DAY),
        ("1.5d", DAY),
        ("2w", 14 * DAY),
        ("1m", 30 * DAY),
        ("1y", 365 * DAY),
    ] {
        let config = config(&format!("persistent_client_expiration {value}"));
        assert_eq!(
            config.persistent_client_expiration,
            Some(Duration::from_secs(seconds))
        );
    }
    assert_eq!(config("sys_interval 0").sys_interval, None);
    assert_eq!(
        config("retain_expiry_interval 2").retain_expiry_interval,
        Some(Duration::from_secs(120))
    );
}

#[test]
fn log_destinations_add_up_until_none() {
    let destinations = |text| config(text).log.destinations();
    let all =
        destinations("log_dest stdout\nlog_dest syslog\nlog_dest topic\nlog_dest file /a b\n");
    assert!(all.stdout && all.syslog && all.topic && !all.stderr);
    assert_eq!(all.file, Some("/a b".into()));
    let none = destinations("log_dest stdout\nlog_dest none\n");
    assert_eq!(none, Default::default());
    let after = destinations("log_dest none\nlog_dest stderr\n");
    assert!(after.stderr && !after.stdout);
}

#[test]
fn log_types_add_up_until_none_or_all() {
    let types = |text| config(text).log.types();
    assert_eq!(types(""), LogTypes::DEFAULT);
    let two = types("log_type error\nlog_type subscribe\n");
    assert!(two.contains(LogType::Error) && two.contains(LogType::Subscribe));
    assert!(!two.contains(LogType::Notice));
    assert_eq!(types("log_type error\nlog_type none\n"), LogTypes::NONE);
    assert_eq!(types("log_type all\n"), LogTypes::ALL);
}

#[test]
fn the_command_line_beats_the_types_of_the_file() {
    let overrides = Overrides {
        log_types: Some(LogTypes::NONE),
        ..Overrides::default()
    };
    let config = Files::new("log_type all").load_with(&overrides).config;
    assert_eq!(config.unwrap().log.types(), LogTypes::NONE);
}
