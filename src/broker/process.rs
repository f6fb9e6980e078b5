//! What the broker asks of the operating system besides sockets.

mod readable;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Group, Uid, User, fchownat, initgroups, setgid, setgroups, setuid};
use thiserror::Error;

pub(super) use self::readable::{access_advice, unreadable_files};
use super::log::{Log, information, warning};

/// The account to run as when the configuration names none and root starts the broker.
const DEFAULT_USER: &str = "mosquitto";
/// The account to run as when that one does not exist.
const FALLBACK_USER: &str = "nobody";

/// Lets the broker have as many connections as its hard limit of open files allows: the
/// soft one, usually 1,024, is there for programs that cannot know of it.
pub(super) fn raise_file_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // Where that is forbidden the soft limit stays.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// A reason why privileges could not be given up.
#[derive(Debug, Error)]
pub(super) enum PrivilegeError {
    #[error("Error: Unable to drop privileges to '{0}' because this user does not exist.")]
    UnknownUser(String),
    #[error("Error: Invalid {name} value ({value}).")]
    Environment { name: &'static str, value: String },
    #[error("Error: Unable to drop privileges to '{user}': {cause}.")]
    Refused {
        user: String,
        #[source]
        cause: nix::Error,
    },
}

impl PrivilegeError {
    /// The exit code of a broker that cannot start for this.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::UnknownUser(_) | Self::Environment { .. } => 3,
            Self::Refused { .. } => 14,
        }
    }
}

/// Becomes the configured user where root started the broker. The file `to_keep` becomes
/// that user's, who opens it again later.
pub(super) fn drop_privileges(
    user: Option<&str>,
    to_keep: Option<&Path>,
    log: &Log,
) -> Result<(), PrivilegeError> {
    if let Some(mask) = number_of("UMASK_SET", 8)? {
        umask(Mode::from_bits_truncate(mask));
    }
    if !Uid::effective().is_root() {
        return Ok(());
    }
    // As images for containers have it.
    let (uid, gid) = (number_of("PUID", 10)?, number_of("PGID", 10)?);
    if uid.is_some() || gid.is_some() {
        give_away(to_keep, uid.map(Uid::from_raw), gid.map(Gid::from_raw), log);
        return become_numbers(uid, gid, log);
    }
    if user == Some("root") {
        return Ok(());
    }
    let name = user.unwrap_or(DEFAULT_USER);
    let account = match lookup(name)? {
        Some(account) => account,
        None if name == DEFAULT_USER => {
            warning!(
                log,
                "Warning: Unable to drop privileges to '{name}' because this user does not \
                 exist. Trying '{FALLBACK_USER}' instead."
            );
            let fallback = lookup(FALLBACK_USER)?;
            fallback.ok_or(PrivilegeError::UnknownUser(FALLBACK_USER.to_owned()))?
        }
        None => return Err(PrivilegeError::UnknownUser(name.to_owned())),
    };
    give_away(to_keep, Some(account.uid), Some(account.gid), log);
    become_user(&account).map_err(|cause| PrivilegeError::Refused {
        user: account.name.clone(),
        cause,
    })?;
    information!(log, "Info: running mosquitto as user: {}.", account.name);
    Ok(())
}

/// Warns if the broker goes on as root because the configuration says so.
pub(super) fn warn_of_root(user: Option<&str>, log: &Log) {
    if user == Some("root") && Uid::effective().is_root() {
        warning!(
            log,
            "Warning: Mosquitto should not be run as root/administrator."
        );
    }
}

/// Makes a file that root has opened the user's.
fn give_away(file: Option<&Path>, uid: Option<Uid>, gid: Option<Gid>, log: &Log) {
    let Some(path) = file else { return };
    // Not what a link leads to: whoever may write in the directory could name any file by one.
    let flags = AtFlags::AT_SYMLINK_NOFOLLOW;
    let is_file = fs::symlink_metadata(path).is_ok_and(|file| file.is_file());
    let given = is_file.then(|| fchownat(AT_FDCWD, path, uid, gid, flags));
    if let Some(Err(error)) = given {
        let path = path.display();
        warning!(
            log,
            "Warning: Unable to change the owner of '{path}': {error}."
        );
    }
}

/// Returns whether there is an account that root would give its privileges up for.
pub(super) fn check_user(name: &str) -> Result<(), PrivilegeError> {
    let is_needed = Uid::effective().is_root() && name != "root" && name != DEFAULT_USER;
    if is_needed && lookup(name)?.is_none() {
        return Err(PrivilegeError::UnknownUser(name.to_owned()));
    }
    Ok(())
}

/// A number in the environment, in this base.
fn number_of(name: &'static str, base: u32) -> Result<Option<u32>, PrivilegeError> {
    let Some(value) = std::env::var_os(name) else {
        return Ok(None);
    };
    let value = value.to_string_lossy().into_owned();
    match u32::from_str_radix(&value, base) {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(PrivilegeError::Environment { name, value }),
    }
}

fn become_numbers(uid: Option<u32>, gid: Option<u32>, log: &Log) -> Result<(), PrivilegeError> {
    let refused = |number: u32| {
        move |cause| PrivilegeError::Refused {
            user: number.to_string(),
            cause,
        }
    };
    if let Some(gid) = gid {
        setgroups(&[Gid::from_raw(gid)]).map_err(refused(gid))?;
        setgid(Gid::from_raw(gid)).map_err(refused(gid))?;
    }
    if let Some(uid) = uid {
        setuid(Uid::from_raw(uid)).map_err(refused(uid))?;
        information!(log, "Info: running mosquitto as user id: {uid}.");
    }
    Ok(())
}

/// Finds an account by its name.
///
/// A static program only knows those of `/etc/passwd`: for any other the C library would load
/// a module that does not fit, and crash.
fn lookup(name: &str) -> Result<Option<User>, PrivilegeError> {
    if cfg!(target_feature = "crt-static") && !is_in_passwd_file(name) {
        return Ok(None);
    }
    User::from_name(name).map_err(|cause| PrivilegeError::Refused {
        user: name.to_owned(),
        cause,
    })
}

fn is_in_passwd_file(name: &str) -> bool {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut names = accounts.lines().map(|line| line.split(':').next());
    names.any(|known| known == Some(name))
}

fn become_user(account: &User) -> nix::Result<()> {
    let group = Group::from_gid(account.gid)?.map_or(account.gid, |group| group.gid);
    let name = std::ffi::CString::new(account.name.as_str()).map_err(|_| nix::Error::EINVAL)?;
    initgroups(&name, group)?;
    setgid(group)?;
    setuid(account.uid)
}

/// A file with the process's number, removed when the broker ends.
#[derive(Debug)]
pub(super) struct PidFile(PathBuf);

impl PidFile {
    /// Writes the file: the number in decimal and nothing else, as Mosquitto does.
    pub(super) fn write(path: &Path) -> io::Result<Self> {
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(path)?;
        write!(file, "{}", std::process::id())?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Its directory may be closed to the user that the broker became.
        let _ = fs::remove_file(&self.0);
    }
}
/// Returns the resident size of this process in bytes, if the system reports it.
pub(super) fn resident_bytes() -> Option<usize> {
    let pages = procfs::process::Process::myself()
        .ok()?
        .statm()
        .ok()?
        .resident;
    usize::try_from(pages * procfs::page_size()).ok()
}
