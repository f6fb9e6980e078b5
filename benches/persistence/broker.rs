//! Brokers that differ in what they store.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::server::Server;

/// A broker that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stored,
    InMemory,
    Unsynced,
    Mosquitto,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stored => "mq-broker stored",
            Self::InMemory => "mq-broker in memory",
            Self::Unsynced => "mq-broker unsynced",
            Self::Mosquitto => "mosquitto",
        }
    }

    /// All brokers; one that is not installed is left out and said so.
    pub fn available() -> Vec<Self> {
        let mut kinds = vec![Self::Stored, Self::InMemory, Self::Unsynced];
        let installed = Command::new("mosquitto")
            .arg("-h")
            .stdout(Stdio::null())
            .status();
        match installed {
            Ok(_) => kinds.push(Self::Mosquitto),
            Err(_) => println!("skipped: mosquitto is not installed"),
        }
        kinds
    }

    fn options(self) -> &'static str {
        match self {
            Self::Stored => "persistence true\n",
            Self::InMemory => "",
            Self::Unsynced => "persistence true\npersistence_sync false\n",
            Self::Mosquitto => {
                "persistence true\nautosave_on_changes true\nautosave_interval 1\n\
                 max_inflight_messages 1000\n"
            }
        }
    }
}

/// A running broker with a folder of its own; both end with this value.
pub struct Broker {
    kind: Kind,
    folder: TempDir,
    pub server: Server,
}

impl Broker {
    pub fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let server = Self::start_in(kind, &folder);
        Self {
            kind,
            folder,
            server,
        }
    }

    fn start_in(kind: Kind, folder: &TempDir) -> Server {
        let address: SocketAddr = Server::free_address();
        let file = folder.path().join("broker.conf");
        // Nothing may be dropped, and the folder belongs to whoever runs the bench.
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\nuser root\nlog_dest none\n\
             max_queued_messages 0\nmax_queued_bytes 0\npersistence_location {}/\n{}",
            address.port(),
            folder.path().display(),
            kind.options(),
        );
        fs::write(&file, text).expect("a file in a folder of our own");
        let mut command = match kind {
            Kind::Mosquitto => Command::new("mosquitto"),
            _ => Command::new(env!("CARGO_BIN_EXE_mq-broker")),
        };
        Server::start_command(command.arg("-c").arg(file), address)
    }

    /// Kills the broker and starts it again with what it stored.
    pub fn restart(self) -> Self {
        let Self {
            kind,
            folder,
            server,
        } = self;
        drop(server);
        let server = Self::start_in(kind, &folder);
        Self {
            kind,
            folder,
            server,
        }
    }

    /// What the broker's files take, in MB.
    pub fn disk(&self) -> f64 {
        size(self.folder.path()) as f64 / 1e6
    }
}

/// The bytes of all files in a directory. One that is removed meanwhile has none.
fn size(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
