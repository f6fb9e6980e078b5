//! A file system that is soon full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use crate::support::Broker;

/// A file system of its own in a folder; it ends with this value.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where the machine does not allow it, which is said.
    fn new(folder: &Path) -> Option<Self> {
        let is_mounted =
            geteuid().is_root() && mount(&["-t", "tmpfs", "-o", "size=3m", "tmpfs"], folder);
        if !is_mounted {
            eprintln!("skipped: only root can make a small file system");
            return None;
        }
        Some(Self(folder.to_owned()))
    }

    pub(crate) fn grow(&self) {
        assert!(mount(&["-o", "remount,size=64m"], &self.0));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// A broker whose store is on a small disk of its own; `None` where the machine does not
/// allow it.
pub(crate) fn broker_on_small_disk() -> Option<(SmallDisk, Broker)> {
    let builder = Broker::builder();
    let store = builder.folder().join("store");
    fs::create_dir(&store).expect("the directory is writable");
    let disk = SmallDisk::new(&store)?;
    let config = format!(
        "persistence true\npersistence_location {}/\n",
        store.display()
    );
    Some((disk, builder.config(&config).start()))
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(arguments).arg(folder).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
