//! An image without an engine: its files below a folder, and programs that see nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{Gid, Uid, chown, geteuid};
use tempfile::TempDir;

use super::dockerfile::{Copy, Stage};
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
        image.add_devices();
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

    /// The devices that every engine provides; of them programs need the random numbers.
    /// Only root can make some, others see those of this machine.
    fn add_devices(&self) {
        let folder = self.path("/dev");
        fs::create_dir(&folder).expect("the image's folder is writable");
        if !geteuid().is_root() {
            return;
        }
        for (name, minor) in [("random", 8), ("urandom", 9)] {
            let (path, device) = (folder.join(name), makedev(1, minor));
            let mode = Mode::from_bits_truncate(0o666);
            mknod(&path, SFlag::S_IFCHR, mode, device).expect("root may make devices");
        }
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
        let environment = format!("PATH={}", self.stage.environment("PATH"));
        let program = Program::typed("env -i").arg(environment);
        let program = if geteuid().is_root() {
            let chroot = find_program("chroot").expect("the caller has looked for it");
            program
                .arg(chroot)
                .arg(format!("--userspec={user}:{group}"))
                .arg(self.root.path())
        } else {
            in_namespace(program, user, group).arg(self.root.path())
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
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    fs::create_dir(root.path().join("dev")).expect("the folder is writable");
    // There is no such program, which must be all that is wrong.
    let outcome = in_namespace(Program::typed("env"), 1883, 1883)
        .arg(root.path())
        .arg("/none")
        .run();
    outcome.code() == 127
}

/// The shell that gives a program another root, the first argument, and another user.
fn in_namespace(program: Program, user: u32, group: u32) -> Program {
    let enter = format!(
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin
         mount --rbind /dev \"$1/dev\" || exit 1
         root=$1
         shift
         exec unshare --map-user={user} --map-group={group} --root=\"$root\" --wd=/ \"$@\""
    );
    program
        .args_of("/usr/bin/unshare --map-root-user --mount /bin/sh -c")
        .arg(enter)
        .arg("sh")
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
