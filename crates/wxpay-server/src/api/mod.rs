//! The server's own interface: what the shop calls.
//!
//! | | |
//! |---|---|
//! | `POST /api/orders` | places an order; the parameters for the app come back |
//! | `GET /api/orders/{number}` | where it stands |
//! | `POST /api/orders/{number}/paid` | the app says it was paid: WeChat Pay is asked |
//! | `POST /api/orders/{number}/delivered` | the goods are on their way, or are not |
//! | `GET /api/events?after=N&limit=M` | what happened since |
//! | `GET /health/live`, `GET /health/ready` | whether it runs, and whether it can write |
//!
//! An order is `{"out_trade_no", "total_fee", "body", "spbill_create_ip"}` and, if wanted, `attach`, `traceid`,
//! `time_expire` (RFC 3339, cut to the second) and `charset` (`UTF-8` or `GBK`). Whatever else is in it is
//! refused. The same order again gives the same answer; another one under the same number is a conflict.

mod events;
mod guard;
mod members;
mod orders;

use members::Members;

use crate::{app::App, health, problem::Problem};
use axum::{
    Router,
    http::{StatusCode, Uri},
    middleware,
    routing::{get, post},
};
use std::sync::Arc;
use wxpay_proto::{id::OutTradeNo, secret::Secret};

/// All routes but the notices'.
pub(crate) fn router(app: App, token: Option<Secret<String>>) -> Router {
    let guard = middleware::from_fn_with_state(Arc::new(token), guard::check);
    let api = Router::new()
        .route("/orders", post(orders::place))
        .route("/orders/{number}", get(orders::show))
        .route("/orders/{number}/paid", post(orders::paid))
        .route("/orders/{number}/delivered", post(orders::delivered))
        .route("/events", get(events::list))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .layer(guard);
    Router::new()
        .nest("/api", api)
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .with_state(app)
}

/// An order number from a path: what cannot be one names no order.
fn number(name: &str) -> Result<OutTradeNo, Problem> {
    name.parse().map_err(|_| Problem::no_order())
}

async fn nowhere(_: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-path", "There is nothing here", "no such path")
}

async fn not_so() -> Problem {
    let title = "The method is not for this path";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", title, "the header allow names those that are")
}
