//! Conversion of values to and from columns. Values are validated again when they are read: a file edited by hand may
//! hold anything.

use super::Failure;
use std::str::FromStr;
use wxpay_proto::{Fen, UnixTime};

/// Converts a time to its column, milliseconds since 1970.
pub(super) fn from_time(time: UnixTime) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Converts an amount to its column, in fen. Amounts above 9 · 10^18 fen are an error.
pub(super) fn from_fen(amount: Fen) -> Result<i64, Failure> {
    i64::try_from(amount.get()).map_err(|_| Failure::corrupt("amount"))
}

pub(super) fn to_time(millis: i64) -> Result<UnixTime, Failure> {
    u64::try_from(millis).map(UnixTime::from_millis).map_err(|_| Failure::corrupt("time"))
}

pub(super) fn to_fen(fen: i64) -> Result<Fen, Failure> {
    u64::try_from(fen).map(Fen::new).map_err(|_| Failure::corrupt("amount"))
}

/// Parses a value from a text column; the error names `column`.
pub(super) fn to_value<T: FromStr>(text: &str, column: &'static str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::corrupt(column))
}
