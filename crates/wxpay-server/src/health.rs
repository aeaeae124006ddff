//! Liveness and readiness.

use crate::{app::App, problem::Problem};
use axum::{Json, extract::State};
use serde_json::{Value, json};
use std::time::Duration;

/// Timeout of an empty commit to the ledger, after which the server is not ready.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// `GET /health/live`: the process runs.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// `GET /health/ready`: the ledger is writable; 503 if not.
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    match tokio::time::timeout(CHECK_TIMEOUT, app.ledger.check()).await {
        Ok(checked) => checked?,
        Err(_) => return Err(Problem::ledger()),
    }
    Ok(Json(json!({ "status": "ready" })))
}
