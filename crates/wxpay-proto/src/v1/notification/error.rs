//! Rejected notifications.

use super::Ack;
use crate::{id::InvalidField, prelude::*, wire::ParseError};
use core::{error, fmt};

/// The error for a rejected notification. It names the rule that was broken, and never contains received data.
#[derive(Debug)]
pub struct NotificationError(Box<Reason>);

#[derive(Debug)]
pub(super) enum Reason {
    Method,
    TooLong,
    Query(ParseError),
    Body(ParseError),
    QuerySignature,
    BodySignature,
    Field(InvalidField),
}

impl NotificationError {
    pub(super) fn new(reason: Reason) -> Self {
        Self(Box::new(reason))
    }

    /// Returns the response to send; never `success`.
    pub fn ack(&self) -> Ack {
        Ack::Reject(match *self.0 {
            Reason::Method => 405,
            Reason::TooLong => 413,
            Reason::QuerySignature | Reason::BodySignature => 401,
            Reason::Query(_) | Reason::Body(_) | Reason::Field(_) => 400,
        })
    }
}

/// Returns the error for a field that violates a rule.
pub(super) const fn invalid(name: &'static str, rule: &'static str) -> Reason {
    Reason::Field(InvalidField::new(name, rule))
}

impl fmt::Display for NotificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::Method => f.write_str("the method must be POST"),
            Reason::TooLong => f.write_str("the query or the body is too long: at most 8192 and 65536 bytes"),
            Reason::Query(_) => f.write_str("the query cannot be parsed"),
            Reason::Body(_) => f.write_str("the body cannot be parsed"),
            Reason::QuerySignature => f.write_str("the query's signature is invalid"),
            Reason::BodySignature => f.write_str("the body's signature is invalid"),
            Reason::Field(invalid) => invalid.fmt(f),
        }
    }
}

impl error::Error for NotificationError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &*self.0 {
            Reason::Query(fault) | Reason::Body(fault) => Some(fault),
            Reason::Method
            | Reason::TooLong
            | Reason::QuerySignature
            | Reason::BodySignature
            | Reason::Field(_) => None,
        }
    }
}
