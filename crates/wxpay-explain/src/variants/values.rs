//! Changes of timestamp and nonce, and of the appid of client parameters.

use super::Part;
use crate::{
    cause::CauseId,
    draft::{Change, Variant},
    header,
    message::Message,
};

/// The offsets in seconds that are tried early: a clock that is read twice.
const NEAR: i64 = 10;
/// The offsets that are tried alone, and those that are tried last.
pub(crate) const FAR: std::ops::RangeInclusive<i64> = 11..=120;
pub(crate) const FARTHEST: std::ops::RangeInclusive<i64> = 121..=300;
/// Time zones of China and of daylight-saving changes, taken for UTC or the reverse.
const HOUR_OFFSETS: [i64; 6] = [28_800, -28_800, 3600, -3600, 32_400, -32_400];

/// Returns the changes of the timestamp. `differs` is the cause of another time.
pub(crate) fn timestamps(
    timestamp: &str,
    differs: CauseId,
    milliseconds: CauseId,
    message: &Message,
) -> Part {
    let mut part = Part::new();
    let seconds: Option<i64> =
        timestamp.parse().ok().filter(|seconds| (0..=99_999_999_999_999).contains(seconds));
    let mut add = |cause, changed: String, is_common| {
        if changed != timestamp {
            part.push(Variant { cause, change: Change::Timestamp(changed), is_common });
        }
    };
    if let Some(seconds) = seconds {
        if is_milliseconds(timestamp) {
            add(milliseconds, seconds.saturating_div(1000).to_string(), true);
        } else {
            add(milliseconds, seconds.saturating_mul(1000).to_string(), true);
        }
        for offset in 1..=NEAR {
            for offset in [offset, offset.saturating_neg()] {
                add(differs, seconds.saturating_add(offset).to_string(), offset.abs() <= 2);
            }
        }
        for offset in HOUR_OFFSETS {
            add(differs, seconds.saturating_add(offset).to_string(), false);
        }
    }
    if let Some(seconds) = header::whole_seconds(timestamp) {
        add(differs, seconds.to_owned(), true);
    }
    for name in ["x-timestamp", "timestamp", "date"] {
        if let Some(value) = message.header(name) {
            add(differs, value.into(), false);
        }
    }
    add(differs, String::new(), false);
    add(differs, format!("\"{timestamp}\""), false);
    part
}

/// Returns whether a timestamp is one in milliseconds.
pub(crate) fn is_milliseconds(timestamp: &str) -> bool {
    timestamp.len() == 13 && timestamp.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the milliseconds of one second: a clock read in milliseconds for the string, in seconds for the header.
pub(crate) fn all_milliseconds(timestamp: &str, cause: CauseId) -> impl Iterator<Item = Variant> {
    let seconds =
        timestamp.parse::<u64>().ok().filter(|_| !is_milliseconds(timestamp) && timestamp.len() <= 11);
    let start = seconds.map(|seconds| seconds.saturating_mul(1000));
    start
        .into_iter()
        .flat_map(|start| start..start.saturating_add(1000))
        .map(move |milliseconds| Variant::rare(cause, Change::Timestamp(milliseconds.to_string())))
}

/// Returns the seconds at these distances from a timestamp, the nearest first.
pub(crate) fn far_seconds(
    timestamp: &str,
    distances: std::ops::RangeInclusive<i64>,
    cause: CauseId,
) -> impl Iterator<Item = Variant> {
    let seconds = timestamp.parse::<i64>().ok();
    seconds.into_iter().flat_map(move |seconds| {
        let offsets = distances.clone().flat_map(|offset| [offset, offset.saturating_neg()]);
        offsets.map(move |offset| {
            Variant::rare(cause, Change::Timestamp(seconds.saturating_add(offset).to_string()))
        })
    })
}

/// Returns the changes of the nonce that can be derived from it.
pub(crate) fn nonces(nonce: &str, message: &Message) -> Part {
    let mut part = Part::new();
    let mut add = |changed: String, is_common| {
        if changed != nonce {
            part.push(Variant { cause: CauseId::NonceDiffers, change: Change::Nonce(changed), is_common });
        }
    };
    add(nonce.to_ascii_lowercase(), true);
    add(nonce.to_ascii_uppercase(), true);
    add(nonce.replace('-', ""), false);
    if let Some(uuid) = with_dashes(nonce) {
        add(uuid.to_ascii_lowercase(), false);
        add(uuid, false);
    }
    for length in [16, 32] {
        add(nonce.chars().take(length).collect(), false);
    }
    add(nonce.trim().to_owned(), false);
    add(format!("\"{nonce}\""), false);
    for name in ["request-id", "x-request-id", "wechatpay-nonce", "nonce"] {
        if let Some(value) = message.header(name) {
            add(value.into(), false);
        }
    }
    add(String::new(), false);
    part
}

/// Returns 32 characters in the form of a UUID.
fn with_dashes(nonce: &str) -> Option<String> {
    if nonce.len() != 32 {
        return None;
    }
    let ranges = [0..8, 8..12, 12..16, 16..20, 20..32];
    let parts: Option<Vec<&str>> = ranges.into_iter().map(|range| nonce.get(range)).collect();
    parts.map(|parts| parts.join("-"))
}

/// Returns the other appids that may have been signed.
pub(crate) fn appids(sent: &str, known: &[String]) -> Part {
    let others = known.iter().map(String::as_str).chain([""]).filter(|other| *other != sent);
    others.map(|other| Variant::common(CauseId::WrongAppid, Change::First(other.into()))).collect()
}
