//! How a chunk lies in the file: a byte that says how, then the bytes.

use crate::error::{Error, Result};

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// What one chunk may inflate to; a whole document with a long life stays far below.
const MAX_INFLATED: usize = 256 * 1024 * 1024;
/// Level 3: 33 µs for a small record, and higher levels gain a few per cent.
const LEVEL: i32 = 3;

/// Packs a chunk, compressed when that makes it smaller.
pub(super) fn pack(bytes: &[u8]) -> Result<Vec<u8>> {
    let packed = zstd::bulk::compress(bytes, LEVEL).map_err(|error| Error::Storage(error.to_string()))?;
    let (how, body) = if packed.len() < bytes.len() { (ZSTD, packed.as_slice()) } else { (PLAIN, bytes) };
    Ok([&[how], body].concat())
}

/// Unpacks a chunk behind what is already in `out`.
pub(super) fn unpack(packed: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match packed.split_first() {
        Some((&PLAIN, body)) => out.extend_from_slice(body),
        Some((&ZSTD, body)) => {
            let size = zstd::zstd_safe::get_frame_content_size(body).ok().flatten().unwrap_or(u64::MAX);
            if size > MAX_INFLATED as u64 {
                return Err(damaged());
            }
            out.extend(zstd::bulk::decompress(body, size as usize).map_err(|_| damaged())?);
        }
        _ => return Err(damaged()),
    }
    Ok(())
}

fn damaged() -> Error {
    Error::Unreadable("a record is damaged: a piece of its history cannot be unpacked".into())
}
