//! Everything outside the machine that one step may see.

use crate::{clock::UnixTime, entropy::Entropy, memory::Memory};

/// What time it is, some fresh entropy, and what has been learned so far.
///
/// A world is spent by the step it is given to, so that no second step can be taken with a stale clock or
/// with chance that was used before.
#[derive(Debug)]
pub struct World<'a> {
    pub(crate) now: UnixTime,
    pub(crate) entropy: Entropy,
    pub(crate) memory: &'a mut Memory,
}

impl<'a> World<'a> {
    /// Gathers the three.
    pub fn new(now: UnixTime, entropy: Entropy, memory: &'a mut Memory) -> Self {
        Self { now, entropy, memory }
    }
}
