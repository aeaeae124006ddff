//! Trouble on demand: rules that strike by operation, order, probability, count and time, decided by the seed.

use crate::chance::Chance;
use serde::Serialize;
use wxpay_proto::{UnixTime, id::OutTradeNo};

/// What a rule watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Operation {
    /// `GET /cgi-bin/token`
    Token,
    /// `POST /pay/genprepay`
    Genprepay,
    /// `POST /pay/orderquery`
    Orderquery,
    /// `POST /pay/delivernotify`
    Delivernotify,
    /// A delivery of a notice.
    Notice,
    /// The payer's tap on the phone.
    Pay,
}

impl Operation {
    const ALL: [Self; 6] =
        [Self::Token, Self::Genprepay, Self::Orderquery, Self::Delivernotify, Self::Notice, Self::Pay];

    /// The word of the control interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Genprepay => "genprepay",
            Self::Orderquery => "orderquery",
            Self::Delivernotify => "delivernotify",
            Self::Notice => "notice",
            Self::Pay => "pay",
        }
    }

    /// Reads the word of the control interface.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == word)
    }

    const fn is_api(self) -> bool {
        matches!(self, Self::Token | Self::Genprepay | Self::Orderquery | Self::Delivernotify)
    }
}

/// What goes wrong. `effect` says whether the request is carried out all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trouble {
    /// The request is carried out, its answer lost.
    LostAfter,
    /// The request is lost; nothing happens.
    LostBefore,
    /// The request is carried out at once, its answer comes late.
    Delayed {
        /// How late, in milliseconds.
        millis: u64,
    },
    /// The request is carried out, its answer breaks off.
    Cut {
        /// After so many bytes of the body.
        bytes: usize,
    },
    /// HTTP 500 with a page of HTML.
    ServerError {
        /// Whether the request is carried out.
        effect: bool,
    },
    /// HTTP 200 with a body that is not JSON.
    Garbage {
        /// Whether the request is carried out.
        effect: bool,
    },
    /// errcode -1.
    SystemError {
        /// Whether the request is carried out.
        effect: bool,
    },
    /// Somebody else fetches a token just before: the one in use is replaced.
    TokenReplaced,
    /// The token in use expires just before.
    TokenExpired,
    /// The day's tokens are used up.
    QuotaUsedUp,
    /// With genprepay: the payer pays, and the notice goes out, before genprepay is answered. With pay: the
    /// notice goes out before the phone returns.
    Early,
    /// The payer may pay an order that is paid already.
    SecondPayment,
    /// A delivery never arrives.
    NoticeLost,
    /// A delivery arrives twice, the copies overlapping.
    NoticeDoubled,
    /// A delivery is held back until another notice has gone out, at most until the first pause of the schedule is over.
    NoticeReordered,
    /// A tampered copy goes out before the delivery.
    NoticeForged,
}

impl Trouble {
    /// Whether it can happen to an operation.
    #[must_use]
    pub const fn befalls(self, operation: Operation) -> bool {
        match self {
            Self::LostAfter
            | Self::LostBefore
            | Self::Delayed { .. }
            | Self::Cut { .. }
            | Self::ServerError { .. }
            | Self::Garbage { .. }
            | Self::SystemError { .. } => operation.is_api(),
            Self::TokenReplaced | Self::TokenExpired => {
                operation.is_api() && !matches!(operation, Operation::Token)
            }
            Self::QuotaUsedUp => matches!(operation, Operation::Token),
            Self::Early => matches!(operation, Operation::Genprepay | Operation::Pay),
            Self::SecondPayment => matches!(operation, Operation::Pay),
            Self::NoticeLost | Self::NoticeDoubled | Self::NoticeReordered | Self::NoticeForged => {
                matches!(operation, Operation::Notice)
            }
        }
    }
}

/// One rule. Without further words it strikes every time, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    #[serde(flatten)]
    trouble: Trouble,
    operation: Option<Operation>,
    out_trade_no: Option<OutTradeNo>,
    per_mille: u32,
    left: Option<u32>,
    from: Option<u64>,
    until: Option<u64>,
}

impl Rule {
    /// A rule for every operation that the trouble can befall.
    #[must_use]
    pub const fn new(trouble: Trouble) -> Self {
        Self {
            trouble,
            operation: None,
            out_trade_no: None,
            per_mille: 1000,
            left: None,
            from: None,
            until: None,
        }
    }

    /// For one operation only. A trouble that cannot befall it never strikes.
    #[must_use]
    pub fn on(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// For one order only.
    #[must_use]
    pub fn of_order(self, number: OutTradeNo) -> Self {
        Self { out_trade_no: Some(number), ..self }
    }

    /// In so many of a thousand cases.
    #[must_use]
    pub fn per_mille(self, per_mille: u32) -> Self {
        Self { per_mille, ..self }
    }

    /// At most so many times.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { left: Some(times), ..self }
    }

    /// From a moment on, and before another, in whole seconds of the virtual clock.
    #[must_use]
    pub fn within(self, from: Option<UnixTime>, until: Option<UnixTime>) -> Self {
        Self { from: from.map(UnixTime::as_secs), until: until.map(UnixTime::as_secs), ..self }
    }

    fn watches(&self, operation: Operation, number: Option<&str>, now: UnixTime) -> bool {
        let second = now.as_secs();
        self.trouble.befalls(operation)
            && self.operation.is_none_or(|wanted| wanted == operation)
            && self.out_trade_no.as_ref().is_none_or(|wanted| number == Some(wanted.as_str()))
            && self.left != Some(0)
            && self.from.is_none_or(|from| from <= second)
            && self.until.is_none_or(|until| second < until)
    }
}

/// The rules in force. The first that watches and strikes decides; the others are not asked.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    chance: Chance,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rules: Vec::new(), chance: Chance::new(seed, "faults") }
    }

    pub(crate) fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Decides whether something goes wrong now.
    pub(crate) fn strike(
        &mut self,
        operation: Operation,
        number: Option<&str>,
        now: UnixTime,
    ) -> Option<Trouble> {
        let chance = &mut self.chance;
        let rule = self.rules.iter_mut().find(|rule| {
            rule.watches(operation, number, now)
                && (rule.per_mille >= 1000 || chance.below(1000) < u64::from(rule.per_mille))
        })?;
        rule.left = rule.left.map(|left| left.saturating_sub(1));
        Some(rule.trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1000);

    fn faults(rule: Rule) -> Faults {
        let mut faults = Faults::new(1);
        faults.add(rule);
        faults
    }

    #[test]
    fn a_rule_strikes_its_operation_and_order_alone() {
        let mut faults =
            faults(Rule::new(Trouble::LostAfter).on(Operation::Genprepay).of_order("A1".parse().unwrap()));
        assert_eq!(faults.strike(Operation::Genprepay, Some("A1"), NOW), Some(Trouble::LostAfter));
        assert_eq!(faults.strike(Operation::Genprepay, Some("A2"), NOW), None);
        assert_eq!(faults.strike(Operation::Genprepay, None, NOW), None);
        assert_eq!(faults.strike(Operation::Orderquery, Some("A1"), NOW), None);
    }

    #[test]
    fn a_rule_strikes_as_often_as_it_was_told() {
        let mut faults = faults(Rule::new(Trouble::LostBefore).times(2));
        let struck = (0..5).filter(|_| faults.strike(Operation::Token, None, NOW).is_some()).count();
        assert_eq!(struck, 2);
    }

    #[test]
    fn a_rule_strikes_within_its_window() {
        let window = (Some(UnixTime::from_secs(1000)), Some(UnixTime::from_secs(1010)));
        let mut faults = faults(Rule::new(Trouble::LostBefore).within(window.0, window.1));
        for (second, strikes) in [(999, false), (1000, true), (1009, true), (1010, false)] {
            let struck = faults.strike(Operation::Token, None, UnixTime::from_secs(second)).is_some();
            assert_eq!(struck, strikes, "{second}");
        }
    }

    #[test]
    fn probability_is_decided_by_the_seed() {
        let run = |seed| -> Vec<bool> {
            let mut faults = Faults::new(seed);
            faults.add(Rule::new(Trouble::LostBefore).per_mille(300));
            (0..1000).map(|_| faults.strike(Operation::Token, None, NOW).is_some()).collect()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let struck = run(1).iter().filter(|struck| **struck).count();
        assert!((240..360).contains(&struck), "{struck}");
    }

    #[test]
    fn a_trouble_befalls_only_what_it_can() {
        let mut faults = faults(Rule::new(Trouble::NoticeLost).on(Operation::Token));
        assert_eq!(faults.strike(Operation::Token, None, NOW), None);
        assert!(Trouble::QuotaUsedUp.befalls(Operation::Token));
        assert!(!Trouble::TokenReplaced.befalls(Operation::Token));
        assert!(Trouble::Early.befalls(Operation::Pay));
    }

    #[test]
    fn every_operation_is_found_by_its_word() {
        for operation in Operation::ALL {
            assert_eq!(Operation::named(operation.as_str()), Some(operation));
        }
        assert_eq!(Operation::named("refund"), None);
    }
}
