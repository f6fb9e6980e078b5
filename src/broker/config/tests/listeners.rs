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
fn a_listener_can_serve_the_http_interface() {
    let text = "listener 9883\nprotocol http_api\nhttp_api_admin alice\nhttp_api_admin bob\n";
    let config = config(text);
    assert_eq!(config.listeners[0].protocol, Protocol::HttpApi);
    assert_eq!(config.http_api.admins, ["alice", "bob"]);
    assert_eq!(config.http_api.metric_names, MetricNames::Mosquitto);
}

#[test]
fn two_listeners_cannot_have_one_address() {
    for (text, line, first) in [
        ("listener 1883\nlistener 1883\n", 2, 1),
        (
            "listener 1883\nlistener 1884\nlistener 1883 127.0.0.1\n",
            3,
            1,
        ),
        ("listener 1883 ::1\nlistener 1883 ::1\n", 2, 1),
        ("max_qos 1\nlistener 1883\n", 1, 2),
        ("listener 0 /a\nlistener 0 /a\n", 2, 1),
        ("listener 1883 0.0.0.0\nlistener 1883 127.0.0.1\n", 2, 1),
    ] {
        let lines = errors(text);
        let place = format!("Error found at mosquitto.conf:{line}.");
        let hint = format!(
            "The listener at mosquitto.conf:{first} has it, too. \
             Give one of them another port or address."
        );
        let told = ["Error: Address already in use.", &place, &hint];
        assert!(lines.windows(3).any(|lines| lines == told), "{lines:?}");
    }
    for text in [
        "listener 1883 127.0.0.1\nlistener 1883 127.0.0.2\n",
        "listener 1883 127.0.0.1\nlistener 1883 ::1\n",
        "listener 1883\nsocket_domain ipv4\nlistener 1883\nsocket_domain ipv6\n",
        "listener 1883\nsocket_domain ipv4\nlistener 1883 ::1\n",
        "listener 1883\nbind_interface lo\nlistener 1883\nbind_interface eth0\n",
        "listener 0 /a\nlistener 0 /b\n",
        "listener 1883\nlistener 1884\n",
    ] {
        config(text);
    }
}

#[test]
fn what_contradicts_itself_is_told_where_it_stands() {
    for (text, told) in [
        (
            "listener 8883\ncertfile a\n",
            [
                "Error: Both certfile and keyfile must be provided to enable a TLS listener.",
                "Error found at mosquitto.conf:2.",
                "Add the certificate's key to this listener by a 'keyfile' line.",
            ],
        ),
        (
            "listener 8883\ncafile a\n",
            [
                "Error: cafile specified without certfile and keyfile.",
                "Error found at mosquitto.conf:2.",
                "Add the listener's own certificate by 'certfile' and 'keyfile' lines.",
            ],
        ),
        (
            "listener 8883\ncertfile a\nkeyfile b\nenable_proxy_protocol 2\n",
            [
                "Error: certfile and keyfile cannot be used with `enable_proxy_protocol 2`.",
                "Error found at mosquitto.conf:4.",
                "The proxy speaks TLS with the clients, and this listener does not.",
            ],
        ),
        (
            "pid_file a\nlistener 1883\npid_file b\n",
            [
                "Error: Duplicate 'pid_file' value in configuration.",
                "Error found at mosquitto.conf:3.",
                "It stands already at mosquitto.conf:1.",
            ],
        ),
    ] {
        assert_eq!(errors(text), told, "{text}");
    }
}

#[test]
fn an_option_that_restricts_and_cannot_be_enforced_is_refused() {
    for (block, option, needed) in [
        (
            "",
            "require_certificate true",
            "certfile and keyfile (or `enable_proxy_protocol 2`).",
        ),
        (
            "enable_proxy_protocol 1",
            "require_certificate true",
            "certfile and keyfile (or `enable_proxy_protocol 2`).",
        ),
        (
            "",
            "use_identity_as_username true",
            "certfile and keyfile (or `enable_proxy_protocol 2`).",
        ),
        (
            "",
            "use_subject_as_username true",
            "certfile and keyfile (or `enable_proxy_protocol 2`).",
        ),
        ("", "crlfile c", "certfile and keyfile"),
        (
            "enable_proxy_protocol 2\nrequire_certificate true",
            "crlfile c",
            "certfile and keyfile",
        ),
        ("", "tls_version tlsv1.3", "certfile and keyfile"),
        (
            "enable_proxy_protocol 2",
            "tls_version tlsv1.3",
            "certfile and keyfile",
        ),
        ("", "ciphers DEFAULT", "certfile and keyfile"),
        (
            "",
            "ciphers_tls1.3 TLS_AES_128_GCM_SHA256",
            "certfile and keyfile",
        ),
        (
            "",
            "proxy_protocol_v2_require_tls true",
            "`enable_proxy_protocol 2`",
        ),
        (
            "enable_proxy_protocol 1",
            "proxy_protocol_v2_require_tls true",
            "`enable_proxy_protocol 2`",
        ),
        ("", "websockets_origin http://a", "`protocol websockets`"),
    ] {
        let text = format!("listener 1883\n{block}\n{option}\n");
        let lines = errors(&text);
        let name = option.split(' ').next().unwrap();
        let error = format!("Error: The '{name}' option cannot be enforced without {needed}");
        assert!(lines[0].starts_with(&error), "{text}: {lines:?}");
        let line = text.lines().count();
        assert_eq!(lines[1], format!("Error found at mosquitto.conf:{line}."));
    }
    for fine in [
        "listener 1883\nenable_proxy_protocol 2\nrequire_certificate true\nuse_identity_as_username true",
        "listener 1883\nenable_proxy_protocol 1\ncertfile a\nkeyfile b\nrequire_certificate true",
        "listener 0 /s\ncertfile a\nkeyfile b\nrequire_certificate true",
        "listener 1883\nrequire_certificate false\nuse_subject_as_username false\nproxy_protocol_v2_require_tls false",
    ] {
        assert_eq!(remarks(fine), Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn revoked_certificates_without_required_ones_give_a_warning() {
    let remarks = remarks("listener 8883\ncertfile a\nkeyfile b\ncrlfile c");
    assert_eq!(
        remarks,
        [
            "Warning: The 'crlfile' option has no effect without require_certificate true (mosquitto.conf:4)."
        ]
    );
}
