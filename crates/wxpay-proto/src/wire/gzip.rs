//! Decompression of gzip files (RFC 1952), in memory. A file may have several members.
//!
//! The checksum is not verified: what is decompressed here is authenticated by its ciphertext or its digest.

use super::ParseError;
use crate::prelude::*;
use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress as inflate, inflate_flags},
};

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// The first size of the output buffer, in bytes.
const MIN_OUTPUT: usize = 64 * 1024;

/// Returns whether the bytes begin like a gzip file.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Decompresses a gzip file of at most `limit` bytes.
///
/// # Errors
///
/// Returns [`ParseError`] if the bytes are not a gzip file, or its content is longer.
pub(crate) fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, ParseError> {
    let mut output = Vec::new();
    let mut rest = bytes;
    loop {
        let offset = bytes.len().saturating_sub(rest.len());
        rest = decompress_member(rest, &mut output, limit)
            .map_err(|problem| ParseError::new(offset, problem))?;
        if rest.is_empty() {
            return Ok(output);
        }
    }
}

/// Appends the content of the first member. Returns the bytes after it.
fn decompress_member<'a>(
    member: &'a [u8],
    output: &mut Vec<u8>,
    limit: usize,
) -> Result<&'a [u8], &'static str> {
    const INVALID: &str = "invalid gzip file";
    let mut rest = content(member).ok_or("not a gzip file")?;
    let begin = output.len();
    let mut written = begin;
    let mut inflater = DecompressorOxide::new();
    let whole_output = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    loop {
        let (status, read, added) = inflate(&mut inflater, rest, output, written, whole_output);
        rest = rest.get(read..).unwrap_or_default();
        written = written.saturating_add(added);
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::HasMoreOutput if output.len() >= limit => {
                return Err("decompressed file is too long");
            }
            TINFLStatus::HasMoreOutput => {
                output.resize(output.len().saturating_mul(2).max(MIN_OUTPUT).min(limit), 0);
            }
            TINFLStatus::FailedCannotMakeProgress
            | TINFLStatus::BadParam
            | TINFLStatus::Adler32Mismatch
            | TINFLStatus::Failed
            | TINFLStatus::NeedsMoreInput
            | _ => return Err(INVALID),
        }
    }
    output.truncate(written);
    let (_checksum, rest) = rest.split_first_chunk::<4>().ok_or(INVALID)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(INVALID)?;
    let is_complete = u32::try_from(written.saturating_sub(begin)) == Ok(u32::from_le_bytes(*length));
    if is_complete { Ok(rest) } else { Err(INVALID) }
}

/// Returns the bytes after the header: ten bytes, then optional fields.
fn content(bytes: &[u8]) -> Option<&[u8]> {
    let (&[_, _, _, flags, ..], mut rest) = bytes.split_first_chunk::<10>().filter(|_| is_gzip(bytes))?;
    let [has_checksum, has_extra, has_name, has_comment] = [2, 4, 8, 16].map(|flag: u8| flags & flag != 0);
    if has_extra {
        let (length, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for _ in [has_name, has_comment].into_iter().filter(|is_set| *is_set) {
        let end = rest.iter().position(|byte| *byte == 0)?;
        rest = rest.get(end.checked_add(1)?..)?;
    }
    if has_checksum { rest.get(2..) } else { Some(rest) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `printf foo | gzip -n`
    pub(crate) const FOO: &[u8] =
        &[31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 75, 203, 207, 7, 0, 33, 101, 115, 140, 3, 0, 0, 0];

    #[test]
    fn a_gzip_file_is_decompressed_with_every_optional_field() {
        assert_eq!(decompress(FOO, 3).unwrap(), b"foo");
        let optional =
            [&FOO[..3], &[31], &FOO[4..10], &[2, 0, 7, 7], b"name\0", b"comment\0", &[1, 2], &FOO[10..]];
        assert_eq!(decompress(&optional.concat(), 3).unwrap(), b"foo");
        assert_eq!(decompress(&[FOO, FOO].concat(), 6).unwrap(), b"foofoo");
    }

    #[test]
    fn a_long_or_truncated_gzip_file_is_rejected() {
        assert_eq!(decompress(FOO, 2).unwrap_err().problem, "decompressed file is too long");
        assert_eq!(decompress(&[FOO, FOO].concat(), 5).unwrap_err().problem, "decompressed file is too long");
        for length in 0..FOO.len() {
            assert!(decompress(&FOO[..length], 3).is_err(), "{length}");
            assert!(decompress(&[FOO, &FOO[..length.max(1)]].concat(), 6).is_err(), "{length}");
        }
        assert!(decompress(b"foo", 3).is_err());
        let mut wrong_length = FOO.to_vec();
        wrong_length[FOO.len() - 4] = 2;
        assert!(decompress(&wrong_length, 3).is_err());
    }

    proptest! {
        #[test]
        fn decompression_never_panics(flags: u8, rest: Vec<u8>) {
            drop(decompress(&[&[31, 139, 8, flags][..], &rest].concat(), 1 << 16));
        }
    }
}
