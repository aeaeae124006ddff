//! What can go wrong, and with what.

use super::Operation;
use serde::Serialize;

/// What goes wrong. `effect` says whether the request is carried out all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trouble {
    /// No connection: the request never leaves. Nothing happens.
    ConnectionRefused {
        /// How long nobody listens, in milliseconds of the real clock; 0 is for this one request.
        millis: u64,
    },
    /// The request is lost and the connection closed; nothing happens.
    DropBeforeCommit,
    /// The request is carried out, its answer lost and the connection closed.
    CommitThenDropResponse,
    /// The connection is reset; nothing happens.
    ResetBeforeCommit,
    /// The request is carried out, and the connection reset instead of an answer.
    CommitThenReset,
    /// The request is carried out at once, its answer comes late.
    Delayed {
        /// How late, in milliseconds.
        millis: u64,
    },
    /// The request is carried out at once, its answer comes when no client waits any more.
    AnswerAfterClientTimeout {
        /// How late, in milliseconds.
        millis: u64,
    },
    /// The request is carried out, its answer breaks off.
    Cut {
        /// After so many bytes of the body.
        bytes: usize,
    },
    /// The request is carried out, the body of its answer trickles.
    Slow {
        /// So many bytes in a second.
        bytes_per_second: u32,
    },
    /// HTTP 500 with a page of HTML.
    ServerError {
        /// Whether the request is carried out.
        effect: bool,
    },
    /// HTTP 502 with a page of HTML.
    BadGateway {
        /// Whether the request is carried out.
        effect: bool,
    },
    /// HTTP 503 with a page of HTML.
    Unavailable {
        /// Whether the request is carried out.
        effect: bool,
    },
    /// HTTP 200 with a body that is not JSON; in the third generation signed like any other.
    Garbage {
        /// Whether the request is carried out.
        effect: bool,
    },
    /// errcode -1; in the third generation 500 `SYSTEM_ERROR`.
    SystemError {
        /// Whether the request is carried out.
        effect: bool,
    },
    /// 202 without a body: accepted, not finished.
    Accepted {
        /// Whether the request is carried out.
        effect: bool,
    },
    /// 429 `RATELIMIT_EXCEEDED`; nothing happens.
    RateLimited,
    /// The answer carries none of the five headers.
    UnsignedReply,
    /// The answer's signature is of another message.
    WrongSignature,
    /// The answer's signature begins with `WECHATPAY/SIGNTEST/`, as WeChat Pay's own probes do.
    SigntestProbe,
    /// The answer names a key that nobody knows.
    UnknownSerial,
    /// The answer was signed ten minutes ago.
    StaleTimestamp,
    /// The answer has no `Wechatpay-Signature`.
    MissingHeader,
    /// A byte of the answer was changed after it was signed.
    TamperedBody,
    /// Somebody else fetches a token just before: the one in use is replaced.
    TokenReplaced,
    /// The token in use expires just before.
    TokenExpired,
    /// The day's tokens are used up.
    QuotaUsedUp,
    /// With what places an order: the payer pays, and the notice goes out, before that is answered. With pay: the
    /// notice goes out before the phone returns.
    Early,
    /// The payer may pay an order that is paid already.
    SecondPayment,
    /// The payer pays while the merchant's close is on its way: the close comes too late.
    PaidDuringClose,
    /// The platform changes to a new certificate between the request and its answer, or between the payment and its
    /// notice. Nothing changes where no certificates are used, or a switch to the public key is on its way.
    CertificateRotated,
    /// The merchant takes a step of the migration at the same moment. One that cannot be taken changes nothing.
    MigrationStep {
        /// Which step.
        step: Step,
    },
    /// A delivery never arrives.
    NoticeLost,
    /// A delivery arrives late.
    NoticeDelayed {
        /// How late, in milliseconds of the virtual clock.
        millis: u64,
    },
    /// A delivery arrives twice, the copies overlapping.
    NoticeDoubled,
    /// A delivery is held back until another notice has gone out, at most until the first pause of the schedule is over.
    NoticeReordered,
    /// A tampered copy goes out before the delivery.
    NoticeForged,
    /// A copy that names a key that nobody knows goes out before the delivery.
    NoticeUnknownSerial,
    /// A copy signed as a probe goes out before the delivery.
    NoticeProbe,
    /// A copy that was signed ten minutes ago goes out before the delivery.
    NoticeStale,
}

/// A step of the migration to the platform's public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// The merchant obtains the public key.
    Obtain,
    /// The merchant starts the switch.
    Switch,
    /// The merchant takes the switch back.
    RollBack,
    /// The merchant voids the certificates.
    Void,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 4] = [Self::Obtain, Self::Switch, Self::RollBack, Self::Void];

    /// The word of the control interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Obtain => "obtain",
            Self::Switch => "switch",
            Self::RollBack => "roll_back",
            Self::Void => "void",
        }
    }

    /// Reads that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

impl Trouble {
    /// The word of the control interface.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::ConnectionRefused { .. } => "connection_refused",
            Self::DropBeforeCommit => "drop_before_commit",
            Self::CommitThenDropResponse => "commit_then_drop_response",
            Self::ResetBeforeCommit => "reset_before_commit",
            Self::CommitThenReset => "commit_then_reset",
            Self::Delayed { .. } => "delayed",
            Self::AnswerAfterClientTimeout { .. } => "answer_after_client_timeout",
            Self::Cut { .. } => "cut",
            Self::Slow { .. } => "slow",
            Self::ServerError { .. } => "server_error",
            Self::BadGateway { .. } => "bad_gateway",
            Self::Unavailable { .. } => "unavailable",
            Self::Garbage { .. } => "garbage",
            Self::SystemError { .. } => "system_error",
            Self::Accepted { .. } => "accepted",
            Self::RateLimited => "rate_limited",
            Self::UnsignedReply => "unsigned_reply",
            Self::WrongSignature => "wrong_signature",
            Self::SigntestProbe => "signtest_probe",
            Self::UnknownSerial => "unknown_serial",
            Self::StaleTimestamp => "stale_timestamp",
            Self::MissingHeader => "missing_header",
            Self::TamperedBody => "tampered_body",
            Self::TokenReplaced => "token_replaced",
            Self::TokenExpired => "token_expired",
            Self::QuotaUsedUp => "quota_used_up",
            Self::Early => "early",
            Self::SecondPayment => "second_payment",
            Self::PaidDuringClose => "paid_during_close",
            Self::CertificateRotated => "certificate_rotated",
            Self::MigrationStep { .. } => "migration_step",
            Self::NoticeLost => "notice_lost",
            Self::NoticeDelayed { .. } => "notice_delayed",
            Self::NoticeDoubled => "notice_doubled",
            Self::NoticeReordered => "notice_reordered",
            Self::NoticeForged => "notice_forged",
            Self::NoticeUnknownSerial => "notice_unknown_serial",
            Self::NoticeProbe => "notice_probe",
            Self::NoticeStale => "notice_stale",
        }
    }

    /// Whether it can happen to an operation, of one generation at least.
    #[must_use]
    pub fn befalls(self, operation: Operation) -> bool {
        match self {
            Self::ConnectionRefused { .. }
            | Self::DropBeforeCommit
            | Self::CommitThenDropResponse
            | Self::ResetBeforeCommit
            | Self::CommitThenReset
            | Self::Delayed { .. }
            | Self::AnswerAfterClientTimeout { .. }
            | Self::Cut { .. }
            | Self::Slow { .. }
            | Self::ServerError { .. }
            | Self::BadGateway { .. }
            | Self::Unavailable { .. }
            | Self::Garbage { .. }
            | Self::SystemError { .. } => operation.is_call(),
            Self::Accepted { .. }
            | Self::RateLimited
            | Self::UnsignedReply
            | Self::WrongSignature
            | Self::SigntestProbe
            | Self::UnknownSerial
            | Self::StaleTimestamp
            | Self::MissingHeader
            | Self::TamperedBody => matches!(operation, Operation::V3(_)),
            Self::TokenReplaced | Self::TokenExpired => {
                operation.is_of_v1() && !matches!(operation, Operation::Token)
            }
            Self::QuotaUsedUp => matches!(operation, Operation::Token),
            Self::Early => operation.places_an_order() || matches!(operation, Operation::Pay),
            Self::SecondPayment => matches!(operation, Operation::Pay),
            Self::PaidDuringClose => operation.closes_an_order(),
            Self::CertificateRotated | Self::MigrationStep { .. } => {
                matches!(operation, Operation::V3(_) | Operation::Pay)
            }
            Self::NoticeLost
            | Self::NoticeDelayed { .. }
            | Self::NoticeDoubled
            | Self::NoticeReordered
            | Self::NoticeForged
            | Self::NoticeUnknownSerial
            | Self::NoticeProbe
            | Self::NoticeStale => matches!(operation, Operation::Notice),
        }
    }

    /// Whether it happens in the third generation alone, where there are keys of the platform.
    pub(super) const fn needs_v3(self) -> bool {
        matches!(
            self,
            Self::NoticeUnknownSerial
                | Self::NoticeProbe
                | Self::NoticeStale
                | Self::CertificateRotated
                | Self::MigrationStep { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_befalls_only_what_it_can() {
        assert!(Trouble::QuotaUsedUp.befalls(Operation::Token));
        assert!(!Trouble::TokenReplaced.befalls(Operation::Token));
        assert!(Trouble::Early.befalls(Operation::Pay));
        let jsapi = Operation::V3("v3.pay.jsapi");
        assert!(Trouble::Early.befalls(jsapi) && Trouble::UnknownSerial.befalls(jsapi));
        assert!(
            !Trouble::UnknownSerial.befalls(Operation::Genprepay) && !Trouble::TokenExpired.befalls(jsapi)
        );
        assert!(!Trouble::PaidDuringClose.befalls(jsapi));
    }

    #[test]
    fn the_kind_is_the_word_that_is_shown() {
        for trouble in
            [Trouble::Early, Trouble::MigrationStep { step: Step::RollBack }, Trouble::Cut { bytes: 1 }]
        {
            assert_eq!(serde_json::to_value(trouble).unwrap()["kind"], trouble.kind());
        }
        for step in Step::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.as_str());
            assert_eq!(Step::named(step.as_str()), Some(step));
        }
    }
}
