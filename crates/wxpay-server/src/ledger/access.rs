//! API keys, and the audit of changes to the configuration.

use super::{
    Changes, Context, Corrupt, Decision, Load, Operation, Rows,
    emit::digest_id,
    month::month_of,
    rows::access::{ApiKeyRow, AuditRow},
};
use serde_json::{Value, json};

/// An entry of the audit. It is written with the change that it records.
#[derive(Debug)]
pub(crate) struct AuditEntry<'a> {
    /// The actor: an API key's id, or `cli`.
    pub(crate) actor: &'a str,
    /// The action, such as `merchant.save`.
    pub(crate) action: &'a str,
    /// The subject.
    pub(crate) subject: &'a str,
    /// Details without secrets.
    pub(crate) detail: Value,
}

impl AuditEntry<'_> {
    /// Writes the entry.
    pub(crate) fn write(&self, changes: &mut Changes, context: &Context) {
        let time = context.now.as_millis().to_string();
        let random = context.random.to_string();
        changes.put(&AuditRow {
            month: month_of(context.now),
            at: context.now,
            id: digest_id("audit", &[&time, &random, self.actor, self.action, self.subject]),
            actor: self.actor.into(),
            action: self.action.into(),
            subject: self.subject.into(),
            detail: self.detail.to_string(),
        });
    }
}

/// Creates an API key.
#[derive(Clone, Debug)]
pub(crate) struct CreateApiKey {
    /// The key.
    pub(crate) row: ApiKeyRow,
    /// The actor.
    pub(crate) actor: String,
}

impl Operation for CreateApiKey {
    /// Whether it was created. Otherwise the id exists.
    type Output = bool;

    fn loads(&self) -> Vec<Load> {
        vec![ApiKeyRow::of(&self.row.key_id).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<bool>, Corrupt> {
        if rows.one::<ApiKeyRow>()?.is_some() {
            return Ok(Decision::unchanged(false));
        }
        let mut changes = Changes::default();
        changes.insert(&self.row);
        AuditEntry {
            actor: &self.actor,
            action: "api_key.create",
            subject: &self.row.key_id,
            detail: json!({
                "name": self.row.name,
                "scopes": self.row.scopes,
                "merchants": self.row.merchants,
                "expires_at": self.row.expires_at.map(wxpay_proto::wire::time::format_rfc3339),
            }),
        }
        .write(&mut changes, context);
        Ok(Decision { changes, output: true })
    }
}

/// Revokes an API key.
#[derive(Clone, Debug)]
pub(crate) struct RevokeApiKey {
    /// The id.
    pub(crate) key_id: String,
    /// The actor.
    pub(crate) actor: String,
}

impl Operation for RevokeApiKey {
    /// The revoked key. `None` if there is none.
    type Output = Option<ApiKeyRow>;

    fn loads(&self) -> Vec<Load> {
        vec![ApiKeyRow::of(&self.key_id).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Self::Output>, Corrupt> {
        let Some(known) = rows.one::<ApiKeyRow>()?.filter(|known| known.revoked_at.is_none()) else {
            return Ok(Decision::unchanged(rows.one()?));
        };
        let row = ApiKeyRow { revoked_at: Some(context.now), ..known };
        let mut changes = Changes::default();
        changes.put(&row);
        AuditEntry {
            actor: &self.actor,
            action: "api_key.revoke",
            subject: &row.key_id,
            detail: json!({ "name": row.name }),
        }
        .write(&mut changes, context);
        Ok(Decision { changes, output: Some(row) })
    }
}

/// Records the day of an API key's last use.
#[derive(Clone, Debug)]
pub(crate) struct TouchApiKey {
    /// The id.
    pub(crate) key_id: String,
    /// The day, counted since 1970.
    pub(crate) day: u64,
}

impl Operation for TouchApiKey {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        vec![ApiKeyRow::of(&self.key_id).load()]
    }

    fn decide(&self, rows: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        let mut changes = Changes::default();
        if let Some(known) = rows.one::<ApiKeyRow>()?
            && known.last_used_day.is_none_or(|last| last < self.day)
        {
            changes.put(&ApiKeyRow { last_used_day: Some(self.day), ..known });
        }
        Ok(Decision { changes, output: () })
    }
}

#[cfg(test)]
mod tests;
