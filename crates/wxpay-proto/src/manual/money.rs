//! What may be relied on where money is concerned.
//!
//! * Amounts are whole fen. There is no float anywhere, and nothing is rounded.
//! * Every [`Error`](crate::Error) tells the [`Fate`](crate::Fate) of the request: not sent, refused, or unknown.
//!   It is joined over all tries: one try whose answer was lost leaves the whole call in doubt, even if the next was
//!   refused.
//! * An unknown fate of an order is a debt, as a value: [`Error::unsettled`](crate::Error::unsettled). What can be
//!   done with it is to [settle](crate::v1::Merchant::settle) it, which asks until the answer is certain.
//! * A call is repeated under the same `out_trade_no` alone, and the same number is the same order.
//! * What a notice or a query proves is [`Evidence`](crate::payment::Evidence); only verified messages make it.
//!   Evidence joins: in any order, any number of times, the same evidence gives the same
//!   [`Knowledge`](crate::payment::Knowledge). A paid order stays paid.
//! * What follows from new knowledge is derived from the transition, so each effect follows once. Write knowledge and
//!   effects in one transaction of your ledger.
//! * What must never happen is a [`Dispute`](crate::payment::Dispute): a second payment, another amount, two
//!   stories of one payment. It is for a person to see, and it never pays an order.
//! * What the app reports (`errCode` 0) proves nothing. Take it as a reason to ask.
//! * Answer a notice [`Success`](crate::v1::Ack::Success) after your transaction has been committed, not before: the
//!   answer stops the repeats. Notices are not guaranteed either way, so ask after orders that stay open.
//!
//! # The fate of a call
//!
//! | some earlier try in doubt? | what happened last | fate |
//! |---|---|---|
//! | no | no connection; or no token could be had | `NotSent` |
//! | no | an answer that refuses | `Refused` |
//! | no | the answer was lost, makes no sense, is not HTTP 200, or says *busy* | `Unknown` |
//! | yes | anything but a good answer | `Unknown` |
//!
//! # The fate of a call of the third generation
//!
//! Replies are signed there, so a refusal counts only if its signature verifies.
//!
//! | some earlier try in doubt? | what happened last | tried again | fate |
//! |---|---|---|---|
//! | no | no connection | yes, at the other host | `NotSent` |
//! | no | the key to seal a field with could not be had; the merchant's own key could not | no | `NotSent` |
//! | no | a verified refusal, 4xx but for 429 and `USERPAYING` | no | `Refused` |
//! | no | 202, 429 | yes, at the same host | `Unknown` |
//! | no | 5xx; the answer was lost | yes, at the other host | `Unknown` |
//! | no | a refusal that is not signed, or not rightly | no | `Unknown` |
//! | no | a success that is not signed rightly, or makes no sense | yes, at the same host | `Unknown` |
//! | no | a success that could not be made use of: the payer's parameters could not be signed | no | `Unknown` |
//! | yes | anything but a verified success | as above | `Unknown` |
//!
//! Each try sends the same bytes under the same number, signed anew. What [nothing
//! protects](crate::v3::Repeat::Never) is tried again only if it never left.
//!
//! # Debts of the third generation
//!
//! A [`Debt`](crate::error::Debt) names what is in doubt by the merchant's own number: an order, a refund, a transfer, and
//! so on. It can be stored, and [recovered](crate::v3::Merchant::recover) after a crash. **A transfer whose answer was
//! lost is never to be made again under another number**: it would be paid twice.
//! [Settling](crate::v3::Merchant::settle) comes to what exists, or to
//! [`NoSuchNumber`](crate::v3::Settled::NoSuchNumber): signed, and asked for twenty seconds.
