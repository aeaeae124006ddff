//! Why it is built this way.
//!
//! **A step owns its continuation.** A payment call never has more than one thing to do next. So what is owed next is
//! returned by the call that feeds the flow, together with the only value that can go on from there. Giving a reply to
//! a sleeper, resuming twice, or using a stale clock does not compile. One driver runs every flow, and a hop that is
//! added inside a flow later breaks nobody.
//!
//! **The sequence is the protocol.** Which request comes after which, when a token is fetched, what is tried again:
//! that is where payment libraries go wrong, and so it is in the core, where it can be tested in virtual time.
//!
//! **No ambient authority.** The crate is `no_std`. Time, chance and memory arrive in a [`World`](crate::world::World);
//! there is no second form of a function "for tests".
//!
//! **A lease, not a lock.** One caller fetches a token while the others use the old one or wait. The lease is a number:
//! a fetcher that comes back late cannot overwrite its successor's newer token, and a fetcher that vanished is
//! replaced. See [`Perishable`](crate::memory::Perishable).
//!
//! **Verified by construction.** A [`Notice`](crate::v1::Notice) is read from verified halves alone, and
//! [`Evidence`](crate::payment::Evidence) is made by verified messages alone.
//!
//! **What is shown is what is signed.** The string under a signature and the hash are written by one function.
