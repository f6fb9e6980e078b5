//! The programs from outside: command lines, files, texts, exit codes and bytes on a socket.
//! Each module judges one subject; all of it together takes less than a minute or two.

#[path = "../support/mod.rs"]
mod support;

mod architecture;
mod bridge;
mod bridge_transports;
mod broker_check;
mod broker_delivery;
mod broker_flow;
mod broker_log_limits;
mod broker_robustness;
mod broker_start;
mod client_connection;
mod client_options;
mod client_options_file;
mod client_output;
mod client_publish;
mod client_subscribe;
mod client_terminal;
mod client_tls;
mod client_transports;
mod client_wire;
mod config_acl;
mod config_listeners;
mod config_messages;
mod config_reload;
mod config_service;
mod config_start_checks;
mod config_sys;
mod config_tls;
mod configurations;
mod documents;
mod guide;
mod http_api;
mod ledger;
mod logins;
mod mosquitto_links;
mod openssl_certificates;
mod passwd;
