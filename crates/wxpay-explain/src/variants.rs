//! The changes that are tried, by the part of the string that they change. Two changes of one part are never combined.

pub(crate) mod body;
pub(crate) mod url;
pub(crate) mod values;

use crate::{
    cause::CauseId,
    draft::{BOM, Blanks, Bom, Change, Draft, Encoding, Ends, GbkTable, Hashed, Tail, Variant},
};

/// The changes of one part.
pub(crate) type Part = Vec<Variant>;

/// Returns the changes of the line feeds, and of the string as a whole.
pub(crate) fn lines(draft: &Draft<'_>) -> [Part; 3] {
    let ends = |cause, ends| Variant::rare(cause, Change::Ends(ends));
    let mut line_ends = vec![
        Variant::common(CauseId::Crlf, Change::Ends(Ends::CrLf)),
        Variant::common(CauseId::LiteralBackslashN, Change::Ends(Ends::Other("\\n"))),
    ];
    if draft.body.contains(&b'\n') {
        line_ends.push(Variant::common(CauseId::Crlf, Change::Ends(Ends::CrLfWithin)));
        line_ends.push(ends(CauseId::Crlf, Ends::CrLfOnlyWithin));
        line_ends.push(ends(CauseId::Crlf, Ends::LfWithin));
    }
    line_ends.extend([
        ends(CauseId::LineOrder, Ends::NonceFirst),
        ends(CauseId::LineOrder, Ends::UrlFirst),
        ends(CauseId::LineOrder, Ends::BodyFirst),
    ]);
    if draft.url.is_some() {
        line_ends.push(ends(CauseId::LineOrder, Ends::AsReply));
        line_ends.push(ends(CauseId::LineOrder, Ends::WithoutFirst));
    } else if draft.first.is_some() {
        line_ends.push(ends(CauseId::LineSeparator, Ends::Pairs));
    }
    line_ends.extend(
        ["", "\r", " ", "&", ",", "|", "\\r\\n", "\n\n"]
            .map(|end| ends(CauseId::LineSeparator, Ends::Other(end))),
    );
    let tail = |cause, tail| Variant::common(cause, Change::Tail(tail));
    let tails = if draft.body.is_empty() {
        // Without a body, a missing line and a missing line feed are the same.
        vec![
            tail(CauseId::MissingBodyLineFeed, Tail::WithoutBodyLine),
            tail(CauseId::MissingBodyLineFeed, Tail::WithoutBodyLineAndLineFeed),
            tail(CauseId::ExtraLineFeed, Tail::LineFeedTwice),
            // Of a body that was signed in place of none.
            tail(CauseId::MissingFinalLineFeed, Tail::WithoutLineFeed),
        ]
    } else {
        // A line feed at the end of the body that was not signed is the same as a missing line feed of the string; one that
        // was signed too much is the same as one in the body.
        let cause =
            if draft.body.ends_with(b"\n") { CauseId::BodyTrimmed } else { CauseId::MissingFinalLineFeed };
        vec![
            tail(cause, Tail::WithoutLineFeed),
            tail(CauseId::MissingBodyLineFeed, Tail::BodyJoined),
            tail(CauseId::BodyTrimmed, Tail::LineFeedTwice),
            Variant::rare(CauseId::BodyNotSigned, Change::Tail(Tail::WithoutBodyLine)),
            Variant::rare(CauseId::BodyNotSigned, Change::Tail(Tail::WithoutBodyLineAndLineFeed)),
        ]
    };
    let hashed = [Hashed::Bytes, Hashed::Hex, Hashed::Base64, Hashed::UpperHex];
    let hashed = hashed.map(|hashed| Variant::rare(CauseId::HashedTwice, Change::Hashed(hashed)));
    [line_ends, tails, hashed.into()]
}

/// Returns the changes of the body's blanks, of its charset, and of its byte order mark.
pub(crate) fn encodings(body: &[u8], gbk: &GbkTable) -> [Part; 3] {
    if body.is_empty() {
        return [Vec::new(), Vec::new(), Vec::new()];
    }
    let text = body.strip_prefix(BOM).unwrap_or(body);
    let mut blanks = Vec::new();
    for (changed, is_common) in BLANKS {
        let trims = match changed {
            Blanks::AsSent => false,
            Blanks::Around(..) => true,
            Blanks::Trimmed => text.trim_ascii() != text,
            Blanks::TrimmedStart | Blanks::TrimmedEnd => {
                text.trim_ascii_start() != text && text.trim_ascii_end() != text
            }
            Blanks::WithoutLineBreak => text.ends_with(b"\n"),
        };
        if trims {
            blanks.push(Variant { cause: CauseId::BodyTrimmed, change: Change::Blanks(changed), is_common });
        }
    }
    let candidates = [
        (CauseId::BodyGbk, Encoding::ToGbk, true),
        (CauseId::BodyGbk, Encoding::FromGbk, true),
        (CauseId::BodyCharset, Encoding::Latin1, false),
        (CauseId::BodyCharset, Encoding::QuestionMarks, false),
        (CauseId::BodyCharset, Encoding::LowBytes, false),
        (CauseId::BodyHashed, Encoding::HexDigest, false),
        (CauseId::BodyHashed, Encoding::Base64Digest, false),
        (CauseId::BodyHashed, Encoding::Base64, false),
    ];
    let applicable = candidates.into_iter().filter(|(_, encoding, _)| encoding.apply(text, gbk).is_some());
    let charsets = applicable
        .map(|(cause, encoding, is_common)| Variant { cause, change: Change::Encoding(encoding), is_common })
        .collect();
    let bom = if text.len() == body.len() { Bom::With } else { Bom::Without };
    [blanks, charsets, vec![Variant::common(CauseId::BodyBom, Change::Bom(bom))]]
}

/// The changes of blanks, with those that are common.
const BLANKS: [(Blanks, bool); 17] = [
    (Blanks::Trimmed, true),
    (Blanks::Around("", "\n"), true),
    (Blanks::Around("", "\r\n"), true),
    (Blanks::Around("", " "), true),
    (Blanks::Around(" ", ""), true),
    (Blanks::TrimmedEnd, false),
    (Blanks::TrimmedStart, false),
    (Blanks::WithoutLineBreak, false),
    (Blanks::Around("\n", "\n"), false),
    (Blanks::Around(" ", " "), false),
    (Blanks::Around("", "\n\n"), false),
    (Blanks::Around("\n", ""), false),
    (Blanks::Around(" ", "\n"), false),
    (Blanks::Around("", "  "), false),
    (Blanks::Around("  ", ""), false),
    (Blanks::Around("", "\t"), false),
    (Blanks::Around("", "\0"), false),
];
