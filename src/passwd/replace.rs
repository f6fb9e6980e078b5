//! Replacement of a file's contents: after a crash the file has the old or the new ones.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;

use crate::files::{directory_of, sync_directory};

/// The mode of a new file.
const PRIVATE: u32 = 0o600;

/// A reason that a file was not written.
#[derive(Debug, Error)]
pub enum ReplaceError {
    /// The new contents could not be written beside the file, which is unchanged.
    #[error("Error: Unable to write password file {}. {}", path.display(), os_text(source))]
    Write {
        /// The password file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// No backup could be made, so the file was not touched.
    #[error("Error creating backup password file \"{}\", not continuing. {}", backup.display(), os_text(source))]
    Backup {
        /// The path of the backup.
        backup: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Rewriting the file failed in the middle; the backup has the old contents.
    #[error(
        "Error occurred updating password file. {}\nPassword file may be corrupt, check the backup file: {}.",
        os_text(source),
        backup.display()
    )]
    Rewrite {
        /// The backup, which is kept.
        backup: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Creates the file at `path`, or replaces one that has appeared there.
pub(super) fn create(path: &Path, contents: &[u8]) -> Result<(), ReplaceError> {
    let error = |source| ReplaceError::Write {
        path: path.to_owned(),
        source,
    };
    let new = write_beside(path, contents).map_err(error)?;
    new.as_file()
        .set_permissions(Permissions::from_mode(PRIVATE))
        .map_err(error)?;
    move_into_place(new, path).map_err(error)
}

/// Replaces the `old` contents of the open `file` at `path`; mode, owner and group stay.
///
/// The new contents are written beside the file and renamed, if that is possible. Otherwise
/// the file is rewritten in place while a backup exists: if it is a mount point of its own or
/// has several links, or if this process may not change its directory or its owner.
pub(super) fn replace(
    path: &Path,
    file: &File,
    old: &[u8],
    new: &[u8],
) -> Result<(), ReplaceError> {
    match replace_by_renaming(path, file, new) {
        Err(error) if rules_out_renaming(&error) => rewrite_with_backup(path, file, old, new),
        result => result.map_err(|source| ReplaceError::Write {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Returns the system's text for `error`, without the number that Rust appends.
pub(super) fn os_text(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_owned() + ".",
        None => format!("{error}."),
    }
}

fn rules_out_renaming(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::ResourceBusy
            | io::ErrorKind::CrossesDevices
            | io::ErrorKind::TooManyLinks
    )
}

fn replace_by_renaming(path: &Path, file: &File, contents: &[u8]) -> io::Result<()> {
    let metadata = file.metadata()?;
    if metadata.nlink() > 1 {
        return Err(io::ErrorKind::TooManyLinks.into());
    }
    let new = write_beside(path, contents)?;
    let created = new.as_file().metadata()?;
    if (created.uid(), created.gid()) != (metadata.uid(), metadata.gid()) {
        fchown(new.as_file(), Some(metadata.uid()), Some(metadata.gid()))?;
    }
    // The mode comes after the owner, since a change of owner may clear bits of it.
    new.as_file().set_permissions(metadata.permissions())?;
    move_into_place(new, path)
}

/// Creates a temporary file in the directory of `path` that only its owner can read.
fn write_beside(path: &Path, contents: &[u8]) -> io::Result<NamedTempFile> {
    let mut new = tempfile::Builder::new()
        .prefix(&name_with(".", path, "."))
        .tempfile_in(directory_of(path))?;
    new.write_all(contents)?;
    Ok(new)
}

fn move_into_place(new: NamedTempFile, path: &Path) -> io::Result<()> {
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    // The file is replaced already, and an error would claim that it is unchanged.
    let _ = sync_directory(&directory_of(path));
    Ok(())
}

fn rewrite_with_backup(
    path: &Path,
    file: &File,
    old: &[u8],
    new: &[u8],
) -> Result<(), ReplaceError> {
    let backup = write_backup(path, old)?;
    let Err(source) = rewrite(file, new) else {
        return Ok(());
    };
    if rewrite(file, old).is_ok() {
        return Err(ReplaceError::Write {
            path: path.to_owned(),
            source,
        });
    }
    match backup.keep() {
        Ok((_, backup)) => Err(ReplaceError::Rewrite { backup, source }),
        Err(error) => Err(ReplaceError::Backup {
            backup: error.file.path().to_owned(),
            source,
        }),
    }
}

/// Creates a backup beside the file, or in the temporary directory if that is impossible.
fn write_backup(path: &Path, contents: &[u8]) -> Result<NamedTempFile, ReplaceError> {
    let prefix = name_with("", path, ".backup.");
    let write_in = |directory: &Path| -> io::Result<NamedTempFile> {
        let mut backup = tempfile::Builder::new()
            .prefix(&prefix)
            .tempfile_in(directory)?;
        backup.write_all(contents)?;
        backup.as_file().sync_all()?;
        sync_directory(directory)?;
        Ok(backup)
    };
    write_in(&directory_of(path)).or_else(|_| {
        let elsewhere = std::env::temp_dir();
        write_in(&elsewhere).map_err(|source| ReplaceError::Backup {
            backup: elsewhere.join(&prefix),
            source,
        })
    })
}

fn rewrite(mut file: &File, contents: &[u8]) -> io::Result<()> {
    file.rewind()?;
    file.write_all(contents)?;
    file.set_len(contents.len() as u64)?;
    file.sync_all()
}

fn name_with(before: &str, path: &Path, after: &str) -> OsString {
    let mut name = OsString::from(before);
    name.push(path.file_name().unwrap_or_default());
    name.push(after);
    name
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};

    use tempfile::TempDir;

    use super::*;

    struct Scene {
        directory: TempDir,
        path: PathBuf,
        file: File,
    }

    fn scene(contents: &str, mode: u32) -> Scene {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passwd");
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        Scene {
            directory,
            path,
            file,
        }
    }

    impl Scene {
        fn inode(&self) -> u64 {
            fs::metadata(&self.path).unwrap().ino()
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<String> = fs::read_dir(self.directory.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    #[test]
    fn a_replaced_file_is_a_new_one_with_the_old_mode() {
        let scene = scene("old", 0o640);
        let before = scene.inode();
        replace(&scene.path, &scene.file, b"old", b"new").unwrap();
        assert_eq!(fs::read(&scene.path).unwrap(), b"new");
        assert_ne!(scene.inode(), before);
        assert_eq!(fs::metadata(&scene.path).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(scene.names(), ["passwd"]);
    }

    #[test]
    fn a_created_file_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passwd");
        create(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_file_with_two_names_is_rewritten_so_that_both_see_the_change() {
        let scene = scene("a longer old text", 0o600);
        fs::hard_link(&scene.path, scene.directory.path().join("other")).unwrap();
        let before = scene.inode();
        replace(&scene.path, &scene.file, b"a longer old text", b"new").unwrap();
        assert_eq!(
            fs::read(scene.directory.path().join("other")).unwrap(),
            b"new"
        );
        assert_eq!(scene.inode(), before);
        assert_eq!(scene.names(), ["other", "passwd"], "no backup is left");
    }

    #[test]
    fn the_backup_is_kept_and_named_when_the_file_can_neither_be_rewritten_nor_restored() {
        let scene = scene("old", 0o600);
        let read_only = File::open(&scene.path).unwrap();
        let error = rewrite_with_backup(&scene.path, &read_only, b"old", b"new").unwrap_err();
        let ReplaceError::Rewrite { backup, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(fs::read(backup).unwrap(), b"old");
        assert_eq!(fs::metadata(backup).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(backup.parent(), Some(scene.directory.path()));
        assert!(error.to_string().ends_with(&format!(
            "Password file may be corrupt, check the backup file: {}.",
            backup.display()
        )));
    }

    #[test]
    fn the_backup_goes_to_the_temporary_directory_when_there_is_no_place_beside_the_file() {
        let backup = write_backup(Path::new("/does/not/exist/passwd"), b"old").unwrap();
        assert_eq!(backup.path().parent(), Some(&*std::env::temp_dir()));
        assert_eq!(fs::read(backup.path()).unwrap(), b"old");
    }

    #[test]
    fn a_file_of_another_user_keeps_its_owner() {
        if !nix::unistd::Uid::effective().is_root() {
            eprintln!("skipped: only root can give a file away");
            return;
        }
        let scene = scene("old", 0o640);
        std::os::unix::fs::chown(&scene.path, Some(65_534), Some(65_533)).unwrap();
        replace(&scene.path, &scene.file, b"old", b"new").unwrap();
        let metadata = fs::metadata(&scene.path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (65_534, 65_533));
        assert_eq!(metadata.mode() & 0o7777, 0o640);
    }

    #[test]
    fn the_systems_text_stands_without_its_number() {
        let error = File::open("/does/not/exist").unwrap_err();
        assert_eq!(os_text(&error), "No such file or directory.");
    }
}
