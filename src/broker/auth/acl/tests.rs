use std::path::Path;

use super::*;

fn acl(text: &str) -> Acl {
    Acl::parse(Path::new("acl"), text.as_bytes()).unwrap()
}

/// Returns the answer of `text` to a client, in the words `r`, `w`, `rw` or nothing.
fn rights(text: &str, client_id: &str, username: &str, topic: &str) -> String {
    let acl = acl(text);
    let topic = TopicName::try_from(topic).unwrap();
    let client_id = Text::try_from(client_id).unwrap();
    let username = (!username.is_empty()).then(|| Text::try_from(username).unwrap());
    let who = Who {
        client_id: &client_id,
        username: username.as_ref(),
    };
    let may = |access, letter| match acl.decide(access, &topic, who) {
        Decision::Allowed => letter,
        _ => "",
    };
    format!("{}{}", may(Access::Read, "r"), may(Access::Write, "w"))
}

#[test]
fn an_empty_file_denies_everything() {
    assert_eq!(rights("", "c", "", "a"), "");
    assert_eq!(rights("# nothing\n\n", "c", "u", "a"), "");
}

#[test]
fn a_line_gives_the_access_that_it_names() {
    let file = "topic a\ntopic read b\ntopic write c\ntopic readwrite d e\ntopic read\n";
    for (topic, expected) in [
        ("a", "rw"),
        ("b", "r"),
        ("c", "w"),
        ("d e", "rw"),
        ("read", "rw"),
        ("f", ""),
    ] {
        assert_eq!(rights(file, "c", "", topic), expected, "{topic}");
    }
}

#[test]
fn topics_belong_to_the_user_before_them_and_else_to_the_anonymous() {
    let file = "topic a\r\nuser éva marie\r\n  topic b\r\nuser bob\r\ntopic c/#\r\n";
    assert_eq!(rights(file, "c", "", "a"), "rw");
    assert_eq!(rights(file, "c", "bob", "a"), "");
    assert_eq!(rights(file, "c", "éva marie", "b"), "rw");
    assert_eq!(rights(file, "c", "bob", "b"), "");
    assert_eq!(rights(file, "c", "bob", "c/d"), "rw");
    assert_eq!(rights(file, "c", "", "b"), "");
}

#[test]
fn a_denial_is_stronger_than_a_grant_wherever_it_stands() {
    let file = "topic a/#\ntopic deny a/secret\npattern readwrite a/#\n";
    assert_eq!(rights(file, "c", "", "a/open"), "rw");
    assert_eq!(rights(file, "c", "", "a/secret"), "");
}

#[test]
fn the_denial_of_a_pattern_is_weaker_than_the_users_own_grant() {
    let file = "user bob\ntopic read a\npattern deny a\n";
    assert_eq!(rights(file, "c", "bob", "a"), "r");
    assert_eq!(rights(file, "c", "eve", "a"), "");
}

#[test]
fn a_pattern_stands_for_the_client_and_the_user() {
    let file = "user bob\npattern read %u/in/#\npattern write from/%c\npattern x%c/y\n";
    assert_eq!(rights(file, "c1", "eve", "eve/in/a"), "r");
    assert_eq!(rights(file, "c1", "eve", "bob/in/a"), "");
    assert_eq!(rights(file, "c1", "", "from/c1"), "w");
    assert_eq!(rights(file, "c1", "", "from/c2"), "");
    // Only a whole level is filled in.
    assert_eq!(rights(file, "c1", "", "xc1/y"), "");
    assert_eq!(rights(file, "c1", "", "x%c/y"), "rw");
    // No user, no pattern of users.
    assert_eq!(rights(file, "c1", "", "%u/in/a"), "");
    // A name with a slash stands for several levels.
    assert_eq!(rights(file, "a/b", "", "from/a/b"), "w");
}

#[test]
fn a_name_with_a_wildcard_gets_nothing_by_patterns() {
    let file = "user +\ntopic own\npattern read %u/#\npattern write %c/#\n";
    assert_eq!(rights(file, "c", "+", "own"), "rw");
    assert_eq!(rights(file, "c", "+", "bob/a"), "");
    assert_eq!(rights(file, "#", "bob", "bob/a"), "");
    let who = |client_id, username| {
        let topic = TopicName::try_from("a/b").unwrap();
        let who = Who {
            client_id,
            username,
        };
        acl(file).decide(Access::Read, &topic, who)
    };
    let (wild, plain) = (Text::try_from("#").unwrap(), Text::try_from("c").unwrap());
    assert_eq!(who(&plain, Some(&wild)), Decision::DangerousUsername);
    assert_eq!(who(&wild, Some(&plain)), Decision::DangerousClientId);
}

#[test]
fn topics_of_the_broker_need_a_rule_of_their_own() {
    assert_eq!(rights("topic #\n", "c", "", "$SYS/broker/uptime"), "");
    assert_eq!(rights("topic +/broker/#\n", "c", "", "$SYS/broker/x"), "");
    assert_eq!(rights("pattern %c/x\n", "$SYS", "", "$SYS/x"), "");
    assert_eq!(rights("topic read $SYS/#\n", "c", "", "$SYS/broker/x"), "r");
}

#[test]
fn a_pattern_without_a_name_in_it_is_taken_and_told() {
    let acl = acl("pattern read all/#\npattern read %c/#\n");
    let warning = "Warning: ACL pattern 'all/#' does not contain '%c' or '%u'.";
    assert_eq!(acl.warnings(), [warning]);
}

#[test]
fn a_line_that_makes_no_sense_is_told_with_its_number() {
    for (line, text) in [
        ("topic", "Error: Empty topic in acl_file \"acl\"."),
        (
            "topic see a",
            "Error: Invalid topic access type \"see\" in acl_file \"acl\".",
        ),
        (
            "topic a#",
            "Error: Invalid ACL topic \"a#\" in acl_file \"acl\".",
        ),
        ("user ", "Error: Missing username in acl_file \"acl\"."),
        ("allow a", "Error: Invalid line in acl_file \"acl\": allow."),
        (" # x", "Error: Invalid line in acl_file \"acl\": #."),
    ] {
        let contents = format!("topic ok\n{line}\n");
        let errors = Acl::parse(Path::new("acl"), contents.as_bytes()).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].to_string(), text);
        assert_eq!(errors[0].place(), (Path::new("acl"), Some(2)));
    }
}

#[test]
fn all_lines_that_make_no_sense_are_told() {
    let contents = b"topic\ntopic ok\nallow a\nuser\n";
    let errors = Acl::parse(Path::new("acl"), contents).unwrap_err();
    let lines: Vec<_> = errors.iter().map(|error| error.place().1).collect();
    assert_eq!(lines, [Some(1), Some(3), Some(4)]);
}
