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
