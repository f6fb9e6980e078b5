//! Options files: one option a line, its value after the first blank.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::{Kind, UsageError};
use crate::options::Program;

/// Reads the words of each line of the options file.
///
/// It is the file of `-o`, or one in the user's configuration directory. A file that cannot
/// be read is ignored, as in Mosquitto.
pub(super) fn lines(
    kind: Kind,
    program: &Program,
    words: &[OsString],
) -> Result<Vec<Vec<OsString>>, UsageError> {
    let content = match named_file(words)? {
        Some(path) => std::fs::read(path).ok(),
        None => default_files(kind, program)
            .iter()
            .find_map(|path| std::fs::read(path).ok()),
    };
    Ok(content.map_or_else(Vec::new, |content| parse(&content)))
}

/// Returns the value of `-o`.
///
/// Mosquitto looks at every word, even if it is the value of another option.
fn named_file(words: &[OsString]) -> Result<Option<PathBuf>, UsageError> {
    let mut at = words.iter().enumerate().filter(|(_, word)| *word == "-o");
    let Some((first, _)) = at.next() else {
        return Ok(None);
    };
    if at.next().is_some() {
        return Err(UsageError::new("Error: Duplicate -o argument given.\n\n"));
    }
    match words.get(first + 1) {
        Some(path) => Ok(Some(PathBuf::from(path))),
        None => Err(UsageError::new(
            "Error: -o argument given but no options file specified.\n\n",
        )),
    }
}

/// Returns the paths of the user's options files.
///
/// The first has the program's name, the second the other name of the same program.
fn default_files(kind: Kind, program: &Program) -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let directory = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".config")));
    let (ours, original) = (kind.installed_name(), kind.original_name());
    let names = match program.is_mosquitto() {
        true => [original, ours],
        false => [ours, original],
    };
    directory.map_or_else(Vec::new, |directory| {
        names.iter().map(|name| directory.join(name)).collect()
    })
}

fn parse(content: &[u8]) -> Vec<Vec<OsString>> {
    content
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.starts_with(b"#"))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .map(|line| &line[line.iter().take_while(|&&byte| byte == b' ').count()..])
        .filter(|line| !line.is_empty())
        .map(words)
        .collect()
}

/// Splits a line into the option and the rest.
///
/// The rest of a property is three words or four, the last of which may have blanks.
fn words(line: &[u8]) -> Vec<OsString> {
    let owned = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let Some((name, rest)) = split_blank(line) else {
        return vec![owned(line)];
    };
    let mut words = vec![owned(name)];
    let mut rest = rest;
    if [OsStr::new("-D"), OsStr::new("--property")].contains(&OsStr::from_bytes(name)) {
        for _ in 0..3 {
            let Some((word, after)) = split_blank(rest) else {
                break;
            };
            let is_value = words.len() == 3;
            if is_value && !words[2].eq_ignore_ascii_case("user-property") {
                break;
            }
            words.push(owned(word));
            rest = after;
        }
    }
    words.push(owned(rest));
    words
}

fn split_blank(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memchr(b' ', text)?;
    Some((&text[..blank], &text[blank + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_option_and_its_value_to_the_end_of_the_line() {
        let lines = parse(
            b"# comment\n\n  -t  a b \r\n-d\n #x y\n-D publish content-type text/plain; x\n\
              -D publish user-property k v w",
        );
        assert_eq!(
            lines,
            [
                vec!["-t", " a b "],
                vec!["-d"],
                vec!["#x", "y"],
                vec!["-D", "publish", "content-type", "text/plain; x"],
                vec!["-D", "publish", "user-property", "k", "v w"],
            ]
        );
    }

    #[test]
    fn one_options_file_may_be_named() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(
            named_file(&words(&["-d", "-o", "f"])).unwrap(),
            Some(PathBuf::from("f"))
        );
        assert_eq!(named_file(&words(&["-d"])).unwrap(), None);
        let error = named_file(&words(&["-o", "f", "-o", "g"])).unwrap_err();
        assert_eq!(error.text(), "Error: Duplicate -o argument given.");
        let error = named_file(&words(&["-o"])).unwrap_err();
        assert_eq!(
            error.text(),
            "Error: -o argument given but no options file specified."
        );
    }
}
