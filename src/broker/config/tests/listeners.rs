use super::*;

#[test]
fn without_an_address_the_broker_is_local() {
    for text in ["", "allow_anonymous false", "max_keepalive 60"] {
        let config = config(text);
        assert!(config.local_only);
        assert_eq!(
            config.listeners,
            [Listener::new(1883, ListenAddress::Loopback)]
        );
    }
    let (config, diagnostics) = Config::load(&[], &Overrides::default()).unwrap();
    assert_eq!(config.listeners.len(), 1);
    assert!(diagnostics.is_empty());
}

#[test]
fn ports_of_the_command_line_are_local() {
    let overrides = Overrides {
        ports: vec![1884, 1885],
        log_types: None,
    };
    let config = Files::new("").load_with(&overrides).config.unwrap();
    assert!(config.local_only);
    assert_eq!(
        config.listeners,
        [
            Listener::new(1884, ListenAddress::Loopback),
            Listener::new(1885, ListenAddress::Loopback),
        ]
    );
}

#[test]
fn ports_of_the_command_line_give_way_to_those_of_the_file() {
    let overrides = Overrides {
        ports: vec![1884],
        log_types: None,
    };
    let loaded = Files::new("listener 1885").load_with(&overrides);
    assert_eq!(
        loaded.lines,
        ["Warning: -p is ignored, because the configuration file says where to listen."]
    );
    let ports: Vec<u16> = loaded
        .config
        .unwrap()
        .listeners
        .iter()
        .map(|listener| listener.port)
        .collect();
    assert_eq!(ports, [1885]);
}

#[test]
fn options_of_a_default_listener_count_for_the_local_ones() {
    let files = Files::new("max_connections 5\nmax_qos 1\n");
    let loaded = files.load();
    assert_eq!(
        loaded.lines,
        [
            "Creating default listener due to 'max_connections' option.",
            "It is best practice to define a 'listener' first. Using the 'max_connections' option without a listener will be disabled in the future.",
        ]
    );
    let config = loaded.config.unwrap();
    assert!(config.local_only);
    assert_eq!(config.listeners[0].max_connections, Some(5));
    assert_eq!(config.listeners[0].max_qos, 1);
    assert_eq!(config.listeners[0].address, ListenAddress::Loopback);
}

#[test]
fn a_listener_has_a_port_and_perhaps_an_address() {
    for (text, port, address) in [
        ("listener 1884", 1884, ListenAddress::Any),
        (
            "listener 1884 192.0.2.1",
            1884,
            ListenAddress::Host("192.0.2.1".into()),
        ),
        (
            "listener 1884 ::1 remark",
            1884,
            ListenAddress::Host("::1".into()),
        ),
        ("listener 0x75B", 1883, ListenAddress::Any),
        (
            "listener 0 /run/mqtt.sock",
            0,
            ListenAddress::Unix("/run/mqtt.sock".into()),
        ),
    ] {
        assert_eq!(listener(text), Listener::new(port, address), "{text}");
    }
}

#[test]
fn a_wrong_address_is_one_error_for_the_whole_block() {
    for (text, error) in [
        (
            "listener",
            "Error: Empty 'listener port' value in configuration.",
        ),
        ("listener abc", "Error: 'listener port' value not a number."),
        (
            "listener 99999999999",
            "Error: 'listener port' value out of range.",
        ),
        ("listener 70000", "Error: Invalid 'port' value (70000)."),
        ("listener -1", "Error: Invalid 'port' value (-1)."),
        (
            "listener 0",
            "Error: A listener with port 0 must provide a Unix socket path.",
        ),
        ("port", "Error: Empty 'port' value in configuration."),
        ("port 0", "Error: Invalid 'port' value (0)."),
        ("port 70000", "Error: Invalid 'port' value (70000)."),
    ] {
        let lines = errors(format!("{text}\nmax_qos 1\nprotocol mqtt\n"));
        assert!(lines.contains(&error.to_owned()), "{text}: {lines:?}");
        let count = lines
            .iter()
            .filter(|line| line.starts_with("Error: "))
            .count();
        assert_eq!(count, 1, "{text}");
    }
    let path = format!("/{}", "x".repeat(107));
    assert_eq!(
        errors(format!("listener 0 {path}"))[0],
        format!("Error: Path to unix socket is too long \"{path}\".")
    );
}

#[test]
fn options_of_a_listener_are_about_the_one_before_them() {
    let config = config(
        "listener 1883\nmax_qos 0\nlistener 8080 127.0.0.1\nprotocol websockets\nsocket_domain ipv4\n\
         max_connections 3\nmax_topic_alias 4\nmax_topic_alias_broker 5\nuse_username_as_clientid true\n\
         accept_protocol_versions 4, 5\nlistener_allow_anonymous true\nlistener_auto_id_prefix ws-\n",
    );
    assert_eq!(
        config.listeners,
        [
            Listener {
                max_qos: 0,
                ..Listener::new(1883, ListenAddress::Any)
            },
            Listener {
                protocol: Protocol::WebSockets,
                socket_domain: SocketDomain::Ipv4,
                max_connections: Some(3),
                max_topic_alias: 4,
                max_topic_alias_broker: 5,
                use_username_as_clientid: true,
                protocol_versions: ProtocolVersions {
                    v3_1: false,
                    v3_1_1: true,
                    v5: true,
                },
                allow_anonymous: Some(true),
                auto_id_prefix: Some("ws-".into()),
                ..Listener::new(8080, ListenAddress::Host("127.0.0.1".into()))
            },
        ]
    );
}

#[test]
fn zero_or_less_connections_are_any_number() {
    for number in ["0", "-1", "-7"] {
        let listener = listener(&format!("listener 1883\nmax_connections {number}"));
        assert_eq!(listener.max_connections, None);
    }
}

#[test]
fn port_and_bind_address_open_a_default_listener_to_the_network() {
    let loaded = Files::new("port 1884\n").load();
    assert_eq!(
        loaded.lines,
        [
            "The 'port' option is now deprecated and will be removed in version 3.0. Please use 'listener' instead.",
            "Creating default listener due to 'port' option.",
            "It is best practice to define a 'listener' first. Using the 'port' option without a listener will be disabled in the future.",
        ]
    );
    let config = loaded.config.unwrap();
    assert!(!config.local_only);
    assert_eq!(config.listeners, [Listener::new(1884, ListenAddress::Any)]);

    let loaded = Files::new("bind_address 192.0.2.1\n").load();
    assert_eq!(
        loaded.lines[0],
        "The 'bind_address' option is now deprecated and will be removed in version 3.0."
    );
    assert_eq!(
        loaded.config.unwrap().listeners,
        [Listener::new(1883, ListenAddress::Host("192.0.2.1".into()))]
    );
}

#[test]
fn of_two_default_ports_the_later_one_counts() {
    let loaded = Files::new("port 1884\nport 1885\n").load();
    assert_eq!(
        loaded.lines.last().unwrap(),
        "Warning: Default listener port specified multiple times. Only the latest will be used."
    );
    assert_eq!(loaded.config.unwrap().listeners[0].port, 1885);
}

#[test]
fn a_default_listener_opens_beside_the_others() {
    let ports: Vec<u16> = config("max_qos 1\nlistener 1884\n")
        .listeners
        .iter()
        .map(|listener| listener.port)
        .collect();
    assert_eq!(ports, [1884, 1883]);
}

#[test]
fn the_http_interface_is_refused_with_what_there_is_instead() {
    let lines = errors("listener 9883\nprotocol http_api\n");
    let text = "Error: The 'protocol' value 'http_api' is not supported: \
        the numbers are on the $SYS topics.";
    assert_eq!(lines[0], text);
    let hint = "Pages are given to browsers by 'protocol websockets' with 'http_dir'.";
    assert!(lines.contains(&hint.to_owned()), "{lines:?}");
}
