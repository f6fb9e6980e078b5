//! Bytes that wait to be written, in chunks.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// One write takes so many chunks at most.
const MAX_PIECES: usize = 64;
/// Smaller and larger buffers are not used again: the allocator is as fast, or they would
/// hold memory that nobody needs.
const REUSED: std::ops::RangeInclusive<usize> = 1024..=128 * 1024;

thread_local! {
    /// A buffer that a thread has written and that it fills next.
    static POOL: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// Makes room for `bytes` in a buffer, which may be one that was written before.
pub(in crate::broker) fn make_room(buffer: &mut BytesMut, bytes: usize) {
    if buffer.capacity() == 0 && REUSED.contains(&bytes) {
        let spare = POOL.take();
        // A few bytes must not hold much.
        if spare.capacity() / 4 <= bytes {
            *buffer = spare;
        } else {
            POOL.set(spare);
        }
    }
    buffer.reserve(bytes);
}

fn reuse(piece: Bytes) {
    if let Ok(mut buffer) = piece.try_into_mut() {
        buffer.clear();
        if REUSED.contains(&buffer.capacity()) {
            POOL.set(buffer);
        }
    }
}

/// Calls `write` with what one write takes of the chunks, and removes as much as it says
/// was written.
pub(in crate::broker) fn write_pieces(
    chunks: &mut VecDeque<Bytes>,
    write: impl FnOnce(&[IoSlice<'_>]) -> std::io::Result<usize>,
) -> std::io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); MAX_PIECES];
    let count = chunks.len().min(MAX_PIECES);
    for (slice, piece) in slices.iter_mut().zip(chunks.iter()) {
        *slice = IoSlice::new(piece);
    }
    let written = write(&slices[..count])?;
    if written == 0 {
        return Err(std::io::ErrorKind::WriteZero.into());
    }
    let mut rest = written;
    while let Some(front) = chunks.front_mut() {
        if rest < front.len() {
            front.advance(rest);
            break;
        }
        rest -= front.len();
        chunks.pop_front().into_iter().for_each(reuse);
    }
    Ok(written)
}
