//! `include_dir`: which files of a directory are read, and in what order.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The files of `directory` whose names end in `.conf`, in the order in which Mosquitto
/// reads them: letter by letter regardless of case, upper case before lower case.
///
/// # Errors
///
/// The directory cannot be read.
pub(super) fn files_of(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        if name.len() > ".conf".len() && name.as_bytes().ends_with(b".conf") {
            names.push(name);
        }
    }
    names.sort_by_cached_key(|name| sort_key(name.as_bytes()));
    Ok(names.iter().map(|name| directory.join(name)).collect())
}

fn sort_key(name: &[u8]) -> Vec<(u8, u8)> {
    name.iter()
        .map(|byte| (byte.to_ascii_lowercase(), *byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_mosquittos_order() {
        let directory = tempfile::tempdir().unwrap();
        let in_order = [
            "00.conf", "01.conf", "A.conf", "Ab.conf", "a.conf", "B.conf", "b.conf",
        ];
        for name in in_order.iter().rev() {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        for ignored in [".conf", "README", "a.conf.bak", "c.CONF"] {
            std::fs::write(directory.path().join(ignored), "").unwrap();
        }
        let names: Vec<String> = files_of(directory.path())
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, in_order);
    }
}
