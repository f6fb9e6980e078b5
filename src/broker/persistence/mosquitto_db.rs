//! Reads `mosquitto.db`, the snapshot that Mosquitto 2.0 and 2.1 write of their sessions
//! and retained messages, so that whoever changes to this broker loses nothing.
//!
//! The file is a header (a signature of 15 bytes, four bytes for a checksum that are
//! always 0, the version) and a row of chunks: a type, a length, and that many bytes.
//! Numbers are big-endian but for the identifiers of messages, which are only compared,
//! and the times, which are those of the machine that wrote the file: little-endian on
//! everything that Mosquitto is commonly run on.

mod assembly;
mod chunk;
mod reader;
mod snapshot;

use self::assembly::Assembly;
use self::reader::Reader;
pub(in crate::broker) use self::snapshot::{
    Snapshot, SnapshotClient, SnapshotDelivery, SnapshotError, SnapshotMessage, SnapshotStage,
    SnapshotSubscription,
};

const SIGNATURE: &[u8] = b"\x00\xb5\x00mosquitto db";

/// The version of the format that Mosquitto 2.0 and 2.1 write.
const VERSION: u32 = 6;

/// Reads a whole `mosquitto.db`. What it returns keeps nothing of `bytes` alive.
pub(in crate::broker) fn parse(bytes: &[u8]) -> Result<Snapshot, SnapshotError> {
    let chunks = bytes
        .strip_prefix(SIGNATURE)
        .ok_or(SnapshotError::Signature)?;
    let mut reader = Reader::new(chunks, SIGNATURE.len());
    // Its value is 0 and its algorithm unknown.
    reader.u32("a checksum")?;
    let version = reader.u32("a format version")?;
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    let mut assembly = Assembly::default();
    while !reader.is_empty() {
        let offset = reader.offset();
        let kind = reader.u32("a chunk type")?;
        let length = reader.u32("a chunk length")?;
        let body = reader.part(length, "a whole chunk")?;
        assembly.add(offset, kind, body)?;
    }
    assembly.finish()
}

#[cfg(test)]
pub(super) mod tests;
