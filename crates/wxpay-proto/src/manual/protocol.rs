//! The rules of the wire, each with WeChat Pay's page. Where gateway and page differ, see [`quirks`](super::quirks).
//!
//! # Requests
//!
//! Sources: [general rules](https://pay.weixin.qq.com/doc/v3/merchant/4012081606),
//! [signatures](https://pay.weixin.qq.com/doc/v3/merchant/4012365342).
//!
//! * HTTPS to `api.mch.weixin.qq.com`, or to the second host `api2.mch.weixin.qq.com`. The host is not signed, so a
//!   retry elsewhere has the same signature.
//! * Bodies are JSON in UTF-8, without characters of four bytes, such as emoji. A field without a value is omitted,
//!   never `null`. An unknown field is refused. A reply may have new fields and new values.
//! * Times are RFC 3339 with an offset; amounts are whole fen.
//! * `Accept` and `User-Agent` are required.
//! * There is no idempotency key: the merchant's number identifies the operation. The same number with other values is
//!   an error.
//!
//! # Request signature
//!
//! Source: [signatures](https://pay.weixin.qq.com/doc/v3/merchant/4012365342). Code: [`message`](crate::v3::message),
//! [`Authorization`](crate::v3::Authorization).
//!
//! * Five lines are signed, each with a line feed: method; path and query exactly as sent; time in seconds; nonce; body
//!   exactly as sent. Without a body the last line is empty. For an upload it is the part `meta`.
//! * The signature is RSASSA-PKCS1-v1_5 with SHA-256, by the private key of the merchant's certificate, in Base64.
//! * The header has `mchid`, `nonce_str`, `signature`, `timestamp` and `serial_no`, in any order. A service provider
//!   signs as itself, not as the sub-merchant.
//! * The gateway refuses a time that is more than five minutes off.
//!
//! # Reply and notification signature
//!
//! Sources: verification [with the WeChat Pay public key](https://pay.weixin.qq.com/doc/v3/merchant/4013053249) and
//! [with platform certificates](https://pay.weixin.qq.com/doc/v3/merchant/4013053420).
//! Code: [`verify`](crate::v3::verify).
//!
//! * Three lines are signed: `Wechatpay-Timestamp`, `Wechatpay-Nonce`, and the body as received. The body of a 204 is
//!   empty.
//! * `Wechatpay-Serial` names the key: the serial number of a platform certificate, or `PUB_KEY_ID_…`.
//! * The time may be off by five minutes.
//! * Some signatures are wrong on purpose and begin with `WECHATPAY/SIGNTEST/`. They must fail. The notification is sent
//!   again with a valid one.
//! * Downloads are not signed.
//!
//! # Platform keys
//!
//! Sources: [list of certificates](https://pay.weixin.qq.com/doc/v3/merchant/4012551764),
//! [migration to the public key](https://pay.weixin.qq.com/doc/v3/merchant/4012154180).
//! Code: [`Certificates`](crate::v3::Certificates).
//!
//! * Certificates are listed by `GET /v3/certificates`, encrypted with the APIv3 key. A new one is listed at least a day
//!   before it is used; two may be in use at a time. Fetch the list every twelve hours.
//! * The public key has neither a list nor an end. New merchants have it only.
//! * During the migration, a reply is signed by the key that the request names in `Wechatpay-Serial`, and
//!   notifications move from one key to the other within a week.
//!
//! # Encryption
//!
//! Sources: [decryption of notifications](https://pay.weixin.qq.com/doc/v3/merchant/4012071382), sensitive fields
//! [with the public key](https://pay.weixin.qq.com/doc/v3/merchant/4013053257) and
//! [with a certificate](https://pay.weixin.qq.com/doc/v3/merchant/4013053264).
//! Code: [`ApiV3Key`](crate::v3::ApiV3Key), [`Sensitive`](crate::v3::Sensitive).
//!
//! * AES-256-GCM with the 32 characters of the [APIv3 key](https://pay.weixin.qq.com/doc/v3/merchant/4013053267), the
//!   twelve characters of `nonce` and the bytes of `associated_data`, which may be empty. The tag follows the ciphertext.
//! * Sensitive fields are sealed one by one with RSA-OAEP (SHA-1, no label), in Base64. The request names the key in
//!   `Wechatpay-Serial`. Those in replies are sealed for the merchant's certificate.
//!
//! # Notifications
//!
//! Sources: [payment](https://pay.weixin.qq.com/doc/v3/merchant/4012791861),
//! [notifications and queries](https://pay.weixin.qq.com/doc/v3/merchant/4012075249). Code: [`Ack`](crate::v3::Ack).
//!
//! * 200 or 204 within five seconds accepts a notification, whatever the body. Anything else has it sent again: after 15
//!   and 15 seconds; 30 seconds; 3, 10, 20, 30, 30, 30 and 60 minutes; 3, 3, 3, 6 and 6 hours.
//! * It may come twice, late, in another order, or never: query an order that stays open.
//! * `notify_url` has no query.
//!
//! # Bills
//!
//! Source: [download](https://pay.weixin.qq.com/doc/v3/merchant/4012085923). Code: [`bill`](crate::v3::bill).
//!
//! * The request for a bill returns a URL and a SHA-1 digest. The download is a signed request for this URL.
//! * The digest is that of the uncompressed file.
//! * A bill exists from 10:00 (China time) of the next day, for three months.
//!
//! # APIv1
//!
//! The documents of 2014 are no longer online; WeChat Pay sent them to merchants. That of the
//! [access token](https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Get_access_token.html) is, with
//! later rules.
//!
//! * Access token: `GET /cgi-bin/token` with `grant_type=client_credential`, `appid` and `secret`. It lasts `expires_in`
//!   seconds (7200) and belongs to the app: all servers share it. A success has no `errcode`, a failure no
//!   `access_token`; both have status 200. An app may fetch 200 a day.
//! * Placing an order: `POST /pay/genprepay` with `appid`, `traceid`, `noncestr`, `package`, `timestamp`,
//!   `app_signature` and `sign_method` (`sha1`). The `package` has the fields of the order and their MD5 signature. The
//!   reply has the `prepayid`.
//! * Parameters for the app: `appid`, `noncestr`, `package` (`Sign=WXPay`), `partnerid`, `prepayid` and `timestamp`,
//!   signed by SHA-1.
//! * Notification: a POST whose query has the order, signed by MD5, and whose XML body has the payer, signed by SHA-1.
//!   The response is `success`. Otherwise it is sent again, up to ten times within half an hour.
//! * Query: `POST /pay/orderquery` with a `package` of `out_trade_no`, `partner` and `sign`, signed like an order.
//! * Report of a delivery: `POST /pay/delivernotify`, signed by SHA-1.
//!
//! [`v1::signature`](crate::v1::signature) states both signatures.
