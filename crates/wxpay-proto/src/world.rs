//! The inputs of one step.

use crate::{
    clock::UnixTime,
    entropy::Entropy,
    memory::{Memory, MemoryAccess},
    prelude::*,
};
use core::fmt;

/// Everything a step may depend on: time, entropy, memory.
///
/// Each step consumes its world, so that a later step cannot use a stale clock or entropy that was used before.
///
/// A world carries *access* to the memory, not the memory itself. A step locks it for one look-up or one insert, and
/// signs, verifies, encrypts and parses while it is unlocked. Flows that share a memory never wait for the
/// cryptography of one another.
pub struct World<'a> {
    pub(crate) now: UnixTime,
    pub(crate) entropy: Entropy,
    memory: &'a mut dyn MemoryAccess,
}

impl<'a> World<'a> {
    /// Creates the inputs for one step. A [`Memory`] that belongs to one driver alone gives access to itself.
    pub fn new(now: UnixTime, entropy: Entropy, memory: &'a mut dyn MemoryAccess) -> Self {
        Self { now, entropy, memory }
    }

    /// Returns the time of the step.
    pub fn now(&self) -> UnixTime {
        self.now
    }

    /// Draws a nonce: 32 lower-case hexadecimal characters, different in each call. For what an operation signs for the
    /// payer's client.
    pub fn nonce(&mut self) -> String {
        self.entropy.nonce()
    }

    /// Accesses the memory, locked. `access` must be one look-up or one insert: other flows wait for it.
    pub(crate) fn memory<T>(&mut self, access: impl FnOnce(&mut Memory) -> T) -> T {
        let result = access(self.memory.lock());
        self.memory.unlock();
        result
    }
}

impl fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}
