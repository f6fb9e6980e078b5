//! Plugins. They are C libraries, which this broker does not load; but two of those that
//! come with Mosquitto only read a file, as an option can, and so they stand for that.

use std::path::{Path, PathBuf};

use super::diagnostic::Location;
use super::model::Security;

/// A plugin of Mosquitto's that is understood as an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StockPlugin {
    /// `acl-file`
    AclFile,
    /// `password-file`
    PasswordFile,
}

impl StockPlugin {
    /// The plugin in the library `path`.
    pub(super) fn from_path(path: &Path) -> Option<Self> {
        match bare_name(path).as_str() {
            "acl_file" => Some(Self::AclFile),
            "password_file" => Some(Self::PasswordFile),
            _ => None,
        }
    }

    /// The option that it stands for, and the key of its own one.
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::AclFile => "acl_file",
            Self::PasswordFile => "password_file",
        }
    }
}

/// What to do instead of loading the library `path`.
pub(super) fn alternative(path: &Path) -> &'static str {
    match bare_name(path).as_str() {
        "dynamic_security" => "Use 'password_file' and 'acl_file', which a reload reads again.",
        "persist_sqlite" => "Use 'persistence true'.",
        "sparkplug_aware" => "Plain MQTT clients need no such plugin.",
        _ => "Users come from 'password_file' or certificates, rights from 'acl_file'.",
    }
}

/// `acl_file` for `/usr/lib/mosquitto_acl_file.so`.
fn bare_name(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = name.replace('-', "_");
    let name = name.strip_prefix("lib").unwrap_or(&name);
    name.strip_prefix("mosquitto_").unwrap_or(name).to_owned()
}

/// A plugin of the configuration.
#[derive(Debug)]
pub(super) struct Plugin {
    /// What it is called, if it was given a name.
    pub(super) name: Option<String>,
    /// What it stands for; one that stands for nothing was refused.
    pub(super) stock: Option<StockPlugin>,
    /// The file that it reads.
    pub(super) file: Option<PathBuf>,
    /// Where it was named.
    pub(super) location: Option<Location>,
}

impl Plugin {
    /// Takes the value of one of its options; false if it has no such option.
    pub(super) fn set_option(&mut self, key: &str, value: &str) -> bool {
        let Some(stock) = self.stock else { return true };
        let is_known = key == stock.option();
        if is_known {
            self.file = Some(value.into());
        }
        is_known
    }

    /// Does what the plugin would do.
    pub(super) fn apply(&self, security: &mut Security) {
        let (Some(stock), Some(file)) = (self.stock, &self.file) else {
            return;
        };
        let option = match stock {
            StockPlugin::AclFile => &mut security.acl_file,
            StockPlugin::PasswordFile => &mut security.password_file,
        };
        *option = Some(file.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugins_that_read_a_file_are_known_by_their_names() {
        for (path, plugin) in [
            ("/usr/lib/mosquitto_acl_file.so", Some(StockPlugin::AclFile)),
            (
                "mosquitto_password_file.so",
                Some(StockPlugin::PasswordFile),
            ),
            ("libmosquitto-acl-file.so", Some(StockPlugin::AclFile)),
            ("password-file.so", Some(StockPlugin::PasswordFile)),
            ("mosquitto_dynamic_security.so", None),
            ("/", None),
        ] {
            assert_eq!(StockPlugin::from_path(Path::new(path)), plugin, "{path}");
        }
    }
}
