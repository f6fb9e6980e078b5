//! How `mq-pub` and `mq-sub` reach a broker by other ways than plain TCP.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::support::{Broker, Program, socks5_proxy};

#[test]
fn both_programs_speak_websocket() {
    let broker = Broker::builder().websockets().start();
    let port = broker.websocket_port();
    let mark = broker.log_mark();
    let mut subscriber = Program::typed(&format!("mq-sub -L ws://localhost:{port}/a -q 2")).start();
    broker.wait_for_log_after(mark, "Sending SUBACK");
    Program::typed("mq-pub --ws -t a -q 2 -s")
        .stdin("x".repeat(200_000))
        .port(port)
        .run()
        .succeeds();
    subscriber.expect_line(&"x".repeat(200_000));
}

// 5.0 [MQTT-6.0.0-3] · 3.1.1 [MQTT-6.0.0-3]
#[test]
fn the_websocket_request_is_mosquittos_to_the_byte() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        client
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        String::from_utf8(head).unwrap()
    });
    Program::typed("mq-pub --ws -h 127.0.0.1 -t a -m x")
        .port(port)
        .run()
        .exits_with(1)
        .complains("Error: A network protocol error occurred when communicating with the broker\n");
    let head = server.join().unwrap();
    let (before, rest) = head.split_once("Sec-WebSocket-Key: ").unwrap();
    let (_, after) = rest.split_once("\r\n").unwrap();
    assert_eq!(
        before,
        "GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\n"
    );
    assert_eq!(
        after,
        "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
}

#[test]
fn a_proxy_leads_to_the_broker() {
    let broker = Broker::builder().websockets().start();
    let proxy = socks5_proxy::start();
    let mut subscriber = broker.subscriber("mq-sub -t a -q 1");
    let options = format!("-h broker.invalid --proxy socks5h://localhost:{proxy} -t a -q 1");
    broker
        .typed(&format!("mq-pub {options} -m one"))
        .run()
        .succeeds();
    subscriber.expect_line("one");
    Program::typed(&format!("mq-pub {options} --ws -m two"))
        .port(broker.websocket_port())
        .run()
        .succeeds();
    subscriber.expect_line("two");
    // Nothing listens at port 1.
    Program::typed(&format!("mq-pub {options} -p 1 -m x"))
        .run()
        .exits_with(4)
        .complains("Error: The client is not currently connected\n");
}
