//! Programs that we did not write. They are optional on a developer's machine and required
//! where `MQ_REQUIRE_PEERS=1` says so.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::program::find_program;

/// Whether every program in `names` is installed; if not, the caller returns.
#[must_use = "without its peer a test has nothing to test"]
pub(crate) fn require_programs(names: &[&str]) -> bool {
    names
        .iter()
        .all(|name| require(find_program(name).is_some(), &format!("the program {name}")))
}

/// The folder of the Node.js packages, if `npm ci` was run in `tests/peers`.
#[must_use = "without its peer a test has nothing to test"]
pub(crate) fn require_node() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    let present = find_program("node").is_some() && folder.join("node_modules/mqtt").is_dir();
    require(
        present,
        "node with the package mqtt (npm ci in tests/peers)",
    )
    .then_some(folder)
}

/// The Python interpreter of the virtual environment, if it was made where `.ci/run` does.
#[must_use = "without its peer a test has nothing to test"]
pub(crate) fn require_python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/python/bin/python3");
    require(
        python.is_file(),
        "a virtual environment in target/peers/python with tests/peers/requirements.txt",
    )
    .then_some(python)
}

fn require(present: bool, what: &str) -> bool {
    if !present {
        let required = std::env::var_os("MQ_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!required, "{what} is missing and MQ_REQUIRE_PEERS is 1");
        // Not `eprintln!`, which the test harness hides when the test passes.
        let _ = writeln!(std::io::stderr(), "skipped: {what} is missing");
    }
    present
}
