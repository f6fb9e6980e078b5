use super::*;

#[test]
fn the_first_line_of_an_error_says_what_and_the_second_where() {
    assert_eq!(
        errors("listener 1883\n\nmax_qos 7\n"),
        [
            "Error: 'max_qos' must be between 0 and 2 inclusive.",
            "Error found at mosquitto.conf:3.",
        ]
    );
}

#[test]
fn all_errors_of_a_file_are_reported() {
    assert_eq!(
        errors("frobnicate 1\nlistener 1883\nmax_keepalive x\nmax_qos 7\n"),
        [
            "Error: Unknown configuration variable 'frobnicate'.",
            "Error found at mosquitto.conf:1.",
            "Error: 'max_keepalive' value not a number.",
            "Error found at mosquitto.conf:3.",
            "Error: 'max_qos' must be between 0 and 2 inclusive.",
            "Error found at mosquitto.conf:4.",
        ]
    );
}

#[test]
fn the_errors_as_one_text_leave_out_what_is_no_error() {
    let files = Files::new("log_dest dlt\nx 1\n");
    let path = files.path().join("mosquitto.conf");
    let errors = Config::load(std::slice::from_ref(&path), &Overrides::default()).unwrap_err();
    assert_eq!(
        errors.to_string(),
        format!(
            "Error: Unknown configuration variable 'x'.\nError found at {}:2.",
            path.display()
        )
    );
}

#[test]
fn an_unknown_name_brings_the_nearest_known_one() {
    assert_eq!(
        errors("alow_anonymous true"),
        [
            "Error: Unknown configuration variable 'alow_anonymous'.",
            "Error found at mosquitto.conf:1.",
            "Did you mean 'allow_anonymous'?",
        ]
    );
    assert_eq!(errors("Listener 1883")[2], "Did you mean 'listener'?");
}

#[test]
fn a_tab_does_not_separate_a_name_from_its_value() {
    assert_eq!(
        errors("listener\t1883"),
        [
            "Error: Unknown configuration variable 'listener\t1883'.",
            "Error found at mosquitto.conf:1.",
            "Names and values are separated by spaces, not by tabs.",
        ]
    );
    assert_eq!(
        errors("listener 1883\t127.0.0.1")[2],
        "Names and values are separated by spaces, not by tabs."
    );
}

#[test]
fn a_comment_begins_in_the_first_column() {
    assert!(remarks("# listener x\n#\n").is_empty());
    assert_eq!(
        errors(" # remark"),
        [
            "Error: Unknown configuration variable '#'.",
            "Error found at mosquitto.conf:1.",
            "A comment must begin in the first column.",
        ]
    );
}

#[test]
fn comments_may_hold_any_bytes() {
    let loaded = Files::new(b"# caf\xE9\nmax_keepalive 60\n").load();
    assert_eq!(loaded.config.unwrap().limits.max_keepalive, Some(60));
}

#[test]
fn windows_line_ends_indentation_and_a_missing_last_line_end_are_fine() {
    let config =
        config("\u{feff}  listener   1884   \r\n\r\n \t\r\nmax_qos 1\r\npassword_file a  b");
    assert_eq!(config.listeners[0].port, 1884);
    assert_eq!(config.listeners[0].max_qos, 1);
    assert_eq!(config.security.password_file, Some("a  b".into()));
}

#[test]
fn a_text_goes_to_the_end_of_the_line_and_a_word_to_the_next_space() {
    let config = config("log_timestamp_format %H %M # hours\nmax_keepalive 9 # seconds\n");
    assert_eq!(
        config.log.timestamp_format.as_deref(),
        Some("%H %M # hours")
    );
    assert_eq!(config.limits.max_keepalive, Some(9));
}

#[test]
fn a_line_may_be_long_but_a_text_not_longer_than_mqtts() {
    let longest = "x".repeat(65_535);
    let config = config(&format!("password_file {longest}\n"));
    assert_eq!(config.security.password_file, Some(longest.into()));
    assert_eq!(
        errors(format!("password_file {}", "x".repeat(65_536)))[0],
        "Error: 'password_file' value is longer than 65535 bytes."
    );
}

#[test]
fn texts_are_utf8_without_control_characters() {
    assert_eq!(
        config("pid_file /run/été").pid_file,
        Some("/run/été".into())
    );
    for text in [
        &b"pid_file caf\xE9"[..],
        b"pid_file a\x01b",
        b"pid_file a\tb",
        "pid_file \u{85}b".as_bytes(),
    ] {
        assert_eq!(
            errors(text)[..2],
            [
                "Error: Malformed UTF-8 in configuration.",
                "Error found at mosquitto.conf:1.",
            ]
        );
    }
}

#[test]
fn a_nul_byte_is_an_error_rather_than_the_end_of_the_file() {
    let utf_16: Vec<u8> = "listener 1883\nallow_anonymous false\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(
        errors(utf_16),
        [
            "Error: NUL byte in configuration.",
            "Error found at mosquitto.conf:1.",
            "The file must be saved as UTF-8, not UTF-16.",
        ]
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let files = Files::new("");
    let missing = files.path().join("missing.conf");
    let load = |path: &Path| Config::load(&[path.to_owned()], &Overrides::default());
    assert_eq!(
        files.lines(&load(&missing).unwrap_err().diagnostics),
        ["Error: Unable to open config file 'missing.conf'."]
    );
    let directory = files.path().join("conf.d");
    std::fs::create_dir(&directory).unwrap();
    assert_eq!(
        files.lines(&load(&directory).unwrap_err().diagnostics),
        ["Error: Config file 'conf.d' is a directory."]
    );
}

#[test]
fn several_files_make_one_configuration() {
    let files = Files::new("listener 1883\n");
    let first = files.path().join("mosquitto.conf");
    let second = files.write("second.conf", "max_keepalive 60\nlistener 1884\n");
    let (config, _) = Config::load(&[first, second], &Overrides::default()).unwrap();
    assert_eq!(config.limits.max_keepalive, Some(60));
    assert_eq!(config.listeners.len(), 2);
}

/// A main file with one line after the `include_dir` line, and the files it includes.
fn with_included(included: &[(&str, &str)]) -> Files {
    let files = Files::new("");
    let directory = files.path().join("conf.d");
    std::fs::create_dir(&directory).unwrap();
    files.write(
        "mosquitto.conf",
        format!(
            "listener 1883\ninclude_dir {}\nmax_qos 1\n",
            directory.display()
        ),
    );
    for (name, content) in included {
        files.write(&format!("conf.d/{name}"), content);
    }
    files
}

#[test]
fn included_files_are_read_in_order_and_the_main_file_goes_on_where_it_was() {
    let files = with_included(&[
        ("b.conf", "max_keepalive 2"),
        ("a.conf", "listener 1884\nmax_keepalive 1"),
        ("README", "not read"),
    ]);
    let loaded = files.load();
    assert_eq!(
        loaded.lines,
        [
            "Loading config file 'conf.d/a.conf'",
            "Loading config file 'conf.d/b.conf'",
        ]
    );
    let config = loaded.config.unwrap();
    assert_eq!(config.limits.max_keepalive, Some(2));
    let max_qos: Vec<(u16, u8)> = config
        .listeners
        .iter()
        .map(|listener| (listener.port, listener.max_qos))
        .collect();
    assert_eq!(max_qos, [(1883, 1), (1884, 2)]);
}

#[test]
fn an_included_file_begins_without_a_listener() {
    let files = with_included(&[("a.conf", "\nmax_topic_alias 3")]);
    assert_eq!(
        files.load().lines,
        [
            "Loading config file 'conf.d/a.conf'",
            "Error: The 'max_topic_alias' option requires a listener to be defined first.",
            "Error found at 'conf.d/a.conf:2'.",
            "Error found at mosquitto.conf:2.",
        ]
    );
}

#[test]
fn only_the_main_file_includes_others() {
    let files = with_included(&[("a.conf", "include_dir /etc")]);
    assert_eq!(
        files.load().lines[1],
        "Error: The include_dir option is only valid in the main configuration file."
    );
}

#[test]
fn what_cannot_be_included_is_an_error() {
    assert_eq!(
        errors("include_dir /does/not/exist"),
        [
            "Error: Unable to open include_dir '/does/not/exist'.",
            "Error found at mosquitto.conf:1.",
        ]
    );
    let files = with_included(&[]);
    std::fs::create_dir(files.path().join("conf.d/x.conf")).unwrap();
    assert_eq!(
        files.load().lines,
        [
            "Loading config file 'conf.d/x.conf'",
            "Error: Config file 'conf.d/x.conf' is a directory.",
            "Error found at mosquitto.conf:2.",
        ]
    );
}

#[test]
fn the_configuration_that_debian_installs_is_accepted() {
    let files = Files::new("");
    std::fs::create_dir(files.path().join("conf.d")).unwrap();
    files.write("conf.d/README", "files that end in .conf are read\n");
    files.write(
        "mosquitto.conf",
        format!(
            "# local files go to conf.d\n#\n\npid_file /run/mosquitto/mosquitto.pid\n\n\
             persistence true\npersistence_location /var/lib/mosquitto/\n\n\
             log_dest file /var/log/mosquitto/mosquitto.log\n\ninclude_dir {}\n",
            files.path().join("conf.d").display()
        ),
    );
    let loaded = files.load();
    assert_eq!(loaded.lines, [""; 0]);
    let config = loaded.config.unwrap();
    assert!(config.persistence.is_on);
    assert_eq!(
        config.persistence.store(),
        Path::new("/var/lib/mosquitto/mq-broker.store")
    );
    assert!(config.local_only);
    assert_eq!(config.pid_file, Some("/run/mosquitto/mosquitto.pid".into()));
    let destinations = config.log.destinations();
    assert_eq!(
        destinations.file,
        Some("/var/log/mosquitto/mosquitto.log".into())
    );
    assert!(!destinations.stderr);

    files.write(
        "conf.d/local.conf",
        "listener 1883\nallow_anonymous false\npassword_file /etc/mosquitto/passwd\n",
    );
    let config = files.load().config.unwrap();
    assert!(!config.local_only);
    assert_eq!(config.listeners.len(), 1);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    #[test]
    fn no_file_makes_the_reader_panic(lines in proptest::collection::vec(any_line(), 0..8)) {
        Files::new(lines.join(&b'\n')).load();
    }
}

/// Any bytes, or a known name with any value.
fn any_line() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;

    let names: Vec<&str> = super::super::table::names()
        .filter(|name| *name != "include_dir")
        .collect();
    let value = prop_oneof![
        any::<String>(),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("true".to_owned()),
    ];
    prop_oneof![
        any::<Vec<u8>>(),
        (prop::sample::select(names), value)
            .prop_map(|(name, value)| format!("{name} {value}").into_bytes()),
    ]
}
