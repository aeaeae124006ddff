//! Deviations of the gateway from its documents, and gaps in the documents.
//!
//! Sources: D, documents; S, source code of official clients; C, reports by others; I, inferred.
//!
//! | fact | source | handling |
//! |---|---|---|
//! | The status of a transfer in progress is spelled `TRANSFERING` | D | The same spelling is used |
//! | Codes have two spellings: `SYSTEMERROR`, `SYSTEM_ERROR` | D | They compare without `_` |
//! | WeChat Pay occasionally sends a deliberately wrong signature | D | It fails like any other invalid signature |
//! | Official clients verify only successes; whether refusals are signed is not documented | S, I | A refusal without a valid signature leaves the fate unknown |
//! | The limit of the time window is ambiguous: 300 seconds, 301, or five whole minutes | S | 300 seconds are accepted, 301 are not |
//! | The list of certificates is signed by a key that it contains itself | D | It is opened, then verified with its own certificates, then trusted |
//! | `/v3/certificates` returns 404 to merchants that verify by a WeChat Pay public key | D | It counts as an empty list |
//! | During the week of the migration, notifications are signed by either kind of key | D | Both are trusted, each under its name |
//! | The issue of a wrong signature is one level deeper in `detail` than documented | C | Both places are parsed |
//! | `OPENID_MISMATCH` and `BANK_ERROR` have status 500 | D | The request is retried, then in doubt, and resolved by a query |
//! | Closing an order that does not exist may return 204 | C | It proves nothing |
//! | `TRANSACTION.SUCCESS` is sent for other products, too | C | Its `original_type` and fields decide |
//! | The status of a refund is `status` in replies, `refund_status` in notifications | D | Each is parsed under its own name |
//! | The merchant is `mch_id` in some replies about transfers, `mchid` in others | C | Both are parsed |
//! | `SECURITY_ECHO.SUCCESS` spells the sealed field `encrypt_echo_message`, the reply `encrypted_echo_message` | C | Both are parsed |
//! | `Wechatpay-Serial` is required for transfers even if nothing is sealed | D | It is always sent |
//! | The query of a transfer does not return its `package_info` | D, I | Sending the same request again returns it |
//! | A transfer can be queried for thirty days (I), an unconfirmed authorization for thirty days after it expired (D) | D, I | Query in time: later, "not found" proves nothing |
//! | The digest of a compressed bill is that of the uncompressed file | D | It is computed after decompression |
//! | The URL of a bill is valid for 30 seconds, or for five minutes | D | The bill is downloaded at once |
//! | A day without transactions: 400 `NO_STATEMENT_EXIST` | D | It is not an error |
//! | Some serial numbers of certificates begin with a zero | S | Zeros are kept |
//!
//! # Legacy: APIv1
//!
//! APIv1 is the 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2.
//!
//! | fact | handling |
//! |---|---|
//! | Every reply has HTTP status 200 | The body decides whether it is a success |
//! | `errmsg` of a success is `Success` in some replies and `ok` in others | It is never compared |
//! | A wrong signature is 268500741 in `genprepay` (observed in December 2014), 49004 in the others | Both have a name in [`Code`](crate::refusal::Code) |
//! | An expired token is reported as 40001, 40014 or 42001 | Each refreshes it, once |
//! | A new token invalidates the old one at once (2014), or after five minutes (2016) | One fetch at a time; a late error about an old token does not invalidate the new one |
//! | The quota of tokens is 200 or 2000 a day | 45009 is final until midnight in China |
//! | `order_info` has only texts except `ret_code` | Texts and whole numbers are accepted for either |
//! | The reply for an unknown order is not documented | `ret_code` 88221009, as in Tenpay, means "not found" |
//! | `trade_state` values other than 0 are not documented | They mean "not paid so far" |
//! | The `TimeStamp` of the sample has a blank before it | The elements of a notification are trimmed before they are hashed |
//! | `bank_type` is `WX` in the document of the notification, but a bank's code in real ones | It is not validated |
//! | Some merchants receive a `notify_id` and nothing else | Such a notification is rejected; query the order |
//! | Whether an absent `traceid` is signed as empty is not documented | It is always sent |
//! | Whether `+` in a query is a space is not documented | It is a plus sign; a signature over a space is then invalid, and the order is queried |
//! | The period in which a `prepayid` can be paid is not documented | It is two hours in APIv3 |
//! | The second signature printed in the documents, `7ffecb60…` | It does not match anything printed with it |
