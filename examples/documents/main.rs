//! Writes the manual pages and completions of the repository: `cargo run --example documents`.

mod render;

use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, content) in render::documents() {
        fs::write(root.join(path), content)?;
    }
    Ok(())
}
