//! The committed completions and manual pages are those that the tables of options give.

use std::fs;
use std::path::Path;

#[path = "../../examples/documents/render.rs"]
mod render;

#[test]
fn the_committed_completions_and_manual_pages_are_those_of_the_options() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, content) in render::documents() {
        let committed = fs::read(root.join(&path)).unwrap_or_default();
        assert!(
            committed == content,
            "{} is stale: cargo run --example documents",
            path.display()
        );
    }
}
