//! The third generation, from a merchant's side.

mod door;
mod keys;
mod notices;
mod pay;
mod refund;
mod shop;
