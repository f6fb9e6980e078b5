//! The `mq-sub` program.

fn main() {}
