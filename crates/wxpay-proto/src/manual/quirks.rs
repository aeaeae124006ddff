//! Deviations of the gateway from its documents, and gaps in the documents.
//!
//! Sources: D, documents; S, source code of official clients; C, reports by others; I, inferred.
//!
//! | fact | source | handling |
//! |---|---|---|
//! | The status of a transfer in progress is spelled `TRANSFERING` | D | The same spelling is used |
//! | Codes have two spellings: `SYSTEMERROR`, `SYSTEM_ERROR` | D | They compare without `_` |
//! | WeChat Pay occasionally sends a deliberately wrong signature | D | It fails like any other invalid signature |
//! | The signature covers timestamp, nonce and body, neither the HTTP status nor the request | C | The verified body decides the fate; the status chooses the host of the next attempt and the words of an error |
//! | Business refusals (403 `NOT_ENOUGH`) and 204 are signed; refusals by the gateway's own check of fields (400 `PARAM_ERROR`, `Request-ID` ending in `-268435461`) carry no `Wechatpay-*` header | C | An unsigned refusal of fields is final only for placing and closing an order; elsewhere the fate is unknown |
//! | `detail` of such a refusal is `{location, value}`. `value` is the raw value, a length in bytes, or, for undocumented members, a list of JSON pointers with a null `location`. `message` states rule and pointer: `/body/…`, `/query/…` | C | All three forms of `value` are parsed; the message is shown |
//! | The gateway's check counts lengths in bytes (a number of one byte is "字节数 1，小于最小值 6"); whether `description` is counted so is open | C | Characters are counted, as documented; a longer text is refused with `PARAM_ERROR` |
//! | `amount.total` is a 64-bit integer | C | Replies are read into 64 bits; orders keep the documented limit of 2147483647 fen |
//! | `notify_url` must match `^https?://([^\s/?#\[\]\@]+\@)?([^\s/?#\@:]+)(?::\d{2,5})?([^\s?#\[\]]*)$`: no query, no IPv6 address, a port of two to five digits | C | [`NotifyUrl`](crate::id::NotifyUrl) refuses what the gateway would refuse, and a user name |
//! | Replies are compressed if the client offers it; the signature covers the decoded body | C, I | No encoding is offered |
//! | Idle connections are closed after eight seconds | C | `wxpay-hyper` keeps them for seven |
//! | The limit of the time window is ambiguous: 300 seconds, 301, or five whole minutes | S | 300 seconds are accepted, 301 are not |
//! | The list of certificates is signed by a key that it contains itself | D | It is opened, then verified with its own certificates, then trusted |
//! | `/v3/certificates` returns 404 to merchants that verify by a WeChat Pay public key, with either of two texts (证书不存在; 无可用的平台证书…) | D, C | The code decides: it counts as an empty list, and a missing key names the remedy |
//! | `/v3/certificates` returned 403 after the certificates of a merchant were voided, and 500 on the first days of a merchant | C | The error of the call states it as the cause of the missing key |
//! | `PUB_KEY_ID_…` is named before the merchant began the migration: the reply is still signed by the certificate | C | During the migration, trust [both](crate::v3::Builder::platform_certificates) |
//! | During the week of the migration, notifications are signed by either kind of key | D | Both are trusted, each under its name |
//! | The issue of a wrong signature is one level deeper in `detail` than documented | C | Both places are parsed |
//! | `OPENID_MISMATCH`, `INVALID_TRANSACTIONID` and `BANK_ERROR` have status 500 | D | The fate is unknown, and resolved by a query; after `BANK_ERROR` the request is retried first |
//! | Closing an order that does not exist may return 204 | C | It proves nothing |
//! | While the payer enters a password, a code payment returns 202 with the transaction (`USERPAYING`) as its body, or the error object `USERPAYING` | C | Both mean that the payer is paying |
//! | `time_expire` is accepted in UTC and with milliseconds | C | It is sent as documented, in GMT+8 with whole seconds |
//! | `attach` is returned only once the order is paid; an unpaid order has neither payer nor `currency` | C | They are optional |
//! | Replies about refunds have undocumented members (`refund_fee`, `settlement_*`) and an empty `from` | C | Unknown members are ignored |
//! | Empty texts stand for absent ones: `attach`, `device_id`, `fail_reason`, `channel`, `sub_openid` | C | An empty optional id is absent |
//! | `wx.chooseWXPay` expects the key `timestamp`, although `timeStamp` is signed | C | Rename the key in the page: the signature stays valid |
//! | Refunds made by hand in the merchant platform, and orders placed by APIv2, are notified in the XML of APIv2, without `Wechatpay-*` | C | Such a notification is rejected, so that it is sent again; query the refund |
//! | `TRANSACTION.SUCCESS` is sent for other products, too | C | Its `original_type` and fields decide |
//! | The status of a refund is `status` in replies, `refund_status` in notifications | D | Each is parsed under its own name |
//! | The merchant is `mch_id` in some replies about transfers, `mchid` in others | C | Both are parsed |
//! | `SECURITY_ECHO.SUCCESS` spells the sealed field `encrypt_echo_message`, the reply `encrypted_echo_message` | C | Both are parsed |
//! | `Wechatpay-Serial` is required for transfers even if nothing is sealed | D | It is always sent |
//! | The query of a transfer does not return its `package_info` | D, I | Sending the same request again returns it |
//! | A transfer can be queried for thirty days (I), an unconfirmed authorization for thirty days after it expired (D) | D, I | Query in time: later, "not found" proves nothing |
//! | The digest of a compressed bill is that of the uncompressed file | D | It is computed after decompression |
//! | The URL of a bill is valid for 30 seconds, or for five minutes | D | The bill is downloaded at once |
//! | Bills are sent as `application/x-gzip`; the `&tartype=gzip` in their URL is part of what is signed | C | The URL is signed as received; the media type is ignored |
//! | Sub-merchant fund bills: the documented sample has a nonce of 16 characters, and whether gzip lies inside or outside the ciphertext is open | D, C | Any length of nonce and both orders are accepted |
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
