//! Schemas of responses. The tests check real responses against them.

pub(super) use wxpay_openapi::{Member, Record, Schema, optional_member, required_member};

/// A time of the business clock.
pub(super) const SECONDS: Schema =
    Schema::Described(&Schema::Count, "seconds since 1970 by the business clock");
