//! How to drive a flow with an HTTP client of your own.
//!
//! # The three things a step asks for
//!
//! [`Step::Send`](crate::exchange::Step::Send) carries a [`Hop`](crate::exchange::Hop): a complete, signed request,
//! how long to wait for its reply, and how many bytes of it to take. Send it as it is: the signature covers its
//! bytes. Give [`Sent::resume`](crate::exchange::Sent::resume) the whole reply, whatever its status.
//!
//! [`Step::Wait`](crate::exchange::Step::Wait) names a moment. Sleep until then, or put the flow into a queue sorted
//! by it. Waking it too early is harmless. Clamp long sleeps: a clock that is set back must not hang a payment.
//!
//! [`Step::Done`](crate::exchange::Step::Done) is the end.
//!
//! # The one judgement that is yours
//!
//! If there is no reply, you say which kind of failure it was. [`Failure::NotSent`](crate::exchange::Failure::NotSent)
//! claims that not one byte can have reached WeChat Pay: the name was not resolved, the connection was refused, TLS
//! did not come about. Everything else is [`Failure::Lost`](crate::exchange::Failure::Lost): a time-out, a reset, half
//! a reply, one too large. When in doubt, it was lost. A wrong `NotSent` can charge somebody twice; a wrong `Lost`
//! costs one query.
//!
//! # The world
//!
//! Each step takes a [`World`](crate::world::World) by value: what time it is, thirty-two fresh bytes from the
//! operating system, and the [`Memory`](crate::memory::Memory) that all flows share. Lock the memory around the
//! step, never across the sending: steps take microseconds.
//!
//! # Dropping a flow
//!
//! A flow that is dropped forgets, but WeChat Pay does not: what was sent was sent. So do not tie a payment to the
//! connection of a visitor who may leave. Write the number down before the call; after a crash
//! [`recover`](crate::v1::Merchant::recover) asks by it what became of the order.
//!
//! # The third generation
//!
//! It is driven alike. Beside the requests of an operation there are those for the platform's certificates: a flow that
//! meets a key it does not know [fetches it](crate::v3::certificates) on the way, and the other flows wait for that one
//! fetch, by [`Step::Wait`](crate::exchange::Step::Wait). So share one [`Memory`](crate::memory::Memory), or each flow
//! fetches for itself. A merchant that verifies by a public key fetches nothing.
//!
//! * Give all headers of a reply to the flow: the signature is in them. Pass the body on byte for byte, after the
//!   transfer's encoding and before anything else.
//! * [`Merchant::hear`](crate::v3::Merchant::hear) is a flow, too: of no request where the key is known, of one where it
//!   is not. It is over within four seconds, for WeChat Pay waits five for the answer.
//! * Run [`Merchant::keep_keys`](crate::v3::Merchant::keep_keys) in the background, at
//!   [`Memory::next_key_upkeep`](crate::memory::Memory::next_key_upkeep), so that nothing waits for a key. A start need
//!   not wait for it.
//! * A flow that is woken late sends nothing after its deadline.
//! * A [download](crate::v3::Merchant::download) ends with your stream: it is the file that was promised only if the
//!   [check](crate::v3::download::Check::finish) says so.
