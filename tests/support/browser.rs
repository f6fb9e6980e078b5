//! Headless Chromium, which a script of Node.js steers.

use std::path::{Path, PathBuf};

use super::peers::{require_node, require_programs};
use super::program::Running;
use super::{LIMIT, Program};

/// The folder of the Node.js packages, if Chromium is there, too.
#[must_use = "without its peer a test has nothing to test"]
pub(crate) fn require_browser() -> Option<PathBuf> {
    let packages = require_node()?;
    require_programs(&["chromium"]).then_some(packages)
}

/// A browser that shows a page. It ends when this goes out of scope.
pub(crate) struct Browser {
    script: Running,
}

impl Browser {
    /// Opens the page at a path of a port of 127.0.0.1.
    #[track_caller]
    pub(crate) fn open(port: u16, path: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/browser.js");
        let mut script = Program::typed("node")
            .arg(script)
            .arg(format!("http://127.0.0.1:{port}{path}"))
            .keep_stdin_open()
            .start();
        script.wait_for_line(|line| line == "loaded");
        Self { script }
    }

    /// Types into the field that a CSS selector names.
    #[track_caller]
    pub(crate) fn type_into(&mut self, selector: &str, text: &str) {
        self.script.write_line(&format!("type {selector} {text}"));
    }

    #[track_caller]
    pub(crate) fn click(&mut self, selector: &str) {
        self.script.write_line(&format!("click {selector}"));
    }

    /// Waits until the element with this id or `data-topic` gets a text with `text` in it.
    #[track_caller]
    pub(crate) fn shows(&mut self, name: &str, text: &str) {
        let start = format!("{name}: ");
        self.script.wait_for_line(|line| {
            line.strip_prefix(&start)
                .is_some_and(|shown| shown.contains(text))
        });
    }

    /// Writes what the page looks like to a file, as PNG.
    #[track_caller]
    pub(crate) fn screenshot(&mut self, file: &Path) {
        let command = format!("screenshot {}", file.display());
        self.script.write_line(&command);
        self.script.wait_for_line(|line| line == command);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The script takes the browser and its files with it.
        self.script.close_stdin();
        let _ = self.script.stdout().wait_for_end(LIMIT);
    }
}
