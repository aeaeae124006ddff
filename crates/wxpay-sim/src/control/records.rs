//! Schemas of the records that several route groups return.

pub(super) mod merchant;
pub(super) mod notification;
pub(super) mod order;
pub(super) mod problem;
