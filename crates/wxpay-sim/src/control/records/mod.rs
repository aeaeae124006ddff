//! What several rooms show: the records' forms in the document.

pub(super) mod merchant;
pub(super) mod notice;
pub(super) mod order;
pub(super) mod problem;
