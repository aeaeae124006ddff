//! A guide to driving a flow with an HTTP client of your own.
//!
//! # The three steps
//!
//! [`Step::Send`](crate::exchange::Step::Send) contains a [`Transmit`](crate::exchange::Transmit): a complete, signed
//! request, the timeout of its reply, and the maximum length of the body. Send it unchanged: the signature covers its
//! bytes. Pass the whole reply to [`AwaitingReply::resume`](crate::exchange::AwaitingReply::resume), whatever its
//! status.
//!
//! [`Step::Wait`](crate::exchange::Step::Wait) names a time. Sleep until then, or put the flow into a queue sorted by
//! it. Resuming early is harmless. Limit the length of a sleep: a clock that is set back must not block a payment.
//!
//! [`Step::Done`](crate::exchange::Step::Done) is the end.
//!
//! # Classifying a failure
//!
//! If there is no reply, the adapter classifies the failure. [`Failure::NotSent`](crate::exchange::Failure::NotSent)
//! states that no byte can have reached WeChat Pay: name resolution, connecting or the TLS handshake failed. Everything
//! else is [`Failure::Lost`](crate::exchange::Failure::Lost): a timeout, a reset, a truncated reply, a reply that is
//! too long. When in doubt, use `Lost`. A wrong `NotSent` can charge a payer twice; a wrong `Lost` costs one query.
//!
//! # The world
//!
//! Each step takes a [`World`](crate::world::World) by value: the time, thirty-two fresh bytes from the operating
//! system, and access to the [`Memory`](crate::memory::Memory) that all flows share.
//!
//! A driver of one flow at a time passes its memory itself. A driver of concurrent flows implements
//! [`MemoryAccess`](crate::memory::MemoryAccess) over a mutex; its example is complete. The step locks the memory for
//! one look-up or one insert, and unlocks it before it signs, verifies or parses. Do not lock it around the step: one
//! signature would delay every other flow, and a step that locks the memory again would wait for itself.
//!
//! # Private keys that block
//!
//! A private key in a KMS or an HSM waits for its answer inside a step. It
//! [says so](crate::crypto::PrivateKey::may_block), and so does every flow of its merchant:
//! [`Flow::may_block`](crate::exchange::Flow::may_block). A driver on an async runtime asks the flow before the first
//! step, and then runs each of its steps on a thread that may wait, such as `spawn_blocking` of tokio. Steps of other
//! flows take less than a millisecond and need no thread of their own. A blocking driver need not ask.
//!
//! # Dropping a flow
//!
//! Dropping a flow does not undo a request that was sent. Run a payment in a task of its own, not in the handler of a
//! connection that the visitor may close. Store the [key](crate::v3::Endpoint::pending_operation) of the operation before
//! the call; after a crash, [`resolve_pending`](crate::v3::Merchant::resolve_pending) queries the outcome by it.
//!
//! # Replies, keys and notifications of APIv3
//!
//! Besides the requests of an operation, a flow may request the platform certificates. A flow that needs an unknown key
//! [fetches it](crate::v3::certificates) first; other flows wait for that fetch by
//! [`Step::Wait`](crate::exchange::Step::Wait). Share one [`Memory`](crate::memory::Memory) among all flows: otherwise
//! each flow fetches for itself. A merchant that verifies by a WeChat Pay public key fetches nothing.
//!
//! * Pass all headers of a reply to the flow: the signature is in them. Pass the body byte for byte, after removing the
//!   transfer encoding and before any other processing.
//! * [`Merchant::verify_notification`](crate::v3::Merchant::verify_notification) is a flow, too. It sends a request
//!   only if the signing key must be fetched. It ends within four seconds, because WeChat Pay waits five for the
//!   response.
//! * Run [`Merchant::refresh_platform_keys`](crate::v3::Merchant::refresh_platform_keys) in the background, at
//!   [`Memory::next_platform_key_refresh`](crate::memory::Memory::next_platform_key_refresh), so that no request waits
//!   for a key. Startup need not wait for it.
//! * A flow that is resumed late sends nothing after its deadline.
//! * [`Merchant::prepare_download`](crate::v3::Merchant::prepare_download) returns a signed request; your code sends it
//!   and streams the file. The file is authentic only if
//!   [`DigestCheck::finish`](crate::v3::download::DigestCheck::finish) succeeds.
//!
//! # Legacy: APIv1
//!
//! APIv1 is the 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2. The same driver runs
//! its flows. They fetch access tokens instead of keys, and [`resolve_pending`](crate::v1::Merchant::resolve_pending)
//! resolves an order after a crash.
