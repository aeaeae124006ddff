//! How the gateway departs from its documents, and what the documents leave open.
//!
//! | what | what we do |
//! |---|---|
//! | Everything is answered with HTTP 200 | Success is told by what is in the body |
//! | `errmsg` of success is `Success` here and `ok` there | It is never compared |
//! | A bad signature of `genprepay` is 268500741 (seen in December 2014), of the others 49004 | Both have a name in [`Code`](crate::refusal::Code) |
//! | An expired token is called 40001, 40014 or 42001 | Each refreshes it, once |
//! | A new token kills the old one at once (2014), or five minutes later (2016) | One fetch at a time; late news of an old token spoils nothing |
//! | The quota of tokens is 200 or 2000 a day | 45009 is final until midnight in China |
//! | `order_info` is texts but for `ret_code` | Texts and whole numbers are taken for either |
//! | The answer for an unknown order is not documented | `ret_code` 88221009, as Tenpay has it, is "no such order" |
//! | `trade_state` values but 0 are not documented | They are "not paid so far" |
//! | The `TimeStamp` of the sample has a blank before it | Elements of a notice are trimmed before they are hashed |
//! | `bank_type` is `WX` in the document of the notice, but a bank's code in real ones | It is not checked |
//! | Some merchants get a `notify_id` and nothing else | Such a notice is rejected; ask after the order |
//! | Whether an absent `traceid` is signed as empty | It is always sent |
//! | Whether `+` in a query is a space | It is a plus; a signature over a space does not verify then, and the order is asked after |
//! | How long a `prepayid` can be paid | Not documented; two hours in later generations |
//! | The printed second signature `7ffecb60…` of the documents | It is not the signature of anything printed with it |
