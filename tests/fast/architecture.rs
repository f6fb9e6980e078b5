//! The order of the code: imports point down, and no two files import each other.
//!
//! `docs/architecture.md` draws the floors. They are data here, so that a new room or floor is
//! one more entry.

mod graph;
mod source;

use std::path::Path;
use std::sync::LazyLock;

use graph::circles;
use source::{Crate, Files};

/// The floors of a module, top to bottom. A child module imports only what stands on a lower
/// floor; those on one floor do not know each other. `self` is the file of the module itself.
struct Floors {
    module: &'static str,
    floors: &'static [&'static [&'static str]],
}

const FLOORS: &[Floors] = &[LIBRARY_FLOORS, BROKER_FLOORS];

const LIBRARY_FLOORS: Floors = Floors {
    module: "crate",
    floors: &[
        &["cli", "broker"],
        &["publish", "subscribe"],
        &["client", "passwd"],
        &["qos", "transport"],
        &["files", "options", "protocol"],
    ],
};

const BROKER_FLOORS: Floors = Floors {
    module: "crate::broker",
    floors: &[
        &["embedded", "program"],
        &["command_line", "health_check", "quick_start", "server"],
        &[
            "housekeeping",
            "reload",
            "subscription_tree",
            "sys",
            "systemd",
        ],
        &["bridge", "connection"],
        &["http"],
        &["lifecycle"],
        &["rights"],
        &["fanout"],
        &["figures"],
        &["self"],
        &["external_files", "web"],
        &["listener", "process"],
        &["topics"],
        &["session"],
        &["retained", "wire"],
        &["env", "message"],
        &["persistence"],
        &["auth"],
        &["live_options", "memory", "statistics"],
        &["config"],
        &["log"],
        &["ground"],
    ],
};

static LIBRARY: LazyLock<Crate> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Crate::read(&Files::Directory(root.to_owned()))
});

#[test]
fn imports_point_to_a_lower_floor() {
    let faults: Vec<String> = FLOORS.iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn no_two_files_import_each_other() {
    let faults: Vec<String> = circles(LIBRARY.arrows())
        .iter()
        .map(|circle| circle.iter().map(|arrow| format!("{arrow}\n")).collect())
        .collect();
    assert!(faults.is_empty(), "circles:\n{}", faults.join("\n"));
}

/// The imports of `floors` that point up or sideways, and the modules without a floor.
fn faults(floors: &Floors) -> Vec<String> {
    let floor_of = |name: &str| {
        floors
            .floors
            .iter()
            .position(|names| names.contains(&name))
            .ok_or_else(|| format!("{}::{name} stands on no floor", floors.module))
    };
    let mut faults = Vec::new();
    for name in LIBRARY.children(floors.module) {
        faults.extend(floor_of(name).err());
    }
    for arrow in LIBRARY.arrows() {
        let (Some(from), Some(to)) = (
            arrow.from.child_of(floors.module),
            arrow.to.child_of(floors.module),
        ) else {
            continue;
        };
        match (floor_of(from), floor_of(to)) {
            (Ok(high), Ok(low)) if from != to && high >= low => {
                faults.push(format!("{arrow}: {from} does not stand above {to}"));
            }
            _ => {}
        }
    }
    faults
}
