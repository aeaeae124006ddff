//! Endpoints: saved, deleted and disabled.

use crate::{
    ledger::{
        Changes, Context, Corrupt, Decision, Load, Operation, Rows, Shard, Subject, SubjectKind,
        access::AuditEntry,
        emit::event,
        rows::{
            case::{CaseKind, CaseRow},
            event::{EVENT_LOG, EventLogRow, EventType},
            webhook::{CursorRow, DeferredRow, EndpointRow, EndpointStatus},
        },
    },
    merchants::MerchantName,
};
use serde_json::{Value, json};
use wxpay_proto::wire::time::format_rfc3339;

/// Saves an endpoint. A new one receives the events from then on.
#[derive(Clone, Debug)]
pub(crate) struct SaveEndpoint {
    /// The endpoint. Its version is set by the operation; so is the time of its creation.
    pub(crate) row: EndpointRow,
    /// The version that was read. `None` creates the endpoint.
    pub(crate) seen: Option<u64>,
    /// The actor.
    pub(crate) actor: String,
}

/// The result of [`SaveEndpoint`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SavedEndpoint {
    /// Saved.
    Saved(EndpointRow),
    /// The stored version is another, or there is none.
    Stale(Option<EndpointRow>),
}

impl Operation for SaveEndpoint {
    type Output = SavedEndpoint;

    fn loads(&self) -> Vec<Load> {
        vec![EndpointRow::of(&self.row.endpoint).load(), EventLogRow::only().load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<SavedEndpoint>, Corrupt> {
        let known = rows.one::<EndpointRow>()?;
        if known.as_ref().map(|known| known.version) != self.seen {
            return Ok(Decision::unchanged(SavedEndpoint::Stale(known)));
        }
        let mut changes = Changes::default();
        let version = self.seen.unwrap_or_default().saturating_add(1);
        let created_at = known.as_ref().map_or(context.now, |known| known.created_at);
        let mut row = EndpointRow { version, created_at, ..self.row.clone() };
        let is_disabled = |row: &EndpointRow| row.status == EndpointStatus::Disabled;
        if known.as_ref().is_some_and(is_disabled) && !is_disabled(&row) {
            // It is tried anew for as long as any other.
            row.failing_since = None;
        }
        changes.root(&row, self.seen);
        if known.is_none() {
            let log = rows.one::<EventLogRow>()?;
            changes.put(&CursorRow {
                endpoint: row.endpoint.clone(),
                log: EVENT_LOG,
                month: log.as_ref().map_or(0, |log| log.month),
                position: log.map_or(0, |log| log.last),
            });
        }
        AuditEntry {
            actor: &self.actor,
            action: if known.is_some() { "webhook_endpoint.update" } else { "webhook_endpoint.create" },
            subject: &row.endpoint,
            detail: json!({
                "merchant": row.merchant,
                "types": row.types,
                "status": row.status,
                "url_changed": known.as_ref().is_none_or(|known| known.url != row.url),
                "secrets_changed": known.is_none_or(|known| known.sealed_secrets != row.sealed_secrets),
            }),
        }
        .write(&mut changes, context);
        Ok(Decision { changes, output: SavedEndpoint::Saved(row) })
    }
}

/// Deletes an endpoint and its deferred events.
#[derive(Clone, Debug)]
pub(crate) struct DeleteEndpoint {
    /// The endpoint.
    pub(crate) endpoint: String,
    /// The actor.
    pub(crate) actor: String,
}

impl Operation for DeleteEndpoint {
    /// Whether there was one.
    type Output = bool;

    fn loads(&self) -> Vec<Load> {
        vec![EndpointRow::of(&self.endpoint).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<bool>, Corrupt> {
        let Some(known) = rows.one::<EndpointRow>()? else { return Ok(Decision::unchanged(false)) };
        let mut changes = Changes::default();
        changes.delete(EndpointRow::of(&self.endpoint));
        changes.delete(CursorRow::of(&self.endpoint));
        changes.delete(DeferredRow::of(&self.endpoint));
        AuditEntry {
            actor: &self.actor,
            action: "webhook_endpoint.delete",
            subject: &self.endpoint,
            detail: json!({ "merchant": known.merchant, "types": known.types }),
        }
        .write(&mut changes, context);
        Ok(Decision { changes, output: true })
    }
}

/// Disables an endpoint that does not accept events, and opens a case.
#[derive(Clone, Debug)]
pub(crate) struct DisableEndpoint {
    /// The endpoint.
    pub(crate) endpoint: String,
    /// The reason, such as `410` or `no success in 5 days`.
    pub(crate) reason: String,
}

impl Operation for DisableEndpoint {
    /// The case. `None` if the endpoint is disabled already, or was deleted.
    type Output = Option<CaseRow>;

    fn loads(&self) -> Vec<Load> {
        vec![EndpointRow::of(&self.endpoint).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Option<CaseRow>>, Corrupt> {
        let known = rows.one::<EndpointRow>()?.filter(|known| known.status == EndpointStatus::Enabled);
        let Some(known) = known else { return Ok(Decision::unchanged(None)) };
        let merchant = match &known.merchant {
            Some(merchant) => merchant.clone(),
            None => MerchantName::RESERVED
                .parse::<MerchantName>()
                .map_err(|_| Corrupt::new("endpoints", "merchant"))?,
        };
        let seen = known.version;
        let version = seen.saturating_add(1);
        let row = EndpointRow { status: EndpointStatus::Disabled, version, ..known };
        let subject = Subject::new(SubjectKind::Endpoint, merchant.clone(), &row.endpoint);
        let shard = Shard::of(&merchant, &row.endpoint);
        let object = object(&row, &self.reason);
        let mut changes = Changes::default();
        changes.root(&row, Some(seen));
        changes.insert(&event(
            shard,
            subject.clone(),
            // The version grows with every write, and so orders the endpoint's events.
            version,
            merchant,
            EventType::EndpointDisabled,
            &object,
            context.now,
        ));
        // An endpoint is enabled again with a later version; ids of endpoints are not used again.
        let cause = version.to_string();
        let opened = CaseRow::new(subject, CaseKind::EndpointDisabled, &cause, &object, context.now);
        changes.insert(&opened);
        opened.emit(&mut changes, context.now);
        Ok(Decision { changes, output: Some(opened) })
    }
}

/// Returns the endpoint as the event shows it: without its URL, which may hold a secret of the shop.
fn object(row: &EndpointRow, reason: &str) -> Value {
    json!({
        "object": "webhook_endpoint",
        "id": row.endpoint,
        "merchant": row.merchant,
        "status": row.status,
        "reason": reason,
        "failing_since": row.failing_since.map(format_rfc3339),
    })
}
