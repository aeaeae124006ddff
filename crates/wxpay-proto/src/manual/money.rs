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
