//! A server for a page inside WeChat, or for a mini program: it returns the payment parameters.
//!
//! ```text
//! wxpay sim --env-file sim.env &
//! . ./sim.env && cargo run -p wxpay-hyper --features axum --example jsapi_page &
//! curl -X POST "http://127.0.0.1:8080/orders/ORDER-0003?openid=oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" >params.json
//! curl -X POST "$WXPAY_BASE_URL/_sim/v1/payer/pay" -d @params.json
//! ```
//!
//! The page passes the parameters to `WeixinJSBridge.invoke("getBrandWCPayRequest", params, …)`, the mini program to
//! `wx.requestPayment(params)`. The result that the page receives proves nothing; the notification does.
//!
//! Port 8080 must be the one of `WXPAY_NOTIFY_URL`; an argument such as `0.0.0.0:80` replaces it.
#![allow(clippy::print_stdout, reason = "an example: it prints")]

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::post,
};
use std::{collections::BTreeMap, env, error::Error};
use tokio::net::TcpListener;
use wxpay_hyper::{
    WxPay,
    notify::v3::{AckResponse, VerifiedNotification},
};
use wxpay_proto::{
    Fate, Fen,
    id::{InvalidField, OpenId, OutTradeNo},
    v3::{
        Event,
        pay::{JsapiOrder, JsapiParams, Order, Payer},
    },
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = Router::new()
        .route("/orders/{number}", post(place))
        .route("/notify/{mchid}", post(notify))
        .with_state(WxPay::from_env()?);
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening at http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

/// Places an order. In a real shop, number and amount are those of the visitor's cart, and the openid is the one of the
/// visitor's session.
async fn place(
    State(wxpay): State<WxPay>,
    Path(number): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Json<JsapiParams>, (StatusCode, String)> {
    let openid = query.get("openid").map_or("", String::as_str);
    let order = order(&number, openid).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    // In a task of its own, so that the outcome becomes known even if the visitor disconnects.
    let placing = tokio::spawn(async move { wxpay.call(order).await });
    match placing.await {
        Ok(Ok(params)) => Ok(Json(params)),
        Ok(Err(error)) => Err((status(error.fate()), error.to_string())),
        Err(_) => Err((StatusCode::INTERNAL_SERVER_ERROR, "the order task failed".to_owned())),
    }
}

fn order(number: &str, openid: &str) -> Result<JsapiOrder, InvalidField> {
    let (number, openid): (OutTradeNo, OpenId) = (number.parse()?, openid.parse()?);
    JsapiOrder::new(Order::new(number, Fen::new(1999), "chopsticks")?, Payer::new(openid))
}

/// Maps the fate of a failed call. Not sent: try again. Refused: correct the request. Unknown: query the result.
fn status(fate: Option<Fate>) -> StatusCode {
    match fate {
        Some(Fate::NotSent) => StatusCode::SERVICE_UNAVAILABLE,
        Some(Fate::Refused) => StatusCode::UNPROCESSABLE_ENTITY,
        Some(Fate::Unknown) | None => StatusCode::BAD_GATEWAY,
    }
}

/// Records a payment. Commit it before `acknowledge`: WeChat Pay does not send the notification again after that.
async fn notify(notification: VerifiedNotification) -> Result<AckResponse, AckResponse> {
    if let Event::Transaction(transaction) = notification.event()? {
        println!("{}: {:?}", transaction.out_trade_no, transaction.trade_state);
    }
    Ok(notification.acknowledge())
}
