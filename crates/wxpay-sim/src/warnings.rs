//! What the gateway noticed but did not say on the wire: leaks, loose forms, and why it refused.

use serde::Serialize;
use std::collections::VecDeque;
use wxpay_proto::UnixTime;

/// So many are kept; older ones are forgotten.
const KEPT: usize = 10_000;

/// One remark. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Warning {
    /// When, in seconds of the virtual clock.
    pub at: u64,
    /// What kind of remark.
    pub kind: Kind,
    /// The order it is about, if that could be read.
    pub out_trade_no: Option<String>,
    /// The remark.
    pub detail: String,
}

/// Kinds of remark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A secret was in a message that must not hold it.
    LeakedSecret,
    /// `+` in a value of the package: libraries that mean a space are wrong.
    PlusInPackage,
    /// `package` of the seven parameters is not `Sign=WXPay`.
    #[serde(rename = "second_sign_package")]
    SecondSignLiteral,
    /// An answer to a notice that a looser gateway would have taken for `success`.
    #[serde(rename = "inexact_success")]
    LooseSuccess,
    /// A forged notice was answered `success`.
    #[serde(rename = "forged_notification_accepted")]
    ForgeryBelieved,
    /// A form that works here and may not elsewhere.
    #[serde(rename = "nonportable")]
    Doubtful,
    /// Why a request was refused: the wire tells no more than the errcode.
    Refused,
    /// A notice was given up after its last repeat.
    #[serde(rename = "retries_exhausted")]
    GivenUp,
}

/// The remarks in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings(VecDeque<Warning>);

impl Warnings {
    pub(crate) fn note(
        &mut self,
        now: UnixTime,
        kind: Kind,
        number: Option<&str>,
        detail: impl Into<String>,
    ) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Warning {
            at: now.as_secs(),
            kind,
            out_trade_no: number.map(String::from),
            detail: detail.into(),
        });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Warning> {
        self.0.iter()
    }
}
