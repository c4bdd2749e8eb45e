//! A page: the unit of reading, of checking and of compression, in `index` and `chunks` alike.
//!
//! ```text
//! u32 LE   CRC-32C of all that follows
//! u8       method: 0 as is, 1 zstd
//! varint   length of the content   } method 1 only
//! ...      content
//! ```
//! Where it lies and how long it is says whoever refers to it.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

use crate::bytes::{Cursor, checks_out, put_varint};

const AS_IS: u8 = 0;
const ZSTD: u8 = 1;

/// No content is longer: a longer length is corruption, not data.
pub(super) const MAX_CONTENT: usize = 256 << 20;

/// A compressed page must save at least this part of its content: less is not worth the time to unpack it.
const MIN_SAVING: usize = 16;

/// Makes pages.
pub(super) struct Packer {
    zstd: Compressor<'static>,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new(level: i32) -> io::Result<Packer> {
        Ok(Packer {
            zstd: Compressor::new(level)?,
            packed: Vec::new(),
        })
    }

    /// Appends a page to `out`, compressed if `compress` and if that makes it notably smaller.
    pub(super) fn append(&mut self, content: &[u8], compress: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        self.packed.clear();
        // A fuzz target that changes bytes of a page is to change its content.
        let compress = compress && !cfg!(fuzzing);
        if compress {
            self.packed
                .reserve(zstd::zstd_safe::compress_bound(content.len()));
            self.zstd.compress_to_buffer(content, &mut self.packed)?;
        }
        if compress && self.packed.len() + content.len() / MIN_SAVING < content.len() {
            out.push(ZSTD);
            put_varint(out, content.len() as u64);
            out.extend_from_slice(&self.packed);
        } else {
            out.push(AS_IS);
            out.extend_from_slice(content);
        }
        let checksum = crc32c::crc32c(&out[start + 4..]);
        out[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
        Ok(())
    }
}

thread_local! {
    /// A decompression context takes long to make and is of no use to anyone else meanwhile.
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The content of a page.
///
/// # Errors
/// What does not check out, in words.
pub(super) fn unpack(page: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (checksum, rest) = page.split_first_chunk::<4>().ok_or("page is cut short")?;
    if !checks_out(rest, u32::from_le_bytes(*checksum)) {
        return Err("checksum does not match");
    }
    match rest.split_first() {
        Some((&AS_IS, content)) => Ok(content.to_vec()),
        Some((&ZSTD, rest)) => {
            let mut cursor = Cursor::new(rest);
            let len = cursor.varint().map_err(|_| "page is malformed")?;
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            if len > MAX_CONTENT {
                return Err("length of a page is out of bounds");
            }
            decompress(cursor.rest(), len)
        }
        _ => Err("page is packed in an unknown way"),
    }
}

fn decompress(packed: &[u8], len: usize) -> Result<Vec<u8>, &'static str> {
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(Decompressor::new().map_err(|_| "no memory to unpack a page")?),
        };
        let mut content = Vec::with_capacity(len);
        let got = unpacker.decompress_to_buffer(packed, &mut content);
        match got {
            Ok(got) if got == len => Ok(content),
            _ => Err("page does not unpack"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_back_and_every_flipped_bit_is_noticed() {
        let mut packer = Packer::new(1).unwrap();
        for (content, compress) in [
            (b"abc".repeat(50), true),
            (b"abc".repeat(50), false),
            (Vec::new(), true),
            (b"short".to_vec(), true),
        ] {
            let mut page = Vec::new();
            packer.append(&content, compress, &mut page).unwrap();
            assert!(page.len() <= content.len() + 5);
            assert_eq!(unpack(&page).unwrap(), content);
            for bit in 0..page.len() * 8 {
                let mut bad = page.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert!(unpack(&bad).is_err(), "bit {bit}");
            }
            for cut in 0..page.len() {
                assert!(unpack(&page[..cut]).is_err(), "cut at {cut}");
            }
        }
    }
}
