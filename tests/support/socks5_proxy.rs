//! A SOCKS5 proxy without login that connects to loopback ports, whatever the name.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// Listens on a free loopback port until the process ends.
pub(crate) fn start() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
    let port = listener.local_addr().expect("a bound socket").port();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(client));
        }
    });
    port
}

fn serve(mut client: TcpStream) -> std::io::Result<()> {
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
