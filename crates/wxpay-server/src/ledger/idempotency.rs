//! Requests with an `Idempotency-Key`.

use super::{Changes, Context, Corrupt, Decision, Load, Operation, Rows, rows::access::IdempotencyRow};
use std::time::Duration;
use wxpay_proto::UnixTime;

/// The duration for which a response is kept.
pub(crate) const KEPT: Duration = Duration::from_hours(72);

/// Begins a request.
#[derive(Clone, Debug)]
pub(crate) struct BeginIdempotent {
    /// The digest of API key, path and `Idempotency-Key`.
    pub(crate) digest: String,
    /// The digest of the request.
    pub(crate) request_digest: String,
    /// The time until which no other request takes it over.
    pub(crate) until: UnixTime,
}

/// The result of [`BeginIdempotent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BegunIdempotent {
    /// Begun. The request is carried out, and ended with [`EndIdempotent`].
    Begun,
    /// An equal request is in progress.
    InProgress,
    /// The key was used for another request.
    Mismatch,
    /// The response of an equal request.
    Replay {
        /// The status.
        http_status: u64,
        /// The body.
        resource: String,
    },
}

impl Operation for BeginIdempotent {
    type Output = BegunIdempotent;

    fn loads(&self) -> Vec<Load> {
        vec![IdempotencyRow::of(&self.digest).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<BegunIdempotent>, Corrupt> {
        let now = context.now;
        let known = rows.one::<IdempotencyRow>()?.filter(|known| now < known.forgotten_at());
        if let Some(known) = known {
            if known.request_digest != self.request_digest {
                return Ok(Decision::unchanged(BegunIdempotent::Mismatch));
            }
            if let (Some(http_status), Some(resource)) = (known.http_status, known.resource) {
                return Ok(Decision::unchanged(BegunIdempotent::Replay { http_status, resource }));
            }
            if now < known.expires_at {
                return Ok(Decision::unchanged(BegunIdempotent::InProgress));
            }
        }
        let mut changes = Changes::default();
        changes.put(&IdempotencyRow {
            digest: self.digest.clone(),
            request_digest: self.request_digest.clone(),
            resource: None,
            http_status: None,
            expires_at: self.until,
        });
        Ok(Decision { changes, output: BegunIdempotent::Begun })
    }
}

impl IdempotencyRow {
    /// Returns the time from which the key may be used for another request. One that did not end was perhaps carried out.
    pub(crate) fn forgotten_at(&self) -> UnixTime {
        if self.http_status.is_some() { self.expires_at } else { self.expires_at.after(KEPT) }
    }
}

/// Ends a request with its response.
#[derive(Clone, Debug)]
pub(crate) struct EndIdempotent {
    /// The digest of API key, path and `Idempotency-Key`.
    pub(crate) digest: String,
    /// The digest of the request.
    pub(crate) request_digest: String,
    /// The `until` that it was begun with: another request may have taken it over.
    pub(crate) until: UnixTime,
    /// The status of the response.
    pub(crate) http_status: u64,
    /// The body of the response.
    pub(crate) resource: String,
}

impl Operation for EndIdempotent {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        vec![IdempotencyRow::of(&self.digest).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<()>, Corrupt> {
        let mut changes = Changes::default();
        let known = rows.one::<IdempotencyRow>()?.filter(|known| {
            known.http_status.is_none()
                && known.request_digest == self.request_digest
                && known.expires_at == self.until
        });
        if let Some(known) = known {
            if self.http_status >= 500 {
                // Not frozen: the operation goes on, and the next request learns how it ended.
                changes.put(&IdempotencyRow { expires_at: context.now, ..known });
            } else {
                changes.put(&IdempotencyRow {
                    resource: Some(self.resource.clone()),
                    http_status: Some(self.http_status),
                    expires_at: context.now.after(KEPT),
                    ..known
                });
            }
        }
        Ok(Decision { changes, output: () })
    }
}

#[cfg(test)]
mod tests;
