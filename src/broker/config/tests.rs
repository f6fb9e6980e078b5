//! What files mean, as their reader sees it.

mod access;
mod bridges;
mod broker;
mod comments;
mod every_option;
mod files;
mod ledger;
mod listeners;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// A directory of configuration files, of which `mosquitto.conf` is the main one.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new(main: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = Self { directory };
        files.write("mosquitto.conf", main);
        files
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn load(&self) -> Loaded {
        self.load_with(&Overrides::default())
    }

    fn load_with(&self, overrides: &Overrides) -> Loaded {
        let main = self.path().join("mosquitto.conf");
        let result = Config::load(&[main], overrides);
        let (config, diagnostics) = match result {
            Ok((config, diagnostics)) => (Some(config), diagnostics),
            Err(errors) => (None, errors.diagnostics),
        };
        Loaded {
            config,
            lines: self.lines(&diagnostics),
        }
    }

    /// What the log says of `diagnostics`, without the name of the directory.
    fn lines(&self, diagnostics: &[Diagnostic]) -> Vec<String> {
        let directory = format!("{}/", self.path().display());
        diagnostics
            .iter()
            .flat_map(Diagnostic::lines)
            .map(|line| line.replace(&directory, ""))
            .collect()
    }
}

/// What became of a configuration.
struct Loaded {
    config: Option<Config>,
    lines: Vec<String>,
}

/// The configuration in `text`, in which nothing is wrong.
fn config(text: &str) -> Config {
    let loaded = Files::new(text).load();
    match loaded.config {
        Some(config) => config,
        None => panic!("{text}: {}", loaded.lines.join("\n")),
    }
}

/// All lines about `text`, in which something is wrong.
fn errors(text: impl AsRef<[u8]>) -> Vec<String> {
    let loaded = Files::new(text).load();
    assert!(loaded.config.is_none(), "no error");
    loaded.lines
}

/// All lines about `text`, in which nothing is wrong.
fn remarks(text: &str) -> Vec<String> {
    let loaded = Files::new(text).load();
    assert!(loaded.config.is_some(), "{}", loaded.lines.join("\n"));
    loaded.lines
}

/// The one listener of `text`.
fn listener(text: &str) -> Listener {
    let mut listeners = config(text).listeners;
    assert_eq!(listeners.len(), 1);
    listeners.remove(0)
}
