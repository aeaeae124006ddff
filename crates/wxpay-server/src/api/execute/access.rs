//! API keys, and the audit.

use super::{Answer, Caller, page};
use crate::{
    api::{
        cursor::List,
        keys::{ApiKey, Merchants, Scopes, Token},
        operation::{CreateApiKey, ListAudit, Page},
        problem::Problem,
        service::Api,
    },
    ledger::{
        Scan, access,
        rows::access::{ApiKeyRow, AuditRow},
        table::Cell as _,
    },
};
use serde_json::{Value, json};
use wxpay_proto::{UnixTime, wire::time::format_rfc3339};
use zeroize::Zeroizing;

/// A day, in milliseconds.
const DAY_MILLIS: u64 = 86_400_000;

impl Api {
    pub(super) async fn create_api_key(&self, caller: &Caller, key: CreateApiKey) -> Result<Answer, Problem> {
        // Otherwise the scope config:write would be every scope: a key could create one that allows more than itself.
        if let Some(scope) = caller.scopes.first_missing(&key.scopes) {
            return Err(Problem::exceeding_scopes(scope.name()));
        }
        if !caller.merchants.covers(&key.merchants) {
            return Err(Problem::exceeding_merchants());
        }
        if key.expires_at.is_some_and(|expires_at| expires_at <= self.app().now()) {
            return Err(Problem::invalid_field("expires_at", "must be in the future"));
        }
        let token = Token::new(&Zeroizing::new(self.app().ambient().entropy().into_bytes()));
        let row = ApiKeyRow {
            key_id: token.key_id(),
            hash: token.digest(),
            name: key.name,
            scopes: key.scopes.to_string(),
            merchants: match &key.merchants {
                Merchants::All => String::new(),
                Merchants::Only(names) => names.iter().cloned().collect::<Vec<_>>().join(" "),
            },
            created_at: self.app().now(),
            last_used_day: None,
            expires_at: key.expires_at,
            revoked_at: None,
        };
        let mut body = to_json(&row);
        let create = access::CreateApiKey { row, actor: caller.actor.clone() };
        if !self.app().run(create).await? {
            // 128 random bits repeat only if the randomness is broken.
            return Err(Problem::interrupted());
        }
        if let Some(members) = body.as_object_mut() {
            members.insert("token".into(), token.expose().into());
        }
        Ok(Answer::ok(body).with_secret())
    }

    pub(super) async fn list_api_keys(&self, caller: &Caller, list: Page) -> Result<Answer, Problem> {
        let mut scan = Scan::<ApiKeyRow>::of("", list.limit.saturating_add(1));
        if let Some(cursor) = &list.cursor {
            scan = scan.after(vec![cursor.position::<String>()?.to_value()]);
        }
        let mut keys = self.app().ledger().scan(scan).await?;
        let has_more = page::cut(&mut keys, list.limit);
        let next = keys.last().filter(|_| has_more).map(|key| key.key_id.clone());
        let data: Vec<Value> = keys.iter().filter(|key| is_visible(caller, key)).map(to_json).collect();
        Ok(page::page(List::ApiKeys, &data, next.as_ref()))
    }

    pub(super) async fn get_api_key(&self, caller: &Caller, key_id: &str) -> Result<Answer, Problem> {
        Ok(Answer::ok(to_json(&self.api_key(caller, key_id).await?)))
    }

    pub(super) async fn revoke_api_key(&self, caller: &Caller, key_id: &str) -> Result<Answer, Problem> {
        self.api_key(caller, key_id).await?;
        let revoke = access::RevokeApiKey { key_id: key_id.into(), actor: caller.actor.clone() };
        let row = self.app().run(revoke).await?.ok_or_else(|| Problem::not_found("API key"))?;
        self.forget_keys();
        Ok(Answer::ok(to_json(&row)))
    }

    pub(super) async fn list_audit(&self, caller: &Caller, list: ListAudit) -> Result<Answer, Problem> {
        if !caller.merchants.covers(&Merchants::All) {
            return Err(Problem::other_merchant());
        }
        let limit = list.page.limit;
        // Entries of other subjects are passed by: a page may be shorter than its limit.
        let scanned = if list.subject.is_some() { 1000 } else { limit.saturating_add(1) };
        let mut scan = Scan::<AuditRow>::of("", scanned).descending();
        if let Some(cursor) = &list.page.cursor {
            let (month, at, id): (u64, u64, String) = cursor.position()?;
            scan = scan.after(vec![month.to_value(), at.to_value(), id.to_value()]);
        }
        let rows = self.app().ledger().scan(scan).await?;
        let mut has_more = rows.len() == scanned;
        let (mut data, mut end) = (Vec::new(), None);
        for row in rows {
            if data.len() == limit {
                has_more = true;
                break;
            }
            end = Some((row.month, row.at.as_millis(), row.id.clone()));
            if list.subject.as_ref().is_none_or(|subject| *subject == row.subject) {
                data.push(audit_json(&row));
            }
        }
        Ok(page::page(List::Audit, &data, end.as_ref().filter(|_| has_more)))
    }

    async fn api_key(&self, caller: &Caller, key_id: &str) -> Result<ApiKeyRow, Problem> {
        let rows = self.app().ledger().load(ApiKeyRow::of(key_id)).await?;
        let row = rows.into_iter().next().filter(|row| is_visible(caller, row));
        row.ok_or_else(|| Problem::not_found("API key"))
    }

    /// Reads the API key with this digest, and the day of its last use.
    pub(in crate::api) async fn read_key(
        &self,
        digest: &str,
    ) -> Result<Option<(ApiKey, Option<u64>)>, Problem> {
        let scan = Scan::<ApiKeyRow>::of("api_keys_by_hash", 1).equal(&String::from(digest));
        let row = self.app().ledger().scan(scan).await?.into_iter().next();
        Ok(row.and_then(|row| {
            let last_used_day = row.last_used_day;
            let key = ApiKey {
                scopes: row.scopes.parse::<Scopes>().ok()?,
                merchants: merchants(&row),
                key_id: row.key_id,
                digest: row.hash,
                name: row.name,
                expires_at: row.expires_at,
                revoked_at: row.revoked_at,
            };
            Some((key, last_used_day))
        }))
    }
}

fn is_visible(caller: &Caller, key: &ApiKeyRow) -> bool {
    caller.merchants.covers(&merchants(key))
}

fn merchants(row: &ApiKeyRow) -> Merchants {
    if row.merchants.is_empty() {
        Merchants::All
    } else {
        Merchants::Only(row.merchants.split(' ').map(String::from).collect())
    }
}

fn to_json(row: &ApiKeyRow) -> Value {
    let names = match merchants(row) {
        Merchants::All => Value::Null,
        Merchants::Only(names) => json!(names),
    };
    let day = |day: u64| {
        let date = format_rfc3339(UnixTime::from_millis(day.saturating_mul(DAY_MILLIS)));
        date.chars().take(10).collect::<String>()
    };
    json!({
        "object": "api_key",
        "key_id": row.key_id,
        "name": row.name,
        "scopes": row.scopes.split(' ').filter(|scope| !scope.is_empty()).collect::<Vec<_>>(),
        "merchants": names,
        "created_at": format_rfc3339(row.created_at),
        "last_used_day": row.last_used_day.map(day),
        "expires_at": row.expires_at.map(format_rfc3339),
        "revoked_at": row.revoked_at.map(format_rfc3339),
    })
}

fn audit_json(row: &AuditRow) -> Value {
    json!({
        "id": row.id,
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "detail": serde_json::from_str::<Value>(&row.detail).unwrap_or_else(|_| json!({})),
        "at": format_rfc3339(row.at),
    })
}
