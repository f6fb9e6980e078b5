//! A directory with a password file, the program run in it, and other programs, if they are installed.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mq::passwd::users::Users;
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mq-passwd");

/// A directory with a password file, in which the program runs.
pub(crate) struct Scene {
    pub(crate) directory: TempDir,
}

pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scene {
    pub(crate) fn empty() -> Scene {
        Scene {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn with(contents: &str) -> Scene {
        let scene = Scene::empty();
        fs::write(scene.path("f"), contents).unwrap();
        scene.set_mode(0o600);
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        // Messages name the resolved path, and a directory for temporary files may be a link.
        self.directory.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn contents(&self) -> String {
        fs::read_to_string(self.path("f")).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn mode(&self) -> u32 {
        fs::metadata(self.path("f")).unwrap().mode() & 0o7777
    }

    pub(crate) fn set_mode(&self, mode: u32) {
        fs::set_permissions(self.path("f"), Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn users(&self) -> Users {
        Users::read(&self.path("f")).unwrap()
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.directory.path());
        command
    }

    /// Runs the program with the words of `line`.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        self.run_with_input(line, "")
    }

    pub(crate) fn run_with_input(&self, line: &str, input: &str) -> Outcome {
        let mut command = self.command();
        command.args(line.split(' ').filter(|word| !word.is_empty()));
        finish(command, input.as_bytes())
    }

    pub(crate) fn run_words<W: AsRef<OsStr>>(&self, words: &[W]) -> Outcome {
        let mut command = self.command();
        command.args(words);
        finish(command, b"")
    }
}

impl Outcome {
    #[track_caller]
    pub(crate) fn succeeded(&self) {
        self.was(0, "");
    }

    #[track_caller]
    pub(crate) fn was(&self, code: i32, stderr: &str) {
        assert_eq!((self.code, &*self.stderr), (Some(code), stderr));
    }
}

pub(crate) fn finish(mut command: Command, input: &[u8]) -> Outcome {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that asks for nothing may be gone before it reads.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The path of a program that is not ours, or `None` after saying so.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file());
    if found.is_none() {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// As [`installed`], for the peers that `MQ_REQUIRE_PEERS=1` insists on.
pub(crate) fn peer(program: &str) -> Option<PathBuf> {
    let found = installed(program);
    let required = std::env::var_os("MQ_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(found.is_some() || !required, "{program} is required");
    found
}
