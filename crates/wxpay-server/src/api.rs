//! The REST interface for the shop.
//!
//! | | |
//! |---|---|
//! | `POST /api/orders` | places an order; returns the app payment parameters |
//! | `GET /api/orders/{number}` | returns an order with its status |
//! | `POST /api/orders/{number}/query` | queries WeChat Pay now, for example when the app reports a payment |
//! | `POST /api/orders/{number}/delivered` | reports to WeChat Pay that the goods were delivered or not |
//! | `GET /api/events?after=N&limit=M` | lists the events after number `N` |
//! | `GET /health/live`, `GET /health/ready` | liveness; readiness: the ledger is writable |
//!
//! An order requires `out_trade_no`, `total_fee`, `body` and `spbill_create_ip`; `attach`, `traceid`, `time_expire`
//! (RFC 3339, cut to the second) and `charset` (`UTF-8` or `GBK`) are optional. Unknown fields are rejected. The same
//! order again returns the same result; another one under the same number is a conflict.

mod events;
mod fields;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod guard;
mod orders;

use fields::Fields;

use crate::{app::App, health, problem::Problem};
use axum::{
    Router,
    http::{StatusCode, Uri},
    middleware,
    routing::{get, post},
};
use std::sync::Arc;
use wxpay_proto::{id::OutTradeNo, secret::Secret};

/// Returns all routes except the notification path.
pub(crate) fn router(app: App, token: Option<Secret<String>>) -> Router {
    let guard = middleware::from_fn_with_state(Arc::new(token), guard::check);
    let api = Router::new()
        .route("/orders", post(orders::place))
        .route("/orders/{number}", get(orders::show))
        .route("/orders/{number}/query", post(orders::query))
        .route("/orders/{number}/delivered", post(orders::delivered))
        .route("/events", get(events::list))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(guard);
    Router::new()
        .nest("/api", api)
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

/// Parses the order number of a path. An invalid number is answered like an unknown one: 404.
fn number(name: &str) -> Result<OutTradeNo, Problem> {
    name.parse().map_err(|_| Problem::no_order())
}

async fn not_found(_: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-path", "Not found", "unknown path")
}

async fn method_not_allowed() -> Problem {
    let title = "Method not allowed";
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        title,
        "the header allow lists the methods of this path",
    )
}
