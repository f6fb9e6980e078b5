use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

/// What stands for a folder.
const INDEX: &str = "index.html";

/// A file that was asked for.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) file: File,
    /// Its length in bytes.
    pub(super) length: u64,
    pub(super) path: PathBuf,
}

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// There is nothing of that name, or nothing to give.
    Nothing,
    /// The broker may not read it.
    Unreadable,
    /// It is a folder, whose name must end in `/` so that the links of its page are right.
    Slash,
}

impl Page {
    /// Opens the file in `folder` that the path of a URL names. Nothing outside the folder
    /// is ever opened, whatever the path says and wherever symbolic links lead; nor are
    /// names that begin with a dot, and what is no regular file.
    pub(super) fn open(folder: &Path, url_path: &str) -> Result<Self, Missing> {
        let named = folder.join(relative_path(url_path).ok_or(Missing::Nothing)?);
        let path = fs::canonicalize(named).map_err(missing)?;
        if !path.starts_with(folder) {
            return Err(Missing::Nothing);
        }
        let kind = fs::metadata(&path).map_err(missing)?;
        if kind.is_dir() {
            return Err(match url_path.ends_with('/') {
                true => Missing::Nothing,
                false => Missing::Slash,
            });
        }
        if !kind.is_file() {
            return Err(Missing::Nothing);
        }
        // What has changed since must neither lead away nor wait for somebody.
        let file = File::options()
            .read(true)
            .custom_flags(O_NOFOLLOW | O_NONBLOCK)
            .open(&path)
            .map_err(missing)?;
        let metadata = file.metadata().map_err(missing)?;
        if !metadata.is_file() {
            return Err(Missing::Nothing);
        }
        let length = metadata.len();
        Ok(Self { file, length, path })
    }
}

/// The names in the path of a URL, decoded, one below the other; `None` if they could
/// lead anywhere else.
fn relative_path(url_path: &str) -> Option<PathBuf> {
    let names = url_path.strip_prefix('/')?;
    let (folders, last) = names.rsplit_once('/').unwrap_or(("", names));
    let mut path = PathBuf::new();
    if !folders.is_empty() || names.starts_with('/') {
        for name in folders.split('/') {
            path.push(OsStr::from_bytes(&file_name(name)?));
        }
    }
    match last {
        "" => path.push(INDEX),
        _ => path.push(OsStr::from_bytes(&file_name(last)?)),
    }
    Some(path)
}

/// A name of a file or folder; `None` if it is none, or hidden, as `.` and `..` are.
fn file_name(encoded: &str) -> Option<Vec<u8>> {
    let name = percent_decoded(encoded)?;
    let is_strange = |byte: &u8| matches!(byte, b'/' | b'\\' | 0);
    let is_served = !name.is_empty() && name[0] != b'.' && !name.iter().any(is_strange);
    is_served.then_some(name)
}

/// Decoded once; `None` where a `%` stands before anything but two digits.
fn percent_decoded(encoded: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(16 * high + low).ok()?
            }
            _ => byte,
        });
    }
    Some(decoded)
}

fn missing(error: io::Error) -> Missing {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Missing::Unreadable,
        _ => Missing::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_downwards_only() {
        for (url_path, path) in [
            ("/", "index.html"),
            ("/a.html", "a.html"),
            ("/a/b.js", "a/b.js"),
            ("/a/", "a/index.html"),
            ("/%C3%A9t%c3%a9", "été"),
            ("/a%20b", "a b"),
            ("/%252e%252e", "%2e%2e"),
        ] {
            assert_eq!(relative_path(url_path), Some(path.into()), "{url_path}");
        }
        for url_path in [
            "",
            "*",
            "a",
            "//",
            "//a",
            "/a//b",
            "/..",
            "/../a",
            "/a/../b",
            "/a/..",
            "/.",
            "/./a",
            "/%2e%2e/a",
            "/%2E./a",
            "/.%2e/a",
            "/..%2fa",
            "/a%2fb",
            "/%2fa",
            "/a%5c..",
            "/a\\b",
            "/a%00.html",
            "/%",
            "/%2",
            "/%zz",
            "/%+1",
            "/.htpasswd",
            "/.git/config",
        ] {
            assert_eq!(relative_path(url_path), None, "{url_path}");
        }
    }
}
