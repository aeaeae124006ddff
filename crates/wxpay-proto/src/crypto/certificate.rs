//! To come.
pub struct Certificate;
