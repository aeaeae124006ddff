//! The inputs of one step.

use crate::{clock::UnixTime, entropy::Entropy, memory::Memory};

/// Everything a step may depend on: time, entropy, memory.
///
/// Each step consumes its world, so that a later step cannot use a stale clock or entropy that was used before.
#[derive(Debug)]
pub struct World<'a> {
    pub(crate) now: UnixTime,
    pub(crate) entropy: Entropy,
    pub(crate) memory: &'a mut Memory,
}

impl<'a> World<'a> {
    /// Creates the inputs for one step.
    pub fn new(now: UnixTime, entropy: Entropy, memory: &'a mut Memory) -> Self {
        Self { now, entropy, memory }
    }
}
