//! The defences of the core, by boundary. The whole threat model is in the repository's `SECURITY.md`.
//!
//! **Replies.** Each reply is verified before a field is parsed. All signature headers must be present once, the scheme
//! known, and the time within 300 seconds of the local clock. The key is chosen by `Wechatpay-Serial` alone. The few
//! replies that WeChat Pay does not sign are in a closed table, marked by
//! [`VerifiedBy::TlsOnly`](crate::v3::VerifiedBy::TlsOnly). A refusal without a valid signature is shown, and does not
//! change the fate, with one exception below. The signature covers neither the HTTP status nor the request, so the fate
//! follows from the verified body alone. Size, nesting and time are limited by [`Transmit`](crate::exchange::Transmit) and by the parsers in
//! [`wire`](crate::wire).
//!
//! **Refusals by the check of fields.** The gateway does not sign them, so whoever can answer in its place can forge one.
//! It is final only where the worst that follows is harmless: an order is placed or closed again. For refunds,
//! transfers, profit sharing and code payments, the outcome stays unknown until a signed query.
//!
//! **Replay of a reply.** Within 300 seconds a signed body can be sent in place of another one. An operation that returns
//! something checks the numbers in its reply, and takes no empty body. One that returns nothing takes nothing else.
//!
//! **Notifications.** Anybody can send one. Each is verified in the same way, then decrypted with the APIv3 key, then
//! required to belong to the merchant that received it. Within the window of 300 seconds a notification may be
//! replayed. Act by the business number, and use [`Deduplicator`](crate::memory::Deduplicator) to skip duplicates.
//!
//! **Probes.** WeChat Pay sends wrong signatures on purpose, beginning with `WECHATPAY/SIGNTEST/`. They fail like any
//! other invalid signature; no code recognises them.
//!
//! **Platform keys.** A certificate is trusted if it was sealed with the APIv3 key *and* is in a list signed by one of
//! the list's own keys, or by a key that was trusted before. A list with one invalid entry is rejected as a whole, and so
//! is one that has a serial number twice. A serial number keeps its first key until the certificate expires: the key that
//! verified is the key that is used. A certificate is used from five minutes before its validity, because clocks differ,
//! until its end. A configured key or certificate stops all fetching, unless
//! [both](crate::v3::Builder::platform_certificates) are enabled. Anybody can invent an unknown serial number, so there
//! is at most one fetch a minute; what it found is the cause of every error until the next one, as a
//! [`KeyError`](crate::v3::KeyError).
//!
//! **Merchant keys.** The private key is used through [`PrivateKey`](crate::crypto::PrivateKey), and may live in a KMS
//! or HSM. The APIv3 key is never sent. Neither is printed. A previous APIv3 key opens data that is still in transit,
//! until it is removed from the configuration.
//!
//! **Sensitive fields.** A [`Sensitive`](crate::v3::Sensitive) value enters a request only sealed, under a key that the
//! request names. It is not printed, and wiped when dropped. Payers and payees are printed by their last two
//! characters.
//!
//! **Downloads.** A file is downloaded only from the merchant's own gateway or a host of WeChat Pay, whatever URL the
//! reply contains. It is trusted only as a whole, by the digest in the signed reply.
//!
//! **Untrusted texts.** Codes and messages of WeChat Pay lose their control characters, so that they cannot forge a log
//! line. Errors of the parsers give the position, never the text.
//!
//! # Legacy: APIv1
//!
//! APIv1 is the 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2.
//!
//! **Replies.** APIv1 does not sign them. Only TLS authenticates the gateway, so the driver must verify its
//! certificate.
//!
//! **Notifications.** [`Merchant::verify_notification`](crate::v1::Merchant::verify_notification) verifies both
//! signatures before it uses a field, compares in constant time, rejects duplicate names, and accepts no document type,
//! no entities and no nesting. The two halves of a notification are not bound to each other, so only the signed query
//! of the URL is evidence of the payment, never the body. There is no time window: a notification may be replayed, but
//! a replay proves nothing new.
//!
//! **One signed string, one reading.** The signatures of APIv1 do not escape the `&` between fields. So no value of an
//! order, of a delivery report or of a notification may have one, and a notification has only documented names: see
//! [`signature`](crate::v1::signature#one-signed-string-one-reading). The boundaries of a genuine notification cannot be
//! moved, neither by the payer who chose a text of the order nor by anybody who sends it again. A notification is
//! identified by [a digest of what it says](crate::v1::Notification::dedup_key), not by its signature. Should two verified
//! notifications name one transaction under two order numbers all the same, the second one
//! [pays nothing](crate::payment::TransactionOwners).
//!
//! **Hashes.** APIv1 has only MD5 and SHA-1 over a text that contains a secret. Known collisions do not forge such a
//! signature, because the attacker does not know the secret; but do not build a new system on them.
//!
//! **Keys.** The three secrets are three types. They are not printed, not compared by `==`, not cloned, and wiped when
//! dropped. `appsecret` is in the URL of the token request and the access token in the URL of every call: keep URLs out
//! of logs. [`Request`](crate::http::Request), [`Transmit`](crate::exchange::Transmit) and every state of a flow print
//! neither URL nor body.
