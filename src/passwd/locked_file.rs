//! A file locked for editing, so that two programs do not lose each other's changes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::replace::{self, ReplaceError};

/// A regular file that is open and locked, with its contents at that time.
#[derive(Debug)]
pub(super) struct LockedFile {
    path: PathBuf,
    file: File,
    contents: Vec<u8>,
    /// The lock; `None` on a file system without locks.
    _lock: Option<Flock<File>>,
}

impl LockedFile {
    /// Opens the file at `path` as soon as nobody else holds its lock.
    pub(super) fn open(path: &Path) -> io::Result<LockedFile> {
        loop {
            // This comes before opening, because opening a pipe or a device can block or have
            // effects.
            require_regular(&fs::metadata(path)?)?;
            let mut file = OpenOptions::new().read(true).write(true).open(path)?;
            let lock = lock(file.try_clone()?)?;
            if !is_still_at(&file, path)? {
                // The last holder of the lock has put a new file in its place.
                continue;
            }
            let mut contents = Vec::new();
            file.read_to_end(&mut contents)?;
            return Ok(LockedFile {
                path: path.to_owned(),
                file,
                contents,
                _lock: lock,
            });
        }
    }

    /// Returns the contents of the file when it was opened.
    pub(super) fn contents(&self) -> &[u8] {
        &self.contents
    }

    /// Replaces the contents of the file; mode, owner and group stay.
    pub(super) fn replace(self, contents: &[u8]) -> Result<(), ReplaceError> {
        replace::replace(&self.path, &self.file, &self.contents, contents)
    }
}

/// Refuses directories, pipes and devices, which can be neither edited nor replaced.
pub(super) fn require_regular(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_dir() {
        return Err(io::Error::from(Errno::EISDIR));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "Not a regular file",
        ));
    }
    Ok(())
}

fn lock(file: File) -> io::Result<Option<Flock<File>>> {
    let mut file = file;
    loop {
        match Flock::lock(file, FlockArg::LockExclusive) {
            Ok(lock) => return Ok(Some(lock)),
            Err((same_file, Errno::EINTR)) => file = same_file,
            Err((_, Errno::ENOLCK | Errno::ENOSYS | Errno::EOPNOTSUPP)) => return Ok(None),
            Err((_, errno)) => return Err(errno.into()),
        }
    }
}

fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    let (opened, current) = (file.metadata()?, fs::metadata(path)?);
    Ok((opened.dev(), opened.ino()) == (current.dev(), current.ino()))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn changes_made_at_the_same_time_are_all_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passwd");
        fs::write(&path, "").unwrap();
        thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for round in 0..5 {
                        let file = LockedFile::open(path).unwrap();
                        let line = format!("{writer}:{round}\n");
                        let contents = [file.contents(), line.as_bytes()].concat();
                        file.replace(&contents).unwrap();
                    }
                });
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 20);
    }

    #[test]
    fn only_a_regular_file_is_opened() {
        let directory = tempfile::tempdir().unwrap();
        let error = LockedFile::open(directory.path()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::EISDIR as i32));
        let error = LockedFile::open(Path::new("/dev/null")).unwrap_err();
        assert_eq!(error.to_string(), "Not a regular file");
    }
}
