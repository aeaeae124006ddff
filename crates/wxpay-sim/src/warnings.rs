//! Warnings: observations that the gateway's replies do not contain, such as leaked secrets and the reasons of
//! refusals.

use serde::Serialize;
use std::collections::VecDeque;
use wxpay_proto::UnixTime;

/// Maximum number of warnings kept; older ones are dropped.
const MAX_WARNINGS: usize = 10_000;

/// A warning. It never contains a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Warning {
    /// Time of the warning, in seconds of the business clock.
    pub at: u64,
    /// Kind of the warning.
    pub kind: Kind,
    /// The merchant's order number, if it could be read.
    pub out_trade_no: Option<String>,
    /// Text of the warning.
    pub detail: String,
}

/// Kind of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A message contained a secret that it must not contain.
    LeakedSecret,
    /// A value of the package contained `+`, which some libraries wrongly send for a space.
    PlusInPackage,
    /// `package` of the app's seven payment parameters is not `Sign=WXPay`.
    SecondSignPackage,
    /// A response to a notification resembled `success`; a more lenient gateway would accept it.
    InexactSuccess,
    /// A merchant accepted a forged notification.
    ForgedNotificationAccepted,
    /// The simulator accepted a value that the real gateway may refuse.
    Nonportable,
    /// A request was answered although it breaks the description of its operation in the catalogue.
    BrokenDescription,
    /// A request was refused. The text has the reason; the reply has only the errcode.
    Refused,
    /// The merchant did not accept a notification by its last retry.
    RetriesExhausted,
}

/// The warnings, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings {
    latest: VecDeque<Warning>,
    /// The number of warnings that were removed: the number of the first one kept.
    removed: u64,
}

impl Warnings {
    pub(crate) fn push(
        &mut self,
        now: UnixTime,
        kind: Kind,
        number: Option<&str>,
        detail: impl Into<String>,
    ) {
        if self.latest.len() >= MAX_WARNINGS {
            self.latest.pop_front();
            self.removed = self.removed.saturating_add(1);
        }
        self.latest.push_back(Warning {
            at: now.as_secs(),
            kind,
            out_trade_no: number.map(String::from),
            detail: detail.into(),
        });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Warning> {
        self.latest.iter()
    }

    /// Returns the warnings, the newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &Warning> {
        self.latest.iter().rev()
    }

    /// Returns the warnings after the one with this number, each with its number.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = (u64, &Warning)> {
        let skipped = usize::try_from(number.saturating_sub(self.removed)).unwrap_or(usize::MAX);
        let first = self.removed.saturating_add(1);
        (first..).zip(&self.latest).skip(skipped)
    }
}
