//! One broker in a process of its own, on a free loopback port.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::wire::Client;

/// A broker that has not answered by then does not start; millions of stored messages take
/// their time.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A broker that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Mq,
    Mosquitto,
    Rumqttd,
    Null,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mq => "mq-broker",
            Self::Mosquitto => "mosquitto",
            Self::Rumqttd => "rumqttd",
            Self::Null => "null",
        }
    }

    /// All brokers; one that is not installed is left out and said so.
    pub fn available() -> Vec<Self> {
        let mut kinds = vec![Self::Mq];
        let installed = Command::new("mosquitto")
            .arg("-h")
            .stdout(Stdio::null())
            .status();
        match installed {
            Ok(_) => kinds.push(Self::Mosquitto),
            Err(_) => println!("skipped: mosquitto is not installed"),
        }
        kinds.extend([Self::Rumqttd, Self::Null]);
        kinds
    }

    /// What is started.
    pub fn program(self) -> PathBuf {
        match self {
            Self::Mq => env!("CARGO_BIN_EXE_mq-broker").into(),
            Self::Mosquitto => "mosquitto".into(),
            Self::Rumqttd | Self::Null => {
                std::env::current_exe().expect("a running program has a path")
            }
        }
    }

    /// What it says of itself, or what Cargo.lock says of it.
    pub fn version(self) -> String {
        match self {
            Self::Mq => env!("CARGO_PKG_VERSION").to_owned(),
            Self::Mosquitto => {
                let output = Command::new("mosquitto").arg("-h").output();
                let text = output.map(|output| output.stdout).unwrap_or_default();
                let text = String::from_utf8_lossy(&text).into_owned();
                let first = text.lines().next().unwrap_or_default();
                first.rsplit(' ').next().unwrap_or_default().to_owned()
            }
            Self::Rumqttd => locked_version("rumqttd"),
            Self::Null => String::new(),
        }
    }
}

/// A running broker; it ends with this value.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// From the start of the process to the first CONNACK.
    pub started_in: Duration,
}

impl Server {
    /// An address where nobody listens.
    pub fn free_address() -> SocketAddr {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        free.local_addr().expect("a bound socket has an address")
    }

    pub fn start(kind: Kind) -> Self {
        Self::start_with_workers(kind, None)
    }

    /// Starts a broker with so many worker threads, or with as many as it likes.
    pub fn start_with_workers(kind: Kind, workers: Option<usize>) -> Self {
        let address = Self::free_address();
        let port = address.port().to_string();
        let mut command = Command::new(kind.program());
        if let Some(workers) = workers {
            command.env("TOKIO_WORKER_THREADS", workers.to_string());
        }
        let folder = tempfile::tempdir().expect("a folder for the configuration");
        match kind {
            Kind::Mq | Kind::Mosquitto => {
                let file = folder.path().join("broker.conf");
                // With the usual window of 20 to each subscriber the machine would wait more
                // than it works; Mosquitto reorders what waits behind it, and drops what is
                // beyond 1,000 messages.
                let text = format!(
                    "listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n\
                     max_inflight_messages 1000\nmax_queued_messages 0\n"
                );
                fs::write(&file, text).expect("a file in a folder of our own");
                command.arg("-c").arg(file)
            }
            Kind::Rumqttd => command.args(["serve-rumqttd", &address.to_string()]),
            Kind::Null => command.args(["serve-null", &address.to_string()]),
        };
        // It has read its configuration when it answers.
        Self::start_command(&mut command, address)
    }

    /// Starts a broker that is going to listen on the address.
    pub fn start_command(command: &mut Command, address: SocketAddr) -> Self {
        let begin = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut server = Self {
            child: child.expect("the broker starts"),
            address,
            started_in: Duration::ZERO,
        };
        while Client::connect(address, "first").is_err() {
            assert!(
                begin.elapsed() < STARTS_WITHIN,
                "{command:?} does not start"
            );
            // One that starts needs the processors more.
            std::thread::sleep(Duration::from_micros(50));
        }
        server.started_in = begin.elapsed();
        server
    }

    /// CPU seconds that the broker has used.
    pub fn cpu_seconds(&self) -> f64 {
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        let fields = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let ticks: Vec<f64> = fields
            .skip(11)
            .take(2)
            .filter_map(|word| word.parse().ok())
            .collect();
        ticks.iter().sum::<f64>() / TICKS_PER_SECOND
    }

    /// Memory that the broker holds, in MB.
    pub fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        kilobytes.unwrap_or(0.0) / 1024.0
    }
}

fn locked_version(package: &str) -> String {
    const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"));
    let name = format!("name = \"{package}\"");
    let mut lines = LOCK.lines().skip_while(|line| *line != name);
    let version = lines.nth(1).and_then(|line| line.split('"').nth(1));
    version.unwrap_or_default().to_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
