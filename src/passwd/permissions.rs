//! Warnings about a file of secrets that others could read or change.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User};

const WORLD_READABLE: u32 = 0o004;
/// The user that the broker runs as unless it is told another one.
const BROKER_USER: &str = "mosquitto";

/// Returns Mosquitto's warnings about the permissions of the file at `path`.
///
/// They say that anyone can read the file, or that it belongs to another user or group than
/// this process. Each may have a second line with the remedy.
///
/// # Errors
///
/// The file's permissions cannot be read.
pub fn permission_warnings(path: &Path) -> io::Result<Vec<String>> {
    let metadata = fs::metadata(path)?;
    let file = path.display();
    let uid = Uid::effective();
    // After `chmod 0700` nobody but the owner may read it.
    let reader = (metadata.uid() != uid.as_raw()).then(|| user_name(uid));
    let warning = readable_warning(path, &metadata, reader.as_deref());
    let mut warnings: Vec<String> = warning.into_iter().collect();
    if metadata.uid() != uid.as_raw() {
        let name = user_name(uid);
        warnings.push(format!(
            "Warning: File {file} owner is not {name}. \
             Future versions will refuse to load this file.\n\
             To fix this, use `chown {name} {file}`."
        ));
    }
    let gid = Gid::effective();
    if metadata.gid() != gid.as_raw() {
        warnings.push(format!(
            "Warning: File {file} group is not {}. Future versions will refuse to load this file.",
            group_name(gid)
        ));
    }
    Ok(warnings)
}

/// Returns [`permission_warnings`] as an administrator should see them.
///
/// For root it is not a fault that the broker's file belongs to the broker. A file that belongs
/// to root has to become the broker's before nobody else may read it: the broker gives up the
/// rights of root.
///
/// # Errors
///
/// The file's permissions cannot be read.
pub fn administrator_warnings(path: &Path) -> io::Result<Vec<String>> {
    if Uid::effective().is_root() {
        let metadata = fs::metadata(path)?;
        let is_roots = Uid::from_raw(metadata.uid()).is_root();
        let reader = is_roots.then_some(BROKER_USER);
        return Ok(readable_warning(path, &metadata, reader)
            .into_iter()
            .collect());
    }
    permission_warnings(path)
}

/// Warns of a file that anyone can read; `reader` is the user that has to own it first.
fn readable_warning(path: &Path, metadata: &Metadata, reader: Option<&str>) -> Option<String> {
    let file = path.display();
    let chown = reader.map(|reader| format!("chown {reader} {file} && "));
    let chown = chown.unwrap_or_default();
    (metadata.mode() & WORLD_READABLE != 0).then(|| {
        format!(
            "Warning: File {file} has world readable permissions. \
             Future versions will refuse to load this file.\n\
             To fix this, use `{chown}chmod 0700 {file}`."
        )
    })
}

fn user_name(uid: Uid) -> String {
    User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |user| user.name)
}

fn group_name(gid: Gid) -> String {
    Group::from_gid(gid)
        .ok()
        .flatten()
        .map_or_else(|| gid.to_string(), |group| group.name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

    use super::*;

    fn warnings_of(mode: u32) -> (tempfile::NamedTempFile, Vec<String>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        let warnings = permission_warnings(file.path()).unwrap();
        (file, warnings)
    }

    #[test]
    fn a_private_file_of_our_own_gives_no_warning() {
        assert_eq!(warnings_of(0o600).1, Vec::<String>::new());
        assert_eq!(warnings_of(0o640).1, Vec::<String>::new());
    }

    #[test]
    fn a_world_readable_file_gives_the_warning_of_mosquitto() {
        let (file, warnings) = warnings_of(0o644);
        let path = file.path().display();
        assert_eq!(
            warnings,
            [format!(
                "Warning: File {path} has world readable permissions. Future versions will refuse to load this file.\n\
                 To fix this, use `chmod 0700 {path}`."
            )]
        );
    }

    #[test]
    fn a_file_of_another_owner_gives_a_warning_for_user_and_group() {
        if !Uid::effective().is_root() {
            eprintln!("skipped: only root can give a file away");
            return;
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        chown(file.path(), Some(65_534), Some(65_534)).unwrap();
        let warnings = permission_warnings(file.path()).unwrap();
        let path = file.path().display();
        assert_eq!(
            warnings,
            [
                format!(
                    "Warning: File {path} owner is not root. Future versions will refuse to load this file.\n\
                     To fix this, use `chown root {path}`."
                ),
                format!(
                    "Warning: File {path} group is not root. Future versions will refuse to load this file."
                ),
            ]
        );
        let none: Vec<String> = Vec::new();
        assert_eq!(administrator_warnings(file.path()).unwrap(), none);
    }

    #[test]
    fn a_world_readable_file_of_root_is_given_to_the_broker_first() {
        if !Uid::effective().is_root() {
            eprintln!("skipped: only root owns files of root");
            return;
        }
        let (file, _) = warnings_of(0o644);
        let path = file.path().display();
        let warnings = administrator_warnings(file.path()).unwrap();
        let remedy = format!("use `chown mosquitto {path} && chmod 0700 {path}`.");
        assert!(warnings[0].ends_with(&remedy), "{warnings:?}");
        chown(file.path(), Some(65_534), Some(65_534)).unwrap();
        let warnings = administrator_warnings(file.path()).unwrap();
        let remedy = format!("use `chmod 0700 {path}`.");
        assert!(warnings[0].ends_with(&remedy), "{warnings:?}");
    }
}
