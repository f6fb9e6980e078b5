//! Logins while others flood the broker with wrong ones.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::support::broker::{Broker, Builder, FEW_LOG_LINES};
use super::support::program::Program;
use super::support::raw_client::{CONNACK_ACCEPTED, RawClient, packet, string};

/// The CONNACK of MQTT 3.1.1 for a wrong login.
const NOT_AUTHORISED: &[u8] = b"\x20\x02\x00\x05";

/// A broker with the user `guest` whose password is `secret`.
fn broker(scheme: &str) -> Builder {
    let builder = Broker::builder()
        .before(FEW_LOG_LINES)
        .config("allow_anonymous false\npassword_file passwd");
    Program::typed(&format!("mq-passwd -c -b -H {scheme} passwd guest secret"))
        .in_folder(builder.folder())
        .run()
        .exits_with(0);
    builder
}

/// A CONNECT of MQTT 3.1.1 with a user name and a password.
fn login(username: &str, password: &str) -> Vec<u8> {
    let header = b"\x00\x04MQTT\x04\xc2\x00\x3c\x00\x00".to_vec();
    packet(0x10, &[header, string(username), string(password)].concat())
}

/// A client with the address 127.0.0.`last` that has sent its login.
fn client(broker: &Broker, last: u8, username: &str, password: &str) -> RawClient {
    let mut client = RawClient::connect_from([127, 0, 0, last].into(), broker.port());
    client.send(login(username, password));
    client
}

/// Logs in as the address 127.0.0.`last`. At most one wrong login may be checked before it: the
/// one that is being checked already.
#[track_caller]
fn expect_prompt_login(broker: &Broker, last: u8) {
    let mut honest = client(broker, last, "guest", "secret");
    honest.expect(CONNACK_ACCEPTED);
    let from = format!("from 127.0.0.{last}:");
    broker.wait_for_log(&format!("New client connected {from}"));
    let log = broker.log();
    let start = log.rfind(&format!("New connection {from}"));
    let end = log.rfind(&format!("New client connected {from}"));
    let checked = &log[start.expect("it has connected")..end.expect("it has logged in")];
    let refused = checked.matches("not authorised.").count();
    assert!(refused <= 1, "{refused} wrong logins before 127.0.0.{last}");
}

#[test]
fn an_honest_login_does_not_wait_for_wrong_ones_of_clients_that_have_gone() {
    let broker = broker("argon2id").start();
    for number in 0..1000 {
        drop(client(&broker, 2, "guest", &format!("wrong{number}")));
    }
    for last in [3, 4, 1] {
        expect_prompt_login(&broker, last);
    }
}

#[test]
fn an_honest_login_does_not_wait_for_wrong_ones_of_clients_that_stay() {
    let broker = broker("argon2id").start();
    let wrong = |number| client(&broker, 2, "guest", &format!("wrong{number}"));
    let _flood: Vec<RawClient> = (0..300).map(wrong).collect();
    for last in [3, 4, 1] {
        expect_prompt_login(&broker, last);
    }
}

#[test]
fn a_user_that_logged_in_before_does_not_wait_for_others_with_its_address() {
    let broker = broker("sha512-pbkdf2").start();
    client(&broker, 1, "guest", "secret").expect(CONNACK_ACCEPTED);
    let wrong = |number| client(&broker, 1, "eve", &format!("wrong{number}"));
    let _flood: Vec<RawClient> = (0..12).map(wrong).collect();
    broker.wait_for_log("Logins from 127.0.0.1 now wait 1.6 s");
    client(&broker, 1, "guest", "secret").expect(CONNACK_ACCEPTED);
}

#[test]
fn logins_that_keep_failing_wait_longer_each_time_and_the_log_names_them() {
    let broker = broker("sha512").start();
    let start = Instant::now();
    for number in 0..4 {
        client(&broker, 2, "guest", &format!("wrong{number}")).expect(NOT_AUTHORISED);
    }
    // The last three wait 0.1, 0.2 and 0.4 s.
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(700), "{took:?}");
    client(&broker, 2, "eve", "wrong").expect(NOT_AUTHORISED);
    broker.wait_for_log(
        "Logins from 127.0.0.2 now wait 1.6 s: 5 have failed, the last as user 'eve' with \
         client id auto-",
    );
    broker.wait_for_log("(unknown user).");
    let others = Instant::now();
    client(&broker, 3, "eve", "wrong").expect(NOT_AUTHORISED);
    client(&broker, 3, "guest", "secret").expect(CONNACK_ACCEPTED);
    assert!(others.elapsed() < Duration::from_millis(1600));
}

#[test]
fn a_wrong_login_that_is_repeated_at_once_costs_no_check() {
    let broker = broker("argon2id").start();
    client(&broker, 2, "guest", "wrong").expect(NOT_AUTHORISED);
    let before = broker.processor_ticks();
    let start = Instant::now();
    let mut repeated = 0;
    while start.elapsed() < Duration::from_millis(500) && repeated < 20 {
        client(&broker, 2, "guest", "wrong").expect(NOT_AUTHORISED);
        repeated += 1;
    }
    // Twenty checks with argon2id would take more than a second of processor time.
    let ticks = broker.processor_ticks() - before;
    assert!(ticks < 30, "{ticks} ticks for {repeated} logins");
    // Another password of the same user is checked.
    client(&broker, 2, "guest", "secret").expect(CONNACK_ACCEPTED);
}

#[test]
fn what_a_client_sends_behind_its_login_counts_when_it_has_closed_before_the_answer() {
    let broker = broker("argon2id").start();
    let mut subscriber = broker.subscriber("mq-sub -u guest -P secret -t a");
    let mut client = RawClient::connect_from(IpAddr::from([127, 0, 0, 1]), broker.port());
    let publish = packet(0x30, &[string("a"), b"last words".to_vec()].concat());
    client.send([login("guest", "secret"), publish, b"\xe0\x00".to_vec()].concat());
    drop(client);
    subscriber.expect_line("last words");
}
