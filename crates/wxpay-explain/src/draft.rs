//! A string to sign, in its parts, and the changes that broken programs make to it.

use crate::{
    cause::CauseId,
    rsa::{Hash, hex},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use encoding_rs::GBK;
use std::borrow::Cow;

/// The parts of a string to sign. Those that a kind of message does not have are `None`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    /// The method of a request, or the appid of client parameters.
    pub(crate) first: Option<&'a str>,
    pub(crate) url: Option<Url<'a>>,
    pub(crate) timestamp: &'a str,
    pub(crate) nonce: &'a str,
    /// The body; of client parameters, the package or the prepay id.
    pub(crate) body: &'a [u8],
    pub(crate) blanks: Blanks,
    pub(crate) encoding: Encoding,
    /// The characters of the body in GBK.
    pub(crate) gbk: &'a GbkTable,
    pub(crate) bom: Bom,
    pub(crate) ends: Ends,
    pub(crate) tail: Tail,
    pub(crate) hashed: Hashed,
}

/// A URL in its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Url<'a> {
    /// Scheme and host. Empty in the expected string.
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
}

/// The blanks at the ends of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blanks {
    AsSent,
    Trimmed,
    TrimmedStart,
    TrimmedEnd,
    WithoutLineBreak,
    Around(&'static str, &'static str),
}

/// The byte order mark of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bom {
    AsSent,
    With,
    Without,
}

/// The bytes that the body is encoded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    AsSent,
    ToGbk,
    FromGbk,
    /// UTF-8 taken for Latin-1, and encoded again.
    Latin1,
    /// The low bytes of UTF-16: `latin1` and `binary` of Node.
    LowBytes,
    /// ISO 8859-1 or ASCII, with `?` in place of other characters.
    QuestionMarks,
    /// The SHA-256 of the body in hexadecimal digits or in Base64.
    HexDigest,
    Base64Digest,
    Base64,
}

/// The ends of the lines, and their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    Lf,
    CrLf,
    /// The line feeds within the body too.
    CrLfWithin,
    /// Only those within the body.
    CrLfOnlyWithin,
    /// The CR LF within the body are LF.
    LfWithin,
    Other(&'static str),
    /// Nonce and timestamp exchanged.
    NonceFirst,
    /// The URL, or the line before the timestamp, exchanged with the first line.
    UrlFirst,
    /// The body before timestamp and nonce.
    BodyFirst,
    /// Without the first line.
    WithoutFirst,
    /// Without method and URL, as replies are signed.
    AsReply,
    /// The parameters of a client as APIv2 joins them: `appId=…&nonceStr=…`.
    Pairs,
}

/// The end of the string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    Whole,
    WithoutLineFeed,
    WithoutBodyLine,
    /// Neither the line of the body nor the line feed before it.
    WithoutBodyLineAndLineFeed,
    /// The body follows the nonce directly.
    BodyJoined,
    LineFeedTwice,
}

/// A hash of the string in place of the string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hashed {
    No,
    Bytes,
    Hex,
    UpperHex,
    Base64,
}

/// A change of one part.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    First(String),
    Host(String),
    Path(String),
    Query(Option<String>),
    Timestamp(String),
    Nonce(String),
    Body(Vec<u8>),
    Blanks(Blanks),
    Encoding(Encoding),
    Bom(Bom),
    Ends(Ends),
    Tail(Tail),
    Hashed(Hashed),
}

/// A change with the cause that it is a sign of.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) cause: CauseId,
    pub(crate) change: Change,
    /// Tried early in pairs.
    pub(crate) is_common: bool,
}

impl Variant {
    pub(crate) const fn common(cause: CauseId, change: Change) -> Self {
        Self { cause, change, is_common: true }
    }

    pub(crate) const fn rare(cause: CauseId, change: Change) -> Self {
        Self { cause, change, is_common: false }
    }
}

impl Change {
    /// Returns whether the body is encoded after this change.
    pub(crate) const fn is_of_body(&self) -> bool {
        matches!(self, Self::Body(_) | Self::Blanks(_) | Self::Encoding(_) | Self::Bom(_))
    }
}

impl<'a> Draft<'a> {
    /// Returns the draft with a part changed.
    pub(crate) fn with(mut self, change: &'a Change) -> Self {
        match change {
            Change::First(first) => self.first = self.first.map(|_| first.as_str()),
            Change::Host(host) => self.url = self.url.map(|url| Url { host, ..url }),
            Change::Path(path) => self.url = self.url.map(|url| Url { path, ..url }),
            Change::Query(query) => self.url = self.url.map(|url| Url { query: query.as_deref(), ..url }),
            Change::Timestamp(timestamp) => self.timestamp = timestamp,
            Change::Nonce(nonce) => self.nonce = nonce,
            Change::Body(body) => self.body = body,
            Change::Blanks(blanks) => self.blanks = *blanks,
            Change::Encoding(encoding) => self.encoding = *encoding,
            Change::Bom(bom) => self.bom = *bom,
            Change::Ends(ends) => self.ends = *ends,
            Change::Tail(tail) => self.tail = *tail,
            Change::Hashed(hashed) => self.hashed = *hashed,
        }
        self
    }

    /// Returns the draft with its body as encoded, which then is not encoded for each string anew.
    pub(crate) fn settled<'b>(&self, body: &'b [u8]) -> Draft<'b>
    where
        'a: 'b,
    {
        Draft { body, blanks: Blanks::AsSent, encoding: Encoding::AsSent, bom: Bom::AsSent, ..*self }
    }

    /// Writes the string. The buffer is emptied first.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        self.write_lines(out);
        let Some(digest) = (self.hashed != Hashed::No).then(|| Hash::Sha256.of(out)).flatten() else {
            return;
        };
        out.clear();
        match self.hashed {
            Hashed::No => {}
            Hashed::Bytes => out.extend_from_slice(digest.as_ref()),
            Hashed::Hex => out.extend_from_slice(hex(digest.as_ref()).as_bytes()),
            Hashed::UpperHex => out.extend_from_slice(hex(digest.as_ref()).to_ascii_uppercase().as_bytes()),
            Hashed::Base64 => out.extend_from_slice(STANDARD.encode(digest.as_ref()).as_bytes()),
        }
    }

    fn write_lines(&self, out: &mut Vec<u8>) {
        let end: &[u8] = match self.ends {
            Ends::CrLf | Ends::CrLfWithin => b"\r\n",
            Ends::Other(end) => end.as_bytes(),
            Ends::Lf
            | Ends::CrLfOnlyWithin
            | Ends::LfWithin
            | Ends::NonceFirst
            | Ends::UrlFirst
            | Ends::BodyFirst
            | Ends::WithoutFirst
            | Ends::AsReply
            | Ends::Pairs => b"\n",
        };
        let mut line = |parts: &[&[u8]]| {
            for part in parts {
                out.extend_from_slice(part);
            }
            out.extend_from_slice(end);
        };
        let first = |line: &mut dyn FnMut(&[&[u8]])| {
            if let Some(first) = self.first {
                line(&[first.as_bytes()]);
            }
        };
        let url = |line: &mut dyn FnMut(&[&[u8]])| {
            if let Some(Url { host, path, query }) = self.url {
                let (mark, query) = query.map_or(("", ""), |query| ("?", query));
                line(&[host.as_bytes(), path.as_bytes(), mark.as_bytes(), query.as_bytes()]);
            }
        };
        let body = self.encoded_body();
        match self.ends {
            Ends::UrlFirst => {
                url(&mut line);
                first(&mut line);
            }
            Ends::WithoutFirst => url(&mut line),
            Ends::AsReply => {}
            Ends::Pairs => return self.write_pairs(&body, out),
            Ends::Lf
            | Ends::CrLf
            | Ends::CrLfWithin
            | Ends::CrLfOnlyWithin
            | Ends::LfWithin
            | Ends::Other(_)
            | Ends::NonceFirst
            | Ends::BodyFirst => {
                first(&mut line);
                url(&mut line);
            }
        }
        let (timestamp, nonce) = (self.timestamp.as_bytes(), self.nonce.as_bytes());
        if self.ends == Ends::BodyFirst {
            line(&[&body]);
            line(&[timestamp]);
            return line(&[nonce]);
        }
        let is_nonce_first = self.ends == Ends::NonceFirst;
        let values = if is_nonce_first { [nonce, timestamp] } else { [timestamp, nonce] };
        for value in values {
            line(&[value]);
        }
        let before = out.len().saturating_sub(end.len());
        match self.tail {
            Tail::WithoutBodyLine => return,
            Tail::WithoutBodyLineAndLineFeed => return out.truncate(before),
            Tail::BodyJoined => out.truncate(before),
            Tail::Whole | Tail::WithoutLineFeed | Tail::LineFeedTwice => {}
        }
        out.extend_from_slice(&body);
        match self.tail {
            Tail::WithoutLineFeed | Tail::WithoutBodyLine | Tail::WithoutBodyLineAndLineFeed => {}
            Tail::Whole | Tail::BodyJoined => out.extend_from_slice(end),
            Tail::LineFeedTwice => out.extend([end, end].concat()),
        }
    }

    fn write_pairs(&self, package: &[u8], out: &mut Vec<u8>) {
        let (appid, nonce) = (self.first.unwrap_or_default(), self.nonce);
        out.extend_from_slice(format!("appId={appid}&nonceStr={nonce}&package=").as_bytes());
        out.extend_from_slice(package);
        out.extend_from_slice(format!("&signType=RSA&timeStamp={}", self.timestamp).as_bytes());
    }

    /// Returns the body with all its changes. A byte order mark stays at the front of a changed body.
    pub(crate) fn encoded_body(&self) -> Cow<'a, [u8]> {
        if self.blanks == Blanks::AsSent
            && self.encoding == Encoding::AsSent
            && self.bom == Bom::AsSent
            && !matches!(self.ends, Ends::CrLfWithin | Ends::CrLfOnlyWithin | Ends::LfWithin)
        {
            return Cow::Borrowed(self.body);
        }
        let without_bom = self.body.strip_prefix(BOM);
        let mut text = self.blanks.apply(without_bom.unwrap_or(self.body));
        if let Some(encoded) = self.encoding.apply(&text, self.gbk) {
            text = Cow::Owned(encoded);
        }
        match self.ends {
            Ends::CrLfWithin | Ends::CrLfOnlyWithin => text = Cow::Owned(with_crlf(&text)),
            Ends::LfWithin => text = Cow::Owned(without_crlf(&text)),
            Ends::Lf
            | Ends::CrLf
            | Ends::Other(_)
            | Ends::NonceFirst
            | Ends::UrlFirst
            | Ends::BodyFirst
            | Ends::WithoutFirst
            | Ends::AsReply
            | Ends::Pairs => {}
        }
        let has_bom = match self.bom {
            Bom::AsSent => without_bom.is_some(),
            Bom::With => true,
            Bom::Without => false,
        };
        if has_bom { Cow::Owned([BOM, &text].concat()) } else { text }
    }
}

impl Blanks {
    fn apply(self, text: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::AsSent => Cow::Borrowed(text),
            Self::Trimmed => Cow::Borrowed(text.trim_ascii()),
            Self::TrimmedStart => Cow::Borrowed(text.trim_ascii_start()),
            Self::TrimmedEnd => Cow::Borrowed(text.trim_ascii_end()),
            Self::WithoutLineBreak => {
                let shorter = text.strip_suffix(b"\n").unwrap_or(text);
                Cow::Borrowed(shorter.strip_suffix(b"\r").unwrap_or(shorter))
            }
            Self::Around(before, after) => Cow::Owned([before.as_bytes(), text, after.as_bytes()].concat()),
        }
    }
}

/// Returns a text with each LF, except those after a CR, as CR LF.
pub(crate) fn with_crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len().saturating_add(16));
    let mut last = 0;
    for byte in text {
        if *byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        last = *byte;
    }
    out
}

/// Returns a text with each CR LF as LF.
pub(crate) fn without_crlf(text: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    for byte in text {
        if *byte == b'\n' && out.ends_with(b"\r") {
            out.pop();
        }
        out.push(*byte);
    }
    out
}

/// UTF-8's byte order mark.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// The characters of a body outside of ASCII, each with its GBK, in order. The library's encoder searches its tables for
/// each character, which takes long if many versions of the body are encoded.
#[derive(Debug, Default)]
pub(crate) struct GbkTable(Vec<(char, [u8; 2])>);

impl GbkTable {
    pub(crate) fn of(body: &[u8]) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let mut letters: Vec<char> = text.chars().filter(|letter| !letter.is_ascii()).collect();
        letters.sort_unstable();
        letters.dedup();
        let encoded = letters.into_iter().filter_map(|letter| {
            let mut utf8 = [0; 4];
            let (bytes, _, has_unmappable) = GBK.encode(letter.encode_utf8(&mut utf8));
            let bytes = <[u8; 2]>::try_from(&*bytes).ok()?;
            (!has_unmappable).then_some((letter, bytes))
        });
        Self(encoded.collect())
    }

    /// Encodes a text. `None` if it has characters that GBK, or the table, does not have.
    fn encode(&self, text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(text.len());
        for letter in text.chars() {
            if let Some(byte) = u8::try_from(letter).ok().filter(u8::is_ascii) {
                out.push(byte);
            } else {
                let at = self.0.binary_search_by_key(&letter, |(known, _)| *known).ok()?;
                out.extend_from_slice(&self.0.get(at)?.1);
            }
        }
        Some(out)
    }
}

impl Encoding {
    /// Encodes a body. `None` if this encoding changes nothing, or does not apply.
    pub(crate) fn apply(self, body: &[u8], gbk: &GbkTable) -> Option<Vec<u8>> {
        let text = || std::str::from_utf8(body).ok().filter(|text| !text.is_ascii());
        match self {
            Self::AsSent => None,
            Self::ToGbk => gbk.encode(text()?),
            Self::FromGbk => {
                let text = GBK.decode_without_bom_handling_and_without_replacement(body)?;
                (text.as_bytes() != body).then(|| text.into_owned().into_bytes())
            }
            Self::Latin1 => {
                text()?;
                Some(body.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes())
            }
            Self::LowBytes => {
                let low = |unit: u16| {
                    let [low, _] = unit.to_le_bytes();
                    low
                };
                Some(text()?.encode_utf16().map(low).collect())
            }
            Self::QuestionMarks => Some(
                text()?
                    .chars()
                    .map(|letter| if letter.is_ascii() { letter } else { '?' })
                    .collect::<String>()
                    .into_bytes(),
            ),
            Self::HexDigest => Some(hex(Hash::Sha256.of(body)?.as_ref()).into_bytes()),
            Self::Base64Digest => Some(STANDARD.encode(Hash::Sha256.of(body)?.as_ref()).into_bytes()),
            Self::Base64 => (!body.is_empty()).then(|| STANDARD.encode(body).into_bytes()),
        }
    }
}
