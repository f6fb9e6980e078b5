//! Bytes that wait to be written, in pieces.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// One write takes so many pieces at most.
const MAX_PIECES: usize = 64;

/// Calls `write` with what one write takes of the pieces, and removes as much as it says
/// was written.
pub(super) fn write_pieces(
    pieces: &mut VecDeque<Bytes>,
    write: impl FnOnce(&[IoSlice<'_>]) -> std::io::Result<usize>,
) -> std::io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); MAX_PIECES];
    let count = pieces.len().min(MAX_PIECES);
    for (slice, piece) in slices.iter_mut().zip(pieces.iter()) {
        *slice = IoSlice::new(piece);
    }
    let written = write(&slices[..count])?;
    if written == 0 {
        return Err(std::io::ErrorKind::WriteZero.into());
    }
    let mut rest = written;
    while let Some(front) = pieces.front_mut() {
        if rest < front.len() {
            front.advance(rest);
            break;
        }
        rest -= front.len();
        pieces.pop_front();
    }
    Ok(written)
}
