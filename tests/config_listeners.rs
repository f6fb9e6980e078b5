//! The kinds of listeners besides plain TCP, and what they do with those who connect.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::{fs, io::Read, io::Write};

use nix::sys::signal::Signal;
use support::Broker;
use support::raw_client::{CONNACK_ACCEPTED, CONNECT_V311};

#[test]
fn a_unix_socket_serves_clients_and_goes_with_the_broker() {
    let builder = Broker::builder();
    let socket = builder.folder().join("broker.sock");
    // What an earlier broker has left is in nobody's way.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let broker = builder.config("listener 0 broker.sock").start();
    broker.wait_for_log("Opening unix listen socket on path broker.sock.");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o770);

    let mut client = UnixStream::connect(&socket).unwrap();
    client.set_read_timeout(Some(support::LIMIT)).unwrap();
    client.write_all(CONNECT_V311).unwrap();
    let mut answer = [0; 4];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(answer, CONNACK_ACCEPTED);
    broker.wait_for_log("New connection from broker.sock:0 on port 0.");
    broker.wait_for_log("New client connected from broker.sock:0 as raw (p4, c1, k60).");

    broker.signal(Signal::SIGTERM);
    broker.wait_for_end();
    assert!(!socket.exists());
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let outcome = Broker::builder()
        .file("precious", "data")
        .config("listener 0 precious")
        .run()
        .exits_with(1);
    assert!(outcome.stderr().contains("Error: precious: "), "{outcome}");
}
