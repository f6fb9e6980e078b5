//! Files that root has read at the start, and that the user the broker became cannot read at a
//! reload.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, Gid, Group, Uid, User, access};

use crate::broker::auth::{acl_files, password_files};
use crate::broker::config::{Config, TlsOptions};

/// The most symbolic links that are followed.
const MAX_LINKS: usize = 8;

/// Returns the files that the present user cannot read, each with the remedy.
pub(in crate::broker) fn unreadable_files(config: &Config) -> Vec<String> {
    let access = password_files(config).chain(acl_files(config));
    let tls = config.listeners.iter();
    let tls = tls.flat_map(|listener| tls_files(&listener.tls));
    // One file may serve several listeners.
    let files: BTreeSet<_> = access.chain(tls).collect();
    files.into_iter().filter_map(access_advice).collect()
}

/// Returns the files that a listener reads for TLS.
fn tls_files(tls: &TlsOptions) -> impl Iterator<Item = &Path> {
    let files = [&tls.certfile, &tls.keyfile, &tls.cafile, &tls.crlfile];
    files.into_iter().filter_map(|file| file.as_deref())
}

/// Returns what keeps the present user from reading a file, with the command that mends it;
/// `None` if it may read the file or the file does not exist.
pub(in crate::broker) fn access_advice(path: &Path) -> Option<String> {
    let obstacle = obstacle(path, MAX_LINKS)?;
    let user = User::from_uid(Uid::effective()).ok().flatten();
    let user = user.map_or_else(|| Uid::effective().to_string(), |user| user.name);
    let group = Group::from_gid(Gid::effective()).ok().flatten();
    let group = group.map_or_else(|| Gid::effective().to_string(), |group| group.name);
    let file = path.display();
    Some(match obstacle {
        Obstacle::Directory(directory) => {
            let directory = directory.display();
            format!(
                "The user '{user}' cannot read '{file}', because it may not enter '{directory}'. \
                 To fix this, use `chgrp {group} {directory} && chmod g+x {directory}`."
            )
        }
        Obstacle::File => format!(
            "The user '{user}' cannot read '{file}'. \
             To fix this, use `chown {user} {file} && chmod u+r {file}`."
        ),
    })
}

/// The part of a path that keeps a user from reading the file.
enum Obstacle {
    Directory(PathBuf),
    File,
}

fn obstacle(path: &Path, max_links: usize) -> Option<Obstacle> {
    let mut directories: Vec<_> = path.ancestors().skip(1).collect();
    directories.reverse();
    let closed = directories.into_iter().find(|directory| {
        !directory.as_os_str().is_empty() && is_denied(directory, AccessFlags::X_OK)
    });
    if let Some(directory) = closed {
        return Some(Obstacle::Directory(directory.to_owned()));
    }
    if !is_denied(path, AccessFlags::R_OK) {
        return None;
    }
    // The directory that a link leads to may be the closed one.
    let target = fs::read_link(path).ok().filter(|_| max_links > 0);
    let behind = target.and_then(|target| {
        let directory = path.parent().unwrap_or(Path::new(""));
        obstacle(&directory.join(target), max_links - 1)
    });
    Some(behind.unwrap_or(Obstacle::File))
}

fn is_denied(path: &Path, rights: AccessFlags) -> bool {
    access(path, rights) == Err(Errno::EACCES)
}
