//! Cases, which a person must decide.

use crate::{
    ledger::{
        Prefix, Shard, Subject,
        table::{named, table},
    },
    merchants::MerchantName,
};
use wxpay_proto::UnixTime;

named! {
    /// The kind of a case.
    CaseKind {
        /// The order was paid more than once.
        SecondPayment = "second_payment",
        /// The amount or the currency of the payment differs from the order.
        AmountMismatch = "amount_mismatch",
        /// A payment of an order that was closed.
        PaidAfterClose = "paid_after_close",
        /// The refund is not possible on the account that paid.
        RefundAbnormal = "refund_abnormal",
        /// WeChat Pay refused a refund for good.
        RefundRefused = "refund_refused",
        /// The refunds exceed the payment.
        RefundExceedsPayment = "refund_exceeds_payment",
        /// A payment of a number under which no order was placed.
        UnknownPayment = "unknown_payment",
        /// The transaction belongs to another number.
        TransactionOfAnotherNumber = "transaction_of_another_number",
        /// Two verified messages contradict each other.
        ContradictoryEvidence = "contradictory_evidence",
        /// A verified notification that cannot be read.
        UnreadableNotification = "unreadable_notification",
        /// A webhook endpoint was disabled.
        EndpointDisabled = "endpoint_disabled",
        /// A bill differs from the ledger.
        BillDifference = "bill_difference",
    }
}

named! {
    /// The status of a case.
    CaseStatus {
        /// Somebody must decide.
        Open = "open",
        /// Decided.
        Resolved = "resolved",
    }
}

named! {
    /// A remedy of a case.
    Remedy {
        /// Refund the payment that the case is about.
        Refund = "refund",
        /// Accept things as they are.
        Accept = "accept",
        /// Try again.
        Retry = "retry",
        /// Send the refund to another account.
        Redirect = "redirect",
    }
}

table! {
    /// A case.
    CaseRow = "cases" {
        key {
            /// The shard of the number that the case hangs on.
            shard: Shard,
            /// The id: `case_` and the digest of subject, kind and cause, so that the same cause opens no second case.
            case_id: String,
        }
        columns {
            /// The merchant.
            merchant: MerchantName,
            /// The kind.
            kind: CaseKind,
            /// The subject.
            subject: Subject,
            /// The status.
            status: CaseStatus,
            /// The facts, as JSON.
            data: String,
            /// The proposed remedy.
            proposal: Option<Remedy>,
            /// The time at which it was opened.
            opened_at: UnixTime,
            /// The time of the decision.
            resolved_at: Option<UnixTime>,
            /// The actor that decided.
            resolved_by: Option<String>,
            /// The remark of the actor.
            note: Option<String>,
        }
        indexes {
            cases_by_status(merchant, status, opened_at),
        }
    }
}

impl CaseRow {
    /// Returns the key of a case.
    pub(crate) fn of(shard: Shard, case_id: &str) -> Prefix<Self> {
        Prefix::all().and(&shard).and(&String::from(case_id))
    }
}
