use super::*;

/// Whether anonymous clients may connect to each listener of `text`.
fn anonymous(text: &str) -> Vec<bool> {
    let config = config(text);
    config
        .listeners
        .iter()
        .map(|listener| config.effective_security(listener).allow_anonymous)
        .collect()
}

#[test]
fn anonymous_clients_are_let_in_only_locally_unless_it_is_said() {
    assert_eq!(anonymous(""), [true]);
    assert_eq!(anonymous("allow_anonymous false"), [false]);
    for text in ["listener 1883", "port 1883", "bind_address 127.0.0.1"] {
        assert_eq!(anonymous(text), [false], "{text}");
        assert_eq!(anonymous(&format!("{text}\nallow_anonymous true")), [true]);
    }
}

#[test]
fn the_listeners_own_option_is_stronger_both_ways() {
    assert_eq!(
        anonymous(
            "allow_anonymous true\nlistener 1883\nlistener_allow_anonymous false\nlistener 1884\n"
        ),
        [false, true]
    );
    assert_eq!(
        anonymous("listener 1883\nlistener_allow_anonymous true\nlistener 1884\n"),
        [true, false]
    );
}

#[test]
fn security_options_are_global_even_after_a_listener() {
    let config = config("listener 1883\nlistener 1884\npassword_file /p\nauto_id_prefix a-\n");
    for listener in &config.listeners {
        let security = config.effective_security(listener);
        assert_eq!(security.password_file, Some(Path::new("/p")));
        assert_eq!(security.auto_id_prefix, "a-");
    }
}

#[test]
fn per_listener_settings_give_each_listener_its_own_security() {
    let loaded = Files::new(
        "per_listener_settings true\nlistener 1883\nallow_anonymous true\nlistener 1884\n\
         password_file /p\nallow_zero_length_clientid false\nauto_id_prefix b-\nlistener 1885\n",
    )
    .load();
    assert_eq!(
        loaded.lines,
        [
            "The 'per_listener_settings' option is now deprecated and will be removed in version 3.0.",
            "You are using the 'allow_anonymous' option with 'per_listener_settings true'. Please replace this with 'listener_allow_anonymous'.",
            "The 'auto_id_prefix' option is now deprecated and will be removed in version 3.0. Please use 'listener_auto_id_prefix' instead.",
        ]
    );
    let config = loaded.config.unwrap();
    let open = EffectiveSecurity {
        allow_anonymous: true,
        password_file: None,
        acl_file: None,
        acl_check_subscribe: false,
        allow_zero_length_clientid: true,
        auto_id_prefix: "auto-",
    };
    let with_passwords = EffectiveSecurity {
        allow_anonymous: false,
        password_file: Some(Path::new("/p")),
        acl_file: None,
        acl_check_subscribe: false,
        allow_zero_length_clientid: false,
        auto_id_prefix: "b-",
    };
    let closed = EffectiveSecurity {
        allow_anonymous: false,
        ..open
    };
    for (listener, expected) in config.listeners.iter().zip([open, with_passwords, closed]) {
        assert_eq!(config.effective_security(listener), expected);
    }
}

#[test]
fn a_security_option_that_lifts_the_restriction_of_another_listener_is_refused() {
    for (text, option, line, lifted) in [
        (
            "listener 1883\nallow_anonymous false\nlistener 1884\nallow_anonymous true\n",
            "allow_anonymous",
            4,
            2,
        ),
        (
            "allow_anonymous false\nlistener 1883\nlistener 1884\nallow_anonymous true\n",
            "allow_anonymous",
            4,
            1,
        ),
        (
            "listener 1883\nallow_zero_length_clientid 0\nlistener 1884\nallow_zero_length_clientid 1\n",
            "allow_zero_length_clientid",
            4,
            2,
        ),
        (
            "listener 1883\nacl_file /a\nlistener 1884\nacl_file /b\n",
            "acl_file",
            4,
            2,
        ),
        (
            "port 1883\npassword_file /a\nlistener 1884\npassword_file /b\n",
            "password_file",
            4,
            2,
        ),
    ] {
        let lines = errors(text);
        let error = format!(
            "Error: The '{option}' option counts for all listeners, and lifts the one at \
             mosquitto.conf:{lifted}."
        );
        assert!(lines.contains(&error), "{text}: {lines:?}");
        assert!(lines.contains(&format!("Error found at mosquitto.conf:{line}.")));
    }
    for fine in [
        "allow_anonymous false\nlistener 1883\nallow_anonymous true\n",
        "listener 1883\nallow_anonymous true\nlistener 1884\nallow_anonymous false\n",
        "listener 1883\nacl_file /a\nlistener 1884\nacl_file /a\n",
        "allow_anonymous false\nallow_anonymous true\nlistener 1883\nlistener 1884\n",
        "per_listener_settings true\nlistener 1883\nallow_anonymous false\nlistener 1884\nallow_anonymous true\n",
    ] {
        config(fine);
    }
}

#[test]
fn under_per_listener_settings_security_needs_a_listener() {
    for option in [
        "allow_anonymous true",
        "password_file /p",
        "allow_zero_length_clientid true",
    ] {
        let name = option.split(' ').next().unwrap();
        assert!(
            errors(format!("per_listener_settings true\n{option}\n")).contains(&format!(
                "Error: The '{name}' option requires a listener to be defined first."
            ))
        );
    }
}

#[test]
fn per_listener_settings_come_before_other_security_options() {
    assert!(
        errors("allow_anonymous true\nper_listener_settings true\n").contains(
            &"Error: per_listener_settings must be set before any other security settings."
                .to_owned()
        )
    );
    assert!(config("listener 1883\nper_listener_settings true\n").per_listener_settings);
}

#[test]
fn per_listener_settings_stay_on_once_they_are() {
    assert!(
        config("per_listener_settings true\nper_listener_settings false\n").per_listener_settings
    );
}

#[test]
fn a_long_prefix_of_client_identifiers_is_refused() {
    let long = "x".repeat(51);
    assert!(
        errors(format!("auto_id_prefix {long}"))
            .contains(&"Error: auto_id_prefix length must be <= 50.".to_owned())
    );
    assert_eq!(
        errors(format!("listener 1883\nlistener_auto_id_prefix {long}"))[0],
        "Error: 'listener_auto_id_prefix' length must be <= 50."
    );
}

#[test]
fn an_option_that_restricts_access_or_encrypts_is_never_ignored() {
    for option in [
        "psk_file /p",
        "tls_engine x",
        "tls_keyform engine",
        "psk_hint x",
        "plugin /p.so",
        "auth_plugin /p.so",
        "global_plugin /p.so",
        "plugin_load name /p.so",
    ] {
        let name = option.split(' ').next().unwrap();
        let lines = errors(format!("listener 1883\n{option}\n"));
        let error = lines.iter().find(|line| line.starts_with("Error: "));
        let beginning = format!("Error: The '{name}' option is not supported");
        assert!(error.unwrap().starts_with(&beginning), "{lines:?}");
        assert!(lines.contains(&"Error found at mosquitto.conf:2.".to_owned()));
    }
}

#[test]
fn switching_off_what_is_off_anyway_is_fine() {
    assert!(
        remarks(
            "persistence false\nlistener 1883\nrequire_certificate false\n\
             use_identity_as_username 0\ntls_keyform pem\nenable_control_api false\n"
        )
        .is_empty()
    );
}

#[test]
fn the_options_of_a_refused_block_are_not_refused_one_by_one() {
    let lines = errors("plugin /p.so\nplugin_opt_file /f\nauth_opt_other x\n");
    let errors = lines.iter().filter(|line| line.starts_with("Error: "));
    assert_eq!(errors.count(), 1, "{lines:?}");
}

#[test]
fn the_plugins_that_read_a_file_stand_for_an_option() {
    let config = config(
        "plugin /usr/lib/mosquitto_acl_file.so\nplugin_opt_acl_file /a\n\
         global_plugin /usr/lib/mosquitto_password_file.so\nplugin_opt_password_file /p\n\
         listener 1883\n",
    );
    let security = config.effective_security(&config.listeners[0]);
    assert_eq!(security.acl_file, Some(Path::new("/a")));
    assert_eq!(security.password_file, Some(Path::new("/p")));
}

#[test]
fn such_a_plugin_may_be_about_some_listeners_only() {
    let load = "plugin_load rules mosquitto_acl_file.so\nplugin_opt_acl_file /a\n";
    let by_name =
        config(format!("{load}listener 1883\nlistener 1884\nplugin_use rules\n").as_str());
    let by_place = config(
        "per_listener_settings true\nlistener 1883\nlistener 1884\n\
         plugin mosquitto_acl_file.so\nplugin_opt_acl_file /a\n",
    );
    for config in [by_name, by_place] {
        let files = config.listeners.iter();
        let files: Vec<_> = files
            .map(|listener| config.effective_security(listener).acl_file)
            .collect();
        assert_eq!(files, [None, Some(Path::new("/a"))]);
    }
    let global = config(
        "per_listener_settings true\nlistener 1883\n\
         global_plugin mosquitto_acl_file.so\nplugin_opt_acl_file /a\n",
    );
    let security = global.effective_security(&global.listeners[0]);
    assert_eq!(security.acl_file, Some(Path::new("/a")));
}

#[test]
fn mistakes_with_plugins_are_told() {
    for (text, error) in [
        (
            "plugin mosquitto_acl_file.so\nplugin_opt_other x\n",
            "Error: The plugin needs a 'plugin_opt_acl_file' option, which names its file.",
        ),
        (
            "plugin_load a acl-file.so\nplugin_opt_acl_file /a\nplugin_load a acl-file.so\nplugin_opt_acl_file /a\n",
            "Error: Duplicate plugin name 'a'.",
        ),
        (
            "listener 1883\nplugin_use a\n",
            "Error: Plugin 'a' not previously loaded.",
        ),
        (
            "plugin_load a\n",
            "Error: Missing plugin path for plugin name 'a'.",
        ),
        (
            "per_listener_settings true\nplugin acl-file.so\n",
            "Error: The 'plugin' option requires a listener to be defined first.",
        ),
    ] {
        let lines = errors(text);
        assert!(lines.contains(&error.to_owned()), "{text}: {lines:?}");
    }
    let lines = errors("plugin /usr/lib/mosquitto_dynamic_security.so\n");
    let hint = "Use 'password_file' and 'acl_file', which a reload reads again.";
    assert!(lines.contains(&hint.to_owned()), "{lines:?}");
}
