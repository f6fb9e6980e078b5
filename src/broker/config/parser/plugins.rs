//! The plugins of a configuration, and what they are about.

use std::path::Path;

use super::{Block, Parser};
use crate::broker::config::plugin::{Plugin, StockPlugin, alternative};
use crate::broker::config::value::{Argument, Wrong};

impl Parser {
    /// Reads `plugin`, `global_plugin` or `plugin_load`.
    pub(super) fn read_plugin(&mut self, argument: &Argument<'_>) -> Result<(), Wrong> {
        let name = match argument.name {
            "plugin_load" => Some(argument.word()?),
            _ => None,
        };
        let about = match argument.name {
            "plugin_load" => None,
            "global_plugin" => Some(Block::Broker),
            _ if self.config.per_listener_settings => Some(self.current_listener(argument)?),
            _ => {
                self.is_security_set = true;
                Some(Block::Broker)
            }
        };
        self.current.plugin = Some(self.plugins.len());
        self.plugin_uses
            .extend(about.map(|block| (self.plugins.len(), block)));
        let path = argument.rest[name.as_ref().map_or(0, String::len)..].trim_ascii();
        self.report_note(argument.comment_in_text());
        let path = String::from_utf8_lossy(path).into_owned();
        let stock = StockPlugin::from_path(Path::new(&path));
        let is_known = name.is_some() && self.plugins.iter().any(|plugin| plugin.name == name);
        self.plugins.push(Plugin {
            name: name.clone(),
            stock,
            file: None,
            location: self.location.clone(),
        });
        let name = name.unwrap_or_else(|| "(null)".to_owned());
        if path.is_empty() {
            return Err(Wrong::new(format!(
                "Error: Missing plugin path for plugin name '{name}'."
            )));
        }
        if is_known {
            return Err(Wrong::new(format!(
                "Error: Duplicate plugin name '{name}'."
            )));
        }
        match stock {
            Some(_) => Ok(()),
            None => Err(Wrong {
                message: format!(
                    "Error: The '{}' option is not supported: \
                     plugins are C libraries, which this broker does not load.",
                    argument.name
                ),
                hint: Some(alternative(Path::new(&path)).to_owned()),
            }),
        }
    }

    /// Reads `plugin_use`.
    pub(super) fn read_plugin_use(&mut self, argument: &Argument<'_>) -> Result<(), Wrong> {
        let block = self.current_listener(argument)?;
        let name = argument.word()?;
        let is_called = |plugin: &Plugin| plugin.name.as_ref() == Some(&name);
        let at =
            self.plugins.iter().position(is_called).ok_or_else(|| {
                Wrong::new(format!("Error: Plugin '{name}' not previously loaded."))
            })?;
        self.plugin_uses.push((at, block));
        Ok(())
    }

    /// Does what the plugins would do; one that was not told its file is a mistake.
    pub(super) fn apply_plugins(&mut self) {
        let plugins = std::mem::take(&mut self.plugins);
        for plugin in &plugins {
            let (Some(stock), None) = (plugin.stock, &plugin.file) else {
                continue;
            };
            let option = stock.option();
            self.location.clone_from(&plugin.location);
            self.error(Wrong::new(format!(
                "Error: The plugin needs a 'plugin_opt_{option}' option, which names its file."
            )));
        }
        for (at, block) in std::mem::take(&mut self.plugin_uses) {
            let security = match self.listener(block) {
                Some(listener) => &mut listener.security,
                None => &mut self.config.security,
            };
            plugins[at].apply(security);
        }
    }
}
