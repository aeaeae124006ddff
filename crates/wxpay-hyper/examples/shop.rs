//! A small shop in axum: it sells by QR code, receives notifications, and refunds.
//!
//! ```text
//! wxpay sim --listen 127.0.0.1:8090 --env-file sim.env &
//! . ./sim.env && WXPAY_SIM=1 cargo run -p wxpay-hyper --example shop
//! ```
//!
//! | request | effect |
//! |---|---|
//! | `POST /orders` with `{"number", "fen", "body"}` | places the order; returns the link for the QR code |
//! | `GET /orders/{number}` | `open`, `paid`, `refunded`, or `anomalous` |
//! | `POST /orders/{number}/refund` | refunds the whole amount |
//! | `POST /notify` | WeChat Pay's notifications |
//!
//! With `WXPAY_SIM=1` it sells one item to the simulator's payer, refunds it, prints `refunded`, and exits; otherwise
//! it serves. It keeps its orders in memory: a real shop commits them to a database before it acknowledges a
//! notification.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "an example: it prints, reads the environment, and leaves every other outcome to manual review"
)]

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy, rt::TokioExecutor};
use std::{
    collections::BTreeMap,
    env,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::net::TcpListener;
use wxpay_hyper::WxPay;
use wxpay_proto::{
    Fate, Fen,
    id::{InvalidField, NotifyUrl, OutTradeNo},
    payment::{Evidence, PaymentState, PaymentStatus, RefundEvidence, TransactionOwners, Transition},
    v3::{
        Event, Notification,
        pay::{NativeOrder, Order},
        refund::CreateRefund,
    },
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str| env::var(name).ok();
    let listener = TcpListener::bind(setting("SHOP_LISTEN").as_deref().unwrap_or("127.0.0.1:0")).await?;
    let url = setting("SHOP_URL").unwrap_or(format!("http://{}", listener.local_addr()?));
    let shop = open_shop(setting, &url)?;
    let serving = tokio::spawn(async move { axum::serve(listener, shop).await });
    println!("shop listening at {url}");
    if setting("WXPAY_SIM").as_deref() == Some("1") {
        println!("{}", sell_once(setting, &url).await?);
        return Ok(());
    }
    Ok(serving.await??)
}

struct Shop {
    wxpay: WxPay,
    notify_url: NotifyUrl,
    books: Mutex<Books>,
}

/// Everything the shop knows of payments. A real shop keeps this in a database.
#[derive(Default)]
struct Books {
    orders: BTreeMap<OutTradeNo, PaymentState>,
    owners: TransactionOwners,
}

/// Builds the shop. `setting` returns the value of an environment variable; `url` is the shop's public URL.
///
/// # Errors
///
/// If a setting is missing or invalid.
pub(crate) fn open_shop(
    setting: impl Fn(&str) -> Option<String>,
    url: &str,
) -> Result<Router, Box<dyn Error>> {
    let notify_url: NotifyUrl = format!("{url}/notify").parse()?;
    let wxpay = WxPay::builder().variables(setting).notify_url(notify_url.as_str()).build()?;
    let shop = Arc::new(Shop { wxpay: wxpay.clone(), notify_url, books: Mutex::default() });
    let recording_shop = Arc::clone(&shop);
    let notifications = wxpay.notifications(move |notification| {
        let shop = Arc::clone(&recording_shop);
        async move { shop.record(&notification) }
    });
    Ok(Router::new()
        .route("/orders", post(place))
        .route("/orders/{number}", get(status))
        .route("/orders/{number}/refund", post(refund))
        .with_state(shop)
        .route_service("/notify", notifications))
}

type HttpError = (StatusCode, String);

#[allow(clippy::needless_pass_by_value, reason = "the signature that `map_err` requires")]
fn invalid_field(error: InvalidField) -> HttpError {
    (StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
}

fn not_found() -> HttpError {
    (StatusCode::NOT_FOUND, "no such order".to_owned())
}

/// Maps the fate of a failed call to a status. Not sent: try again. Refused: correct the request. Unknown: query the
/// result.
fn call_failed(error: &wxpay_proto::Error) -> HttpError {
    let status = match error.fate() {
        Some(Fate::NotSent) => StatusCode::SERVICE_UNAVAILABLE,
        Some(Fate::Refused) => StatusCode::UNPROCESSABLE_ENTITY,
        Some(Fate::Unknown) | None => StatusCode::BAD_GATEWAY,
    };
    (status, error.to_string())
}

#[derive(serde::Deserialize)]
struct NewOrder {
    number: String,
    fen: u64,
    body: String,
}

async fn place(State(shop): State<Arc<Shop>>, Json(new_order): Json<NewOrder>) -> Result<String, HttpError> {
    let number: OutTradeNo = new_order.number.parse().map_err(invalid_field)?;
    let total = Fen::new(new_order.fen);
    let order = Order::builder(number.clone(), total, new_order.body).build().map_err(invalid_field)?;
    // Stored before it is placed: the notification may arrive before the reply.
    shop.books().orders.entry(number.clone()).or_insert_with(|| PaymentState::new(number, total));
    // In a task of its own, so that the outcome becomes known even if the visitor disconnects.
    let placing = async move { shop.wxpay.call(NativeOrder::new(order)).await };
    match tokio::spawn(placing).await {
        Ok(placed) => placed.map_err(|error| call_failed(&error)),
        Err(_) => Err((StatusCode::INTERNAL_SERVER_ERROR, "the order task failed".to_owned())),
    }
}

async fn status(
    State(shop): State<Arc<Shop>>,
    Path(number): Path<String>,
) -> Result<&'static str, HttpError> {
    let number: OutTradeNo = number.parse().map_err(|_| not_found())?;
    let books = shop.books();
    let state = books.orders.get(&number).ok_or_else(not_found)?;
    Ok(match state.status() {
        PaymentStatus::Open => "open",
        PaymentStatus::Paid(_) if state.refunds().next().is_some() => "refunded",
        PaymentStatus::Paid(_) => "paid",
        _ => "anomalous",
    })
}

async fn refund(State(shop): State<Arc<Shop>>, Path(number): Path<String>) -> Result<String, HttpError> {
    let number: OutTradeNo = number.parse().map_err(|_| not_found())?;
    let total = shop.books().orders.get(&number).ok_or_else(not_found)?.ordered();
    // The refund number is derived from the order number, so a repeated request creates no second refund.
    let refund = CreateRefund::builder(
        number.clone(),
        format!("{number}-R1").parse().map_err(invalid_field)?,
        total,
        total,
    )
    .notify_url(shop.notify_url.clone())
    .build()
    .map_err(invalid_field)?;
    let refunding = async move { shop.wxpay.call(refund).await };
    match tokio::spawn(refunding).await {
        Ok(Ok(refund)) => Ok(format!("{:?}", refund.status)),
        Ok(Err(error)) => Err(call_failed(&error)),
        Err(_) => Err((StatusCode::INTERNAL_SERVER_ERROR, "the refund task failed".to_owned())),
    }
}

impl Shop {
    /// Merges the evidence, in any order and with duplicates, and acts on the transitions.
    fn record(&self, notification: &Notification) -> Result<(), Box<dyn Error>> {
        let event = notification.event()?;
        let (payment, refund) = match &event {
            Event::Transaction(transaction) => (transaction.evidence(), None),
            Event::Refund(refund) => (None, refund.evidence()),
            _ => (None, None),
        };
        let number = payment.as_ref().map(Evidence::out_trade_no);
        let Some(number) = number.or_else(|| refund.as_ref().map(RefundEvidence::out_trade_no)) else {
            println!("needs manual review: {}", notification.event_type());
            return Ok(());
        };
        let mut books = self.books();
        let Books { orders, owners } = &mut *books;
        let state = orders.get_mut(number).ok_or("not an order of this shop")?;
        let before = state.clone();
        payment.iter().try_for_each(|evidence| state.merge(evidence, owners.claim(evidence)))?;
        refund.iter().try_for_each(|evidence| state.merge_refund(evidence))?;
        for transition in state.transitions_since(&before) {
            match transition {
                Transition::Paid(payment) => {
                    println!("{number}: paid by {}, deliver it", payment.transaction_id());
                }
                Transition::Refunded(refunded) => println!("{number}: {} refunded", refunded.refund()),
                other => println!("{number}: needs manual review: {other:?}"),
            }
        }
        Ok(())
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs one sale: a visitor orders, the simulator's payer pays, and the shop refunds.
///
/// # Errors
///
/// If a request fails, or a notification does not arrive within ten seconds.
pub(crate) async fn sell_once(
    setting: impl Fn(&str) -> Option<String>,
    url: &str,
) -> Result<&'static str, Box<dyn Error>> {
    let number = "SHOP-0001";
    let order = format!(r#"{{"number":"{number}","fen":1999,"body":"千足金箍棒"}}"#);
    let code_url = call("POST", &format!("{url}/orders"), order).await?;
    println!("link for the QR code: {code_url}");
    let gateway = setting("WXPAY_BASE_URL").ok_or("WXPAY_BASE_URL is required")?;
    call("POST", &format!("{gateway}/_sim/v1/orders/{number}/pay"), "{}".to_owned()).await?;
    wait_for_status("paid", &format!("{url}/orders/{number}")).await?;
    call("POST", &format!("{url}/orders/{number}/refund"), String::new()).await?;
    wait_for_status("refunded", &format!("{url}/orders/{number}")).await
}

async fn wait_for_status(status: &'static str, order: &str) -> Result<&'static str, Box<dyn Error>> {
    for _ in 0..100 {
        if call("GET", order, String::new()).await? == status {
            return Ok(status);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("the order was not {status} within ten seconds").into())
}

async fn call(method: &str, url: &str, body: String) -> Result<String, Box<dyn Error>> {
    let client: legacy::Client<_, Full<Bytes>> = legacy::Client::builder(TokioExecutor::new()).build_http();
    let request = http::Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .body(Full::from(body))?;
    let (head, body) = client.request(request).await?.into_parts();
    let body = String::from_utf8(body.collect().await?.to_bytes().into())?;
    if head.status.is_success() { Ok(body) } else { Err(format!("{url}: {} {body}", head.status).into()) }
}
