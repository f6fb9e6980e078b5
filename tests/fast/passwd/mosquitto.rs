//! Password files shared with Mosquitto's own programs.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::scene::{Scene, finish, peer};

#[test]
fn a_file_of_mosquitto_passwd_and_ours_go_both_ways() {
    let Some(theirs) = peer("mosquitto_passwd") else {
        return;
    };
    let scene = Scene::empty();
    let run_theirs = |line: &str| {
        let mut command = Command::new(&theirs);
        command
            .args(line.split(' '))
            .current_dir(scene.directory.path());
        let outcome = finish(command, b"");
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    };
    run_theirs("-c -b f anne one");
    scene.set_mode(0o600);
    scene.run("-b f bob two").succeeded();
    run_theirs("-H sha512 -b f carl three");
    scene.run("-H sha512 -b f dora four").succeeded();
    run_theirs("-b f bob five");
    run_theirs("-D f carl");
    let users = scene.users();
    assert_eq!(users.len(), 3);
    for (username, password) in [("anne", "one"), ("bob", "five"), ("dora", "four")] {
        assert!(
            users.authenticate(username, password.as_bytes()),
            "{username}"
        );
    }
}

#[test]
fn the_broker_of_mosquitto_lets_our_users_in() {
    let Some(program) = peer("mosquitto") else {
        return;
    };
    let scene = Scene::empty();
    scene.run("-c -b f anne one").succeeded();
    scene.run("-H sha512 -b f bob two").succeeded();
    let broker = Mosquitto::start(&program, &scene);
    assert_eq!(broker.login("anne", "one"), 0);
    assert_eq!(broker.login("bob", "two"), 0);
    assert_eq!(broker.login("anne", "two"), 5);
    assert_eq!(broker.login("eve", "one"), 5);
}

/// Mosquitto's broker with the password file of a scene; it ends with the test.
struct Mosquitto {
    child: Child,
    port: u16,
}

impl Mosquitto {
    fn start(program: &Path, scene: &Scene) -> Mosquitto {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        // Its own user could not read a file in a private directory; without root the line has no effect.
        let configuration = format!(
            "user root\nlistener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\n",
            scene.path("f").display()
        );
        fs::write(scene.path("conf"), configuration).unwrap();
        let mut child = Command::new(program)
            .arg("-c")
            .arg(scene.path("conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let broker = Mosquitto { child, port };
        let mut lines = log.lines().map(Result::unwrap);
        assert!(
            lines.any(|line| line.ends_with(" running")),
            "it did not start"
        );
        // Read on, so that it never writes to a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        broker
    }

    /// Connects with MQTT 3.1.1 and returns the code of the CONNACK.
    fn login(&self, username: &str, password: &str) -> u8 {
        let mut body = b"\x00\x04MQTT\x04\xc2\x00\x3c\x00\x00".to_vec();
        for text in [username, password] {
            body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            body.extend(text.as_bytes());
        }
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .write_all(&[0x10, body.len().try_into().unwrap()])
            .unwrap();
        stream.write_all(&body).unwrap();
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).unwrap();
        assert_eq!(connack[..3], [0x20, 2, 0]);
        connack[3]
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
