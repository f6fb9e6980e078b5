use super::*;

fn error(kind: Kind, words: &[&str]) -> String {
    let words = words.iter().map(OsString::from).collect();
    parse(kind, Vec::new(), words)
        .unwrap_err()
        .text()
        .to_owned()
}

#[test]
fn values_out_of_range_get_mosquittos_errors() {
    for (words, text) in [
        (&["-q", "3"][..], "Error: Invalid QoS given: 3"),
        (&["-q", "abc"], "Error: Invalid QoS given: abc"),
        (&["-p", "70000"], "Error: Invalid port given: 70000"),
        (
            &["-k", "4"],
            "Error: Invalid keepalive given, it must be between 5 and 65535 inclusive.",
        ),
        (
            &["-M", "0"],
            "Error: Maximum inflight messages must be greater than 0.",
        ),
        (
            &["-V", "3"],
            "Error: Invalid protocol version argument given.",
        ),
        (&["--will-qos", "3"], "Error: Invalid will QoS 3."),
        (
            &["-x", "abc"],
            "Error: session-expiry-interval not a number.",
        ),
        (
            &["-x", "4294967296"],
            "Error: session-expiry-interval out of range.",
        ),
        (
            &["-i", "a", "-I", "b"],
            "Error: -i and -I argument cannot be used together.",
        ),
    ] {
        for kind in [Kind::Publish, Kind::Subscribe] {
            assert_eq!(error(kind, words), text);
        }
    }
}

#[test]
fn the_first_error_is_the_one_that_counts() {
    assert_eq!(
        error(Kind::Publish, &["-q", "9", "--foo"]),
        "Error: Invalid QoS given: 9"
    );
    assert_eq!(
        error(Kind::Publish, &["--foo", "-q", "9"]),
        "Error: Unknown option '--foo'."
    );
}

#[test]
fn a_wildcard_within_a_level_is_refused_with_the_filter_named() {
    assert_eq!(
        error(Kind::Subscribe, &["-t", "maison+/lumière"]),
        "Error: Invalid subscription topic 'maison+/lumière', are all '+' and '#' wildcards correct?"
    );
    assert_eq!(
        error(Kind::Publish, &["-t", "a/+"]),
        "Error: Invalid publish topic 'a/+', does it contain '+' or '#'?"
    );
}

#[test]
fn a_missing_value_is_named_by_the_letter_except_for_two_options() {
    for (words, text) in [
        (
            &["--host"][..],
            "Error: -h argument given but no host specified.",
        ),
        (
            &["-V"],
            "Error: --protocol-version argument given but no version specified.",
        ),
        (
            &["-D", "publish"],
            "Error: --property argument given but not enough arguments specified.",
        ),
    ] {
        assert_eq!(error(Kind::Publish, words), text);
    }
}

#[test]
fn every_option_has_an_effect_except_for_four() {
    let password = tempfile::NamedTempFile::new().unwrap();
    let path = password.path().to_str().unwrap();
    let values = [
        "5",
        "1",
        "31",
        "never",
        "%t",
        "a",
        "mqtt://h/t",
        "socks5h://h",
        path,
        "PATH",
    ];
    for kind in [Kind::Publish, Kind::Subscribe] {
        for row in help::options(kind).rows() {
            let name = row.name();
            let words: Vec<Vec<&str>> = match row.arity {
                Arity::Flag => vec![vec![&name]],
                Arity::Value { .. } => values.iter().map(|value| vec![&*name, value]).collect(),
                Arity::Property => vec![vec![&name, "connect", "receive-maximum", "1"]],
            };
            let has_effect = words.into_iter().any(|words| {
                let words = words.into_iter().map(OsString::from).collect();
                let Ok(Parsed::Run(raw)) = parse(kind, Vec::new(), words) else {
                    return false;
                };
                format!("{raw:?}") != format!("{:?}", RawOptions::default())
            });
            let expects_none = matches!(
                row.id,
                OptionId::Help | OptionId::NoDelay | OptionId::OptionsFile | OptionId::Version
            );
            assert_eq!(has_effect, !expects_none, "{name}");
        }
    }
}

#[test]
fn an_option_of_the_other_program_is_unknown() {
    assert_eq!(
        error(Kind::Publish, &["-C", "1"]),
        "Error: Unknown option '-C'."
    );
}

#[test]
fn only_one_kind_of_message_is_sent() {
    assert_eq!(
        error(Kind::Publish, &["-l", "-m", "x"]),
        "Error: Only one type of message can be sent at once."
    );
}
