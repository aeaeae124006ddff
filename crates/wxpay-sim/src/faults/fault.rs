//! The faults, and the operations that each fault applies to.

use super::Operation;
use serde::Serialize;

/// A fault to inject. `commits` states whether the request is carried out nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The connection is refused, so the request is not sent. Nothing is carried out.
    ConnectionRefused {
        /// The time without a listener, in milliseconds of the real clock; 0 applies to this request only.
        millis: u64,
    },
    /// The request is lost and the connection closed. Nothing is carried out.
    DropBeforeCommit,
    /// The request is carried out; its response is lost and the connection closed.
    CommitThenDropResponse,
    /// The connection is reset. Nothing is carried out.
    ResetBeforeCommit,
    /// The request is carried out; the connection is reset instead of a response.
    CommitThenReset,
    /// The request is carried out at once; its response is delayed.
    Delayed {
        /// The delay, in milliseconds.
        millis: u64,
    },
    /// The request is carried out at once; its response arrives after the client's timeout.
    AnswerAfterClientTimeout {
        /// The delay, in milliseconds.
        millis: u64,
    },
    /// The request is carried out; its response is truncated.
    Cut {
        /// The number of bytes of the body that are sent.
        bytes: usize,
    },
    /// The request is carried out; the body of its response is sent slowly.
    Slow {
        /// The rate, in bytes per second.
        bytes_per_second: u32,
    },
    /// HTTP 500 with an HTML page.
    ServerError {
        /// True if the request is carried out.
        commits: bool,
    },
    /// HTTP 502 with an HTML page.
    BadGateway {
        /// True if the request is carried out.
        commits: bool,
    },
    /// HTTP 503 with an HTML page.
    Unavailable {
        /// True if the request is carried out.
        commits: bool,
    },
    /// HTTP 200 with a body that is not JSON; in APIv3 with a valid signature.
    Garbage {
        /// True if the request is carried out.
        commits: bool,
    },
    /// errcode -1; in APIv3 HTTP 500 `SYSTEM_ERROR`.
    SystemError {
        /// True if the request is carried out.
        commits: bool,
    },
    /// HTTP 202 without a body: accepted, not finished.
    Accepted {
        /// True if the request is carried out.
        commits: bool,
    },
    /// HTTP 429 `RATELIMIT_EXCEEDED`. Nothing is carried out.
    RateLimited,
    /// The response has none of the five signature headers.
    UnsignedReply,
    /// The response's signature is of another message.
    WrongSignature,
    /// The response's signature begins with `WECHATPAY/SIGNTEST/`, like WeChat Pay's own probes.
    SigntestProbe,
    /// The response names a key that does not exist.
    UnknownSerial,
    /// The response was signed ten minutes ago.
    StaleTimestamp,
    /// The response has no `Wechatpay-Signature`.
    MissingHeader,
    /// A byte of the response's body is changed after signing.
    TamperedBody,
    /// Before the call, another client fetches a token, which replaces the token in use.
    TokenReplaced,
    /// The token in use expires just before the call.
    TokenExpired,
    /// The day's quota of tokens is used up.
    QuotaUsedUp,
    /// On a call that places an order: the payer pays, and the notification is sent, before the response. On a
    /// payment: the notification is sent before the payer's client returns.
    Early,
    /// The payer can pay an order that is paid already.
    SecondPayment,
    /// The payer pays while the merchant's close request is on its way, so that the close comes too late.
    PaidDuringClose,
    /// The platform changes to a new certificate between the request and its response, or between the payment and its
    /// notification. Has no effect without certificates, and during a switch to the public key.
    CertificateRotated,
    /// The merchant takes a step of the migration, at the same moment as in `CertificateRotated`. A step that the
    /// current mode does not allow has no effect.
    MigrationStep {
        /// The step.
        step: MigrationStep,
    },
    /// The delivery never arrives.
    NotificationLost,
    /// The delivery arrives late.
    NotificationDelayed {
        /// The delay, in milliseconds of the business clock.
        millis: u64,
    },
    /// The delivery arrives twice, the second copy before the response to the first.
    NotificationDuplicated,
    /// The delivery is held back until another notification was sent, at most for the first interval of the
    /// schedule.
    NotificationReordered,
    /// A tampered copy is sent before the delivery.
    NotificationForged,
    /// A copy that names a key that does not exist is sent before the delivery.
    NotificationUnknownSerial,
    /// A copy with a probe's signature is sent before the delivery.
    NotificationProbe,
    /// A copy that was signed ten minutes ago is sent before the delivery.
    NotificationStale,
}

/// A step of the migration from platform certificates to the WeChat Pay public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MigrationStep {
    /// The merchant obtains the public key.
    Obtain,
    /// The merchant starts the switch.
    Switch,
    /// The merchant rolls the switch back.
    RollBack,
    /// The merchant voids the certificates.
    Void,
}

impl MigrationStep {
    /// All steps, in order.
    pub const ALL: [Self; 4] = [Self::Obtain, Self::Switch, Self::RollBack, Self::Void];

    /// Returns the name in the control interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Obtain => "obtain",
            Self::Switch => "switch",
            Self::RollBack => "roll_back",
            Self::Void => "void",
        }
    }

    /// Parses the name in the control interface. Returns `None` for an unknown one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == name)
    }
}

/// A reply that a fault puts in place of the real one. Each front end has its own form of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Substitute {
    /// An HTML page of an intermediate proxy, with this status.
    Page(u16),
    /// A body that is not JSON.
    Garbage,
    /// The error of an overloaded gateway.
    SystemError,
    /// 202 without a result.
    Accepted,
    /// 429.
    RateLimited,
}

impl Fault {
    /// Returns the name in the control interface.
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
            Self::NotificationLost => "notification_lost",
            Self::NotificationDelayed { .. } => "notification_delayed",
            Self::NotificationDuplicated => "notification_duplicated",
            Self::NotificationReordered => "notification_reordered",
            Self::NotificationForged => "notification_forged",
            Self::NotificationUnknownSerial => "notification_unknown_serial",
            Self::NotificationProbe => "notification_probe",
            Self::NotificationStale => "notification_stale",
        }
    }

    /// Returns the reply that takes the place of the real one, if the fault replaces it.
    pub(crate) const fn substitute(self) -> Option<Substitute> {
        match self {
            Self::ServerError { .. } => Some(Substitute::Page(500)),
            Self::BadGateway { .. } => Some(Substitute::Page(502)),
            Self::Unavailable { .. } => Some(Substitute::Page(503)),
            Self::Garbage { .. } => Some(Substitute::Garbage),
            Self::SystemError { .. } => Some(Substitute::SystemError),
            Self::Accepted { .. } => Some(Substitute::Accepted),
            Self::RateLimited => Some(Substitute::RateLimited),
            Self::ConnectionRefused { .. }
            | Self::DropBeforeCommit
            | Self::CommitThenDropResponse
            | Self::ResetBeforeCommit
            | Self::CommitThenReset
            | Self::Delayed { .. }
            | Self::AnswerAfterClientTimeout { .. }
            | Self::Cut { .. }
            | Self::Slow { .. }
            | Self::UnsignedReply
            | Self::WrongSignature
            | Self::SigntestProbe
            | Self::UnknownSerial
            | Self::StaleTimestamp
            | Self::MissingHeader
            | Self::TamperedBody
            | Self::TokenReplaced
            | Self::TokenExpired
            | Self::QuotaUsedUp
            | Self::Early
            | Self::SecondPayment
            | Self::PaidDuringClose
            | Self::CertificateRotated
            | Self::MigrationStep { .. }
            | Self::NotificationLost
            | Self::NotificationDelayed { .. }
            | Self::NotificationDuplicated
            | Self::NotificationReordered
            | Self::NotificationForged
            | Self::NotificationUnknownSerial
            | Self::NotificationProbe
            | Self::NotificationStale => None,
        }
    }

    /// Returns whether the request is executed although its reply is replaced.
    pub(crate) const fn commits(self) -> bool {
        matches!(
            self,
            Self::ServerError { commits: true }
                | Self::BadGateway { commits: true }
                | Self::Unavailable { commits: true }
                | Self::Garbage { commits: true }
                | Self::SystemError { commits: true }
                | Self::Accepted { commits: true }
        )
    }

    /// Returns whether the fault applies to an operation, in at least one API version.
    pub fn applies_to(self, operation: Operation) -> bool {
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
            | Self::SystemError { .. } => operation.is_api_call(),
            Self::Accepted { .. }
            | Self::RateLimited
            | Self::UnsignedReply
            | Self::WrongSignature
            | Self::SigntestProbe
            | Self::UnknownSerial
            | Self::StaleTimestamp
            | Self::MissingHeader
            | Self::TamperedBody => matches!(operation, Operation::V3(_)),
            // A token request does not send a token.
            Self::TokenReplaced | Self::TokenExpired => {
                operation.is_of_v1() && !matches!(operation, Operation::Token)
            }
            Self::QuotaUsedUp => matches!(operation, Operation::Token),
            Self::Early => operation.places_order() || matches!(operation, Operation::Pay),
            Self::SecondPayment => matches!(operation, Operation::Pay),
            Self::PaidDuringClose => operation.closes_order(),
            Self::CertificateRotated | Self::MigrationStep { .. } => {
                matches!(operation, Operation::V3(_) | Operation::Pay)
            }
            Self::NotificationLost
            | Self::NotificationDelayed { .. }
            | Self::NotificationDuplicated
            | Self::NotificationReordered
            | Self::NotificationForged
            | Self::NotificationUnknownSerial
            | Self::NotificationProbe
            | Self::NotificationStale => matches!(operation, Operation::Notification),
        }
    }

    /// Returns whether the fault applies to APIv3 only, because APIv1 has no platform keys.
    pub(crate) const fn is_v3_only(self) -> bool {
        matches!(
            self,
            Self::NotificationUnknownSerial
                | Self::NotificationProbe
                | Self::NotificationStale
                | Self::CertificateRotated
                | Self::MigrationStep { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_applies_only_to_its_operations() {
        assert!(Fault::QuotaUsedUp.applies_to(Operation::Token));
        assert!(!Fault::TokenReplaced.applies_to(Operation::Token));
        assert!(Fault::Early.applies_to(Operation::Pay));
        let jsapi = Operation::V3("v3.pay.jsapi");
        assert!(Fault::Early.applies_to(jsapi) && Fault::UnknownSerial.applies_to(jsapi));
        assert!(
            !Fault::UnknownSerial.applies_to(Operation::Genprepay) && !Fault::TokenExpired.applies_to(jsapi)
        );
        assert!(!Fault::PaidDuringClose.applies_to(jsapi));
    }

    #[test]
    fn the_kind_is_the_serialized_name() {
        for fault in
            [Fault::Early, Fault::MigrationStep { step: MigrationStep::RollBack }, Fault::Cut { bytes: 1 }]
        {
            assert_eq!(serde_json::to_value(fault).unwrap()["kind"], fault.kind());
        }
        for step in MigrationStep::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.as_str());
            assert_eq!(MigrationStep::from_name(step.as_str()), Some(step));
        }
    }
}
