//! What both ends of TLS share: whom a certificate is trusted for, and causes in words.

pub(crate) mod authorities;
pub mod cause;
pub(crate) mod certificate;
pub(crate) mod chain;
pub(crate) mod ciphers;
pub mod fault;
pub mod files;
pub(crate) mod handshake;
pub(crate) mod identity;
pub(crate) mod revocation;
pub(crate) mod server_name;
mod signed;
pub(crate) mod subject;
pub(crate) mod trust;
