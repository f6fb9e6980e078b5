//! Durable changes to the names of files.
//!
//! A file that was synced can be gone after a power cut all the same: its name is in its
//! directory, which is written to the disk separately.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Returns the directory in which `path` is.
pub(crate) fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Writes the names in `directory` to the disk.
///
/// Errors are ignored on a file system that cannot do so, and in a directory that this
/// process may write and not read.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    match synced {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

/// Creates a directory and its missing parents.
pub(crate) fn create_directories(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = directory_of(directory);
    if above != directory {
        create_directories(&above)?;
    }
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_directory(&above),
    }
}

/// Renames the file at `from` to `to`, replacing one of that name.
///
/// The file was synced before; this syncs its name.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory(&directory_of(to))
}

/// A directory in which nobody else who asks for this lock makes or replaces files.
pub(crate) struct DirectoryLock(#[expect(dead_code, reason = "it is held")] Option<File>);

impl DirectoryLock {
    /// Waits for the lock. It is given back with this value.
    ///
    /// A directory that cannot be locked is no reason to fail.
    pub(crate) fn wait(directory: &Path) -> Self {
        let file = File::open(directory);
        Self(file.ok().filter(|file| file.lock().is_ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_directories_are_made_and_present_ones_are_left() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("a/b/c");
        for _ in 0..2 {
            create_directories(&deep).unwrap();
            assert!(deep.is_dir());
        }
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        create_directories(&file.join("below")).unwrap_err();
    }

    #[test]
    fn a_lock_is_given_back_with_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let lock = DirectoryLock::wait(folder.path());
        let other = File::open(folder.path()).unwrap();
        other.try_lock().unwrap_err();
        drop(lock);
        other.try_lock().unwrap();
    }

    #[test]
    fn a_file_without_a_directory_is_in_the_current_one() {
        assert_eq!(directory_of(Path::new("file")), Path::new("."));
        assert_eq!(directory_of(Path::new("a/file")), Path::new("a"));
        sync_directory(&directory_of(Path::new("file"))).unwrap();
    }
}
