//! `persistence true` means it: whatever was acknowledged is there after the broker was
//! killed at that moment (SIGKILL, which no program can prepare for) and started again.

mod support;

#[allow(dead_code, reason = "it is shared with the tests of conformance")]
#[path = "conformance/client.rs"]
mod client;
#[path = "durability/damage.rs"]
mod damage;
#[path = "durability/deliveries.rs"]
mod deliveries;
#[path = "durability/expiry.rs"]
mod expiry;
#[path = "durability/files.rs"]
mod files;
#[path = "durability/full.rs"]
mod full;
#[path = "durability/import.rs"]
mod import;
#[path = "durability/publishers.rs"]
mod publishers;
#[path = "durability/queues.rs"]
mod queues;
#[path = "durability/retained.rs"]
mod retained;
#[path = "durability/scene.rs"]
mod scene;
#[path = "durability/sessions.rs"]
mod sessions;
#[path = "durability/subscriptions.rs"]
mod subscriptions;
#[path = "durability/wills.rs"]
mod wills;
#[allow(dead_code, reason = "it is shared with the tests of conformance")]
#[path = "conformance/wire.rs"]
mod wire;
