//! Orders: the operations on one order number.

mod apply;
mod audit;
pub(crate) mod close;
pub(crate) mod code;
pub(crate) mod delivery;
mod facts;
pub(crate) mod learn;
pub(crate) mod place;
pub(crate) mod prepay;
pub(crate) mod query;
mod state;
pub(crate) mod status;
#[cfg(test)]
mod tests;

pub(crate) use state::OrderState;
