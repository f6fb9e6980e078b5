//! Readable parts of a segment that may be damaged.

use super::block::{self, Block};
use super::log_id::LogId;

/// A part of a segment.
pub(super) struct Part<'a> {
    /// The number of the block, or the greatest that a block in damaged bytes can have.
    pub(super) number: u64,
    pub(super) piece: Piece<'a>,
}

/// A block or what is between blocks.
pub(super) enum Piece<'a> {
    Block(Block<'a>),
    /// Bytes that belong to no block that is whole.
    Damage(&'a [u8]),
}

/// Divides the bytes behind a segment's header. `end` is the first number behind the segment.
pub(super) fn parts(bytes: &[u8], log: LogId, end: u64) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut at = 0;
    for (start, block) in block::search(bytes, Some(log)) {
        if start > at {
            parts.push(damage(&bytes[at..start]));
        }
        at = start + block.length;
        parts.push(Part {
            number: block.header.number,
            piece: Piece::Block(block),
        });
    }
    if at < bytes.len() {
        parts.push(damage(&bytes[at..]));
    }
    let mut next = end;
    for part in parts.iter_mut().rev() {
        match part.piece {
            Piece::Block(_) => next = part.number,
            Piece::Damage(_) => part.number = next.saturating_sub(1),
        }
    }
    parts
}

fn damage(bytes: &[u8]) -> Part<'_> {
    Part {
        number: 0,
        piece: Piece::Damage(bytes),
    }
}
