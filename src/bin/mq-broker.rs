//! The `mq-broker` program.

fn main() {}
