//! The names that the operations share.

pub(super) use super::{
    body::{Members, Object, body},
    endpoint::{Draft, Endpoint, Idempotency, Target},
    field::{self, Chars, open_enum},
    lookup::Lookup,
    merchant::Merchant,
    party::Party,
    resolve::Resolver,
    seal::{RequestWriter, Sensitive},
    verify::{Verified, malformed, require},
};
pub(super) use crate::{
    clock::UnixTime,
    error::Error,
    id::InvalidField,
    money::Fen,
    pending::PendingOperation,
    prelude::*,
    refusal::{Code, Refusal},
    wire::json::object,
    world::World,
};
pub(super) use serde::ser::SerializeMap;
