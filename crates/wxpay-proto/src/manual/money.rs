//! The guarantees about money.
//!
//! * Amounts are whole fen. There are no floats, and nothing is rounded.
//! * Every [`Error`](crate::Error) of a write states the [`Fate`](crate::Fate) of the request: not sent, refused, or
//!   unknown. A read has none. The fate covers all attempts: one attempt whose reply was lost leaves the whole call in doubt, even if the next one is
//!   refused.
//! * An operation of unknown fate is a value: [`Error::unresolved`](crate::Error::unresolved).
//!   [Resolve](crate::v3::Merchant::resolve) it: the flow queries until the outcome is known.
//! * A call is retried only under the same number (`out_trade_no`, `out_refund_no` and so on), and the same number
//!   means the same operation.
//! * Notifications and queries yield [`Evidence`](crate::payment::Evidence); only verified messages create it. Evidence
//!   merges: in any order, any number of times, the same evidence gives the same
//!   [`PaymentState`](crate::payment::PaymentState). A paid order stays paid.
//! * Act on the [`Transition`](crate::payment::Transition)s between two states: each occurs once. Write the state and
//!   the resulting actions in one transaction of your database.
//! * One transaction pays one order. The first order that claims a `transaction_id` owns it, in
//!   [`TransactionOwners`](crate::payment::TransactionOwners) or in your database: insert the pair of `transaction_id` and
//!   `out_trade_no` under a unique key, commit, then merge with the number that is stored. The claims must outlive the
//!   process, because the first one decides.
//! * Only the exact amount pays an order: neither less nor more.
//! * Contradictory evidence is an [`Anomaly`](crate::payment::Anomaly): a second payment, another amount, two versions
//!   of one payment, a transaction of another order. An anomaly needs manual review, and never pays an order.
//! * A refund is money back only with its status `SUCCESS`, and each refund is reported once.
//! * The result that the payer's client reports (such as `errCode` 0) proves nothing. Query the order.
//! * Acknowledge a notification with [`Success`](crate::v3::Ack::Success) after your transaction has been committed,
//!   not before: the acknowledgement stops further deliveries. Delivery is not guaranteed, so query orders that stay
//!   open.
//!
//! # The fate of a call
//!
//! Replies are signed, so a refusal counts only if its signature is valid.
//!
//! | earlier attempt in doubt? | last event | retried | fate |
//! |---|---|---|---|
//! | no | no connection | yes, at the other host | `NotSent` |
//! | no | the key to seal a field with, or the merchant's private key, was not available | no | `NotSent` |
//! | no | a verified refusal, 4xx except 429 and `USERPAYING` | no | `Refused` |
//! | no | 202, 429 | yes, at the same host | `Unknown` |
//! | no | 5xx; the reply was lost | yes, at the other host | `Unknown` |
//! | no | a refusal without a valid signature | no | `Unknown` |
//! | no | a success without a valid signature, or malformed | yes, at the same host | `Unknown` |
//! | no | a success whose result could not be used: the payment parameters could not be signed | no | `Unknown` |
//! | yes | anything but a verified success | as above | `Unknown` |
//!
//! Each attempt sends the same bytes under the same number, with a new signature. An operation [without
//! idempotency](crate::v3::Idempotency::None) is retried only if it certainly was not sent.
//!
//! # Pending operations
//!
//! A [`PendingOperation`](crate::error::PendingOperation) identifies an operation of unknown fate by the merchant's
//! number: an order, a refund, a transfer, and so on. Store it, and [resolve](crate::v3::Merchant::resolve_pending) it
//! after a crash. **Never repeat a transfer whose reply was lost under another number**: it could be paid twice.
//! [Resolving](crate::v3::Merchant::resolve) returns the existing operation, or
//! [`NotFound`](crate::v3::Resolved::NotFound) if signed replies still report "not found" after twenty seconds.
//!
//! # Legacy: APIv1
//!
//! APIv1 is the 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2. Its replies are not
//! signed, so the fate follows other rules:
//!
//! | earlier attempt in doubt? | last event | fate |
//! |---|---|---|
//! | no | no connection; or no token was available | `NotSent` |
//! | no | a reply that refuses | `Refused` |
//! | no | the reply was lost, is malformed, is not HTTP 200, or means *busy* | `Unknown` |
//! | yes | anything but a success | `Unknown` |
//!
//! A refusal is final: it costs neither a new token nor a second request. Only the three codes of a rejected token cause
//! one fetch and one more request.
//!
//! [`resolve`](crate::v1::Merchant::resolve) resolves an order, and [`Ack::Success`](crate::v1::Ack::Success)
//! acknowledges a notification.
