//! The reasons behind the architecture.
//!
//! **A step owns its continuation.** A payment call never has more than one next action. The call that resumes a flow
//! returns that action, together with the only value that can resume it. Resuming a waiting flow with a reply, resuming
//! twice, or using a stale clock does not compile. One driver runs every flow, and adding a request inside a flow later
//! breaks no caller.
//!
//! **The sequence is the protocol.** Payment libraries go wrong in the order of requests, in fetching keys and tokens,
//! and in retries. All three are in the core, where they can be tested in virtual time.
//!
//! **No ambient authority.** The crate is `no_std`. Time, randomness and memory arrive in a
//! [`World`](crate::world::World). Tests call the same functions as a driver.
//!
//! **A lease, not a lock.** One caller fetches a key or a token while the others use the old one or wait. The lease is
//! a fencing number: a late fetcher cannot overwrite the newer value of its successor, and a fetcher that vanished is
//! replaced. See [`Refreshable`](crate::memory::Refreshable).
//!
//! **Verified by construction.** A [`Notification`](crate::v3::Notification) is parsed only from verified bytes, and
//! only verified messages create [`Evidence`](crate::payment::Evidence).
//!
//! **The string shown is the string signed.** One function writes the string to sign, both for the signature and for
//! debugging.
