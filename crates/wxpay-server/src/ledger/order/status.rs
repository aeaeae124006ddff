//! The status of an order: the meaning of each `trade_state` and each payment status of the core, in one place.

use crate::ledger::{order::query::QueryAnswer, rows::order::OrderStatus};
use wxpay_proto::{payment::PaymentStatus, v3::pay::TradeState};

impl OrderStatus {
    /// Returns the status that a payment status of the core means, if nothing else is known.
    #[allow(clippy::match_same_arms, reason = "the last arm has a reason of its own")]
    pub(crate) fn of_payment(payment: &PaymentStatus) -> Self {
        match payment {
            PaymentStatus::Open => Self::Open,
            PaymentStatus::Paid(_) => Self::Paid,
            PaymentStatus::Anomalous => Self::Anomalous,
            // A status that a later version of the core adds is decided by a person.
            _ => Self::Anomalous,
        }
    }

    /// Returns the status after payments are applied that mean `paid` by themselves. `has_ended`: the order was closed,
    /// expired or failed, or a payment stays although it was reversed.
    #[allow(clippy::match_same_arms, reason = "each arm has a reason of its own")]
    pub(crate) fn after_payments(self, payments: Self, has_ended: bool) -> Self {
        match (self, payments) {
            // Nothing is placed, or a decision that destroys is not yet resolved: payments wait.
            (Self::Unplaced | Self::Closing | Self::Reversing, _) => self,
            // Paid stays paid.
            (Self::Paid, _) => self,
            // The payment of a reversed order was returned, unless WeChat Pay says that it stays.
            (Self::Reversed, _) if !has_ended => self,
            (_, Self::Open) => self,
            // The shop was told that the order can no longer be paid.
            (Self::Closed | Self::Expired | Self::Failed | Self::Reversed, _) => Self::Anomalous,
            (Self::Anomalous, _) if has_ended => Self::Anomalous,
            (Self::Open | Self::Anomalous, Self::Paid) => Self::Paid,
            (Self::Open | Self::Anomalous, _) => Self::Anomalous,
        }
    }

    /// Returns whether a root may go from this status to another. `expired` returns to `open` only when the shop places
    /// the number again, and a decision to close only when WeChat Pay has not carried it out. A decision to reverse is
    /// never taken back.
    #[cfg(test)]
    pub(crate) fn can_become(self, next: Self) -> bool {
        let after: &[Self] = match self {
            Self::Unplaced => &[Self::Open, Self::Paid, Self::Anomalous],
            Self::Open => &[
                Self::Closing,
                Self::Reversing,
                Self::Closed,
                Self::Reversed,
                Self::Expired,
                Self::Failed,
                Self::Paid,
                Self::Anomalous,
            ],
            Self::Closing => &[
                Self::Open,
                Self::Closed,
                Self::Reversed,
                Self::Expired,
                Self::Failed,
                Self::Paid,
                Self::Anomalous,
            ],
            Self::Reversing => &[Self::Closed, Self::Reversed, Self::Failed, Self::Anomalous],
            Self::Expired => &[Self::Open, Self::Anomalous],
            Self::Closed | Self::Failed | Self::Reversed => &[Self::Anomalous],
            Self::Anomalous => &[Self::Paid],
            Self::Paid => &[],
        };
        self == next || after.contains(&next)
    }

    /// Returns whether WeChat Pay's word is final and no query can change it.
    pub(crate) fn is_final(self) -> bool {
        match self {
            Self::Closed | Self::Paid | Self::Reversed | Self::Failed | Self::Expired => true,
            Self::Unplaced | Self::Open | Self::Closing | Self::Reversing | Self::Anomalous => false,
        }
    }
}

impl QueryAnswer {
    /// Returns the answer that a `trade_state` is. `None` for a paid order: learn its payment.
    pub(crate) fn of_trade_state(trade_state: &TradeState) -> Option<Self> {
        match trade_state {
            TradeState::Success | TradeState::Refund => None,
            TradeState::Closed => Some(Self::Closed),
            TradeState::Revoked => Some(Self::Revoked),
            TradeState::PayError => Some(Self::PayError),
            TradeState::NotPay | TradeState::UserPaying | TradeState::Accept => {
                Some(Self::Unpaid { trade_state: trade_state.as_str().into() })
            }
            // An unknown state proves nothing: neither that the order is unpaid, nor that it may be closed.
            TradeState::Other(_) | _ => {
                Some(Self::Failed { error: "the order has an unknown trade_state".into() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxpay_proto::{Fen, UnixTime, payment::Payment};

    #[test]
    fn every_trade_state_is_one_answer() {
        let unpaid = |name: &str| Some(QueryAnswer::Unpaid { trade_state: name.into() });
        let unknown = QueryAnswer::Failed { error: "the order has an unknown trade_state".into() };
        let table = [
            ("SUCCESS", None),
            ("REFUND", None),
            ("NOTPAY", unpaid("NOTPAY")),
            ("USERPAYING", unpaid("USERPAYING")),
            ("ACCEPT", unpaid("ACCEPT")),
            ("CLOSED", Some(QueryAnswer::Closed)),
            ("REVOKED", Some(QueryAnswer::Revoked)),
            ("PAYERROR", Some(QueryAnswer::PayError)),
            ("A_LATER_ONE", Some(unknown)),
        ];
        for (name, answer) in table {
            assert_eq!(QueryAnswer::of_trade_state(&TradeState::from(name)), answer, "{name}");
        }
    }

    #[test]
    fn every_payment_status_of_the_core_means_one_status() {
        let payment = Payment::new("4200000001".parse().unwrap(), Fen::new(1), Fen::ZERO, UnixTime::EPOCH);
        assert_eq!(OrderStatus::of_payment(&PaymentStatus::Open), OrderStatus::Open);
        assert_eq!(OrderStatus::of_payment(&PaymentStatus::Paid(payment)), OrderStatus::Paid);
        assert_eq!(OrderStatus::of_payment(&PaymentStatus::Anomalous), OrderStatus::Anomalous);
    }

    #[test]
    fn payments_change_a_status_only_as_a_root_may_change() {
        for &status in OrderStatus::ALL {
            for payments in [OrderStatus::Open, OrderStatus::Paid, OrderStatus::Anomalous] {
                for has_ended in [false, true] {
                    let after = status.after_payments(payments, has_ended);
                    assert!(status.can_become(after), "{status} with {payments}: {after}");
                }
            }
        }
        assert_eq!(OrderStatus::Closed.after_payments(OrderStatus::Paid, true), OrderStatus::Anomalous);
        assert_eq!(OrderStatus::Anomalous.after_payments(OrderStatus::Paid, true), OrderStatus::Anomalous);
        assert_eq!(OrderStatus::Anomalous.after_payments(OrderStatus::Paid, false), OrderStatus::Paid);
        assert_eq!(OrderStatus::Closing.after_payments(OrderStatus::Paid, false), OrderStatus::Closing);
        assert_eq!(OrderStatus::Reversing.after_payments(OrderStatus::Paid, true), OrderStatus::Reversing);
        assert_eq!(OrderStatus::Reversed.after_payments(OrderStatus::Paid, false), OrderStatus::Reversed);
        assert_eq!(OrderStatus::Reversed.after_payments(OrderStatus::Paid, true), OrderStatus::Anomalous);
    }
}
