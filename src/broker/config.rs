//! `mosquitto.conf`: from its lines to a typed [`Config`].
//!
//! Every option is a row of one table; the parser walks files and blocks and lets the rows
//! read the values. An option whose effect is not there yet is accepted with a warning,
//! unless it restricts access or encrypts: then the configuration is refused.
//!
//! Reading has no effects: nothing is logged, kept or ended here. Everything there is to
//! say comes back as [`Diagnostic`]s, all errors at once, so that one reading serves the
//! start, `--test-config` and a reload.

mod diagnostic;
mod documentation;
mod errors;
mod include;
mod manual;
mod model;
mod parser;
mod plugin;
mod reload;
mod row;
mod source_lines;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::path::PathBuf;

pub use diagnostic::{Diagnostic, Location, Severity};
pub use errors::ConfigErrors;
pub use manual::{ManualEntry, manual};
pub use model::{
    Bridge, BridgeAddress, BridgeDirection, BridgeReloadType, BridgeTls, BridgeTopic,
    CertificateName, Config, DEFAULT_AUTO_ID_PREFIX, DEFAULT_PORT, DEFAULT_QUEUE_BYTES,
    EffectiveSecurity, HttpApiOptions, Limits, ListenAddress, Listener, MetricNames,
    PersistenceOptions, Protocol, ProtocolVersions, RestartTimeout, Security, SocketDomain,
    StartType, TlsOptions,
};
pub use reload::NotReloadable;
pub use source_lines::{Scope, SourceLines};

use self::parser::Parser;
use crate::broker::log::LogTypes;

/// What the command line says about things that the configuration is about, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Loopback ports to open if the configuration opens none.
    pub ports: Vec<u16>,
    /// What to log, whatever the configuration says.
    pub log_types: Option<LogTypes>,
}

impl Config {
    /// Reads the files `paths` one after another into one configuration, or the default
    /// one if there are none. With it comes what is worth telling about it.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or something in it is wrong. All errors are reported.
    pub fn load(
        paths: &[PathBuf],
        overrides: &Overrides,
    ) -> Result<(Self, Vec<Diagnostic>), ConfigErrors> {
        let mut parser = Parser::default();
        for path in paths {
            parser.read_main_file(path);
        }
        let (mut config, diagnostics) = parser.finish(&overrides.ports);
        if let Some(types) = overrides.log_types {
            config.log.types = Some(types);
        }
        let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
        if diagnostics.iter().any(is_error) {
            let config = Box::new(config);
            return Err(ConfigErrors {
                diagnostics,
                config,
            });
        }
        Ok((config, diagnostics))
    }

    /// The names of the options whose new values count after a reload (SIGHUP), those of
    /// listeners and bridges included. All others keep the value of the start.
    pub fn options_applied_on_reload() -> impl Iterator<Item = &'static str> {
        table::rows()
            .filter(|row| !row.reload.needs_restart())
            .map(row::Row::name)
    }
}
