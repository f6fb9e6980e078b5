//! Connections that begin and do not end, or end before they have begun.

use std::net::Ipv4Addr;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::hostile_client::{Wire, publish};
use super::{Attack, LONG};
use crate::wire::*;

#[test]
fn connects_in_a_storm() {
    Attack::by(4, 20_000).run(|hostile| {
        for round in hostile.rounds() {
            let mut wire = hostile.dial()?;
            wire.send(V5.connect(&format!("{}-{round}", hostile.id())).bytes())?;
        }
        Ok(())
    });
}

#[test]
fn sockets_in_a_storm() {
    Attack::by(4, 20_000).run(|hostile| {
        for _ in hostile.rounds() {
            drop(hostile.dial()?);
        }
        Ok(())
    });
}

#[test]
fn connections_that_say_nothing() {
    Attack::by(4, 500).run(|hostile| {
        let mut silent = Vec::new();
        for _ in hostile.rounds() {
            silent.push(hostile.dial()?);
        }
        hostile.wait_until_its_time_is_over();
        Ok(())
    });
}

#[test]
fn five_hundred_unfinished_connects_of_360_kb() {
    let clients = if LONG { 500 } else { 200 };
    Attack::by(1, clients)
        .within(3)
        .memory_limit(100_000_000)
        .run(|hostile| {
            // A CONNECT with user properties that lacks its end.
            let mut begin = b"\x10\xff\xff\x7f\x00\x04MQTT\x05\x02\x00\x3c".to_vec();
            begin.extend(
                sized(&user("", "").repeat(70_000))
                    .into_iter()
                    .take(350_000),
            );
            let mut unfinished = Vec::new();
            for _ in hostile.rounds() {
                let mut wire = hostile.dial()?;
                let _ = wire.send(&begin);
                unfinished.push(wire);
            }
            hostile.wait_until_its_time_is_over();
            Ok(())
        });
}

#[test]
fn connects_of_one_byte_a_write() {
    Attack::by(20, 1_000).run(|hostile| {
        for round in hostile.rounds() {
            let mut wire = hostile.dial()?;
            for byte in V5.connect(&format!("{}-{round}", hostile.id())).bytes() {
                wire.send([byte])?;
            }
        }
        Ok(())
    });
}

#[test]
fn websocket_frames_without_an_end() {
    Attack::by(4, 300)
        .broker(|builder| builder.websockets())
        .run(|hostile| {
            let port = hostile.websocket_port.expect("a WebSocket listener");
            let mut open = Vec::new();
            for round in hostile.rounds() {
                let mut wire = Wire::dial(port, Ipv4Addr::LOCALHOST)?;
                wire.send(
                    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                )?;
                // A frame of a megabyte that begins, or one of a continuation that never ends.
                let head = [[0x82, 0xff], [0x02, 0xff]][round % 2];
                let frame = [&head[..], &1_000_000_u64.to_be_bytes(), &[1, 2, 3, 4]].concat();
                let _ = wire.send(frame);
                let _ = wire.send(vec![0; 100_000]);
                open.push(wire);
            }
            hostile.wait_until_its_time_is_over();
            Ok(())
        });
}

#[test]
fn http_requests_drip_fed() {
    Attack::by(4, 200)
        .broker(|builder| builder.websockets())
        .run(|hostile| {
            let port = hostile.websocket_port.expect("a WebSocket listener");
            let mut open = Vec::new();
            for _ in hostile.rounds() {
                let mut wire = Wire::dial(port, Ipv4Addr::LOCALHOST)?;
                wire.send("GET / HTTP/1.1\r\n")?;
                open.push(wire);
            }
            while hostile.has_time() {
                open.retain_mut(|wire| wire.send("X: y\r\n").is_ok());
            }
            Ok(())
        });
}

#[test]
fn proxy_headers_cut_short() {
    Attack::by(4, 2_000)
        .broker(|builder| builder.other_listener("enable_proxy_protocol 2"))
        .run(|hostile| {
            let port = hostile.other_port.expect("a WebSocket listener");
            let mut open = Vec::new();
            for round in hostile.rounds() {
                let mut wire = Wire::dial(port, Ipv4Addr::LOCALHOST)?;
                let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff".to_vec();
                header.extend(vec![0; 60_000]);
                header.truncate([3, 14, 16, 40, 50_000][round % 5]);
                let _ = wire.send(header);
                if round % 2 == 0 {
                    open.push(wire);
                }
            }
            Ok(())
        });
}

#[test]
fn tls_handshakes_begun_on_a_plain_port() {
    Attack::by(4, 20_000).run(|hostile| {
        for _ in hostile.rounds() {
            let mut wire = hostile.dial()?;
            let _ = wire.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
        }
        Ok(())
    });
}

#[test]
fn reloads_in_a_storm() {
    let rules: String = (0..2_000)
        .map(|number| format!("topic hostile/{number}/#\n"))
        .collect();
    Attack::by(1, 1_000)
        .broker(|builder| {
            builder
                .file("rules", format!("topic #\n{rules}"))
                .config("acl_file rules")
        })
        .run(|hostile| {
            let mut wire = hostile.connect()?;
            let broker = Pid::from_raw(hostile.broker.try_into().expect("a process id"));
            for _ in hostile.rounds() {
                kill(broker, Signal::SIGHUP)?;
                wire.send(publish("hostile/1/x", b"x"))?;
                wire.settle()?;
            }
            Ok(())
        });
}
