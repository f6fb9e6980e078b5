//! Files that the installed Mosquitto writes while the test runs.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::*;
use crate::protocol::{
    Connect, Delivery, Packet, Property, ProtocolVersion, Publish, Subscribe, Subscription, encode,
};

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn what_the_installed_mosquitto_writes_is_read() {
    let Some(mosquitto) = Mosquitto::start() else {
        return;
    };
    let mut absent = mosquitto.connect("absent", Some("zoé"), 7_200);
    absent.subscribe("q/+", QoS::ExactlyOnce, 9);
    absent.leave();
    // 2.0.11 writes bytes of its memory as the name of a client like this one.
    let mut nameless = mosquitto.connect("nameless", None, u32::MAX);
    nameless.subscribe("q/1", QoS::AtLeastOnce, 8);
    nameless.leave();

    let mut publisher = mosquitto.connect("publisher", None, 7_200);
    publisher.publish("q/1", QoS::AtLeastOnce, true, "one");
    publisher.publish("q/2", QoS::ExactlyOnce, false, "two");
    let messages: Vec<_> = (0..300).map(|number| format!("number {number}")).collect();
    for message in &messages {
        publisher.publish("q/3", QoS::AtLeastOnce, false, message);
    }
    let before = unix_time();
    let snapshot = mosquitto.stop();

    assert_eq!(snapshot.clients.len(), 3);
    let absent = client(&snapshot, "absent");
    assert_eq!(absent.username, Some(Text::try_from("zoé").unwrap()));
    assert_eq!(absent.session_expiry, 7_200);
    let left = absent.expires_at.unwrap() - before;
    assert!((7_140..=7_200).contains(&left), "{left}");
    assert_eq!(absent.subscriptions.len(), 1);
    assert_eq!(absent.subscriptions[0].identifier, SubscriptionId::new(9));
    let payloads: Vec<_> = absent
        .outgoing
        .iter()
        .map(|delivery| String::from_utf8_lossy(&delivery.message.payload).into_owned())
        .collect();
    // What was published at QoS 2 was never released.
    let expected = [&["one".to_owned()][..], &messages].concat();
    assert_eq!(payloads, expected);
    let nameless = client(&snapshot, "nameless");
    assert_eq!(
        (nameless.session_expiry, nameless.expires_at),
        (u32::MAX, None)
    );
    assert_eq!(nameless.outgoing.len(), 1);
    assert_eq!(client(&snapshot, "publisher").incoming.len(), 1);
    assert_eq!(
        client(&snapshot, "publisher").incoming[0].message.payload,
        "two"
    );
    assert_eq!(snapshot.retained.len(), 1);
    assert_eq!(snapshot.retained[0].payload, "one");
}

/// A Mosquitto with a database in a folder of its own, killed when the test ends.
struct Mosquitto {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Mosquitto {
    /// `None` when no Mosquitto is installed, which must not be where
    /// `MQ_REQUIRE_PEERS` is 1.
    fn start() -> Option<Self> {
        let Some(program) = installed() else {
            let required = std::env::var_os("MQ_REQUIRE_PEERS").is_some_and(|value| value == "1");
            assert!(!required, "mosquitto is missing and MQ_REQUIRE_PEERS is 1");
            // Not `eprintln!`, which the test harness hides when the test passes.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: the program mosquitto is missing"
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let user = if nix::unistd::geteuid().is_root() {
            "user root\n"
        } else {
            ""
        };
        let config = format!(
            "{user}listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n\
             persistence_location {}/\nmax_queued_messages 0\n",
            folder.path().display()
        );
        fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let child = Command::new(program)
            .arg("-c")
            .arg(folder.path().join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self {
            child,
            port,
            folder,
        })
    }

    fn connect(&self, client_id: &str, username: Option<&str>, session_expiry: u32) -> Client {
        let deadline = Instant::now() + LIMIT;
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            thread::yield_now();
        };
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut client = Client { stream };
        client.ask(&Packet::Connect(Box::new(Connect {
            version: ProtocolVersion::V5,
            bridge: false,
            clean_start: false,
            keep_alive: 60,
            client_id: Text::try_from(client_id).unwrap(),
            will: None,
            username: username.map(|name| Text::try_from(name).unwrap()),
            password: None,
            properties: Properties::from(vec![Property::SessionExpiryInterval(session_expiry)]),
        })));
        client
    }

    /// Ends the broker and reads what it wrote.
    fn stop(mut self) -> Snapshot {
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), Signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        parse(&fs::read(self.folder.path().join("mosquitto.db")).unwrap()).unwrap()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that speaks MQTT 5.0 and waits for one answer to each packet.
struct Client {
    stream: TcpStream,
}

impl Client {
    fn subscribe(&mut self, filter: &str, qos: QoS, identifier: u32) {
        let identifier = SubscriptionId::new(identifier).unwrap();
        self.ask(&Packet::Subscribe(Subscribe {
            packet_id: PacketId::FIRST,
            properties: Properties::from(vec![Property::SubscriptionIdentifier(identifier)]),
            subscriptions: vec![Subscription {
                filter: TopicFilter::try_from(filter).unwrap(),
                options: SubscriptionOptions {
                    qos,
                    ..SubscriptionOptions::default()
                },
            }],
        }));
    }

    /// Publishes; a QoS 2 message is not released.
    fn publish(&mut self, topic: &str, qos: QoS, retain: bool, payload: &str) {
        self.ask(&Packet::Publish(Publish {
            dup: false,
            delivery: match qos {
                QoS::ExactlyOnce => Delivery::ExactlyOnce(PacketId::FIRST.next()),
                _ => Delivery::AtLeastOnce(PacketId::FIRST),
            },
            retain,
            topic: Some(TopicName::try_from(topic).unwrap()),
            properties: Properties::EMPTY,
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        }));
    }

    /// Leaves with a DISCONNECT and waits until the broker has closed.
    fn leave(mut self) {
        self.stream.write_all(b"\xe0\x00").unwrap();
        assert_eq!(self.stream.read(&mut [0]).unwrap(), 0);
    }

    /// Sends a packet and skips its answer, which is a short one.
    fn ask(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        encode(packet, ProtocolVersion::V5, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        let mut body = vec![0; usize::from(head[1])];
        self.stream.read_exact(&mut body).unwrap();
    }
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/local/sbin"), PathBuf::from("/usr/sbin")])
        .map(|folder: PathBuf| folder.join("mosquitto"))
        .find(|candidate: &PathBuf| Path::is_file(candidate))
}

fn unix_time() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
