//! What TLS and WebSocket cost, in messages and in memory.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use super::server::{Kind, Server};
use super::wire::{CLEAN_SESSION, PAYLOAD, connect, publish, subscribe};
use crate::report::Figure;

const IDLE: usize = 500;
/// How long a broker may say nothing.
const SILENCE: Duration = Duration::from_secs(1);
/// Messages that are written at once, in one frame.
const CHUNK: u64 = 64;

#[derive(Clone, Copy)]
enum Transport {
    Plain,
    Tls,
    WebSocket,
}

/// The transports, with what is told of them.
const TRANSPORTS: &[(Transport, &str, &str)] = &[
    (
        Transport::Plain,
        "plain: thousand messages a second",
        "plain: KB for each idle connection",
    ),
    (
        Transport::Tls,
        "TLS: thousand messages a second",
        "TLS: KB for each idle connection",
    ),
    (
        Transport::WebSocket,
        "WebSocket: thousand messages a second",
        "WebSocket: KB for each idle connection",
    ),
];

/// 1 to 1 at QoS 0, and some hundred idle connections, over each of them.
pub fn run(kind: Kind, time: Duration) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for &(transport, rate_name, memory_name) in TRANSPORTS {
        let rate = rate(&Site::start(kind), transport, time).map_err(|error| error.to_string())?;
        figures.push(Figure {
            name: rate_name,
            value: rate,
        });
        let memory = memory(&Site::start(kind), transport).map_err(|error| error.to_string())?;
        figures.push(Figure {
            name: memory_name,
            value: memory,
        });
    }
    Ok(figures)
}

/// Thousand messages a second, by the bytes that arrive: their frames are not looked into.
fn rate(site: &Site, transport: Transport, time: Duration) -> io::Result<f64> {
    const PACKET: u64 = (3 + 2 + "bench".len() + PAYLOAD) as u64;
    let stop = Arc::new(AtomicBool::new(false));
    let received = Arc::new(AtomicU64::new(0));
    let mut subscriber = site.client(transport, "subscriber")?;
    subscriber.send(&subscribe("bench", 0))?;
    subscriber.expect(0x90)?;
    let reader = {
        let (received, stop) = (Arc::clone(&received), Arc::clone(&stop));
        thread::spawn(move || -> io::Result<()> {
            let mut buffer = vec![0; 256 * 1024];
            while !stop.load(Ordering::Relaxed) {
                match subscriber.stream.read(&mut buffer) {
                    Ok(length) => received.fetch_add(length as u64, Ordering::Relaxed),
                    // The publisher was the first to stop.
                    Err(_) if stop.load(Ordering::Relaxed) => break,
                    Err(error) => return Err(error),
                };
            }
            Ok(())
        })
    };
    let mut publisher = site.client(transport, "publisher")?;
    let writer = {
        let stop = Arc::clone(&stop);
        let mut chunk = Vec::new();
        (0..CHUNK).for_each(|sequence| publish(&mut chunk, "bench", 0, 0, sequence));
        thread::spawn(move || -> io::Result<()> {
            while !stop.load(Ordering::Relaxed) {
                publisher.send(&chunk)?;
            }
            Ok(())
        })
    };
    thread::sleep(time / 10);
    let (begin, first) = (Instant::now(), received.load(Ordering::Relaxed));
    thread::sleep(time);
    let bytes = received.load(Ordering::Relaxed) - first;
    let rate = (bytes / PACKET) as f64 / begin.elapsed().as_secs_f64() / 1_000.0;
    stop.store(true, Ordering::Relaxed);
    for thread in [reader, writer] {
        thread
            .join()
            .map_err(|_| io::Error::other("a client failed"))??;
    }
    Ok(rate)
}

/// KB for each idle connection.
fn memory(site: &Site, transport: Transport) -> io::Result<f64> {
    let before = site.server.memory();
    let clients: Vec<Client> = (0..IDLE)
        .map(|index| site.client(transport, &format!("idle{index}")))
        .collect::<io::Result<_>>()?;
    // What the broker still does with the last of them.
    thread::sleep(Duration::from_millis(200));
    let memory = site.server.memory();
    drop(clients);
    Ok((memory - before) * 1024.0 / IDLE as f64)
}

/// A broker that listens for each of the transports.
struct Site {
    server: Server,
    tls: SocketAddr,
    web: SocketAddr,
    client_config: Arc<ClientConfig>,
    _folder: TempDir,
}

impl Site {
    fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the configuration");
        let certificate = write_certificate(folder.path());
        let [plain, tls, web] = [(); 3].map(|()| Server::free_address());
        let file = folder.path().join("broker.conf");
        let path = folder.path().display();
        let text = format!(
            "user root\nallow_anonymous true\nlog_dest none\n\
             listener {} 127.0.0.1\n\
             listener {} 127.0.0.1\ncertfile {path}/server.crt\nkeyfile {path}/server.key\n\
             listener {} 127.0.0.1\nprotocol websockets\n",
            plain.port(),
            tls.port(),
            web.port(),
        );
        fs::write(&file, text).expect("a file in a folder of our own");
        let mut command = Command::new(kind.program());
        let server = Server::start_command(command.arg("-c").arg(file), plain);
        let mut roots = RootCertStore::empty();
        roots.add(certificate).expect("a certificate just made");
        let client_config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            server,
            tls,
            web,
            client_config: Arc::new(client_config),
            _folder: folder,
        }
    }

    /// A client that has got its CONNACK.
    fn client(&self, transport: Transport, client_id: &str) -> io::Result<Client> {
        let address = match transport {
            Transport::Plain => self.server.address,
            Transport::Tls => self.tls,
            Transport::WebSocket => self.web,
        };
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SILENCE))?;
        let stream: Box<dyn ReadWrite> = match transport {
            Transport::Plain => Box::new(socket),
            Transport::Tls => {
                let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                let config = Arc::clone(&self.client_config);
                let session = ClientConnection::new(config, name).map_err(io::Error::other)?;
                Box::new(StreamOwned::new(session, socket))
            }
            Transport::WebSocket => Box::new(upgraded(socket)?),
        };
        let mut client = Client { transport, stream };
        client.send(&connect(client_id, CLEAN_SESSION))?;
        client.expect(0x20)?;
        Ok(client)
    }
}

/// Makes the broker's certificate and key.
fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .expect("a certificate for one name");
    fs::write(folder.join("server.crt"), made.cert.pem()).expect("a file in our folder");
    fs::write(folder.join("server.key"), made.signing_key.serialize_pem())
        .expect("a file in our folder");
    made.cert.der().clone()
}

trait ReadWrite: Read + Write + Send {}
impl<T: Read + Write + Send> ReadWrite for T {}

struct Client {
    transport: Transport,
    stream: Box<dyn ReadWrite>,
}

impl Client {
    /// Writes packets, over a WebSocket as one frame.
    fn send(&mut self, packets: &[u8]) -> io::Result<()> {
        if let Transport::WebSocket = self.transport {
            const BINARY: u8 = 0x82;
            const MASKED_AND_TWO_BYTES_OF_LENGTH: u8 = 0x80 | 126;
            let [high, low] = (packets.len() as u16).to_be_bytes();
            // With this mask the payload stays as it is.
            let header = [
                BINARY,
                MASKED_AND_TWO_BYTES_OF_LENGTH,
                high,
                low,
                0,
                0,
                0,
                0,
            ];
            self.stream.write_all(&[&header, packets].concat())?;
        } else {
            self.stream.write_all(packets)?;
        }
        self.stream.flush()
    }

    /// Reads the answer to the last packet.
    fn expect(&mut self, first: u8) -> io::Result<()> {
        let mut answer = [0; 16];
        let at = match self.transport {
            Transport::WebSocket => 2,
            Transport::Plain | Transport::Tls => 0,
        };
        let mut length = 0;
        // A short packet, and its frame, end with it.
        while length < at + 4 {
            match self.stream.read(&mut answer[length..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => length += more,
            }
        }
        match answer[at] == first {
            true => Ok(()),
            false => Err(io::Error::other(format!("{answer:02x?}"))),
        }
    }
}

/// Asks for a WebSocket and waits for the answer.
fn upgraded(mut socket: TcpStream) -> io::Result<TcpStream> {
    socket.write_all(
        b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
          Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
    )?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    match answer.starts_with(b"HTTP/1.1 101") {
        true => Ok(socket),
        false => Err(io::Error::other(
            String::from_utf8_lossy(&answer).into_owned(),
        )),
    }
}
