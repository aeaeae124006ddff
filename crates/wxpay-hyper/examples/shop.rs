//! A small shop in axum: it sells, refunds, receives notifications, queries what is open, and closes what timed out.
//!
//! `wxpay certify` starts it, and grades it against WeChat Pay's checklist for going live:
//!
//! ```text
//! cargo build -p wxpay-hyper --example shop
//! wxpay certify --target http://127.0.0.1:8080 --profile example --start target/debug/examples/shop
//! ```
//!
//! | request | effect |
//! |---|---|
//! | `POST /orders` with `{"number", "fen", "openid", "seconds"}` | places the order; returns the parameters for the page |
//! | `GET /orders/{number}` | `{"status", "deliveries"}`: `open`, `paid`, `closed` or `anomalous` |
//! | `POST /orders/{number}/close` | closes the order, unless it is paid |
//! | `POST /orders/{number}/refunds` with `{"number", "fen"}` | refunds a part of the payment |
//! | `GET /orders/{number}/refunds/{refund}` | `{"status"}`: `pending`, `success`, `closed` or `abnormal` |
//! | `POST /notify` | WeChat Pay's notifications of payments and refunds |
//!
//! It keeps its records in memory: a real shop commits them to a database before it acknowledges a notification.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    clippy::needless_pass_by_value,
    reason = "an example: it prints, reads the clock, maps errors, and leaves every other outcome to manual review"
)]

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    env,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::net::TcpListener;
use wxpay_hyper::WxPay;
use wxpay_proto::{
    Fate, Fen, UnixTime,
    id::{InvalidField, OpenId, OutRefundNo, OutTradeNo},
    payment::{Evidence, PaymentState, PaymentStatus, TransactionOwners, Transition},
    v3::{
        Event, Lookup, Notification,
        pay::{CloseOrder, JsapiOrder, JsapiParams, Order, Payer, QueryOrder},
        refund::{CreateRefund, QueryRefund, RefundAmount, RefundStatus},
    },
};

type BoxError = Box<dyn Error + Send + Sync>;
type HttpError = (StatusCode, String);

/// The pause between two rounds of queries. A shop with many orders queries each at growing intervals.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let shop = open_shop(&WxPay::from_env()?, POLL_INTERVAL);
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening at http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, shop).await?)
}

struct Shop {
    wxpay: WxPay,
    books: Mutex<Books>,
}

/// Everything the shop knows. A real shop keeps this in a database.
#[derive(Default)]
struct Books {
    sales: BTreeMap<OutTradeNo, Sale>,
    owners: TransactionOwners,
}

/// An order with its refunds.
struct Sale {
    terms: NewOrder,
    expires_at: UnixTime,
    payment: PaymentState,
    is_closed: bool,
    /// How often the goods were delivered.
    deliveries: u32,
    refunds: BTreeMap<OutRefundNo, (u64, RefundStatus)>,
}

impl Sale {
    fn status(&self) -> &'static str {
        match self.payment.status() {
            PaymentStatus::Paid(_) => "paid",
            PaymentStatus::Open if self.is_closed => "closed",
            PaymentStatus::Open => "open",
            _ => "anomalous",
        }
    }
}

/// Builds the shop, and starts its queries.
pub(crate) fn open_shop(wxpay: &WxPay, poll_interval: Duration) -> Router {
    let shop = Arc::new(Shop { wxpay: wxpay.clone(), books: Mutex::default() });
    let recording_shop = Arc::clone(&shop);
    let notifications = wxpay.notifications(move |notification| {
        let shop = Arc::clone(&recording_shop);
        async move { shop.receive(&notification) }
    });
    tokio::spawn(query_what_is_open(Arc::clone(&shop), poll_interval));
    Router::new()
        .route("/orders", post(place))
        .route("/orders/{number}", get(show))
        .route("/orders/{number}/close", post(close))
        .route("/orders/{number}/refunds", post(refund))
        .route("/orders/{number}/refunds/{refund}", get(show_refund))
        .with_state(shop)
        .route_service("/notify", notifications)
}

#[derive(Clone, Deserialize, PartialEq)]
struct NewOrder {
    number: String,
    fen: u64,
    openid: String,
    seconds: u64,
}

/// Places an order. The same request again places the same order: a customer may repeat it after an error.
async fn place(
    State(shop): State<Arc<Shop>>,
    Json(terms): Json<NewOrder>,
) -> Result<Json<JsapiParams>, HttpError> {
    let number: OutTradeNo = terms.number.parse().map_err(invalid)?;
    let expires_at = {
        // Stored before it is placed: its notification may arrive before the reply.
        let mut books = shop.books();
        let sale = books.sales.entry(number.clone()).or_insert_with(|| Sale {
            terms: terms.clone(),
            expires_at: now().after(Duration::from_secs(terms.seconds)),
            payment: PaymentState::new(number.clone(), Fen::new(terms.fen)),
            is_closed: false,
            deliveries: 0,
            refunds: BTreeMap::new(),
        });
        if sale.terms != terms || sale.status() != "open" {
            return Err((StatusCode::CONFLICT, "the number is used".to_owned()));
        }
        sale.expires_at
    };
    let order = Order::new(number, Fen::new(terms.fen), "chopsticks").map_err(invalid)?;
    let openid: OpenId = terms.openid.parse().map_err(invalid)?;
    let order = JsapiOrder::new(order.time_expire(expires_at), Payer::new(openid)).map_err(invalid)?;
    // In a task of its own, so that the outcome becomes known even if the visitor disconnects.
    let placing = tokio::spawn(async move { shop.wxpay.call(order).await });
    placing.await.map_err(internal)?.map(Json).map_err(failed)
}

async fn show(State(shop): State<Arc<Shop>>, Path(number): Path<String>) -> Result<Json<Value>, HttpError> {
    let number = number.parse().map_err(invalid)?;
    let books = shop.books();
    let sale = books.sales.get(&number).ok_or_else(not_found)?;
    Ok(Json(json!({ "status": sale.status(), "deliveries": sale.deliveries })))
}

/// Closes an order at WeChat Pay first: an order that is closed in the shop alone can still be paid.
async fn close(State(shop): State<Arc<Shop>>, Path(number): Path<String>) -> Result<StatusCode, HttpError> {
    let number: OutTradeNo = number.parse().map_err(invalid)?;
    let closing = tokio::spawn(async move { shop.close(&number).await });
    closing.await.map_err(internal)?.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct NewRefund {
    number: String,
    fen: u64,
}

/// Refunds. The same request again makes the same refund.
async fn refund(
    State(shop): State<Arc<Shop>>,
    Path(number): Path<String>,
    Json(new): Json<NewRefund>,
) -> Result<StatusCode, HttpError> {
    let number: OutTradeNo = number.parse().map_err(invalid)?;
    let refund_number: OutRefundNo = new.number.parse().map_err(invalid)?;
    let total = {
        let mut books = shop.books();
        let sale = books.sales.get_mut(&number).ok_or_else(not_found)?;
        if sale.status() != "paid" {
            return Err((StatusCode::CONFLICT, "the order is not paid".to_owned()));
        }
        let terms = sale.terms.fen;
        // Stored before it is sent, as pending: the same number must never be sent with another amount.
        let (fen, _) =
            sale.refunds.entry(refund_number.clone()).or_insert((new.fen, RefundStatus::Processing));
        if *fen != new.fen {
            return Err((StatusCode::CONFLICT, "the number is used".to_owned()));
        }
        terms
    };
    let amount = RefundAmount::new(Fen::new(new.fen), Fen::new(total)).map_err(invalid)?;
    let notify_url = shop.wxpay.merchant().notify_url().cloned();
    let create = CreateRefund::new(number.clone(), refund_number, amount);
    let create = notify_url.into_iter().fold(create, CreateRefund::notify_url);
    let refunding = tokio::spawn(async move {
        let refund = shop.wxpay.call(create).await?;
        shop.record_refund(&number, &refund.out_refund_no, refund.status);
        Ok(())
    });
    refunding.await.map_err(internal)?.map_err(failed)?;
    Ok(StatusCode::ACCEPTED)
}

async fn show_refund(
    State(shop): State<Arc<Shop>>,
    Path((number, refund)): Path<(String, String)>,
) -> Result<Json<Value>, HttpError> {
    let (number, refund): (OutTradeNo, OutRefundNo) =
        (number.parse().map_err(invalid)?, refund.parse().map_err(invalid)?);
    let books = shop.books();
    let sale = books.sales.get(&number).ok_or_else(not_found)?;
    let (_, status) = sale.refunds.get(&refund).ok_or_else(not_found)?;
    let status = match status {
        RefundStatus::Success => "success",
        RefundStatus::Closed => "closed",
        RefundStatus::Abnormal => "abnormal",
        _ => "pending",
    };
    Ok(Json(json!({ "status": status })))
}

impl Shop {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a verified notification. Its signature, its age and its merchant are checked already.
    fn receive(&self, notification: &Notification) -> Result<(), BoxError> {
        match notification.event()? {
            Event::Transaction(transaction) => {
                if let Some(evidence) = transaction.evidence() {
                    self.record(&evidence)?;
                }
            }
            Event::Refund(refund) => {
                self.record_refund(&refund.out_trade_no, &refund.out_refund_no, refund.refund_status);
            }
            _ => println!("needs manual review: {}", notification.event_type()),
        }
        Ok(())
    }

    /// Merges evidence of a payment, in any order and with duplicates. The goods are delivered on the transition only.
    fn record(&self, evidence: &Evidence) -> Result<(), BoxError> {
        let mut books = self.books();
        let Books { sales, owners } = &mut *books;
        let sale = sales.get_mut(evidence.out_trade_no()).ok_or("not an order of this shop")?;
        let before = sale.payment.clone();
        sale.payment.merge(evidence, owners.claim(evidence))?;
        for transition in sale.payment.transitions_since(&before) {
            match transition {
                Transition::Paid(_) => sale.deliveries = sale.deliveries.saturating_add(1),
                other => println!("{}: needs manual review: {other:?}", evidence.out_trade_no()),
            }
        }
        Ok(())
    }

    /// Records the status of a refund. A final one stays.
    fn record_refund(&self, number: &OutTradeNo, refund_number: &OutRefundNo, status: RefundStatus) {
        let mut books = self.books();
        let refund = books.sales.get_mut(number).and_then(|sale| sale.refunds.get_mut(refund_number));
        if let Some((_, known)) = refund
            && *known == RefundStatus::Processing
        {
            *known = status;
        }
    }

    /// Queries an order, and records its payment.
    async fn query(&self, number: &OutTradeNo) -> Result<(), BoxError> {
        match self.wxpay.call(QueryOrder::out_trade_no(number.clone())).await?.evidence() {
            Some(evidence) => self.record(&evidence),
            None => Ok(()),
        }
    }

    async fn close(&self, number: &OutTradeNo) -> Result<(), wxpay_proto::Error> {
        self.wxpay.call(CloseOrder::new(number.clone())).await?;
        if let Some(sale) = self.books().sales.get_mut(number) {
            sale.is_closed = true;
        }
        Ok(())
    }

    /// Queries an open order. Closes it if its time is over and it is not paid.
    async fn follow(&self, number: &OutTradeNo) -> Result<(), BoxError> {
        self.query(number).await?;
        let is_over = self.books().sales.get(number).is_some_and(Sale::is_over);
        if is_over { Ok(self.close(number).await?) } else { Ok(()) }
    }

    async fn follow_refund(&self, number: &OutTradeNo, refund_number: &OutRefundNo) -> Result<(), BoxError> {
        if let Lookup::Found(refund) = self.wxpay.call(QueryRefund::new(refund_number.clone())).await? {
            self.record_refund(number, refund_number, refund.status);
        }
        Ok(())
    }
}

impl Sale {
    fn is_over(&self) -> bool {
        self.status() == "open" && self.expires_at <= now()
    }
}

/// Queries open orders and pending refunds again and again: a notification is not guaranteed.
async fn query_what_is_open(shop: Arc<Shop>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let (open, pending) = {
            let books = shop.books();
            let open = books.sales.iter().filter(|(_, sale)| sale.status() == "open");
            let pending = books.sales.iter().flat_map(|(number, sale)| {
                let pending =
                    sale.refunds.iter().filter(|(_, (_, status))| *status == RefundStatus::Processing);
                pending.map(|(refund, _)| (number.clone(), refund.clone()))
            });
            (open.map(|(number, _)| number.clone()).collect::<Vec<_>>(), pending.collect::<Vec<_>>())
        };
        for number in open {
            if let Err(error) = shop.follow(&number).await {
                println!("{number}: {error}");
            }
        }
        for (number, refund) in pending {
            if let Err(error) = shop.follow_refund(&number, &refund).await {
                println!("{refund}: {error}");
            }
        }
    }
}

pub(crate) fn now() -> UnixTime {
    UnixTime::EPOCH.after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn invalid(error: InvalidField) -> HttpError {
    (StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
}

fn not_found() -> HttpError {
    (StatusCode::NOT_FOUND, "no such order or refund".to_owned())
}

fn internal(_: tokio::task::JoinError) -> HttpError {
    (StatusCode::INTERNAL_SERVER_ERROR, "the task failed".to_owned())
}

/// Maps the fate of a failed call. Not sent: try again. Refused: correct the request. Unknown: repeat the same request.
fn failed(error: wxpay_proto::Error) -> HttpError {
    let status = match error.fate() {
        Some(Fate::NotSent) => StatusCode::SERVICE_UNAVAILABLE,
        Some(Fate::Refused) => StatusCode::UNPROCESSABLE_ENTITY,
        Some(Fate::Unknown) | None => StatusCode::BAD_GATEWAY,
    };
    (status, error.to_string())
}
