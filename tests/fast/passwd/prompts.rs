//! How the program asks for a password, and what a signal does while it asks.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::scene::{PROGRAM, Scene, installed};

#[test]
fn without_a_terminal_two_lines_of_standard_input_are_the_answers() {
    let scene = Scene::with("");
    let outcome = scene.run_with_input("f anne", "with a space \r\nwith a space \r\n");
    outcome.succeeded();
    assert_eq!(
        outcome.stdout,
        "Password: \nReenter password: \nAdding password for user anne\n"
    );
    assert!(scene.users().authenticate("anne", b"with a space "));
}

#[test]
fn two_different_answers_are_exit_code_2_and_change_nothing() {
    let scene = Scene::with("a:b\n");
    let outcome = scene.run_with_input("f anne", "one\ntwo\n");
    outcome.was(2, "Error: Passwords do not match.\n");
    assert_eq!(outcome.stdout, "Password: \nReenter password: \n");
    assert_eq!(scene.contents(), "a:b\n");
    scene
        .run_with_input("-c new anne", "one\ntwo\n")
        .was(2, "Error: Passwords do not match.\n");
    assert_eq!(scene.names(), ["f"]);
}

#[test]
fn an_empty_answer_is_refused_and_changes_nothing() {
    let scene = Scene::with("a:b\n");
    for (input, prompts) in [
        ("", "Password: "),
        ("\n\n", "Password: "),
        ("one\n", "Password: \nReenter password: "),
    ] {
        let outcome = scene.run_with_input("f anne", input);
        outcome.was(1, "Error: Empty password.\n");
        assert_eq!(outcome.stdout, prompts);
    }
    scene
        .run_with_input("-c new anne", "\n")
        .was(1, "Error: Empty password.\n");
    assert_eq!(scene.contents(), "a:b\n");
    assert_eq!(scene.names(), ["f"]);
}

#[test]
fn a_signal_at_the_prompt_leaves_everything_as_it_was() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let scene = Scene::with("a:b\n");
        let mut child = scene
            .command()
            .args(["f", "anne"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Kept open: the end of its input would end the program as well.
        let _keyboard = child.stdin.take();
        read_until(child.stdout.as_mut().unwrap(), "Password: ");
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(scene.contents(), "a:b\n");
        assert_eq!(scene.names(), ["f"]);
    }
}

#[test]
fn at_a_terminal_the_answers_do_not_show() {
    let scene = Scene::with("");
    let Some((code, shown)) = at_a_terminal(&scene, ["sésame\r", "sésame\r"]) else {
        return;
    };
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(
        shown,
        "Password: \r\nReenter password: \r\nAdding password for user anne\r\n"
    );
    assert!(scene.users().authenticate("anne", "sésame".as_bytes()));
}

#[test]
fn ctrl_c_at_the_terminal_is_exit_code_130_and_changes_nothing() {
    let scene = Scene::with("");
    for answers in [["\x03", ""], ["one\r", "\x03"]] {
        let Some((code, _)) = at_a_terminal(&scene, answers) else {
            return;
        };
        assert_eq!(code, Some(130));
        assert_eq!(scene.contents(), "");
        assert_eq!(scene.names(), ["f"]);
    }
}

/// Runs `mq-passwd f anne` at a pseudo terminal, types `answers` at its prompts, and returns the
/// exit code and all that the terminal showed.
fn at_a_terminal(scene: &Scene, answers: [&str; 2]) -> Option<(Option<i32>, String)> {
    let mut child = Command::new(installed("script")?)
        .args(["-q", "-e", "-c"])
        .arg(format!("'{PROGRAM}' f anne"))
        .arg("/dev/null")
        .current_dir(scene.directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let mut shown = String::new();
    for (prompt, answer) in ["Password: ", "Reenter password: "].iter().zip(answers) {
        shown += &read_until(&mut screen, prompt);
        keyboard.write_all(answer.as_bytes()).unwrap();
        if answer == "\x03" {
            break;
        }
    }
    screen.read_to_string(&mut shown).unwrap();
    Some((child.wait().unwrap().code(), shown))
}

/// Reads from `stream` until it has given `expected`, and returns all it gave.
fn read_until(stream: &mut impl Read, expected: &str) -> String {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(expected.as_bytes()) {
        let count = stream.read(&mut byte).unwrap();
        assert_ne!(count, 0, "ended after {:?}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    String::from_utf8_lossy(&seen).into_owned()
}
