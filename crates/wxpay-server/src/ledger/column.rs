//! Values to and from their columns. What is read is parsed again: a file that was edited by hand may hold
//! anything.

use super::Failure;
use std::str::FromStr;
use wxpay_proto::{Fen, UnixTime};

/// A time to its column.
pub(super) fn from_time(moment: UnixTime) -> i64 {
    i64::try_from(moment.as_millis()).unwrap_or(i64::MAX)
}

/// An amount to its column. Beyond 9 · 10^18 fen there is no money.
pub(super) fn from_fen(amount: Fen) -> Result<i64, Failure> {
    i64::try_from(amount.get()).map_err(|_| Failure::corrupt("amount"))
}

pub(super) fn to_time(millis: i64) -> Result<UnixTime, Failure> {
    u64::try_from(millis).map(UnixTime::from_millis).map_err(|_| Failure::corrupt("time"))
}

pub(super) fn to_fen(fen: i64) -> Result<Fen, Failure> {
    u64::try_from(fen).map(Fen::new).map_err(|_| Failure::corrupt("amount"))
}

/// A text from its column, by its own grammar.
pub(super) fn to_value<T: FromStr>(text: &str, column: &'static str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::corrupt(column))
}
