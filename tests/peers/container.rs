//! The container image, without a container engine: the programs run in an empty root with
//! the layout, the user and the entry point of `packaging/Dockerfile`.
//!
//! `MQ_STATIC_PROGRAMS` names the folder of the static programs, which
//! `packaging/build-static.sh` makes. Without it these tests are skipped.

mod dockerfile;
mod image;
use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use crate::support::LIMIT;
use crate::support::broker::free_port;
use crate::support::program::Running;
use dockerfile::Stage;
use image::{Image, can_change_root};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;

const DOCKERFILE: &str = include_str!("../../packaging/Dockerfile");
const COMPOSE: &str = include_str!("../../packaging/compose.yaml");
const CONFIG: &str = "/mosquitto/config/mosquitto.conf";
const LAB_CONFIG: &str = include_str!("../../packaging/lab/mosquitto.conf");

/// The image, if there are programs for it.
fn image() -> Option<Image> {
    let Some(programs) = std::env::var_os("MQ_STATIC_PROGRAMS") else {
        skipped("MQ_STATIC_PROGRAMS names no folder of static programs");
        return None;
    };
    if !can_change_root() {
        skipped("no program can be given another root here");
        return None;
    }
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join(PathBuf::from(programs));
    Some(Image::new(Stage::last_of(DOCKERFILE), &programs))
}

fn skipped(why: &str) {
    // Not `eprintln!`, which the test harness hides when the test passes.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// The image with its own configuration on a free port of 127.0.0.1.
fn image_with_port() -> Option<(Image, u16)> {
    let image = image()?;
    let port = free_port();
    let config = fs::read_to_string(image.path(CONFIG)).expect("the image has a configuration");
    let config = config.replace("listener 1883", &format!("listener {port} 127.0.0.1"));
    fs::write(image.path(CONFIG), config).expect("the image's folder is writable");
    Some((image, port))
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Starts a broker and waits until it runs.
fn start(image: &Image, words: &[String]) -> Running {
    let broker = image.program(words).start();
    wait_for_log(&broker, " running");
    broker
}

fn wait_for_log(program: &Running, text: &str) {
    let log = program.stderr();
    log.wait_for_line(0, LIMIT, |line| line.contains(text))
        .unwrap_or_else(|missing| panic!("{text} ({missing:?}): {}", log.text()));
}

#[test]
fn all_four_programs_run_without_any_library() {
    let Some(image) = image() else { return };
    for program in ["mq-broker", "mq-passwd", "mq-pub", "mq-sub"] {
        let outcome = image
            .program(&words(&format!("/usr/bin/{program} --help")))
            .run();
        assert!(outcome.stdout().contains("Usage: "), "{outcome}");
    }
}

#[test]
fn the_broker_runs_as_the_images_user_and_its_volumes_are_that_users() {
    let Some((image, _)) = image_with_port() else {
        return;
    };
    let broker = start(&image, &image.default_command());
    if geteuid().is_root() {
        let (user, _) = image.stage().user();
        let status = fs::read_to_string(format!("/proc/{}/status", broker.id())).unwrap();
        assert!(
            status.contains(&format!("\nUid:\t{user}\t{user}\t")),
            "{status}"
        );
        for volume in image.stage().list("VOLUME") {
            let owner = fs::metadata(image.path(&volume)).unwrap().uid();
            assert_eq!(owner, user, "{volume}");
        }
    }
    let log = broker.stderr().text();
    // The image comes without users, and the broker says so.
    let mut others = log
        .lines()
        .filter(|line| !line.contains("Warning: Nobody can log in on"));
    assert!(!others.any(|line| line.contains("Warning")), "{log}");
    broker.signal(Signal::SIGTERM);
    assert_eq!(broker.ends().code(), 0);
}

#[test]
fn nobody_gets_in_until_there_is_a_user_and_then_messages_pass() {
    let Some((image, port)) = image_with_port() else {
        return;
    };
    let broker = start(&image, &image.default_command());
    let refused = format!("/usr/bin/mq-pub -h 127.0.0.1 -p {port} -t a -m x");
    let _ = image.program(&words(&refused)).run().exits_with(5);

    let add = "/usr/bin/mq-passwd -b /mosquitto/config/passwd snir passsnir";
    let _ = image.program(&words(add)).run().exits_with(0);
    // The reload is over when the next one begins.
    for _ in 0..2 {
        let mark = broker.stderr().len();
        broker.signal(Signal::SIGHUP);
        broker
            .stderr()
            .wait_for_line(mark, LIMIT, |line| line.contains("Reloading config."))
            .unwrap_or_else(|missing| panic!("no reload ({missing:?})"));
    }
    let login = format!("-h 127.0.0.1 -p {port} -u snir -P passsnir -t a");
    let publish = words(&format!("/usr/bin/mq-pub {login} -r -m 21.5"));
    let _ = image.program(&publish).run().succeeds();
    // What is kept outlives the container.
    broker.signal(Signal::SIGTERM);
    let _ = broker.ends();
    let _broker = start(&image, &image.default_command());
    let subscribe = words(&format!("/usr/bin/mq-sub {login} -C 1"));
    let _ = image.program(&subscribe).run().succeeds().prints("21.5\n");
}

#[test]
fn the_health_check_tells_a_broker_that_runs_from_one_that_does_not() {
    let Some((image, port)) = image_with_port() else {
        return;
    };
    let check = image.stage().list("HEALTHCHECK");
    let broker = start(&image, &image.default_command());
    image
        .program(&check)
        .run()
        .succeeds()
        .prints(format!("Alive: 127.0.0.1 port {port} asks for a login.\n"));
    broker.signal(Signal::SIGTERM);
    let _ = broker.ends();
    image
        .program(&check)
        .run()
        .exits_with(1)
        .complains(&format!(
            "Not alive: 127.0.0.1 port {port}: Connection refused.\n"
        ));
}

#[test]
fn the_composed_lab_has_its_user_and_serves_web_pages() {
    let Some(image) = image() else { return };
    let [port, websocket] = [free_port(), free_port()];
    let config = LAB_CONFIG
        .replace("listener 1883", &format!("listener {port} 127.0.0.1"))
        .replace("listener 8080", &format!("listener {websocket} 127.0.0.1"));
    image.mount("/lab/mosquitto.conf", &config);

    let users = composed("users");
    let make_users = [users.list("entrypoint"), users.list("command")].concat();
    let _ = image.program(&make_users).run().exits_with(0);
    let command = composed("broker").list("command");
    let _broker = start(
        &image,
        &[image.stage().list("ENTRYPOINT"), command].concat(),
    );

    let publish = format!(
        "/usr/bin/mq-pub --ws -h 127.0.0.1 -p {websocket} -u snir -P passsnir -t a -m 21.5"
    );
    let _ = image.program(&words(&publish)).run().succeeds();
    let check = composed("broker").list("test");
    assert_eq!(check[0], "CMD");
    image.program(&check[1..]).run().succeeds().prints(format!(
        "Alive: 127.0.0.1 port {port} asks for a login; \
         127.0.0.1 port {websocket} (WebSocket) asks for a login.\n"
    ));
}

#[test]
fn names_of_other_containers_are_found() {
    let Some((image, port)) = image_with_port() else {
        return;
    };
    let _broker = start(&image, &image.default_command());
    let publish = |host: &str| {
        let line = format!("/usr/bin/mq-pub -h {host} -p {port} -t a -m x");
        // Refused means found.
        let _ = image.program(&words(&line)).run().exits_with(5);
    };
    image.mount("/etc/hosts", "127.0.0.1 listed.example\n");
    publish("listed.example");

    let Some(server) = NameServer::start() else {
        skipped("a name server needs the right to listen on port 53");
        return;
    };
    image.mount(
        "/etc/resolv.conf",
        &format!("nameserver {}\n", server.address),
    );
    publish("broker.example");
}

/// Says of every name that it is 127.0.0.1.
struct NameServer {
    address: &'static str,
}

impl NameServer {
    fn start() -> Option<Self> {
        let address = "127.0.0.153";
        let socket = UdpSocket::bind((address, 53)).ok()?;
        thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut query) {
                let _ = socket.send_to(&answer(&query[..length]), client);
            }
        });
        Some(Self { address })
    }
}

/// RFC 1035: the header, the question again, and for an address of version 4 one record.
fn answer(query: &[u8]) -> Vec<u8> {
    let name_end = 12 + query[12..].iter().position(|&byte| byte == 0).unwrap_or(0);
    let question = &query[12..name_end + 5];
    let is_ipv4 = question[question.len() - 4..] == [0, 1, 0, 1];
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_ipv4), 0, 0, 0, 0]);
    answer.extend(question);
    if is_ipv4 {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    answer
}

/// The lines of a service in `compose.yaml`.
struct Service(&'static str);

fn composed(name: &str) -> Service {
    let start = format!("\n  {name}:\n");
    let (_, service) = COMPOSE.split_once(&start).expect("there is such a service");
    Service(
        service
            .split_once("\n\n")
            .map_or(service, |(lines, _)| lines),
    )
}

impl Service {
    /// The list that `key` has on its line.
    fn list(&self, key: &str) -> Vec<String> {
        let list = self
            .0
            .lines()
            .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "))
            .expect("the service has the key");
        serde_json::from_str(list).expect("the list is written as JSON")
    }
}
