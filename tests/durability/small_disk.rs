//! A file system that is soon full.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

/// A file system of its own in a folder; it ends with this value.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where the machine does not allow it, which is said.
    pub(crate) fn new(folder: &Path) -> Option<Self> {
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

fn mount(arguments: &[&str], folder: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(arguments).arg(folder).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
