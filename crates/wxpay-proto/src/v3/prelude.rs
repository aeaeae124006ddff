//! The names that the operations share.

pub(super) use super::{
    body::{Members, body, misuse},
    endpoint::{Draft, Endpoint, Idempotency, Target},
    field::{self, Chars},
    lookup::Lookup,
    merchant::Merchant,
    party::Party,
    seal::{RequestWriter, Sensitive},
    verify::{Verified, malformed},
};
pub(super) use crate::{
    error::{Error, PendingOperation},
    id::InvalidField,
    money::Fen,
    prelude::*,
    refusal::{Code, Refusal},
    world::World,
};
