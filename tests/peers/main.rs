//! The programs beside others: Mosquitto, rumqttc and rumqttd, packages of Node.js and
//! Python, a browser, and the image's root folder. A peer that is not installed is skipped
//! with a line that says so, unless `MQ_REQUIRE_PEERS` is set.

#[path = "../support/mod.rs"]
mod support;

mod bridge;
mod container;
mod differential;
mod javascript_examples;
mod lab_sheets;
mod mosquitto;
mod rumqtt;
mod scripts;
