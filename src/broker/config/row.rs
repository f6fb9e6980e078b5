//! A row of the table of options: all there is to an option.
//!
//! It has the option's names, the section of the file in which it stands, the values that it
//! takes and where they go, its support, the effect of a reload, and its documentation.

use super::documentation::Documentation;
use super::model::{Bridge, Config, Listener, Security};
use super::plugin::Plugin;
use super::value::Value;

/// One option.
pub(super) struct Row {
    /// Its name first, then those it had or has besides. A name that ends in `*` stands
    /// for all that begin like it.
    names: &'static [&'static str],
    pub(super) section: Section,
    pub(super) support: Support,
    pub(super) reload: Reload,
    /// The option is going to disappear from Mosquitto; what to use instead, if anything.
    pub(super) deprecated: Option<&'static str>,
    /// The option to use instead under `per_listener_settings`.
    pub(super) per_listener_name: Option<&'static str>,
    documentation: Documentation,
}

/// Part of the file in which an option may stand, with its value.
pub(super) enum Section {
    /// Anywhere.
    Global(Value<Config>),
    /// After a `listener`.
    Listener(Value<Listener>),
    /// After a `listener`; without one it is about the default listener.
    DefaultListener(Value<Listener>),
    /// Anywhere, or after a `listener` under `per_listener_settings`.
    Security(Value<Security>),
    /// After a `connection`.
    Bridge(Value<Bridge>),
    /// After a plugin.
    Plugin(Value<Plugin>),
    /// It decides what the lines after it are about.
    Structure(Structure),
}

/// The options that decide what the lines after them are about.
#[derive(Clone, Copy)]
pub(super) enum Structure {
    /// `listener`
    Listener,
    /// `port`
    Port,
    /// `bind_address`
    BindAddress,
    /// `per_listener_settings`
    PerListenerSettings,
    /// `include_dir`
    IncludeDir,
    /// `connection`
    Bridge,
    /// `plugin` and its like
    Plugin,
    /// `plugin_use`
    PluginUse,
}

/// Degree to which an option does what it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Support {
    /// It does.
    Built,
    /// Never, and nobody misses it; the text says so.
    Obsolete(&'static str),
    /// No, and to go on without it would be dangerous; the text says why.
    Refused(&'static str),
    /// It means nothing without another option, which speaks for it.
    Companion,
}

/// The effect of a reload (SIGHUP) on an option.
#[derive(Clone, Copy)]
pub(super) enum Reload {
    /// The new value applies at once; an option that was removed returns to its default.
    Applied,
    /// The new value applies to a listener that is still in the file.
    WithListener,
    /// Bridges are reloaded one by one.
    WithBridge,
    /// The value from the start stays in effect.
    Restart(Keep),
}

/// Takes an option's value from the running configuration.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    /// Of the broker as a whole: into the new configuration, from the running one.
    Global(fn(&mut Config, &Config)),
    /// Of a listener, likewise.
    Listener(fn(&mut Listener, &Listener)),
    /// Nothing to take: listeners are recognised by the option, or a reload is refused.
    Identity,
}

impl Reload {
    /// Returns whether a new value waits for the next start.
    pub(super) fn needs_restart(self) -> bool {
        matches!(self, Self::Restart(_))
    }
}

/// Why there are no pre-shared keys.
pub(super) const PSK: &str =
    "Error: The '{name}' option is not supported: use certificates rather than pre-shared keys.";

impl Row {
    pub(super) const fn new(names: &'static [&'static str], section: Section) -> Self {
        Self {
            names,
            section,
            support: Support::Built,
            reload: Reload::Applied,
            deprecated: None,
            per_listener_name: None,
            documentation: Documentation {
                default: "",
                unit: "",
                text: "",
            },
        }
    }

    pub(super) const fn global(names: &'static [&'static str], value: Value<Config>) -> Self {
        Self::new(names, Section::Global(value))
    }

    pub(super) const fn listener(names: &'static [&'static str], value: Value<Listener>) -> Self {
        Self::new(names, Section::Listener(value)).reload(Reload::WithListener)
    }

    pub(super) const fn default_listener(
        names: &'static [&'static str],
        value: Value<Listener>,
    ) -> Self {
        Self::new(names, Section::DefaultListener(value)).reload(Reload::WithListener)
    }

    pub(super) const fn security(names: &'static [&'static str], value: Value<Security>) -> Self {
        Self::new(names, Section::Security(value))
    }

    pub(super) const fn bridge(names: &'static [&'static str], value: Value<Bridge>) -> Self {
        Self::new(names, Section::Bridge(value)).reload(Reload::WithBridge)
    }

    pub(super) const fn plugin(names: &'static [&'static str], value: Value<Plugin>) -> Self {
        Self::new(names, Section::Plugin(value)).support(Support::Companion)
    }

    pub(super) const fn structure(names: &'static [&'static str], structure: Structure) -> Self {
        Self::new(names, Section::Structure(structure))
    }

    pub(super) const fn support(self, support: Support) -> Self {
        Self { support, ..self }
    }

    pub(super) const fn refused(self, why: &'static str) -> Self {
        self.support(Support::Refused(why))
    }

    pub(super) const fn obsolete(self, warning: &'static str) -> Self {
        self.support(Support::Obsolete(warning))
    }

    pub(super) const fn reload(self, reload: Reload) -> Self {
        Self { reload, ..self }
    }

    /// A reload keeps the value that the broker was started with.
    pub(super) const fn kept(self, keep: fn(&mut Config, &Config)) -> Self {
        self.reload(Reload::Restart(Keep::Global(keep)))
    }

    /// A reload keeps the value that the listener was opened with.
    pub(super) const fn kept_by_listener(self, keep: fn(&mut Listener, &Listener)) -> Self {
        self.reload(Reload::Restart(Keep::Listener(keep)))
    }

    /// A reload cannot change it.
    pub(super) const fn fixed(self) -> Self {
        self.reload(Reload::Restart(Keep::Identity))
    }

    pub(super) const fn deprecated(self, instead: &'static str) -> Self {
        Self {
            deprecated: Some(instead),
            ..self
        }
    }

    pub(super) const fn documented(
        self,
        default: &'static str,
        unit: &'static str,
        text: &'static str,
    ) -> Self {
        let documentation = Documentation {
            default,
            unit,
            text,
        };
        Self {
            documentation,
            ..self
        }
    }

    pub(super) const fn per_listener_name(self, name: &'static str) -> Self {
        Self {
            per_listener_name: Some(name),
            ..self
        }
    }

    /// The manual's entry of the option.
    pub(super) fn documentation(&self) -> &Documentation {
        &self.documentation
    }

    /// The option's name, then its other ones.
    pub(super) fn names(&self) -> &'static [&'static str] {
        self.names
    }

    /// The option's name of today.
    pub(super) fn name(&self) -> &'static str {
        self.names[0]
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| match own.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => *own == name,
        })
    }
}

/// A setter for an option whose effect is not there yet: its value is only checked.
pub(super) const fn unused<T: 'static, V: 'static>() -> fn(&mut T, V) {
    |_, _| {}
}
