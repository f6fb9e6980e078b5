//! An image without an engine: its files below a folder, and programs that see nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, chown, geteuid};
use tempfile::TempDir;

use crate::dockerfile::{Copy, Stage};
use crate::support::Program;
use crate::support::program::find_program;

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// An image that was laid out in a folder.
pub(crate) struct Image {
    root: TempDir,
    stage: Stage,
}

impl Image {
    /// Lays out an image whose programs are taken from the folder `programs`.
    pub(crate) fn new(stage: Stage, programs: &Path) -> Self {
        assert_eq!(stage.base, "scratch");
        let root = tempfile::tempdir().expect("a temporary folder can be made");
        // The folder is the image's `/`, which everyone may enter.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755))
            .expect("the folder is ours");
        let image = Self { root, stage };
        for copy in &image.stage.copies {
            for source in &copy.sources {
                let from = match &copy.from {
                    None => Path::new(PROJECT).join(source),
                    Some(_) => built(source, programs),
                };
                let mut to = image.path(&copy.target);
                if copy.target.ends_with('/') && !from.is_dir() {
                    to.push(from.file_name().expect("a file has a name"));
                }
                copy_tree(&from, &to, copy);
            }
        }
        image
    }

    /// What the image is made of.
    pub(crate) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Where a path of the image lies on this machine.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// Writes a file as an engine does that mounts one.
    pub(crate) fn mount(&self, path: &str, content: &str) {
        let path = self.path(path);
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, content))
            .expect("the image's folder is writable");
    }

    /// The image's entry point with its own arguments.
    pub(crate) fn default_command(&self) -> Vec<String> {
        [self.stage.list("ENTRYPOINT"), self.stage.list("CMD")].concat()
    }

    /// A program of the image, as its user, with the image's files as its only ones.
    pub(crate) fn program(&self, words: &[String]) -> Program {
        let (user, group) = self.stage.user();
        let changes_root = |name: &str, options: &[String]| {
            let path = find_program(name).expect("the caller has looked for it");
            options.iter().fold(
                Program::typed("env -i")
                    .arg(format!("PATH={}", self.stage.environment("PATH")))
                    .arg(path),
                |program, option| program.arg(option),
            )
        };
        let root = self.root.path().display();
        let program = if geteuid().is_root() {
            let user = format!("--userspec={user}:{group}");
            changes_root("chroot", &[user, root.to_string()])
        } else {
            changes_root("unshare", &as_user(user, group)).arg(format!("--root={root}"))
        };
        words
            .iter()
            .fold(program, |program, word| program.arg(word))
    }
}

/// Whether programs can be run in an image here: as root, or in a namespace of our own.
pub(crate) fn can_change_root() -> bool {
    if geteuid().is_root() {
        return find_program("chroot").is_some();
    }
    find_program("unshare").is_some_and(|unshare| {
        let program = as_user(1883, 1883)
            .iter()
            .fold(Program::at(&unshare, ""), |program, option| {
                program.arg(option)
            });
        program.arg("true").run().code() == 0
    })
}

fn as_user(user: u32, group: u32) -> Vec<String> {
    vec![
        format!("--map-user={user}"),
        format!("--map-group={group}"),
        "--wd=/".to_owned(),
    ]
}

/// What the build stage has: our programs, and files of its system that ours has, too.
fn built(source: &str, programs: &Path) -> PathBuf {
    match source.strip_prefix("/src/target/release/") {
        Some(program) => programs.join(program),
        None => PathBuf::from(source),
    }
}

fn copy_tree(from: &Path, to: &Path, copy: &Copy) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("the image's folder is writable");
        for entry in fs::read_dir(from).expect("the source can be read") {
            let entry = entry.expect("the source can be read");
            copy_tree(&entry.path(), &to.join(entry.file_name()), copy);
        }
    } else {
        let folder = to.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).expect("the image's folder is writable");
        if let Err(error) = fs::copy(from, to) {
            panic!("{} cannot be copied: {error}", from.display());
        }
    }
    if let Some(mode) = copy.mode {
        fs::set_permissions(to, fs::Permissions::from_mode(mode)).expect("the file is ours");
    }
    if let (Some((user, group)), true) = (copy.owner, geteuid().is_root()) {
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        chown(to, Some(user), Some(group)).expect("root may give files away");
    }
}
