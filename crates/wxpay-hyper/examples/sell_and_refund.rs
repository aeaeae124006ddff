//! Sells by QR code: places a Native order, receives the notification of its payment, and refunds it.
//!
//! ```text
//! wxpay sim --env-file sim.env &
//! . ./sim.env && cargo run -p wxpay-hyper --example sell_and_refund &
//! curl -X POST "$WXPAY_BASE_URL/_sim/v1/orders/ORDER-0002/pay"
//! ```
//!
//! Port 8080 must be the one of `WXPAY_NOTIFY_URL`; an argument such as `0.0.0.0:80` replaces it.
#![allow(
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "an example: it prints, and leaves every other outcome to manual review"
)]

use axum::Router;
use std::{
    env,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{net::TcpListener, sync::mpsc};
use wxpay_hyper::WxPay;
use wxpay_proto::{
    Fen,
    payment::{PaymentState, TransactionOwners, Transition},
    v3::{
        Event, Notification,
        pay::{NativeOrder, Order},
        refund::{CreateRefund, RefundAmount},
    },
};

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let wxpay = WxPay::from_env()?;
    let total = Fen::from_yuan("19.99")?;
    let order = Order::new("ORDER-0002".parse()?, total, "chopsticks")?;
    let amount = RefundAmount::full(total)?;
    let refund = CreateRefund::new(order.out_trade_no().clone(), "ORDER-0002-R1".parse()?, amount)
        .notify_url(wxpay.merchant().notify_url().ok_or("WXPAY_NOTIFY_URL is required")?.clone());

    // The order is in the books before it is placed: its notification may arrive before the reply.
    let (books, mut transitions) = Books::open(PaymentState::new(order.out_trade_no().clone(), total));
    let notifications = wxpay.notifications(move |notification| {
        let books = Arc::clone(&books);
        async move { books.record(&notification) }
    });
    let notify = Router::new().route_service("/{mchid}", notifications);
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    tokio::spawn(async move { axum::serve(listener, Router::new().nest("/notify", notify)).await });

    println!("link for the QR code: {}", wxpay.call(NativeOrder::new(order)).await?);
    while let Some(transition) = transitions.recv().await {
        match transition {
            Transition::Paid(payment) => {
                println!("paid by {}", payment.transaction_id());
                println!("refund: {:?}", wxpay.call(refund.clone()).await?.status);
            }
            Transition::Refunded(refunded) => {
                println!("refunded: {} yuan", refunded.refund().yuan());
                return Ok(());
            }
            other => println!("needs manual review: {other:?}"),
        }
    }
    Err("no notification arrives any more".into())
}

/// The record of the order. A real shop keeps it in a database, and commits it before it acknowledges.
struct Books {
    state: Mutex<(PaymentState, TransactionOwners)>,
    transitions: mpsc::UnboundedSender<Transition>,
}

impl Books {
    fn open(state: PaymentState) -> (Arc<Self>, mpsc::UnboundedReceiver<Transition>) {
        let (sender, transitions) = mpsc::unbounded_channel();
        let state = Mutex::new((state, TransactionOwners::default()));
        (Arc::new(Self { state, transitions: sender }), transitions)
    }

    /// Merges the evidence, in any order and with duplicates. Each transition occurs once.
    fn record(&self, notification: &Notification) -> Result<(), BoxError> {
        let mut books = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, owners) = &mut *books;
        let before = state.clone();
        match notification.event()? {
            Event::Transaction(transaction) => {
                if let Some(evidence) = transaction.evidence() {
                    state.merge(&evidence, owners.claim(&evidence))?;
                }
            }
            Event::Refund(refund) => {
                refund.evidence().iter().try_for_each(|evidence| state.merge_refund(evidence))?;
            }
            _ => println!("needs manual review: {}", notification.event_type()),
        }
        let mut transitions = state.transitions_since(&before).into_iter();
        Ok(transitions.try_for_each(|transition| self.transitions.send(transition))?)
    }
}
