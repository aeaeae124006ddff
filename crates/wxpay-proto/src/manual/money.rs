//! The guarantees about money.
//!
//! * Amounts are whole fen. There are no floats, and nothing is rounded.
//! * Every [`Error`](crate::Error) of a write states the [`Fate`](crate::Fate) of the request: not sent, refused, or
//!   unknown. A read has none. The fate covers all attempts: one attempt whose reply was lost leaves the whole call in
//!   doubt, even if the next one is refused.
//! * An operation of unknown fate is a value: [`Error::take_unresolved`](crate::Error::take_unresolved).
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
//! Replies are signed, so a refusal counts only if its signature is valid. The signature covers the body and not the
//! HTTP status, so **the status decides nothing**: a success with a forged 400 stays a success, and a refusal with a
//! forged 200 stays a refusal. A verified JSON object with a textual `code` is a refusal, or means "again" or "later",
//! by its code. Every other verified body is a success.
//!
//! | earlier attempt in doubt? | last event | retried | fate |
//! |---|---|---|---|
//! | no | no connection | yes, at the other host | `NotSent` |
//! | no | the key to seal a field with, or the merchant's private key, was not available | no | `NotSent` |
//! | no | a verified refusal by a code that WeChat Pay documents as one | no | `Refused` |
//! | no | an unsigned refusal by the gateway's check of fields, of an order to place or to close | no | `Refused` |
//! | no | the same refusal of anything else | no | `Unknown` |
//! | no | a verified `SYSTEM_ERROR`, `BANK_ERROR` or a code of a rate limit | yes | `Unknown` |
//! | no | a verified code that is in neither table, such as `USERPAYING` | no | `Unknown` |
//! | no | the reply was lost | yes, at the other host | `Unknown` |
//! | no | a reply without a valid signature: 2xx, 429, 5xx | yes | `Unknown` |
//! | no | a reply without a valid signature: another status | no | `Unknown` |
//! | no | a verified empty body, where the operation returns something | yes | `Unknown` |
//! | no | a verified success that cannot be read or used | no | `Unknown` |
//! | yes | anything but a verified success | as above | `Unknown` |
//!
//! **After a verified success nothing is sent again.** If the reply cannot be read, the request was carried out all the
//! same: the error says so, and its pending operation returns the rest by a query.
//!
//! **A code that no document lists proves nothing.** A new code may mean "in progress". Taken for a refusal, it would
//! let a merchant refund again under a new number; as a doubt, it costs a query.
//!
//! Each attempt sends the same bytes under the same number, with a new signature. An operation [without
//! idempotency](crate::v3::Idempotency::None) is retried only if it certainly was not sent.
//!
//! # Pending operations
//!
//! A [`PendingOperation`](crate::pending::PendingOperation) is the key of an operation: its label and its numbers, as in
//! `v3.refund?out_refund_no=R1`. Store it [before the call](crate::v3::Endpoint::pending_operation), and
//! [resolve](crate::v3::Merchant::resolve_pending) it after a crash. **Never repeat a transfer whose reply was lost under
//! another number**: it could be paid twice.
//!
//! An operation is [resolved](crate::v3::Merchant::resolve) by its query: a refund by
//! [`QueryRefund`](crate::v3::refund::QueryRefund). The result is the existing operation, or
//! [`NotFound`](crate::v3::Lookup::NotFound) if signed replies still report "not found" after twenty seconds: until then
//! the request may be on its way. If every attempt was answered, by the gateway's check of fields, none is, and the first
//! signed "not found" is final. The query of another operation resolves nothing: its "not found" would mean nothing.
//!
//! Unsigned "not found" replies for twenty seconds count for an order that was placed or closed: place or close it
//! again under the same number, which takes effect once. Where money moves at once or moves out, they end the flow with
//! an error of fate `Unknown`.
//!
//! The [unresolved operation](crate::pending::Unresolved) of an error knows whether every attempt was answered, and
//! whether money moves. A stored key does not, so the worst is assumed.
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
