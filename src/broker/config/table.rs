//! The table of options: every name that `mosquitto.conf` knows, one row each.
//!
//! A row says all there is to an option: its names, in which part of the file it may
//! stand, what values it takes and where they go, whether its effect is there yet, and
//! what a reload does with it. To add an option is to add a row.

mod access;
mod bridge;
mod global;
mod http_api;
mod listener;
mod tls;

use super::documentation::Documentation;
use super::model::{Config, Listener, Security};
use super::plugin::Plugin;
use super::value::Value;

/// One option.
pub(super) struct Row {
    /// Its name first, then those it had or has besides. A name that ends in `*` stands
    /// for all that begin like it.
    names: &'static [&'static str],
    pub(super) place: Place,
    pub(super) support: Support,
    pub(super) reload: Reload,
    /// The option is going to disappear from Mosquitto; what to use instead, if anything.
    pub(super) deprecated: Option<&'static str>,
    /// What to use instead under `per_listener_settings`.
    pub(super) per_listener_name: Option<&'static str>,
    documentation: Documentation,
}

/// Where an option may stand, and what its value is.
pub(super) enum Place {
    /// Anywhere.
    Global(Value<Config>),
    /// After a `listener`.
    Listener(Value<Listener>),
    /// After a `listener`; without one it is about the default listener.
    DefaultListener(Value<Listener>),
    /// Anywhere, or after a `listener` under `per_listener_settings`.
    Security(Value<Security>),
    /// After a `connection`.
    Bridge(Value<()>),
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

/// Whether an option does what it says.
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
    /// Whether a new value waits for the next start.
    pub(super) fn needs_restart(self) -> bool {
        matches!(self, Self::Restart(_))
    }
}

/// Why there are no pre-shared keys.
const PSK: &str =
    "Error: The '{name}' option is not supported: use certificates rather than pre-shared keys.";

impl Row {
    const fn new(names: &'static [&'static str], place: Place) -> Self {
        Self {
            names,
            place,
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

    const fn global(names: &'static [&'static str], value: Value<Config>) -> Self {
        Self::new(names, Place::Global(value))
    }

    const fn listener(names: &'static [&'static str], value: Value<Listener>) -> Self {
        Self::new(names, Place::Listener(value)).reload(Reload::WithListener)
    }

    const fn default_listener(names: &'static [&'static str], value: Value<Listener>) -> Self {
        Self::new(names, Place::DefaultListener(value)).reload(Reload::WithListener)
    }

    const fn security(names: &'static [&'static str], value: Value<Security>) -> Self {
        Self::new(names, Place::Security(value))
    }

    const fn bridge(names: &'static [&'static str], value: Value<()>) -> Self {
        Self::new(names, Place::Bridge(value))
            .reload(Reload::WithBridge)
            .support(Support::Companion)
    }

    const fn plugin(names: &'static [&'static str], value: Value<Plugin>) -> Self {
        Self::new(names, Place::Plugin(value)).support(Support::Companion)
    }

    const fn structure(names: &'static [&'static str], structure: Structure) -> Self {
        Self::new(names, Place::Structure(structure))
    }

    const fn support(self, support: Support) -> Self {
        Self { support, ..self }
    }

    const fn refused(self, why: &'static str) -> Self {
        self.support(Support::Refused(why))
    }

    const fn obsolete(self, warning: &'static str) -> Self {
        self.support(Support::Obsolete(warning))
    }

    const fn reload(self, reload: Reload) -> Self {
        Self { reload, ..self }
    }

    /// A reload keeps the value that the broker was started with.
    const fn kept(self, keep: fn(&mut Config, &Config)) -> Self {
        self.reload(Reload::Restart(Keep::Global(keep)))
    }

    /// A reload keeps the value that the listener was opened with.
    const fn kept_by_listener(self, keep: fn(&mut Listener, &Listener)) -> Self {
        self.reload(Reload::Restart(Keep::Listener(keep)))
    }

    /// A reload cannot change it.
    const fn fixed(self) -> Self {
        self.reload(Reload::Restart(Keep::Identity))
    }

    const fn deprecated(self, instead: &'static str) -> Self {
        Self {
            deprecated: Some(instead),
            ..self
        }
    }

    const fn documented(
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

    const fn per_listener_name(self, name: &'static str) -> Self {
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

/// The rows by subject, in the order of the manual.
pub(super) fn sections() -> &'static [(&'static str, &'static [Row])] {
    static SECTIONS: [(&str, &[Row]); 12] = [
        ("Process", global::PROCESS),
        ("Listeners", listener::ROWS),
        ("TLS", tls::ROWS),
        ("Logins and access", access::ROWS),
        ("Plugins", access::PLUGINS),
        ("Messages", global::MESSAGES),
        ("Persistence", global::PERSISTENCE),
        ("Limits", global::LIMITS),
        ("Log", global::LOG),
        ("HTTP API", http_api::ROWS),
        ("Bridges", bridge::ROWS),
        ("Without effect", global::OBSOLETE),
    ];
    &SECTIONS
}

/// All rows.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    sections().iter().flat_map(|(_, rows)| *rows)
}

/// The row of the option `name`.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    rows().find(|row| row.is_called(name))
}

/// All names that an option can be called by in full.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    rows()
        .flat_map(|row| row.names)
        .copied()
        .filter(|name| !name.ends_with('*'))
}

/// A setter for an option whose effect is not there yet: its value is only checked.
const fn unused<T: 'static, V: 'static>() -> fn(&mut T, V) {
    |_, _| {}
}
