//! The names of `alloc` that a crate with `std` has in scope without an import, and `Arc` and `Cow`.

pub(crate) use alloc::{
    borrow::{Cow, ToOwned},
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
    vec,
    vec::Vec,
};
