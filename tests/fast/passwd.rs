//! The built `mq-passwd`, seen from outside: what it says, how it exits, and what is in the file then.

#![allow(
    clippy::unwrap_used,
    reason = "what fails in a test's helper fails the test"
)]

mod mosquitto;
mod prompts;
mod scene;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mq::passwd::users::Users;
use nix::unistd::geteuid;

use self::scene::{PROGRAM, Scene, finish, installed};

// The command line

#[test]
fn a_command_line_that_makes_no_sense_gets_the_usage_and_exit_code_1() {
    let scene = Scene::with("");
    for line in [
        "",
        "f",
        "f u p",
        "-b f u",
        "-b f u p x",
        "-x f u",
        "-cb f u p",
        "-- f u",
    ] {
        let outcome = scene.run(line);
        outcome.was(1, "");
        assert!(outcome.stdout.contains("Usage: mq-passwd "), "{line}");
    }
    assert_eq!(scene.contents(), "");
}

#[test]
fn help_and_version_are_a_success_under_our_name_and_an_error_under_mosquittos() {
    let scene = Scene::empty();
    for (word, text) in [
        ("--help", "Usage: mq-passwd "),
        ("-h", "Usage: mq-passwd "),
        (
            "--version",
            concat!("mq-passwd ", env!("CARGO_PKG_VERSION")),
        ),
    ] {
        let outcome = scene.run(word);
        outcome.succeeded();
        assert!(outcome.stdout.contains(text), "{word}");

        let mut command = scene.command();
        command.arg0("/usr/bin/mosquitto_passwd").arg(word);
        let outcome = finish(command, b"");
        outcome.was(1, "");
        assert!(
            outcome.stdout.contains("Usage: mosquitto_passwd "),
            "{word}"
        );
    }
}

#[test]
fn wrong_arguments_get_the_texts_of_mosquitto() {
    let scene = Scene::with("");
    for (line, text) in [
        (
            "-H",
            "Error: -H argument given but not enough other arguments.",
        ),
        (
            "-I",
            "Error: -I argument given but not enough other arguments.",
        ),
        ("-H md5 -b f u p", "Error: Unknown hash type 'md5'"),
        ("-I 0 -b f u p", "Error: Number of iterations must be > 0."),
        (
            "-I many -b f u p",
            "Error: Number of iterations must be > 0.",
        ),
        ("-c -D f u", "Error: -c and -D cannot be used together."),
        ("-c -U f", "Error: -c and -U cannot be used together."),
        ("-D -U f", "Error: -D and -U cannot be used together."),
        ("-b -D f u", "Error: -b and -D cannot be used together."),
        (
            "-c f",
            "Error: -c argument given but password file or username missing.",
        ),
        (
            "-c -b f u",
            "Error: -c argument given but password file, username, or password missing.",
        ),
        (
            "-D f",
            "Error: -D argument given but password file or username missing.",
        ),
        ("-U", "Error: -U argument given but password file missing."),
        (
            "-U f u",
            "Error: -U argument given but password file missing.",
        ),
    ] {
        let outcome = scene.run(line);
        outcome.was(1, &format!("{text}\n"));
        assert_eq!(outcome.stdout, "", "{line}");
    }
    assert_eq!(scene.contents(), "");
}

#[test]
fn a_user_name_that_would_break_the_file_is_refused() {
    let scene = Scene::with("");
    let outer_white_space = "Error: Username must not begin or end with white space.";
    for (name, text) in [
        (
            &*"u".repeat(65_536),
            "Error: Username must be less than 65536 characters long.",
        ),
        (
            "a\tb",
            "Error: Username must not contain control characters.",
        ),
        ("a:b", "Error: Username must not contain the ':' character."),
        ("", "Error: Username must not be empty."),
        (" ", "Error: Username must not be empty."),
        (" alice ", outer_white_space),
        (" alice", outer_white_space),
        ("alice ", outer_white_space),
        (
            "#a",
            "Error: Username must not begin with the '#' character.",
        ),
    ] {
        let error = format!("{text}\n");
        scene.run_words(&["-b", "f", name, "p"]).was(1, &error);
        scene.run_words(&["-c", "f", name]).was(1, &error);
        scene.run_words(&["-D", "f", name]).was(1, &error);
    }
    assert_eq!(scene.contents(), "");
}

#[test]
fn a_name_with_white_space_around_it_leaves_the_user_without_it_alone() {
    let scene = Scene::empty();
    scene.run_words(&["-c", "-b", "f", "alice", "old"]);
    let before = scene.contents();
    for line in [&["-b", "f", " alice ", "x"][..], &["-D", "f", "alice "]] {
        let error = "Error: Username must not begin or end with white space.\n";
        scene.run_words(line).was(1, error);
    }
    assert_eq!(scene.contents(), before);
    assert!(scene.users().authenticate("alice", b"old"));
}

#[test]
fn a_password_that_no_client_can_send_is_refused() {
    let scene = Scene::with("");
    let longest = "p".repeat(65_535);
    scene.run_words(&["-b", "f", "u", &longest]).succeeded();
    assert!(scene.users().authenticate("u", longest.as_bytes()));
    scene.run_words(&["-b", "f", "u", &"p".repeat(65_536)]).was(
        1,
        "Error: Password must be less than 65536 characters long.\n",
    );
}

#[test]
fn arguments_need_not_be_utf_8() {
    let scene = Scene::with("");
    let words = [&b"-b"[..], b"f", b"u\xe9", b"p\xe9"].map(OsStr::from_bytes);
    let outcome = scene.run_words(&words);
    outcome.succeeded();
    assert!(fs::read(scene.path("f")).unwrap().starts_with(b"u\xe9:$7$"));
    let words = [&b"-H"[..], b"\xff", b"f", b"u"].map(OsStr::from_bytes);
    assert_eq!(scene.run_words(&words).code, Some(1));
    let outcome = scene.run_words(&[OsStr::from_bytes(b"-\xff")]);
    assert_eq!(outcome.code, Some(1));
}

// Hashes

#[test]
fn every_hash_type_is_written_as_asked_and_lets_the_user_in() {
    let scene = Scene::with("");
    for (flags, prefix) in [
        ("", "$7$1000$"),
        ("-I 25", "$7$25$"),
        ("-H sha512-pbkdf2", "$7$1000$"),
        ("-H sha512 -I 25", "$6$"),
        ("-H argon2id", "$argon2id$v=19$m=47104,t=1,p=1$"),
        ("-H bcrypt", "$2b$10$"),
    ] {
        scene.run(&format!("{flags} -b f u sésame")).succeeded();
        let contents = scene.contents();
        assert!(contents.starts_with(&format!("u:{prefix}")), "{contents}");
        assert!(
            scene.users().authenticate("u", "sésame".as_bytes()),
            "{contents}"
        );
        assert!(!scene.users().authenticate("u", b"sesame"), "{contents}");
    }
}

#[test]
fn bcrypt_refuses_a_password_of_more_than_72_bytes() {
    let scene = Scene::with("a:b\n");
    let password = "é".repeat(37);
    scene.run_words(&["-H", "bcrypt", "-b", "f", "u", &password]).was(
        1,
        "Error: Unable to hash password: bcrypt takes at most 72 bytes, this password has 74.\n",
    );
    assert_eq!(scene.contents(), "a:b\n");
}

// -c

#[test]
fn a_new_file_is_private_and_holds_the_one_user() {
    let scene = Scene::empty();
    let outcome = scene.run("-c -b f anne secret");
    outcome.succeeded();
    assert_eq!(outcome.stdout, "Adding password for user anne\n");
    assert_eq!(scene.mode(), 0o600);
    assert_eq!(scene.contents().lines().count(), 1);
    assert!(scene.users().authenticate("anne", b"secret"));
    assert_eq!(scene.names(), ["f"]);
}

#[test]
fn an_existing_file_is_overwritten_and_keeps_its_mode() {
    let scene = Scene::with("corrupt\nbob:x\n");
    scene.set_mode(0o640);
    scene.run("-c -b f anne secret").succeeded();
    assert_eq!(scene.contents().lines().count(), 1);
    assert_eq!(scene.mode(), 0o640);
    assert_eq!(scene.names(), ["f"]);
}

#[test]
fn a_hyphen_for_the_file_prints_the_line_and_nothing_else() {
    let scene = Scene::empty();
    let outcome = scene.run_with_input("-c - anne", "p\np\n");
    outcome.was(0, "Password: \nReenter password: \n");
    let users = Users::parse(Path::new("-"), outcome.stdout.as_bytes()).unwrap();
    assert!(users.authenticate("anne", b"p"));
    assert_eq!(scene.names(), [""; 0]);
}

#[test]
fn where_no_file_can_be_made_nobody_is_asked_for_a_password() {
    let scene = Scene::with("");
    fs::create_dir(scene.path("directory")).unwrap();
    let directory = scene.path("directory");
    for (file, named, text) in [
        ("missing/f", "missing/f", "No such file or directory."),
        ("f/g", "f/g", "Not a directory."),
        ("directory", "directory", "Is a directory."),
        ("/dev/null", "/dev/null", "Not a regular file."),
    ] {
        let outcome = scene.run(&format!("-c {file} u"));
        outcome.was(
            1,
            &format!("Error: Unable to open file {named} for writing. {text}\n"),
        );
        assert_eq!(outcome.stdout, "");
    }
    assert!(directory.is_dir());
}

// Adding and updating

#[test]
fn a_user_is_added_last_and_updated_in_place_and_the_rest_stays_byte_for_byte() {
    let scene = Scene::with("# the staff\r\n\n anne : one :more\r\nbob:two:more\ncarl:x");
    let outcome = scene.run("-b f dora new");
    outcome.succeeded();
    assert_eq!(outcome.stdout, "Adding password for user dora\n");
    let outcome = scene.run("-b f bob new");
    outcome.succeeded();
    assert_eq!(outcome.stdout, "Updating password for user bob\n");
    let contents = scene.contents();
    let rest = contents
        .strip_prefix("# the staff\r\n\n anne : one :more\r\nbob:$7$")
        .unwrap();
    let (_, rest) = rest.split_once(":more\ncarl:x\ndora:$7$").unwrap();
    assert_eq!(rest.lines().count(), 1);
    assert!(rest.ends_with("==\n"));
}

#[test]
fn of_two_lines_of_a_user_the_first_is_updated() {
    let scene = Scene::with("a:one\na:two\n");
    scene.run("-b f a new").succeeded();
    let contents = scene.contents();
    assert!(
        contents.starts_with("a:$7$") && contents.ends_with("\na:two\n"),
        "{contents}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named_before_anybody_is_asked() {
    let scene = Scene::empty();
    for line in ["f u", "-b f u p", "-D f u", "-U f"] {
        let outcome = scene.run(line);
        outcome.was(
            1,
            "Error: Unable to open password file f. No such file or directory.\n",
        );
        assert_eq!(outcome.stdout, "");
    }
    assert_eq!(scene.names(), [""; 0]);
}

#[test]
fn a_directory_is_not_a_password_file() {
    let scene = Scene::empty();
    fs::create_dir(scene.path("f")).unwrap();
    let path = scene.path("f");
    let text = format!(
        "Error: Unable to open password file {}. Is a directory.\n",
        path.display()
    );
    scene.run("f u").was(1, &text);
}

#[test]
fn mode_and_links_of_a_changed_file_stay() {
    let scene = Scene::with("a:b\n");
    scene.set_mode(0o640);
    symlink("f", scene.path("link")).unwrap();
    for line in ["-b link u p", "-D link u", "-U link", "-c -b link u p"] {
        scene.run(line).succeeded();
        assert_eq!(scene.mode(), 0o640, "{line}");
        assert_eq!(
            fs::read_link(scene.path("link")).unwrap(),
            Path::new("f"),
            "{line}"
        );
    }
    assert!(scene.contents().starts_with("u:$7$"));
    assert_eq!(scene.names(), ["f", "link"]);
}

#[test]
fn a_file_is_made_where_a_link_points_to() {
    let scene = Scene::empty();
    symlink("f", scene.path("link")).unwrap();
    scene.run("-c -b link u p").succeeded();
    assert_eq!(scene.names(), ["f", "link"]);
    assert!(scene.users().authenticate("u", b"p"));
}

#[test]
fn a_file_with_two_names_stays_one_file() {
    let scene = Scene::with("a:b\n");
    fs::hard_link(scene.path("f"), scene.path("g")).unwrap();
    scene.run("-b f u p").succeeded();
    assert_eq!(
        fs::read_to_string(scene.path("g")).unwrap(),
        scene.contents()
    );
    assert_eq!(scene.names(), ["f", "g"]);
}

#[test]
fn a_file_that_is_a_mount_point_is_rewritten_in_place() {
    let scene = Scene::with("a:b\n");
    fs::write(scene.path("mounted"), "").unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c"]).arg(
        "mount --bind f mounted || exit 99; \"$0\" -b mounted u p; code=$?; cat mounted; exit $code",
    );
    command.arg(PROGRAM).current_dir(scene.directory.path());
    command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    if installed("unshare").is_none() {
        return;
    }
    let outcome = finish(command, b"");
    if !outcome.stdout.contains("Adding") && outcome.code != Some(0) {
        eprintln!("skipped: no mounting here: {}", outcome.stderr.trim());
        return;
    }
    outcome.succeeded();
    assert!(
        outcome
            .stdout
            .starts_with("Adding password for user u\na:b\nu:$7$")
    );
    assert!(
        scene.contents().starts_with("a:b\nu:$7$"),
        "the file behind the mount point changed"
    );
    assert_eq!(scene.names(), ["f", "mounted"]);
}

#[test]
fn a_world_readable_file_is_warned_about_and_changed() {
    let scene = Scene::with("a:b\n");
    scene.set_mode(0o644);
    let path = scene.path("f");
    let path = path.display();
    // A file that only root may read is none that the broker can read again.
    let chown = match geteuid().is_root() {
        true => format!("chown mosquitto {path} && "),
        false => String::new(),
    };
    scene.run("-b f u p").was(
        0,
        &format!(
            "Warning: File {path} has world readable permissions. \
             Future versions will refuse to load this file.\n\
             To fix this, use `{chown}chmod 0700 {path}`.\n"
        ),
    );
}

#[test]
fn programs_at_the_same_time_lose_no_user() {
    let scene = Scene::with("");
    let children: Vec<Child> = (0..8)
        .map(|number| {
            let mut command = scene.command();
            command.args(["-b", "f", &format!("user{number}"), "p"]);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(scene.users().len(), 8);
}

// -D

#[test]
fn all_lines_of_a_deleted_user_go_and_nothing_is_said() {
    let scene = Scene::with("# x\na:1\nb:2\n a :3\nc:4");
    let outcome = scene.run("-D f a");
    outcome.succeeded();
    assert_eq!(outcome.stdout, "");
    assert_eq!(scene.contents(), "# x\nb:2\nc:4");
}

#[test]
fn a_user_that_is_not_there_cannot_be_deleted() {
    for contents in ["a:1\n", ""] {
        let scene = Scene::with(contents);
        scene
            .run("-D f eve")
            .was(1, "Warning: User eve not found in password file.\n");
        assert_eq!(scene.contents(), contents);
    }
}

// -U

#[test]
fn plain_passwords_are_hashed_with_the_type_and_count_asked_for() {
    let scene = Scene::with("# x\n\nanne: one \nbob:two:more\n");
    let outcome = scene.run("-I 50 -U f");
    outcome.succeeded();
    assert_eq!(outcome.stdout, "");
    let contents = scene.contents();
    assert!(contents.starts_with("# x\n\nanne: $7$50$"), "{contents}");
    assert!(contents.contains("\nbob:$7$50$"), "{contents}");
    assert!(contents.ends_with("==:more\n"), "{contents}");
    assert!(scene.users().authenticate("anne", b"one"));
    assert!(scene.users().authenticate("bob", b"two"));
}

#[test]
fn hashed_passwords_are_left_alone_and_named() {
    let scene = Scene::with("");
    scene.run("-b f anne one").succeeded();
    fs::write(scene.path("f"), scene.contents() + "bob:two\n").unwrap();
    scene.run("-H sha512 -U f").was(
        0,
        "Warning: The password of user anne in line 1 is hashed already; left as it is.\n",
    );
    assert!(scene.users().authenticate("anne", b"one"));
    assert!(scene.users().authenticate("bob", b"two"));
}

#[test]
fn an_empty_file_has_nothing_to_hash() {
    let scene = Scene::with("");
    scene.run("-U f").succeeded();
    assert_eq!(scene.contents(), "");
}

// Corrupt files

#[test]
fn a_corrupt_line_is_named_and_nothing_is_changed() {
    for corrupt in ["no colon", ":x", "x:", " : "] {
        let contents = format!("# fine\na:b\n{corrupt}\nc:d\n");
        let scene = Scene::with(&contents);
        for line in ["-b f a p", "-b f new p", "f c", "-D f a", "-D f c", "-U f"] {
            let outcome = scene.run(line);
            outcome.was(1, "Error: Corrupt password file at line 3.\n");
            assert_eq!(outcome.stdout, "", "{line}");
        }
        assert_eq!(scene.contents(), contents);
        assert_eq!(scene.names(), ["f"]);
    }
}
