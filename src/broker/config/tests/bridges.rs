use std::time::Duration;

use super::*;
use crate::protocol::{ProtocolVersion, QoS};

/// The one bridge of a block with an address, a topic and these lines.
fn bridge(lines: &str) -> Bridge {
    let text = format!("connection b\naddress example.org\ntopic #\n{lines}\n");
    config(&text).bridges.remove(0)
}

/// The first error about a line of a bridge.
fn wrong(line: &str) -> String {
    errors(format!("connection b\naddress h\ntopic #\n{line}\n")).remove(0)
}

/// The topic lines of a bridge, with their filters on both sides.
fn topics(lines: &str) -> Vec<(String, String, BridgeDirection, QoS)> {
    let bridge = config(&format!("connection b\naddress h\n{lines}\n"))
        .bridges
        .remove(0);
    let topics = bridge.topics.into_iter();
    let parts = topics.map(|topic| {
        let (local, remote) = (topic.local.to_string(), topic.remote.to_string());
        (local, remote, topic.direction, topic.qos)
    });
    parts.collect()
}

#[test]
fn a_bridge_has_mosquittos_defaults() {
    let bridge = bridge("");
    let expected = Bridge {
        addresses: bridge.addresses.clone(),
        topics: bridge.topics.clone(),
        ..Bridge::new("b".to_owned())
    };
    assert_eq!(bridge, expected);
    assert_eq!(bridge.remote_client_id("host"), "host.b");
    assert_eq!(bridge.local_client_id("host"), "local.host.b");
    assert_eq!(bridge.protocol_version, ProtocolVersion::V311);
}

#[test]
fn every_option_of_a_bridge_is_kept() {
    let bridge = bridge(
        "clientid r\nlocal_clientid l\nusername u\npassword p\nlocal_username lu\n\
         local_password lp\ncleansession true\nlocal_cleansession false\nkeepalive_interval 7\n\
         start_type lazy\nthreshold 3\nidle_timeout 9\nround_robin true\nnotifications false\n\
         notifications_local_only true\nnotification_topic n\ntry_private false\n\
         bridge_protocol_version mqttv50\nbridge_attempt_unsubscribe false\n\
         bridge_outgoing_retain false\nbridge_max_packet_size 100\nbridge_max_topic_alias 0\n\
         bridge_receive_maximum 5\nbridge_session_expiry_interval 4294967295\n\
         bridge_bind_address 127.0.0.1\nbridge_tcp_keepalive 1 2 3\n\
         bridge_tcp_user_timeout 10\nbridge_reload_type immediate\nbridge_cafile /ca\n\
         bridge_capath /cas\nbridge_tls_use_os_certs true\nbridge_certfile /c\n\
         bridge_keyfile /k\nbridge_insecure true\nbridge_alpn mqtt\n\
         bridge_tls_version tlsv1.3\nbridge_ciphers A\nbridge_ciphers_tls1.3 B\n\
         bridge_require_ocsp false\nbridge_accept_unasked true\nbridge_transport websockets\n\
         bridge_proxy socks5h://u:p@proxy:1081",
    );
    assert_eq!(bridge.remote_client_id("host"), "r");
    assert_eq!(bridge.local_client_id("host"), "l");
    assert_eq!(bridge.remote_username.as_deref(), Some("u"));
    assert_eq!(bridge.remote_password.as_deref(), Some("p"));
    assert_eq!(bridge.local_username.as_deref(), Some("lu"));
    assert_eq!(bridge.local_password.as_deref(), Some("lp"));
    assert!(bridge.cleansession && !bridge.is_locally_clean());
    assert_eq!(bridge.keepalive_interval, 7);
    assert_eq!(bridge.start_type, StartType::Lazy);
    assert_eq!(bridge.threshold, 3);
    assert_eq!(bridge.idle_timeout, Duration::from_secs(9));
    assert!(bridge.round_robin && !bridge.notifications && bridge.notifications_local_only);
    assert_eq!(bridge.notification_topic.as_deref(), Some("n"));
    assert!(!bridge.try_private && !bridge.attempt_unsubscribe && !bridge.outgoing_retain);
    assert_eq!(bridge.protocol_version, ProtocolVersion::V5);
    assert_eq!((bridge.max_packet_size, bridge.max_topic_alias), (100, 0));
    assert_eq!(bridge.receive_maximum, Some(5));
    assert_eq!(bridge.session_expiry_interval, u32::MAX);
    assert_eq!(bridge.bind_address.as_deref(), Some("127.0.0.1"));
    let probes = bridge.tcp_keepalive.unwrap();
    assert_eq!(
        (
            probes.idle.as_secs(),
            probes.interval.as_secs(),
            probes.count
        ),
        (1, 2, 3)
    );
    assert_eq!(bridge.tcp_user_timeout, Some(Duration::from_millis(10)));
    assert_eq!(bridge.reload_type, BridgeReloadType::Immediate);
    let tls = &bridge.tls;
    assert!(tls.is_on() && tls.insecure && tls.only_tls1_3 && tls.use_os_certs);
    assert_eq!(tls.certfile.as_deref(), Some(Path::new("/c")));
    assert_eq!(tls.keyfile.as_deref(), Some(Path::new("/k")));
    assert_eq!(tls.alpn.as_deref(), Some("mqtt"));
    assert_eq!(tls.ciphers.as_deref(), Some("A"));
    assert_eq!(tls.ciphers_tls1_3.as_deref(), Some("B"));
    assert!(bridge.accept_unasked && bridge.websockets);
    assert_eq!(bridge.proxy.as_deref(), Some("socks5h://u:p@proxy:1081"));
}

#[test]
fn the_port_of_an_address_follows_its_last_colon() {
    let text = "connection b\ntopic #\naddresses one two:1884 [::1]:1885 ::1 [::2] # comment\n";
    let addresses = config(text).bridges.remove(0).addresses;
    let addresses: Vec<_> = addresses
        .iter()
        .map(|address| (address.host.as_str(), address.port))
        .collect();
    let expected = [
        ("one", 1883),
        ("two", 1884),
        ("::1", 1885),
        ("::1", 1883),
        ("::2", 1883),
    ];
    assert_eq!(addresses, expected);
    for (line, text) in [
        ("address h:0", "Error: Invalid bridge port value (0)."),
        ("address h:x", "Error: Invalid bridge port value (x)."),
        (
            "address h:65536",
            "Error: Invalid bridge port value (65536).",
        ),
        (
            "address # none",
            "Error: Empty address value in configuration.",
        ),
        ("address :1", "Error: Empty address value in configuration."),
    ] {
        let lines = errors(format!("connection b\ntopic #\n{line}\n"));
        assert_eq!(lines[0], text, "{line}");
    }
    assert_eq!(
        wrong("addresses other"),
        "Error: Invalid bridge configuration, 'address' only allowed once."
    );
}

#[test]
fn a_topic_line_has_five_words() {
    use BridgeDirection::{Both, In, Out};
    let (q0, q1, q2) = (QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce);
    for (line, local, remote, direction, qos) in [
        ("topic a/#", "a/#", "a/#", Out, q0),
        ("topic a BOTH 2", "a", "a", Both, q2),
        ("topic a in 1 l/ r/", "l/a", "r/a", In, q1),
        ("topic a out 1 \"\" r/", "a", "r/a", Out, q1),
        ("topic \"\" both 1 one two", "one", "two", Both, q1),
        (
            "topic \"with space/#\" out 1",
            "with space/#",
            "with space/#",
            Out,
            q1,
        ),
        ("topic a out # comment", "a", "a", Out, q0),
    ] {
        let expected = (local.to_owned(), remote.to_owned(), direction, qos);
        assert_eq!(topics(line), [expected], "{line}");
    }
}

#[test]
fn a_wrong_topic_line_is_refused() {
    for (line, text) in [
        (
            "topic a sideways",
            "Error: Invalid bridge topic direction 'sideways'.",
        ),
        (
            "topic a # comment",
            "Error: Invalid bridge topic direction '#'.",
        ),
        ("topic a out 3", "Error: Invalid bridge QoS level '3'."),
        ("topic a out x", "Error: Invalid bridge QoS level 'x'."),
        ("topic a out -1", "Error: Invalid bridge QoS level '-1'."),
        (
            "topic \"a out",
            "Error: Missing closing quote in topic value (\"a out).",
        ),
        (
            "topic a out 0 l/+ r",
            "Error: Invalid bridge topic local prefix 'l/+'.",
        ),
        (
            "topic a out 0 l r/#",
            "Error: Invalid bridge topic remote prefix 'r/#'.",
        ),
        (
            "topic # out 0 l r/",
            "Error: Invalid bridge topic local prefix and pattern combination 'l#'.",
        ),
        (
            "topic # in 0 l/ r",
            "Error: Invalid bridge topic remote prefix and pattern combination 'r#'.",
        ),
        ("topic \"\" out", "Error: Invalid bridge remapping."),
        ("topic \"\" out 0 l", "Error: Invalid bridge remapping."),
        (
            "topic $share/g/t out 1",
            "Error: Invalid bridge topic local prefix and pattern combination '$share/g/t'.",
        ),
    ] {
        assert_eq!(wrong(line), text, "{line}");
    }
    let lines = remarks("connection b\naddress h\ntopic a out 1\ntopic a out 1\n");
    assert_eq!(lines, ["Duplicate bridge topic 'a', skipping"]);
}

#[test]
fn the_restart_timeout_has_three_forms() {
    let seconds = Duration::from_secs;
    let jitter = |base, cap, stable| RestartTimeout::Jitter {
        base: seconds(base),
        cap: seconds(cap),
        stable: seconds(stable),
    };
    for (line, expected) in [
        ("", jitter(5, 30, 0)),
        ("restart_timeout 7", RestartTimeout::Constant(seconds(7))),
        (
            "restart_timeout 7 # c",
            RestartTimeout::Constant(seconds(7)),
        ),
        ("restart_timeout 1 2", jitter(1, 2, 0)),
        ("restart_timeout 1 2 3", jitter(1, 2, 3)),
        ("restart_timeout 3600 7201", jitter(3600, 7200, 0)),
    ] {
        assert_eq!(bridge(line).restart_timeout, expected, "{line}");
    }
    for (line, text) in [
        (
            "restart_timeout 5 4",
            "Error: backoff cap is lower than the base in restart_timeout.",
        ),
        (
            "restart_timeout 1 2 -1",
            "Error: stable connection period cannot be negative.",
        ),
    ] {
        assert_eq!(wrong(line), text, "{line}");
    }
    let note = |line| remarks(&format!("connection b\naddress h\ntopic #\n{line}\n")).remove(0);
    let too_high = "Error: backoff cap too high, using 7200 seconds.";
    assert_eq!(note("restart_timeout 1 7201"), too_high);
}

#[test]
fn a_bridge_must_be_complete_and_have_names_of_its_own() {
    for (text, error) in [
        (
            "connection b\ntopic #\n",
            "Error: Invalid bridge configuration: no remote addresses defined.",
        ),
        (
            "connection b\naddress h\n",
            "Error: Invalid bridge configuration: no topics defined.",
        ),
        (
            "connection b\naddress h\ntopic #\nconnection b\naddress h\ntopic #\n",
            "Error: Duplicate bridge name 'b'.",
        ),
        (
            "connection b\naddress h\ntopic #\nlocal_clientid x\nconnection c\naddress h\n\
             topic #\nlocal_clientid x\n",
            "Error: Bridge local_clientid 'x' is not unique. Try changing or setting the \
             local_clientid value for one of the bridges.",
        ),
        (
            "connection b\naddress h\ntopic #\npassword p\n",
            "Error: The 'remote_password' option requires 'remote_username'.",
        ),
        (
            "connection b\naddress h\ntopic #\nbridge_certfile /c\n",
            "Error: Both bridge_certfile and bridge_keyfile must be provided if one of them is \
             set.",
        ),
    ] {
        assert_eq!(errors(text)[0], error);
    }
    assert_eq!(
        wrong("bridge_require_ocsp true"),
        "Error: The 'bridge_require_ocsp' option is not supported: this broker cannot check OCSP \
         responses."
    );
    assert_eq!(
        wrong("start_type manual"),
        "Error: Manual start_type not supported."
    );
    assert_eq!(
        wrong("start_type never"),
        "Error: Invalid 'start_type' value in configuration (never)."
    );
}

#[test]
fn what_makes_a_bridge_unsafe_is_said() {
    let text = "connection b\naddress h\ntopic #\nbridge_cafile /ca\nbridge_insecure true\n";
    assert_eq!(remarks(text), ["Warning: Bridge 'b' using insecure mode."]);
    let text = "connection b\naddress h\ntopic # in 1\nbridge_protocol_version mqttv50\n";
    let lines = remarks(text);
    assert!(
        lines[0].starts_with("Warning: Bridge 'b' loses what is published"),
        "{lines:?}"
    );
}

#[test]
fn every_recipe_of_the_documentation_is_a_bridge() {
    let documentation = include_str!("../../../../docs/bridges.md");
    let blocks = documentation.split("```\n").skip(1).step_by(2);
    let mut names = Vec::new();
    for block in blocks {
        let mut bridges = config(block).bridges;
        assert_eq!(bridges.len(), 1, "{block}");
        names.push(bridges.remove(0).name);
        let lines = remarks(block);
        assert!(lines.is_empty(), "{block}{lines:?}");
    }
    let expected = ["cloud", "plant-b", "home", "emqx", "hivemq", "aws", "azure"];
    assert_eq!(names, expected);
}
