//! The `mq-pub` program.

fn main() {}
