//! The `mq-passwd` program.

fn main() {}
