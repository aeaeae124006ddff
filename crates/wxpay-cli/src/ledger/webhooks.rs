//! `wxpay webhook`: the endpoints of the shop that receive events.

use super::{Session, encoded, members};
use crate::{Failure, args, output};
use serde_json::{Value, json};

const COLUMNS: [&str; 7] = ["endpoint", "url", "merchant", "types", "status", "failing_since", "deferred"];
const ATTEMPT_COLUMNS: [&str; 6] = ["at", "event_id", "type", "http_status", "duration_ms", "response"];

pub(crate) async fn run(command: args::Webhook) -> Result<(), Failure> {
    match command {
        args::Webhook::Add { url, merchant, types, ledger } => {
            let body = members([
                ("url", Some(json!(url))),
                ("merchant", merchant.map(Value::from)),
                ("types", (!types.is_empty()).then(|| json!(types))),
            ]);
            secret(&ledger, "/api/webhook-endpoints", Some(&body), |object| {
                let id = object.get("endpoint").and_then(Value::as_str).unwrap_or_default();
                format!("added the endpoint {id}; its signing secret is not shown again")
            })
            .await
        }
        args::Webhook::List { merchant, list } => {
            let session = Session::open_existing(&list.ledger).await?;
            let filters = [("merchant", merchant.as_deref())];
            let shown = session.list("/api/webhook-endpoints", &filters, &COLUMNS, list.limit).await;
            session.close(shown).await
        }
        args::Webhook::Show(args::One { id, ledger }) => show(&ledger, "GET", &path(&id), None).await,
        args::Webhook::Update { id, url, types, all_types, enable, disable, ledger } => {
            let status = match (enable, disable) {
                (true, _) => Some("enabled"),
                (false, true) => Some("disabled"),
                (false, false) => None,
            };
            let body = members([
                ("url", url.map(Value::from)),
                ("types", (all_types || !types.is_empty()).then(|| json!(types))),
                ("status", status.map(Value::from)),
            ]);
            if body == json!({}) {
                return Err(Failure::usage("no change is given: see wxpay webhook update --help"));
            }
            show(&ledger, "PATCH", &path(&id), Some(&body)).await
        }
        args::Webhook::Remove(args::One { id, ledger }) => remove(&ledger, &id).await,
        args::Webhook::Rotate(args::One { id, ledger }) => {
            secret(&ledger, &format!("{}/rotate", path(&id)), None, |object| {
                let until = object.get("previous_secret_until").and_then(Value::as_str).unwrap_or_default();
                format!("the previous secret signs too until {until}; the new one is not shown again")
            })
            .await
        }
        args::Webhook::Test(args::One { id, ledger }) => test(&ledger, &id).await,
        args::Webhook::Replay { id, event, from, until, ledger } => {
            let body = members([
                ("event_id", event.map(Value::from)),
                ("from", from.map(Value::from)),
                ("until", until.map(Value::from)),
            ]);
            show(&ledger, "POST", &format!("{}/replay", path(&id)), Some(&body)).await
        }
        args::Webhook::Attempts { id, list } => {
            let session = Session::open_existing(&list.ledger).await?;
            let attempts = format!("{}/attempts", path(&id));
            let shown = session.list(&attempts, &[], &ATTEMPT_COLUMNS, list.limit).await;
            session.close(shown).await
        }
    }
}

fn path(id: &str) -> String {
    format!("/api/webhook-endpoints/{}", encoded(id))
}

async fn show(ledger: &args::Ledger, method: &str, path: &str, body: Option<&Value>) -> Result<(), Failure> {
    let session = Session::open(ledger).await?;
    let shown = session.show(method, path, body).await;
    session.close(shown).await
}

/// Carries out a request that returns a secret.
async fn secret(
    ledger: &args::Ledger,
    path: &str,
    body: Option<&Value>,
    note: impl FnOnce(&Value) -> String,
) -> Result<(), Failure> {
    let session = Session::open(ledger).await?;
    let object = session.request("POST", path, body).await;
    let shown = object.and_then(|object| session.print_secret(&object, "secret", &note(&object)));
    session.close(shown).await
}

async fn remove(ledger: &args::Ledger, id: &str) -> Result<(), Failure> {
    let session = Session::open(ledger).await?;
    let removed = session.request("DELETE", &path(id), None).await;
    let shown = removed.and_then(|_| {
        if session.in_json {
            output::json(&json!({ "removed": id }))
        } else {
            output::line(format_args!("removed {id}"))
        }
    });
    session.close(shown).await
}

async fn test(ledger: &args::Ledger, id: &str) -> Result<(), Failure> {
    let session = Session::open(ledger).await?;
    let tested = session.request("POST", &format!("{}/test", path(id)), None).await;
    let shown = tested.and_then(|result| {
        session.print(&result)?;
        if result.get("success") == Some(&json!(true)) {
            Ok(())
        } else {
            Err(Failure::failed("the endpoint did not accept the test event with a status of 200 to 299"))
        }
    });
    session.close(shown).await
}
