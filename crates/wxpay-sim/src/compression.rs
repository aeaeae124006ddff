//! Compression of replies.
//!
//! The signature covers the body before compression. Public captures show `deflate` to clients that offer both
//! encodings, so it is preferred. Only JSON is compressed: files keep their bytes.

use flate2::{
    Compression,
    read::{GzDecoder, ZlibDecoder},
    write::{GzEncoder, ZlibEncoder},
};
use std::io::{self, Read as _, Write as _};
use wxpay_proto::http::Response;

/// A content encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Deflate,
    Gzip,
}

impl Encoding {
    const ALL: [Self; 2] = [Self::Deflate, Self::Gzip];

    const fn name(self) -> &'static str {
        match self {
            Self::Deflate => "deflate",
            Self::Gzip => "gzip",
        }
    }

    /// Returns the preferred encoding of those that `Accept-Encoding` offers.
    fn offered_by(accept_encoding: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| offers(accept_encoding, encoding.name()))
    }

    fn encode(self, body: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            // RFC 9110 defines `deflate` as the zlib format.
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(body)?;
                encoder.finish()
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(body)?;
                encoder.finish()
            }
        }
    }

    fn decode(self, encoded: &[u8]) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        match self {
            Self::Deflate => ZlibDecoder::new(encoded).read_to_end(&mut body)?,
            Self::Gzip => GzDecoder::new(encoded).read_to_end(&mut body)?,
        };
        Ok(body)
    }
}

/// Returns `true` if the header offers the encoding with a weight other than 0.
fn offers(accept_encoding: &str, name: &str) -> bool {
    accept_encoding.split(',').any(|offer| {
        let mut words = offer.split(';').map(str::trim);
        let is_named = words.next().is_some_and(|word| word.eq_ignore_ascii_case(name));
        let weight = words.find_map(|word| word.strip_prefix("q=").or_else(|| word.strip_prefix("Q=")));
        is_named && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

/// Compresses a finished reply, if the request offers it.
pub(super) fn compress(reply: Response, accept_encoding: Option<&str>) -> Response {
    let is_json = reply.header("content-type").is_some_and(|kind| kind.starts_with(b"application/json"));
    let encoding =
        accept_encoding.filter(|_| is_json && !reply.body().is_empty()).and_then(Encoding::offered_by);
    let Some(encoding) = encoding else { return reply };
    let Ok(body) = encoding.encode(reply.body()) else { return reply };
    let compressed = Response::new(reply.status(), body);
    reply
        .headers()
        .fold(compressed, |compressed, (name, value)| compressed.with_header(name, value))
        .with_header("content-encoding", encoding.name().as_bytes())
}

/// Returns the encoding of a compressed reply, and its body before compression. `None` if it is not compressed.
pub(crate) fn decoded(reply: &Response) -> Option<(&'static str, Vec<u8>)> {
    let name = reply.header("content-encoding")?;
    let encoding = Encoding::ALL.into_iter().find(|encoding| encoding.name().as_bytes() == name)?;
    Some((encoding.name(), encoding.decode(reply.body()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offered_by_prefers_deflate_and_ignores_refused_encodings() {
        for (header, expected) in [
            ("gzip, deflate", Some(Encoding::Deflate)),
            ("gzip,deflate;q=0, br", Some(Encoding::Gzip)),
            ("GZIP;q=0.5", Some(Encoding::Gzip)),
            ("gzip;q=0.0", None),
            ("br, identity", None),
            ("", None),
        ] {
            assert_eq!(Encoding::offered_by(header), expected, "{header}");
        }
    }
}
