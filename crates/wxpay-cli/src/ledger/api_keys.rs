//! `wxpay api-key`: keys for the payment server's API.

use super::{Session, encoded, members};
use crate::{Failure, args, output};
use clap::ValueEnum as _;
use serde_json::{Value, json};

const COLUMNS: [&str; 7] =
    ["key_id", "name", "scopes", "merchants", "last_used_day", "expires_at", "revoked_at"];

pub(crate) async fn run(command: args::ApiKey) -> Result<(), Failure> {
    match command {
        args::ApiKey::Create { name, scopes, merchants, expires_at, ledger } => {
            let scopes: Vec<String> = scopes.into_iter().map(scope).collect();
            let body = members([
                ("name", Some(json!(name))),
                ("scopes", Some(json!(scopes))),
                ("merchants", (!merchants.is_empty()).then(|| json!(merchants))),
                ("expires_at", expires_at.map(Value::from)),
            ]);
            let session = Session::open(&ledger).await?;
            let created = session.request("POST", "/api/api-keys", Some(&body)).await;
            let shown = created.and_then(|key| {
                let id = key.get("key_id").and_then(Value::as_str).unwrap_or_default();
                let note = format!("created the API key {id}; its token is not shown again");
                session.print_secret(&key, "token", &note)
            });
            session.close(shown).await
        }
        args::ApiKey::List(list) => {
            let session = Session::open_existing(&list.ledger).await?;
            let shown = session.list("/api/api-keys", &[], &COLUMNS, list.limit).await;
            session.close(shown).await
        }
        args::ApiKey::Revoke(args::One { id, ledger }) => {
            let session = Session::open(&ledger).await?;
            let revoked = session.request("DELETE", &format!("/api/api-keys/{}", encoded(&id)), None).await;
            let shown = revoked.and_then(|key| {
                if session.in_json { session.print(&key) } else { output::line(format_args!("revoked {id}")) }
            });
            session.close(shown).await
        }
    }
}

fn scope(scope: args::Scope) -> String {
    scope.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
