//! Text on its way to a socket: written into pieces of bounded size, each handed to the body as it is.
//!
//! What is short and frequent is appended in blocks whose size the compiler knows, and what of them was too much is cut
//! off again. No byte is copied a second time before the socket.

use axum::body::Bytes;

/// A piece holds so many bytes, unless something in it is longer in itself.
const PIECE_BYTES: usize = 256 << 10;

/// The first piece is short, as most answers are.
const FIRST_BYTES: usize = 1 << 10;

/// What [`Pen::block`] takes at once.
pub(super) const BLOCK: usize = 32;

/// Writes text.
#[derive(Debug, Default)]
pub struct Pen {
    done: Vec<Bytes>,
    buffer: Vec<u8>,
}

impl Pen {
    /// Makes room for `bytes` in one piece: those that follow never move what was written.
    pub(super) fn room(&mut self, bytes: usize) {
        // A block can reach beyond what is kept of it.
        let bytes = bytes + BLOCK;
        if self.buffer.capacity() - self.buffer.len() < bytes {
            self.cut();
            let first = self.done.is_empty();
            self.buffer = Vec::with_capacity(bytes.max(if first { FIRST_BYTES } else { PIECE_BYTES }));
        }
    }

    fn cut(&mut self) {
        let mut full = std::mem::take(&mut self.buffer);
        if !full.is_empty() {
            if full.capacity() > 2 * full.len() {
                full.shrink_to_fit();
            }
            self.done.push(Bytes::from(full));
        }
    }

    /// Any text.
    pub(crate) fn text(&mut self, text: &str) {
        self.room(text.len());
        self.short(text.as_bytes());
    }

    /// Text for which there is room. What is short is copied without a call: by its first and its last bytes, which may
    /// overlap.
    #[inline]
    pub(super) fn short(&mut self, text: &[u8]) {
        match text.len() {
            16..=32 => self.ends::<16>(text),
            8..=15 => self.ends::<8>(text),
            4..=7 => self.ends::<4>(text),
            1..=3 => text.iter().for_each(|b| self.buffer.push(*b)),
            _ => self.buffer.extend_from_slice(text),
        }
    }

    /// Appends `text`, which is `N` to `2 * N` bytes long.
    #[inline]
    fn ends<const N: usize>(&mut self, text: &[u8]) {
        let overlap = self.buffer.len() + text.len() - N;
        if let (Some(first), Some(last)) = (text.first_chunk::<N>(), text.last_chunk::<N>()) {
            self.buffer.extend_from_slice(first);
            self.buffer.truncate(overlap);
            self.buffer.extend_from_slice(last);
        }
    }

    /// The first `len` bytes of `block`, for which there is room.
    #[inline]
    pub(super) fn block(&mut self, block: &[u8; BLOCK], len: usize) {
        let end = self.buffer.len() + len;
        self.buffer.extend_from_slice(block);
        self.buffer.truncate(end);
    }

    /// Pieces that others wrote.
    pub(super) fn append(&mut self, pieces: Vec<Bytes>) {
        self.cut();
        self.done.extend(pieces);
    }

    /// What was written, in pieces.
    pub fn finish(mut self) -> Vec<Bytes> {
        self.cut();
        self.done
    }

    /// What was written, as one text: for what is known to be short.
    pub(crate) fn into_string(self) -> String {
        String::from_utf8_lossy(&self.finish().concat()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_length_comes_out_as_it_went_in() {
        let (mut pen, mut expected) = (Pen::default(), String::new());
        for len in (0..100).chain([PIECE_BYTES - 1, PIECE_BYTES, 3 * PIECE_BYTES]) {
            let text: String = ('a'..='z').cycle().skip(len).take(len).collect();
            pen.text(&text);
            expected.push_str(&text);
        }
        let pieces = pen.finish();
        assert!(pieces.len() > 2, "{}", pieces.len());
        assert!(pieces.concat() == expected.as_bytes());
    }

    #[test]
    fn of_a_block_the_beginning_counts() {
        let mut pen = Pen::default();
        for len in [0, 1, 31, 32] {
            pen.room(BLOCK);
            pen.block(b"0123456789abcdefghijklmnopqrstuv", len);
        }
        let expected = "00123456789abcdefghijklmnopqrstu0123456789abcdefghijklmnopqrstuv";
        assert_eq!(pen.into_string(), expected);
    }
}
