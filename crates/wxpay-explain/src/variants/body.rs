//! Changes of the body, and of the last line of client parameters.

use super::Part;
use crate::{
    cause::CauseId,
    draft::{BOM, Change, Variant},
    ordered::{Blanks, Escape, Json, Order, bytes_literal, quoted},
};

/// The ways of serialising that are tried, the most frequent first. The first six are common.
const STYLES: [(Blanks, Escape); 22] = [
    (Blanks::None, Escape::None),
    (Blanks::Python, Escape::LowerAscii),
    (Blanks::None, Escape::Php),
    (Blanks::None, Escape::LowerAscii),
    (Blanks::Python, Escape::None),
    (Blanks::Pretty("  "), Escape::None),
    (Blanks::None, Escape::UpperAscii),
    (Blanks::None, Escape::Slash),
    (Blanks::None, Escape::Go),
    (Blanks::None, Escape::Gson),
    (Blanks::Pretty("    "), Escape::None),
    (Blanks::Pretty("\t"), Escape::None),
    (Blanks::Pretty("  "), Escape::LowerAscii),
    (Blanks::Pretty("    "), Escape::LowerAscii),
    (Blanks::Pretty("    "), Escape::Php),
    (Blanks::Pretty("    "), Escape::Slash),
    (Blanks::Pretty("  "), Escape::Go),
    (Blanks::Pretty("\t"), Escape::Go),
    (Blanks::Pretty("  "), Escape::UpperAscii),
    (Blanks::Python, Escape::UpperAscii),
    (Blanks::Pretty("  "), Escape::Gson),
    (Blanks::Python, Escape::Repr),
];

/// The values that programs sign in place of no body.
const EMPTY_VALUES: [&str; 7] = ["{}", "null", "[]", "\"\"", "undefined", "None", "{ }"];

/// The largest body that is serialised again, and the largest one that is so in all ways. Others would take too long.
const MAX_SERIALISED: usize = 64 * 1024;
const MAX_SERIALISED_IN_ALL_WAYS: usize = 2048;

/// Returns the changes of the body. `whole` is the multipart body, if only a part of it must be signed.
pub(crate) fn bodies(body: &[u8], whole: Option<&[u8]>) -> Part {
    let mut variants = Collector { body, part: Part::new() };
    if let Some(whole) = whole {
        variants.add(CauseId::MultipartWhole, whole.to_vec(), true);
        variants.add(CauseId::MultipartWhole, whole.trim_ascii_end().to_vec(), false);
    }
    if body.is_empty() {
        for value in EMPTY_VALUES {
            variants.add(CauseId::BracesForEmptyBody, value.into(), value == "{}");
        }
        return variants.part;
    }
    let is_empty_value = EMPTY_VALUES.iter().any(|value| value.as_bytes() == body.trim_ascii());
    let cause = if is_empty_value { CauseId::BracesForEmptyBody } else { CauseId::BodyNotSigned };
    variants.add(cause, Vec::new(), true);
    if body.len() <= MAX_SERIALISED {
        styles(&mut variants);
        texts(&mut variants);
    }
    if !is_empty_value {
        variants.add(CauseId::BracesForEmptyBody, b"{}".to_vec(), false);
    }
    variants.part
}

/// Collects changed bodies, each once.
struct Collector<'a> {
    body: &'a [u8],
    part: Part,
}

impl Collector<'_> {
    fn add(&mut self, cause: CauseId, changed: Vec<u8>, is_common: bool) {
        let is_known =
            |variant: &Variant| matches!(&variant.change, Change::Body(other) if *other == changed);
        if changed != self.body && !self.part.iter().any(is_known) {
            self.part.push(Variant { cause, change: Change::Body(changed), is_common });
        }
    }
}

/// The body as a text that is serialised once more, or once less; Python's text of its bytes, and JavaScript's text of
/// every object.
fn texts(variants: &mut Collector<'_>) {
    if let Ok(inner) = serde_json::from_slice::<String>(variants.body) {
        variants.add(CauseId::BodyReserialized, inner.into_bytes(), false);
    } else if let Ok(text) = std::str::from_utf8(variants.body) {
        for escape in [Escape::None, Escape::LowerAscii] {
            variants.add(CauseId::BodyReserialized, quoted(text, escape), false);
        }
    }
    variants.add(CauseId::BodyReserialized, bytes_literal(variants.body), false);
    variants.add(CauseId::BodyReserialized, b"[object Object]".to_vec(), false);
}

/// Adds the body as other programs serialise its JSON.
fn styles(variants: &mut Collector<'_>) {
    let text = variants.body.strip_prefix(BOM).unwrap_or(variants.body);
    let Some(json) = Json::parse(text) else { return };
    let bom = if text.len() == variants.body.len() { &b""[..] } else { BOM };
    let trimmed = text.trim_ascii();
    let mut write = |json: &Json, (blanks, escape): (Blanks, Escape), is_common| {
        let changed = json.write(blanks, escape);
        // Without its blanks, the same body is not one that was serialised again.
        if changed != trimmed {
            variants.add(CauseId::BodyReserialized, [bom, &changed].concat(), is_common);
        }
    };
    for (index, style) in STYLES.into_iter().enumerate() {
        write(&json, style, index < 6);
    }
    let is_short = text.len() <= MAX_SERIALISED_IN_ALL_WAYS;
    let orders = [Order::Sorted, Order::SortedOutside, Order::Documented, Order::Reversed];
    for order in orders.into_iter().take(if is_short { 4 } else { 2 }) {
        let ordered = json.in_order(order);
        if ordered != json {
            for (index, style) in STYLES.into_iter().enumerate().take(if is_short { 12 } else { 5 }) {
                write(&ordered, style, index < 2 && order == Order::Sorted);
            }
        }
    }
    for texts_too in [false, true].into_iter().filter(|_| is_short) {
        let fewer = json.without_empty(texts_too);
        if fewer != json {
            for style in STYLES.into_iter().take(5) {
                write(&fewer, style, false);
            }
        }
    }
}

/// Returns the changes of the last line of client parameters: `sent` is the right one, `id` the bare prepay id.
pub(crate) fn packages(sent: &str, id: &str, others: &[&str]) -> Part {
    let mut part = Part::new();
    for prefixed in [id.to_owned(), format!("prepay_id={id}"), format!("prepay_id=prepay_id={id}")] {
        if prefixed != sent {
            part.push(Variant::common(CauseId::PrepayIdPrefix, Change::Body(prefixed.into_bytes())));
        }
    }
    let others = others.iter().copied().chain(["Sign=WXPay", ""]).filter(|other| *other != sent);
    part.extend(others.map(|other| Variant::rare(CauseId::PackageDiffers, Change::Body(other.into()))));
    part
}
