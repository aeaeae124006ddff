//! A small shop of APIv1 in axum: it places orders, receives notifications, and records which orders are paid.
//!
//! ```text
//! wxpay sim --listen 127.0.0.1:8090 --env-file sim.env &
//! . ./sim.env && WXPAY_SIM=1 cargo run -p wxpay-hyper --example shop_v1
//! ```
//!
//! | request | effect |
//! |---|---|
//! | `POST /orders` with `{"number", "fen", "body"}` | places the order; returns the seven parameters for the app |
//! | `GET /orders/{number}` | `open`, `paid`, or `anomalous` |
//! | `POST /notify` | WeChat Pay's notifications |
//!
//! With `WXPAY_SIM=1` it sells one item to the simulator's payer, prints `paid`, and exits; otherwise it serves. It
//! keeps its orders in memory: a real shop commits them to a database before it acknowledges a notification.
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
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::net::TcpListener;
use wxpay_hyper::{Client, notify::v1::NotificationService};
use wxpay_proto::{
    Fate, Fen,
    id::{NotifyUrl, OutTradeNo},
    payment::{Evidence, PaymentState, PaymentStatus, TransactionOwners, Transition},
    v1::{AppParams, AppSecret, Merchant, Order, PartnerKey, PaySignKey},
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
    merchant: Merchant,
    client: Client,
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
    let required = |name: &str| setting(name).ok_or_else(|| format!("{name} is required"));
    let merchant = Merchant::builder(
        required("WXPAY_V1_APPID")?.parse()?,
        AppSecret::new(required("WXPAY_V1_APP_SECRET")?)?,
        PaySignKey::new(required("WXPAY_V1_PAY_SIGN_KEY")?)?,
        required("WXPAY_V1_PARTNER")?.parse()?,
        PartnerKey::new(required("WXPAY_V1_PARTNER_KEY")?)?,
    )
    .base_url(&required("WXPAY_BASE_URL")?)?
    .build();
    let client = Client::builder().build()?;
    let shop = Arc::new(Shop {
        merchant: merchant.clone(),
        client: client.clone(),
        notify_url: format!("{url}/notify").parse()?,
        books: Mutex::default(),
    });
    tokio::spawn(client.refresh_tokens(merchant.clone()));

    let recording_shop = Arc::clone(&shop);
    let notifications = NotificationService::new(merchant, client, move |notification| {
        let shop = Arc::clone(&recording_shop);
        async move { notification.evidence().map_or(Ok(()), |evidence| shop.record(&evidence)) }
    });
    Ok(Router::new()
        .route("/orders", post(place))
        .route("/orders/{number}", get(status))
        .with_state(shop)
        .route_service("/notify", notifications))
}

type HttpError = (StatusCode, String);

#[derive(serde::Deserialize)]
struct NewOrder {
    number: String,
    fen: u64,
    body: String,
}

async fn place(
    State(shop): State<Arc<Shop>>,
    Json(new_order): Json<NewOrder>,
) -> Result<Json<AppParams>, HttpError> {
    let bad = |error: wxpay_proto::id::InvalidField| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
    let number: OutTradeNo = new_order.number.parse().map_err(bad)?;
    let total_fee = Fen::new(new_order.fen);
    let order = Order::builder(
        number.clone(),
        total_fee,
        &new_order.body,
        shop.notify_url.clone(),
        Ipv4Addr::LOCALHOST,
    )
    .build()
    .map_err(bad)?;
    // Stored before it is placed: the notification may arrive before the reply.
    shop.books().orders.entry(number.clone()).or_insert_with(|| PaymentState::new(number, total_fee));
    // In a task of its own, so that the outcome becomes known even if the visitor disconnects.
    let placing = tokio::spawn(async move { shop.client.run(shop.merchant.prepay(order)).await });
    match placing.await {
        Ok(Ok(params)) => Ok(Json(params)),
        Ok(Err(error)) => {
            let status = match error.fate() {
                Some(Fate::NotSent) => StatusCode::SERVICE_UNAVAILABLE,
                Some(Fate::Refused) => StatusCode::UNPROCESSABLE_ENTITY,
                Some(Fate::Unknown) | None => StatusCode::BAD_GATEWAY,
            };
            Err((status, error.to_string()))
        }
        Err(_) => Err((StatusCode::INTERNAL_SERVER_ERROR, "the order task failed".to_owned())),
    }
}

async fn status(
    State(shop): State<Arc<Shop>>,
    Path(number): Path<String>,
) -> Result<&'static str, HttpError> {
    let unknown = || (StatusCode::NOT_FOUND, "no such order".to_owned());
    let number: OutTradeNo = number.parse().map_err(|_| unknown())?;
    let books = shop.books();
    Ok(match books.orders.get(&number).ok_or_else(unknown)?.status() {
        PaymentStatus::Open => "open",
        PaymentStatus::Paid(_) => "paid",
        _ => "anomalous",
    })
}

impl Shop {
    /// Merges the evidence, in any order and with duplicates, and acts on the transitions.
    fn record(&self, evidence: &Evidence) -> Result<(), &'static str> {
        let mut books = self.books();
        let Books { orders, owners } = &mut *books;
        let state = orders.get_mut(evidence.out_trade_no()).ok_or("not an order of this shop")?;
        let before = state.clone();
        state.merge(evidence, owners.claim(evidence)).map_err(|_| "the evidence belongs to another order")?;
        let number = evidence.out_trade_no();
        for transition in state.transitions_since(&before) {
            match transition {
                Transition::Paid(payment) => {
                    println!("{number}: paid by {}, deliver it", payment.transaction_id());
                }
                other => println!("{number}: needs manual review: {other:?}"),
            }
        }
        Ok(())
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs one sale: a visitor orders, and the simulator's payer pays.
///
/// # Errors
///
/// If a request fails, or the notification of the payment does not arrive within ten seconds.
pub(crate) async fn sell_once(
    setting: impl Fn(&str) -> Option<String>,
    url: &str,
) -> Result<&'static str, Box<dyn Error>> {
    let number = "shop1";
    let order = format!(r#"{{"number":"{number}","fen":1999,"body":"千足金箍棒"}}"#);
    let (status, body) = call("POST", &format!("{url}/orders"), order).await?;
    println!("parameters for the app: {status} {body}");
    let gateway = setting("WXPAY_BASE_URL").ok_or("WXPAY_BASE_URL is required")?;
    let (status, body) = call("POST", &format!("{gateway}/_sim/v1/payer/pay"), body).await?;
    if status != StatusCode::OK {
        return Err(format!("the payer did not pay: {body}").into());
    }
    for _ in 0..100 {
        let (_, status) = call("GET", &format!("{url}/orders/{number}"), String::new()).await?;
        if status == "paid" {
            return Ok("paid");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("no notification arrived within ten seconds".into())
}

async fn call(method: &str, url: &str, body: String) -> Result<(StatusCode, String), Box<dyn Error>> {
    let client: legacy::Client<_, Full<Bytes>> = legacy::Client::builder(TokioExecutor::new()).build_http();
    let request = http::Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .body(Full::from(body))?;
    let (head, body) = client.request(request).await?.into_parts();
    Ok((head.status, String::from_utf8(body.collect().await?.to_bytes().into())?))
}
