//! Logins and connections while others flood the broker with theirs.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::support::broker::{Broker, Builder, FEW_LOG_LINES};
use super::support::program::Program;
use super::support::raw_client::{CONNACK_ACCEPTED, CONNECT_V311, RawClient, packet, string};

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
fn the_logins_of_clients_that_have_gone_are_not_checked() {
    let broker = broker("argon2id").start();
    for number in 0..40 {
        drop(client(&broker, 2, "guest", &format!("wrong{number}")));
    }
    // Its own check waits until theirs would be over.
    client(&broker, 2, "guest", "secret").expect(CONNACK_ACCEPTED);
    let checked = broker.log().matches("not authorised.").count();
    assert!(checked <= 3, "{checked} were checked");
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

/// A connection with the address 127.0.0.`last` that has sent nothing.
fn silent(broker: &Broker, last: u8) -> RawClient {
    let client = RawClient::connect_from([127, 0, 0, last].into(), broker.port());
    broker.wait_for_log(&format!("New connection from {}", client.address()));
    client
}

#[test]
fn an_address_with_as_many_connections_as_allowed_gets_no_more() {
    let broker = Broker::builder()
        .before("allow_anonymous true\nmax_connections_per_address 2")
        .other_listener("")
        .start();
    let first = silent(&broker, 2);
    let mut second = RawClient::connect_from([127, 0, 0, 2].into(), broker.other_port());
    second.send(CONNECT_V311);
    second.expect(CONNACK_ACCEPTED);
    let mut third = RawClient::connect_from([127, 0, 0, 2].into(), broker.port());
    third.expect_closed();
    broker.wait_for_log(
        "Client connection from 127.0.0.2 denied: max_connections_per_address exceeded.",
    );
    let mut other = silent(&broker, 3);
    other.send(CONNECT_V311);
    other.expect(CONNACK_ACCEPTED);
    // Whoever leaves makes room.
    drop(first);
    broker.wait_for_log("disconnected: connection closed by client.");
    silent(&broker, 2);
}

#[test]
fn a_client_behind_a_proxy_is_counted_by_its_own_address() {
    let broker = Broker::with_config("enable_proxy_protocol 1\nmax_connections_per_address 1");
    let client = |last: u8| {
        let mut client = broker.raw_client();
        client.send(format!(
            "PROXY TCP4 192.0.2.{last} 192.0.2.254 1024 1883\r\n"
        ));
        client.send_in_vain(CONNECT_V311);
        client
    };
    let mut clients = [client(1), client(2)];
    for client in &mut clients {
        client.expect(CONNACK_ACCEPTED);
    }
    client(1).expect_closed();
    broker.wait_for_log(
        "Client connection from 192.0.2.1 denied: max_connections_per_address exceeded.",
    );
}

#[test]
fn at_the_limit_the_address_with_the_most_silent_connections_makes_room() {
    let broker = Broker::with_config("max_unauthenticated_connections 3");
    let mut lone = silent(&broker, 4);
    let mut older = silent(&broker, 2);
    let mut newer = silent(&broker, 2);
    let mut client = RawClient::connect_from([127, 0, 0, 3].into(), broker.port());
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
    assert_eq!(older.expect_closed(), b"");
    broker.wait_for_log("disconnected: made room for other connections.");
    broker.wait_for_log(
        "Warning: 3 connections have not sent their CONNECT, as many as \
         max_unauthenticated_connections allows. The oldest make room.",
    );
    // Those that have logged in are not counted.
    for client in [&mut lone, &mut newer] {
        client.send(CONNECT_V311);
        client.expect(CONNACK_ACCEPTED);
    }
}

#[test]
fn a_refused_login_is_logged_with_its_client_its_user_and_the_reason() {
    let builder = Broker::builder().config("allow_anonymous false\npassword_file passwd");
    Program::typed("mq-passwd -c -b passwd guest secret")
        .in_folder(builder.folder())
        .run()
        .exits_with(0);
    let broker = builder.start();
    for (options, user, reason) in [
        ("-u guest -P wrong", " as 'guest'", "wrong password"),
        ("-u eve -P secret", " as 'eve'", "unknown user"),
        ("", "", "no user name"),
    ] {
        let mark = broker.log_mark();
        let line = format!("mq-pub -i sensor -t a -m x {options}");
        broker.typed(&line).run().exits_with(5);
        let login = broker.wait_for_log_after(mark, "Login of sensor from 127.0.0.1:");
        assert!(
            login.ends_with(&format!("{user} refused: {reason}.")),
            "{login}"
        );
        let ended = broker.wait_for_log_after(mark, "] disconnected: not authorised.");
        assert!(ended.contains("Client sensor [127.0.0.1:"), "{ended}");
        broker.wait_for_log_after(mark, "Sending CONNACK to sensor (0, 5)");
    }
}
