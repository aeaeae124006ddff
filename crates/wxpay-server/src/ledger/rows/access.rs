//! Access: API keys, idempotency keys, and the audit.

use crate::ledger::{Prefix, table::table};
use wxpay_proto::UnixTime;

table! {
    /// An API key.
    ApiKeyRow = "api_keys" {
        key {
            /// The id, `key_…`.
            key_id: String,
        }
        columns {
            /// The SHA-256 of the key, in hexadecimal.
            hash: String,
            /// The name.
            name: String,
            /// The scopes, separated by commas.
            scopes: String,
            /// The merchants, separated by commas. Empty: all merchants.
            merchants: String,
            /// The time of its creation.
            created_at: UnixTime,
            /// The day of its last use, counted since 1970.
            last_used_day: Option<u64>,
            /// The end of its validity.
            expires_at: Option<UnixTime>,
            /// The time at which it was revoked.
            revoked_at: Option<UnixTime>,
        }
        indexes {
            api_keys_by_hash(hash),
        }
    }
}

impl ApiKeyRow {
    /// Returns the key of an API key.
    pub(crate) fn of(key_id: &str) -> Prefix<Self> {
        Prefix::all().and(&String::from(key_id))
    }
}

table! {
    /// A request with an `Idempotency-Key`.
    IdempotencyRow = "idempotency" {
        key {
            /// The digest of API key, path and `Idempotency-Key`.
            digest: String,
        }
        columns {
            /// The digest of the request.
            request_digest: String,
            /// The response's body. `None` while the request is in progress.
            resource: Option<String>,
            /// The response's status. `None` while the request is in progress.
            http_status: Option<u64>,
            /// The time until which it is kept, or, while in progress, until which no other request takes it over.
            expires_at: UnixTime,
        }
        indexes {
            idempotency_expiry(expires_at),
        }
    }
}

impl IdempotencyRow {
    /// Returns the key of a request.
    pub(crate) fn of(digest: &str) -> Prefix<Self> {
        Prefix::all().and(&String::from(digest))
    }
}

table! {
    /// An entry of the audit: an actor's change.
    AuditRow = "audit" {
        key {
            /// The month of the entry.
            month: u64,
            /// The time.
            at: UnixTime,
            /// The id.
            id: String,
        }
        columns {
            /// The actor: an API key's id, or `cli`.
            actor: String,
            /// The action, such as `merchant.update`.
            action: String,
            /// The subject.
            subject: String,
            /// Details, as JSON, without secrets.
            detail: String,
        }
        indexes {}
    }
}
