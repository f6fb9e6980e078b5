//! A number that only one log has.

use std::io;

/// The random number of a log, which its blocks carry and its checksums begin with.
///
/// Clients do not know it. So whoever publishes a message cannot put a block of their own making
/// into its payload, where a search in a damaged log would find it; and what remains of a deleted
/// log on the disk is not taken for a part of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LogId(pub(super) [u8; 8]);

impl LogId {
    /// Makes one that no log has.
    pub(super) fn random() -> io::Result<Self> {
        let mut id = [0; 8];
        getrandom::fill(&mut id)?;
        Ok(Self(id))
    }

    /// Returns the checksum of bytes in this log.
    pub(super) fn checksum(self, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.0);
        hasher.update(bytes);
        hasher.finalize()
    }
}
