//! Rules of a listener, when the configuration no longer has the listener where it was.

use std::fs;

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::scene::resume;
use crate::support::Broker;
use crate::support::broker::free_port;
use crate::support::raw_client::RawClient;
use crate::wire::*;

/// Anybody may do anything at the first listener; at the other one nobody may write, and
/// nobody may read `secret`.
fn two_listeners() -> Broker {
    Broker::builder()
        .file("rules", "topic read will\ntopic read open\n")
        .before("per_listener_settings true\npersistence true")
        .config("listener_allow_anonymous true")
        .other_listener("listener_allow_anonymous true\nacl_file rules")
        .start()
}

/// Changes the configuration.
fn rewrite(broker: &Broker, change: impl FnOnce(String) -> String) {
    let file = broker.folder().join("mosquitto.conf");
    let text = fs::read_to_string(&file).expect("the broker was started with it");
    broker.replace_file("mosquitto.conf", &change(text));
}

/// The lines of the listener with rules.
fn restricted(broker: &Broker) -> String {
    format!(
        "listener {} 127.0.0.1\nlistener_allow_anonymous true\nacl_file rules\n",
        broker.other_port()
    )
}

fn remove_restricted(broker: &Broker) {
    let lines = restricted(broker);
    rewrite(broker, |text| {
        assert!(text.contains(&lines), "{text}");
        text.replace(&lines, "")
    });
}

/// Connects at the listener with rules.
fn connect_restricted(broker: &Broker, connect: &Connect) -> RawClient {
    let mut client = RawClient::connect(broker.other_port());
    client.send(connect.bytes());
    let (first, body) = client.packet();
    assert_eq!((first, body[1]), (0x20, 0), "{body:02x?}");
    client
}

/// Leaves a persistent session that has subscribed at the listener with rules.
fn absent_restricted(broker: &Broker, client_id: &str, filters: &[(&str, u8)]) {
    let mut client = connect_restricted(broker, &V311.persistent(client_id));
    client.send(subscribe(V311, 7, &[], filters));
    let (first, _) = client.packet();
    assert_eq!(first, 0x90);
    client.send([0xe0, 0]);
    client.expect_closed();
}

/// No message was published on `will`, retained or not.
#[track_caller]
fn expect_no_will(broker: &Broker, watcher: &mut Client) {
    watcher.expect_nothing();
    let mut newcomer = Client::new(broker, V311, "newcomer");
    newcomer.subscribe("will", 0);
    newcomer.expect_nothing();
}

#[test]
fn a_forbidden_will_stays_forbidden_when_a_restart_removes_its_listener() {
    for version in BOTH {
        let mut broker = two_listeners();
        let will = version.persistent("client").will(1, true, &[]);
        let _client = connect_restricted(&broker, &will);
        broker.end(Signal::SIGKILL);
        remove_restricted(&broker);
        broker.start_again();
        let mut watcher = Client::new(&broker, version, "watcher");
        watcher.subscribe("will", 1);
        expect_no_will(&broker, &mut watcher);
    }
}

#[test]
fn a_forbidden_will_stays_forbidden_when_a_reload_removes_its_listener() {
    let broker = two_listeners();
    let mut watcher = Client::new(&broker, V5, "watcher");
    watcher.subscribe("will", 1);
    let will = V5.connect("client").will(1, true, &[]);
    let client = connect_restricted(&broker, &will);
    remove_restricted(&broker);
    broker.reload();
    let mark = broker.log_mark();
    drop(client);
    broker.wait_for_disconnect_after(mark);
    expect_no_will(&broker, &mut watcher);
}

#[test]
fn rules_stay_with_their_listener_when_another_is_inserted_before_it() {
    let mut broker = two_listeners();
    let will = V5.persistent("client").will(1, true, &[]);
    let _client = connect_restricted(&broker, &will);
    absent_restricted(&broker, "absent", &[("open", 1), ("secret", 1)]);
    broker.end(Signal::SIGKILL);
    let lines = restricted(&broker);
    let inserted = format!(
        "listener {} 127.0.0.1\nlistener_allow_anonymous true\n{lines}",
        free_port()
    );
    rewrite(&broker, |text| text.replace(&lines, &inserted));
    broker.start_again();
    let mut watcher = Client::new(&broker, V5, "watcher");
    watcher.subscribe("will", 1);
    expect_no_will(&broker, &mut watcher);
    let mut publisher = Client::new(&broker, V5, "publisher");
    publisher.publish("secret", 1, false, "hidden");
    publisher.publish("open", 1, false, "seen");
    // It comes back where nothing is forbidden: what it was not given stays away.
    let mut absent = resume(&broker, V311, "absent");
    absent.receive("seen");
    absent.expect_nothing();
}

#[test]
fn what_waits_for_a_client_of_a_listener_that_is_gone_is_kept_and_nothing_is_added() {
    let mut broker = two_listeners();
    absent_restricted(&broker, "absent", &[("open", 1)]);
    Client::new(&broker, V5, "publisher").publish("open", 1, false, "before");
    broker.end(Signal::SIGTERM);
    remove_restricted(&broker);
    broker.start_again();
    Client::new(&broker, V5, "publisher").publish("open", 1, false, "meanwhile");
    let mut absent = resume(&broker, V311, "absent");
    absent.receive("before");
    absent.expect_nothing();
    // The listener by which it is back counts from now on.
    Client::new(&broker, V5, "publisher").publish("open", 1, false, "now");
    absent.receive("now");
}

#[test]
fn rules_for_all_listeners_hold_for_a_listener_that_is_gone() {
    let rules = "topic read open\ntopic write open\ntopic write secret\n";
    let mut broker = Broker::builder()
        .file("rules", rules)
        .config("persistence true\nacl_file rules")
        .other_listener("")
        .start();
    absent_restricted(&broker, "absent", &[("open", 1), ("secret", 1)]);
    broker.end(Signal::SIGTERM);
    let lines = format!("listener {} 127.0.0.1\n", broker.other_port());
    rewrite(&broker, |text| text.replace(&lines, ""));
    broker.start_again();
    let mut publisher = Client::new(&broker, V5, "publisher");
    publisher.publish("secret", 1, false, "hidden");
    publisher.publish("open", 1, false, "seen");
    let mut absent = resume(&broker, V311, "absent");
    absent.receive("seen");
    absent.expect_nothing();
}
