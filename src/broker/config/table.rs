//! The table of options: every name that `mosquitto.conf` knows, one row each.
//!
//! To add an option is to add a row to one of the sections.

mod access;
mod bridge;
mod global;
mod http_api;
mod listener;
mod tls;

use super::row::Row;

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
        .flat_map(|row| row.names())
        .copied()
        .filter(|name| !name.ends_with('*'))
}
