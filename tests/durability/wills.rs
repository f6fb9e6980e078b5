//! Wills: a killed broker has cut every connection without a DISCONNECT.

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::scene::{absent, durable_broker, pull_the_plug, resume};
use crate::wire::*;

const WILL_DELAY: u8 = 0x18;

#[test]
fn the_will_of_a_client_that_was_connected_is_published() {
    for version in BOTH {
        for connect in [version.connect("client"), version.persistent("client")] {
            let mut broker = durable_broker("");
            absent(&broker, version, "watcher", "will", 1);
            let _client = Client::open(&broker, &connect.will(1, true, &user("n", "v")));
            pull_the_plug(&mut broker);
            let mut watcher = resume(&broker, version, "watcher");
            let message = watcher.receive("gone");
            watcher.leave();
            if version == V5 {
                assert_eq!(message.properties, user("n", "v"));
            }
            // A retained will, and once only.
            broker.restart(Signal::SIGTERM);
            resume(&broker, version, "watcher").expect_nothing();
            let mut newcomer = Client::new(&broker, version, "newcomer");
            newcomer.subscribe("will", 1);
            assert!(newcomer.receive("gone").retain);
        }
    }
}

#[test]
fn a_will_that_waits_for_its_delay_is_published_after_it() {
    let mut broker = durable_broker("");
    absent(&broker, V5, "watcher", "will", 1);
    let delay = four(WILL_DELAY, 4);
    let client = Client::open(&broker, &V5.persistent("client").will(1, false, &delay));
    client.cut(&broker);
    pull_the_plug(&mut broker);
    resume(&broker, V5, "watcher").receive("gone");
}

#[test]
fn a_will_is_not_published_when_its_client_is_back_within_the_delay() {
    let mut broker = durable_broker("");
    absent(&broker, V5, "watcher", "will", 1);
    let delay = four(WILL_DELAY, 300);
    let client = Client::open(&broker, &V5.persistent("client").will(1, false, &delay));
    client.cut(&broker);
    pull_the_plug(&mut broker);
    resume(&broker, V5, "client").leave();
    // It has no will any more: nothing is left that could publish one.
    pull_the_plug(&mut broker);
    resume(&broker, V5, "watcher").expect_nothing();
}

#[test]
fn a_client_that_left_in_good_order_has_no_will() {
    for version in BOTH {
        let mut broker = durable_broker("");
        absent(&broker, version, "watcher", "will", 1);
        Client::open(&broker, &version.persistent("client").will(1, false, &[])).leave();
        pull_the_plug(&mut broker);
        resume(&broker, version, "watcher").expect_nothing();
    }
}
