//! Sessions: which are there after the kill, and which are not.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::scene::{absent, afresh, durable_broker, expect_no_session, pull_the_plug, resume};
use crate::support::program::program_path;
use crate::wire::*;

#[test]
fn a_session_that_was_ended_by_a_new_start_is_gone() {
    for version in BOTH {
        let mut broker = durable_broker("");
        absent(&broker, version, "client", "a", 1);
        Client::new(&broker, version, "publisher").publish("a", 1, false, "forgotten");
        Client::new(&broker, version, "client").leave();
        absent(&broker, version, "witness", "a", 1);
        pull_the_plug(&mut broker);
        expect_no_session(&broker, version, "client");
        resume(&broker, version, "witness");
    }
}

#[test]
fn a_session_that_started_afresh_has_nothing_of_the_old_one() {
    let mut broker = durable_broker("");
    absent(&broker, V5, "client", "a", 1);
    Client::new(&broker, V5, "publisher").publish("a", 1, false, "forgotten");
    Client::open(&broker, &afresh("client", 600)).leave();
    pull_the_plug(&mut broker);
    let mut client = resume(&broker, V5, "client");
    Client::new(&broker, V5, "publisher").publish("a", 1, false, "unheard");
    client.expect_nothing();
}

#[test]
fn a_session_that_its_client_ended_with_a_disconnect_is_gone() {
    let mut broker = durable_broker("");
    let mut client = Client::open(&broker, &V5.persistent("client"));
    client.subscribe("a", 1);
    let no_expiry = sized(&four(SESSION_EXPIRY, 0));
    client.send(packet(0xe0, &[&[0], &no_expiry[..]].concat()));
    client.raw.expect_closed();
    absent(&broker, V5, "witness", "a", 1);
    pull_the_plug(&mut broker);
    expect_no_session(&broker, V5, "client");
    resume(&broker, V5, "witness");
}

#[test]
fn a_session_that_ends_with_its_connection_ends_with_the_broker() {
    let mut broker = durable_broker("");
    let mut clean = Client::new(&broker, V311, "clean");
    clean.subscribe("a", 1);
    let mut brief = Client::open(&broker, &V5.connect("brief").flags(0));
    brief.subscribe("a", 1);
    absent(&broker, V5, "witness", "a", 1);
    Client::new(&broker, V5, "publisher").publish("a", 1, false, "kept");
    pull_the_plug(&mut broker);
    expect_no_session(&broker, V311, "clean");
    expect_no_session(&broker, V5, "brief");
    resume(&broker, V5, "witness").receive("kept");
}

#[test]
fn the_session_of_a_client_that_was_connected_is_there() {
    let mut broker = durable_broker("");
    let mut client = Client::open(&broker, &afresh("client", 600));
    client.subscribe("a", 1);
    let mut for_ever = Client::open(&broker, &afresh("for ever", u32::MAX));
    for_ever.subscribe("a", 1);
    for _ in 0..3 {
        pull_the_plug(&mut broker);
    }
    resume(&broker, V5, "client");
    resume(&broker, V5, "for ever");
}

#[test]
fn clients_of_every_version_may_take_up_each_others_sessions() {
    let mut broker = durable_broker("");
    absent(&broker, V311, "client", "a", 1);
    Client::new(&broker, V5, "publisher").publish_with("a", 2, &user("n", "v"), "kept");
    pull_the_plug(&mut broker);
    let message = resume(&broker, V5, "client").receive("kept");
    assert_eq!(message.properties, user("n", "v"));
}

#[test]
fn a_start_that_fails_leaves_the_store_as_it_was() {
    let mut broker = durable_broker("");
    absent(&broker, V5, "client", "a", 1);
    broker.end(Signal::SIGTERM);
    let other_program = TcpListener::bind(("127.0.0.1", broker.port())).expect("it is free again");
    for _ in 0..10 {
        let status = Command::new(program_path("mq-broker"))
            .args(["-c", "mosquitto.conf"])
            .current_dir(broker.folder())
            .stderr(Stdio::null())
            .status();
        assert_eq!(status.expect("it is there").code(), Some(1));
    }
    drop(other_program);
    broker.start_again();
    resume(&broker, V5, "client");
}
