//! Arrows between files, and the circles that they form.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// A module of the library and the file that it is written in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// As in `crate::cli::table`.
    pub(crate) module: String,
    /// As in `src/cli/table.rs`.
    pub(crate) file: String,
}

impl Place {
    /// Returns the child of `module` that this place belongs to: `self` for the module's own file.
    pub(crate) fn child_of(&self, module: &str) -> Option<&str> {
        let below = self.below(module)?;
        Some(
            below
                .split("::")
                .next()
                .filter(|name| !name.is_empty())
                .unwrap_or("self"),
        )
    }

    fn below(&self, module: &str) -> Option<&str> {
        let rest = self.module.strip_prefix(module)?;
        match rest {
            "" => Some(rest),
            _ => rest.strip_prefix("::"),
        }
    }
}

/// One module's use of another.
#[derive(Clone, Debug)]
pub(crate) struct Arrow {
    pub(crate) from: Place,
    pub(crate) to: Place,
    /// The path as it is written.
    pub(crate) path: String,
    pub(crate) line: usize,
}

impl fmt::Display for Arrow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            to,
            path,
            line,
        } = self;
        write!(formatter, "{}:{line} uses {path} of {}", from.file, to.file)
    }
}

/// Returns one shortest circle for each group of files that reach each other.
pub(crate) fn circles(arrows: &[Arrow]) -> Vec<Vec<&Arrow>> {
    let mut from_file: BTreeMap<&str, Vec<&Arrow>> = BTreeMap::new();
    for arrow in arrows
        .iter()
        .filter(|arrow| arrow.from.file != arrow.to.file)
    {
        from_file.entry(&arrow.from.file).or_default().push(arrow);
    }
    let mut circles = Vec::new();
    let mut known = BTreeSet::new();
    for &file in from_file.keys() {
        if known.contains(file) {
            continue;
        }
        if let Some(circle) = shortest_circle(file, &from_file) {
            known.extend(group(file, &from_file));
            circles.push(circle);
        }
    }
    circles
}

fn shortest_circle<'a>(
    start: &'a str,
    from_file: &BTreeMap<&'a str, Vec<&'a Arrow>>,
) -> Option<Vec<&'a Arrow>> {
    let mut way: BTreeMap<&str, &Arrow> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for &arrow in from_file.get(file).into_iter().flatten() {
            let next = arrow.to.file.as_str();
            if way.contains_key(next) {
                continue;
            }
            way.insert(next, arrow);
            queue.push_back(next);
        }
    }
    let mut circle = vec![*way.get(start)?];
    while circle[0].from.file != start {
        circle.insert(0, way[circle[0].from.file.as_str()]);
    }
    Some(circle)
}

/// The files that `start` reaches and that reach it.
fn group<'a>(start: &'a str, from_file: &BTreeMap<&'a str, Vec<&'a Arrow>>) -> BTreeSet<&'a str> {
    let reached = |from: &'a str| {
        let mut reached = BTreeSet::new();
        let mut stack = vec![from];
        while let Some(file) = stack.pop() {
            let arrows = from_file.get(file).into_iter().flatten();
            stack.extend(
                arrows
                    .map(|arrow| arrow.to.file.as_str())
                    .filter(|&next| reached.insert(next)),
            );
        }
        reached
    };
    let mut group = reached(start);
    group.retain(|&file| reached(file).contains(start));
    group
}

#[test]
fn one_circle_is_reported_for_each_group_of_files() {
    let place = |name: &str| Place {
        module: format!("crate::{name}"),
        file: name.to_owned(),
    };
    let arrows: Vec<Arrow> = ["ab", "bc", "ca", "cb", "cd", "de", "ed", "ax", "xx"]
        .iter()
        .map(|ends| Arrow {
            from: place(&ends[..1]),
            to: place(&ends[1..]),
            path: String::new(),
            line: 1,
        })
        .collect();
    let found: Vec<String> = circles(&arrows)
        .iter()
        .map(|circle| circle.iter().map(|arrow| arrow.to.file.as_str()).collect())
        .collect();
    assert_eq!(found, ["bca", "ed"]);
}
