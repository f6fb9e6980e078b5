//! One run of a client program.

use std::fs;
use std::io;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often the memory of a program is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    Mq,
    Mosquitto,
}

#[derive(Clone, Copy, Debug)]
pub enum Tool {
    Publish,
    Subscribe,
}

impl Maker {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mq => "mq",
            Self::Mosquitto => "mosquitto",
        }
    }

    /// Ours, and Mosquitto's where it is installed; else this is said.
    pub fn available() -> Vec<Self> {
        let version = Command::new("mosquitto_pub").arg("--version").output();
        match version {
            Ok(output) => {
                print!("{}", String::from_utf8_lossy(&output.stdout));
                vec![Self::Mq, Self::Mosquitto]
            }
            Err(_) => {
                println!("skipped: mosquitto_pub is not installed");
                vec![Self::Mq]
            }
        }
    }

    fn program(self, tool: Tool) -> &'static str {
        match (self, tool) {
            (Self::Mq, Tool::Publish) => env!("CARGO_BIN_EXE_mq-pub"),
            (Self::Mq, Tool::Subscribe) => env!("CARGO_BIN_EXE_mq-sub"),
            (Self::Mosquitto, Tool::Publish) => "mosquitto_pub",
            (Self::Mosquitto, Tool::Subscribe) => "mosquitto_sub",
        }
    }
}

/// A running program. It ends with this value.
pub struct Run {
    child: Child,
    begin: Instant,
}

/// What a run took.
pub struct Ended {
    /// From its start to its end.
    pub seconds: f64,
    /// The most memory it held, in MB.
    pub peak_memory: f64,
}

impl Run {
    pub fn start(
        maker: Maker,
        tool: Tool,
        words: &[&str],
        port: u16,
        input: impl Into<Stdio>,
    ) -> io::Result<Self> {
        let begin = Instant::now();
        let child = Command::new(maker.program(tool))
            .args(["-h", "127.0.0.1", "-p", &port.to_string()])
            .args(words)
            .stdin(input)
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { child, begin })
    }

    /// Waits for the end; returns the seconds.
    pub fn wait(mut self) -> io::Result<f64> {
        let status = self.child.wait()?;
        let seconds = self.begin.elapsed().as_secs_f64();
        match status.success() {
            true => Ok(seconds),
            false => Err(io::Error::other(format!("the program ends with {status}"))),
        }
    }

    /// Waits for the end, and looks at the memory meanwhile.
    pub fn finish(self) -> io::Result<Ended> {
        let ended = Arc::new(AtomicBool::new(false));
        let looking = {
            let (ended, id) = (Arc::clone(&ended), self.child.id());
            thread::spawn(move || {
                let mut peak_memory = 0.0_f64;
                while !ended.load(Ordering::Relaxed) {
                    peak_memory = peak_memory.max(highest_memory(id).unwrap_or_default());
                    thread::sleep(LOOK);
                }
                peak_memory
            })
        };
        let seconds = self.wait();
        ended.store(true, Ordering::Relaxed);
        let peak_memory = looking
            .join()
            .map_err(|_| io::Error::other("nobody looks at the memory"))?;
        Ok(Ended {
            seconds: seconds?,
            peak_memory,
        })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It has ended already, but for an error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most memory that a process has held so far, in MB.
fn highest_memory(id: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
