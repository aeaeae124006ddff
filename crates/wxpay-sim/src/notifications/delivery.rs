//! A delivery of a notification: the request to POST, and its result.

use super::UnsignedDelivery;
use serde::Serialize;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// The unique number of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct DeliveryId(pub(super) u64);

/// A notification to POST now.
#[derive(Clone)]
pub struct Delivery {
    pub(super) id: DeliveryId,
    pub(super) out_trade_no: String,
    pub(super) request: Arc<LazilySigned>,
    pub(super) timeout: Duration,
    pub(super) overlaps: bool,
    pub(super) is_held_back: bool,
    pub(super) forged: bool,
}

/// A request that is signed when it is first needed: no RSA runs while deliveries are taken from the gateway.
pub(super) struct LazilySigned {
    unsigned: UnsignedDelivery,
    signed: OnceLock<Signed>,
}

struct Signed {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl LazilySigned {
    pub(super) fn new(unsigned: UnsignedDelivery) -> Self {
        Self { unsigned, signed: OnceLock::new() }
    }

    fn signed(&self) -> &Signed {
        self.signed.get_or_init(|| {
            let UnsignedDelivery { headers, body, signature, .. } = &self.unsigned;
            let (mut headers, mut body) = (headers.clone(), body.clone());
            headers
                .extend(signature.as_ref().map(|signature| signature.sign(&mut body)).into_iter().flatten());
            Signed { headers, body }
        })
    }
}

impl Delivery {
    /// Returns the number to report the result with; see [`Gateway::record_delivery`](crate::Gateway::record_delivery).
    pub const fn id(&self) -> DeliveryId {
        self.id
    }

    /// Returns the order's number, or the merchant's number of the subject if the notification is not about an order.
    pub fn out_trade_no(&self) -> &str {
        &self.out_trade_no
    }

    /// Returns the URL to POST to: the `notify_url`, in APIv1 with the signed query.
    pub fn url(&self) -> &str {
        &self.request.unsigned.url
    }

    /// Returns the raw query of the URL, without `?`.
    pub fn query(&self) -> &str {
        self.url().split_once('?').map_or("", |(_, query)| query)
    }

    /// Returns the headers except `Host` and `Content-Length`. The first call signs the delivery, which takes an RSA
    /// operation in APIv3.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.request.signed().headers
    }

    /// Returns the body, signed like the [headers](Self::headers): XML in APIv1, JSON in APIv3.
    pub fn body(&self) -> &[u8] {
        &self.request.signed().body
    }

    /// Returns the timeout for the merchant's response.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns whether to send it without waiting for the response to the delivery before it.
    pub const fn overlaps(&self) -> bool {
        self.overlaps
    }

    /// Returns whether it was held back until the delivery before it was sent, of whatever number that is. Deliveries
    /// about different numbers are independent otherwise.
    pub const fn is_held_back(&self) -> bool {
        self.is_held_back
    }

    /// Returns whether it is a tampered copy, which the merchant must reject.
    pub const fn is_forged(&self) -> bool {
        self.forged
    }
}

/// Shows neither the query nor the body.
impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("out_trade_no", &self.out_trade_no)
            .field("forged", &self.forged)
            .finish_non_exhaustive()
    }
}

/// The result of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a delivery has a complete response or none")]
pub enum DeliveryResult {
    /// The merchant responded.
    Response {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// There was no connection, no response before the timeout, or an incomplete response.
    Failed {
        /// The HTTP status, if the head of a response was received.
        status: Option<u16>,
        /// The reason, such as "connection refused". It becomes part of records and logs: no secrets, no query strings.
        reason: String,
    },
}

impl DeliveryResult {
    /// Creates the result of a delivery without a response.
    pub fn no_response(reason: impl Into<String>) -> Self {
        Self::Failed { status: None, reason: reason.into() }
    }

    /// Returns the HTTP status, if the head of a response was received.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Response { status, .. } => Some(*status),
            Self::Failed { status, .. } => *status,
        }
    }
}
