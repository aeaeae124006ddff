//! The proof in a verified error object: the table of APIv3's codes.

use super::Code;
use crate::prelude::*;

/// The proof in a verified APIv3 error object about its request. The HTTP status is not signed, so the code alone
/// decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The request was not carried out, and will not be.
    Refused,
    /// The request may have been carried out, and the same request may be sent again.
    Later,
    /// The request may have been carried out.
    Nothing,
}

impl Code {
    /// Returns what a verified APIv3 error object with this code proves.
    pub(crate) fn proof(&self) -> Proof {
        let is_listed = |codes: &[&'static str]| codes.iter().any(|code| *self == Self(Cow::Borrowed(code)));
        if is_listed(&FINAL) {
            Proof::Refused
        } else if is_listed(&LATER) {
            Proof::Later
        } else {
            Proof::Nothing
        }
    }
}

/// The APIv3 codes that name a reason for which nothing was carried out.
///
/// A code that says that something exists already, or is in a certain state, is not listed: the reason may be an
/// earlier copy of the same request. What that means for a payment by code, see
/// [`CodePayment`](crate::v3::pay::CodePayment).
///
/// A code that is in neither table proves nothing. New codes appear without announcement, and one that means "in
/// progress" must not let a merchant refund or transfer again under a new number. The query that follows costs seconds.
const FINAL: [&str; 55] = [
    // The request.
    "PARAM_ERROR",
    "INVALID_REQUEST",
    "INVALID_PARAMETER",
    "SIGN_ERROR",
    "METHOD_NOT_ALLOWED",
    "REQUEST_BLOCKED",
    // The merchant and its permissions.
    "NO_AUTH",
    "NO_PERMISSION",
    "NO_RELATION",
    "APPID_MCHID_NOT_MATCH",
    "APPID_NOT_EXIST",
    "MCH_NOT_EXISTS",
    "MCH_NOT_EXIST",
    "CONTRACT_NOT_EXIST",
    "CONTRACT_NOT_CONFIRM",
    "RULE_LIMIT",
    "RISK",
    "ACCOUNT_ERROR",
    "ACCOUNT_NOT_VERIFIED",
    "NOT_ENOUGH",
    "QUOTA_EXCEED",
    // The payer, the payee and their means of payment.
    "USER_ACCOUNT_ABNORMAL",
    "USER_NOT_EXIST",
    "USER_NOT_REGISTERED",
    "OPENID_ERROR",
    "NAME_MISMATCH",
    "BUYER_MISMATCH",
    "NOT_SUPORT_CARD",
    "NOT_SUPPORT_CARD",
    "AUTH_CODE_ERROR",
    "AUTH_CODE_EXPIRE",
    "AUTH_CODE_EXPIRED",
    "AUTH_CODE_INVALID",
    "RECEIVER_HIGH_RISK",
    "RECEIVER_INVALID",
    "RECEIVER_REAL_NAME_NOT_VERIFIED",
    // The order, the refund, the bill.
    "TRADE_ERROR",
    "TRADE_STATE_ERROR",
    "TRADE_OVERDUE",
    "ORDER_CLOSED",
    "ORDER_EXPIRED",
    "ORDER_NOT_EXIST",
    "ORDER_NOT_READY",
    "ORDER_PAID",
    "ORDER_REVERSED",
    "OUT_TRADE_NO_USED",
    "REFUND_NOT_EXIST",
    "REFUND_FEE_MISMATCH",
    "REVERSE_EXPIRE",
    "RESOURCE_NOT_EXISTS",
    "NOT_FOUND",
    "NO_STATEMENT_EXIST",
    "STATEMENT_CREATING",
    "MEDIA_NOT_EXIST",
    "FILE_TYPE_ERROR",
];

/// The APIv3 codes after which WeChat Pay's documents say to send the same request again.
const LATER: [&str; 9] = [
    "SYSTEM_ERROR",
    "BANK_ERROR",
    "FREQUENCY_LIMITED",
    "FREQUENCY_LIMIT_EXCEED",
    "RATELIMIT_EXCEED",
    "RATELIMIT_EXCEEDED",
    "RATE_LIMITED",
    "SERVICE_UNAVAILABLE",
    "BIZ_ERR_NEED_RETRY",
];
