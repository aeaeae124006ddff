//! What the core defends against, by boundary. The whole threat model is in the repository's `SECURITY.md`.
//!
//! **Replies.** The first generation does not sign them. TLS vouches for the gateway, and nothing else does; whoever
//! drives the flows must check certificates. Size, nesting and time are limited by [`Hop`](crate::exchange::Hop) and by
//! the readers in [`wire`](crate::wire).
//!
//! **Notices.** Anybody can send one. [`Merchant::hear`](crate::v1::Merchant::hear) checks both signatures before it
//! reads a field, compares in constant time, refuses names that come twice, and takes no document type, no entities
//! and no nesting. The two halves of a notice are not bound to each other, so money is told by the query alone.
//! There is no time window in this generation: a notice may be replayed, and tells nothing new.
//!
//! **Hashes.** MD5 and SHA-1 over a text with a secret in it are what this generation has. Known collisions do not
//! forge such a signature, as the attacker does not know the secret; but no new system should be built on them.
//!
//! **Keys.** The three secrets are three types. They are not printed, not compared by `==`, not cloned, and wiped
//! when dropped. `appsecret` travels in the URL of the token request and the access token in the URL of every call:
//! keep URLs out of logs. [`Request`](crate::http::Request), [`Hop`](crate::exchange::Hop) and every state of a flow
//! print neither URL nor body.
//!
//! **What was written by others.** Codes and messages of WeChat Pay lose their control characters, so that they forge
//! no line of a log. Errors of parsing tell the place, never the text.
//!
//! # The third generation
//!
//! **Replies.** Each is verified before a field is read: all headers there once, the scheme known, its time within 300
//! seconds of ours, the key chosen by `Wechatpay-Serial` alone. The few that WeChat Pay does not sign are in a closed
//! table, and say so by [`How::TlsOnly`](crate::v3::How::TlsOnly). A refusal that does not verify is shown, and settles
//! nothing.
//!
//! **Notices.** Verified in the same way, then opened with the APIv3 key, then held to be of the merchant that heard
//! them. Within the window of 300 seconds a notice may be replayed: go by the business number, and let
//! [`Seen`](crate::memory::Seen) spare you the work.
//!
//! **Probes.** WeChat Pay sends wrong signatures on purpose, beginning with `WECHATPAY/SIGNTEST/`. They fail as any
//! other does; nothing knows of them.
//!
//! **Keys of the platform.** A certificate is believed because it came sealed with the APIv3 key *and* in a list that is
//! signed by one of the list's own keys, or by a public key that was configured; a list with one fault is refused whole.
//! An unknown serial number may be anybody's invention, so there is one fetch a minute at most.
//!
//! **Keys of the merchant.** The private key is used through [`PrivateKey`](crate::crypto::PrivateKey), and may live
//! elsewhere. The APIv3 key never travels. Neither is printed. An old APIv3 key opens what is under way, until it is
//! taken out of the configuration.
//!
//! **Sensitive fields.** A [`Sensitive`](crate::v3::Sensitive) value reaches a request only sealed, under a key that the
//! request names. It is not printed, and wiped when dropped; payers and payees are printed by their last two characters.
//!
//! **Downloads.** A file is fetched from the merchant's own gateway or one of WeChat Pay's alone, whatever the reply that
//! tells of it says, and is believed only whole, by the digest in that signed reply.
