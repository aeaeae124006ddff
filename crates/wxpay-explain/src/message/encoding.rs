//! The content encoding of a body: the signature covers the body without it.

use super::{InvalidMessage, Message};
use crate::visible::shown;
use flate2::{Decompress, FlushDecompress, Status, bufread::GzDecoder};
use std::io::Read as _;

/// The limit of a decoded body, in bytes. No message of the protocol is longer; a few bytes may decode to gigabytes.
const MAX_DECODED_BYTES: usize = 1024 * 1024;

/// The limit of encodings, one around another: a compressed text can decode to itself.
const MAX_ENCODINGS: usize = 4;

/// Decodes the body as `Content-Encoding` says. A body that is a plain text was decoded already by the tool that showed
/// the message, which often keeps the header.
pub(super) fn decode(mut message: Message) -> Result<Message, InvalidMessage> {
    // The last encoding was applied last.
    let names: Vec<String> = names(&message).map(String::from).collect();
    if names.len() > MAX_ENCODINGS {
        let rule = format!("Content-Encoding must have at most {MAX_ENCODINGS} encodings");
        return Err(InvalidMessage::new(rule));
    }
    for name in names.iter().rev() {
        if is_plain(&message.body) {
            break;
        }
        message.body = match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip(message.body)?,
            "deflate" => deflate(&message.body)?,
            _ => {
                return Err(InvalidMessage::new(format!(
                    "the body is compressed with {}: decode it first, for example with curl --compressed",
                    shown(name)
                )));
            }
        };
    }
    Ok(message)
}

/// Returns whether the body is a text in spite of a `Content-Encoding`: its `Content-Length` is not that of the text.
pub(super) fn is_decoded(message: &Message) -> bool {
    names(message).next().is_some() && is_plain(&message.body)
}

/// Returns the encodings in the order in which they were applied.
fn names(message: &Message) -> impl Iterator<Item = &str> {
    let headers = message.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    let names = headers.flat_map(|(_, value)| value.split(',')).map(str::trim);
    names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
}

/// Returns whether a body is a text, or empty. A compressed one has control characters, or is not UTF-8.
fn is_plain(body: &[u8]) -> bool {
    let is_binary = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    std::str::from_utf8(body).is_ok_and(|text| !text.contains(is_binary))
}

fn gzip(body: Vec<u8>) -> Result<Vec<u8>, InvalidMessage> {
    // A decoded body in another charset than UTF-8.
    if body.first() != Some(&0x1f) {
        return Ok(body);
    }
    let mut decoded = Vec::new();
    let limit = u64::try_from(MAX_DECODED_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let read = GzDecoder::new(body.as_slice()).take(limit).read_to_end(&mut decoded);
    read.map_err(|_| damaged("gzip"))?;
    if decoded.len() > MAX_DECODED_BYTES { Err(too_long()) } else { Ok(decoded) }
}

/// Decodes the zlib format, which RFC 9110 means by `deflate`, or the raw one, which some servers send.
fn deflate(body: &[u8]) -> Result<Vec<u8>, InvalidMessage> {
    for has_zlib_header in [true, false] {
        let mut decoded = Vec::with_capacity(MAX_DECODED_BYTES);
        let mut state = Decompress::new(has_zlib_header);
        match state.decompress_vec(body, &mut decoded, FlushDecompress::Finish) {
            Ok(Status::StreamEnd) => return Ok(decoded),
            Ok(Status::Ok | Status::BufError) if decoded.len() >= MAX_DECODED_BYTES => return Err(too_long()),
            Ok(Status::Ok | Status::BufError) | Err(_) => {}
        }
    }
    Err(damaged("deflate"))
}

fn damaged(name: &str) -> InvalidMessage {
    InvalidMessage::new(format!(
        "the body is not the {name} that Content-Encoding says: it was cut or changed when it was copied; save its bytes, or decode it first, for example with curl --compressed"
    ))
}

fn too_long() -> InvalidMessage {
    InvalidMessage::new(format!("the decoded body must be at most {MAX_DECODED_BYTES} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use std::io::Write as _;

    const TEXT: &[u8] = "{\"code_url\":\"weixin://wxpay/支\"}".as_bytes();

    fn gzipped(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn deflated(body: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflated(body: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    /// Parses a reply with this encoding and body, with the length of `sent`.
    fn parsed(encoding: &str, sent: &[u8], body: &[u8]) -> Result<Vec<u8>, String> {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
            sent.len()
        );
        let message = Message::parse(&[head.as_bytes(), body].concat());
        message.map(|message| message.body).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn compressed_body_is_decoded() {
        for (encoding, body) in [
            ("gzip", gzipped(TEXT)),
            ("X-GZip", gzipped(TEXT)),
            ("deflate", deflated(TEXT)),
            ("deflate", raw_deflated(TEXT)),
            ("deflate, gzip", gzipped(&deflated(TEXT))),
            ("identity", TEXT.to_vec()),
        ] {
            assert_eq!(parsed(encoding, &body, &body).unwrap(), TEXT, "{encoding}");
        }
        // An editor adds a line feed.
        let body = gzipped(TEXT);
        assert_eq!(parsed("gzip", &body, &[&body[..], b"\n"].concat()).unwrap(), TEXT);
    }

    #[test]
    fn compressed_body_in_json_or_in_chunks_is_decoded() {
        let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, gzipped(TEXT));
        let json =
            format!(r#"{{"kind":"reply","headers":{{"content-encoding":"gzip"}},"body_base64":"{body}"}}"#);
        assert_eq!(Message::parse(json.as_bytes()).unwrap().body, TEXT);
        let body = gzipped(TEXT);
        let head = format!(
            "HTTP/1.1 200 OK\nContent-Encoding: gzip\nTransfer-Encoding: chunked\n\n{:x}\r\n",
            body.len()
        );
        let message = [head.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
        assert_eq!(Message::parse(&message).unwrap().body, TEXT);
    }

    #[test]
    fn body_that_was_decoded_already_is_taken_as_it_is() {
        for encoding in ["gzip", "deflate", "br"] {
            // The length is that of the compressed body.
            assert_eq!(parsed(encoding, b"12", TEXT).unwrap(), TEXT, "{encoding}");
        }
        assert_eq!(parsed("gzip", b"", b"").unwrap(), b"");
        assert_eq!(parsed("gzip", b"1234", b"\xd6\xa7\xb8\xb6").unwrap(), b"\xd6\xa7\xb8\xb6");
    }

    #[test]
    fn body_that_cannot_be_decoded_is_refused_with_its_encoding() {
        let brotli = b"\x0b\x02\x80{}\x03";
        let refused = |encoding, body: &[u8]| parsed(encoding, body, body).unwrap_err();
        assert!(refused("br", brotli).starts_with("the body is compressed with br: decode it first"));
        assert!(refused("zstd", b"\x28\xb5\x2f\xfd").contains("compressed with zstd"));
        for body in [gzipped(TEXT), b"\x1f\xef\xbf\xbd\x08".to_vec()] {
            assert!(refused("gzip", &body[..body.len() - 1]).contains("not the gzip that Content-Encoding"));
        }
        for body in [deflated(TEXT), raw_deflated(TEXT)] {
            assert!(refused("deflate", &body[..body.len() - 1]).contains("not the deflate that"));
        }
    }

    #[test]
    fn number_of_encodings_is_bounded() {
        let body = (0..5).fold(TEXT.to_vec(), |body, _| gzipped(&body));
        let refused = parsed("gzip, gzip, gzip, gzip, gzip", &body, &body).unwrap_err();
        assert_eq!(refused, "Content-Encoding must have at most 4 encodings");
        let body = (0..4).fold(TEXT.to_vec(), |body, _| gzipped(&body));
        assert_eq!(parsed("gzip, gzip, gzip, gzip", &body, &body).unwrap(), TEXT);
    }

    #[test]
    fn decoded_size_is_bounded() {
        let (largest, larger) = (vec![b' '; MAX_DECODED_BYTES], vec![b' '; MAX_DECODED_BYTES + 1]);
        let [gzip, deflate, raw] =
            [gzipped, deflated, raw_deflated].map(|encode| [encode(&largest), encode(&larger)]);
        for (encoding, [largest, larger]) in [("gzip", gzip), ("deflate", deflate), ("deflate", raw)] {
            assert_eq!(parsed(encoding, &largest, &largest).unwrap().len(), MAX_DECODED_BYTES);
            let refusal = parsed(encoding, &larger, &larger).unwrap_err();
            assert_eq!(refusal, "the decoded body must be at most 1048576 bytes", "{encoding}");
        }
    }
}
