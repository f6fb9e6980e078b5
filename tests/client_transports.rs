//! How `mq-pub` and `mq-sub` reach a broker by other ways than plain TCP.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use support::{Broker, Program};

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

/// A SOCKS5 proxy without login that connects to loopback ports, whatever the name.
fn proxy() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("it works on this machine");
    let port = listener
        .local_addr()
        .expect("it works on this machine")
        .port();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve_proxy(client));
        }
    });
    port
}

fn serve_proxy(mut client: TcpStream) -> std::io::Result<()> {
    let mut greeting = [0; 3];
    client.read_exact(&mut greeting)?;
    client.write_all(b"\x05\x00")?;
    let mut request = [0; 5];
    client.read_exact(&mut request)?;
    assert_eq!(request[3], 3, "names are left to the proxy");
    let mut rest = vec![0; usize::from(request[4]) + 2];
    client.read_exact(&mut rest)?;
    let port = u16::from_be_bytes([rest[rest.len() - 2], rest[rest.len() - 1]]);
    let Ok(broker) = TcpStream::connect(("127.0.0.1", port)) else {
        return client.write_all(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00");
    };
    client.write_all(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")?;
    let (mut from_client, mut to_broker) = (client.try_clone()?, broker.try_clone()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_broker);
        let _ = to_broker.shutdown(Shutdown::Write);
    });
    let (mut from_broker, mut to_client) = (broker, client);
    std::io::copy(&mut from_broker, &mut to_client)?;
    to_client.shutdown(Shutdown::Write)
}

#[test]
fn a_proxy_leads_to_the_broker() {
    let broker = Broker::builder().websockets().start();
    let proxy = proxy();
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
