//! Orders over HTTP.

use super::{Fields, number};
use crate::{
    app::App,
    delivery::{self, Outcome},
    ledger::{Order, Report, Status, Terms},
    place,
    problem::Problem,
    time::ChinaTime,
};
use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
};
use serde::Serialize;
use std::net::Ipv4Addr;
use wxpay_proto::{
    Fen,
    id::{OpenId, OutTradeNo},
    v1::AppParams,
    wire::charset::Charset,
};

/// The reply to a placed order.
#[derive(Debug, Serialize)]
pub(super) struct PlacedOrder {
    #[serde(flatten)]
    order: Order,
    /// The seven payment parameters for the app; absent if the order can no longer be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<AppParams>,
}

/// `POST /api/orders`: 201 the first time, 200 for the same order again.
pub(super) async fn place(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<PlacedOrder>), Problem> {
    let terms = terms(Fields::receive(request).await?)?;
    let number = terms.out_trade_no.clone();
    let placed = place::place(&app, terms).await?;
    let order = load(&app, &number).await?;
    let status = if placed.first { StatusCode::CREATED } else { StatusCode::OK };
    // A notification may have arrived before the reply of WeChat Pay was processed.
    let params = placed.params.filter(|_| order.status == Status::Open);
    Ok((status, Json(PlacedOrder { order, app: params })))
}

pub(super) fn terms(mut fields: Fields) -> Result<Terms, Problem> {
    let terms = Terms {
        out_trade_no: fields.required("out_trade_no")?.parse()?,
        total_fee: Fen::new(fields.number("total_fee")?),
        body: fields.required("body")?,
        spbill_create_ip: fields.required("spbill_create_ip")?.parse::<Ipv4Addr>().map_err(|_| {
            Problem::field("spbill_create_ip", "must be the IPv4 address of the payer's device")
        })?,
        charset: match fields.text("charset")? {
            None => Charset::Utf8,
            Some(name) => Charset::from_name(name.as_bytes())
                .ok_or_else(|| Problem::field("charset", "must be UTF-8 or GBK"))?,
        },
        // An empty value is not sent to WeChat Pay, so it counts as absent.
        attach: fields.text("attach")?.filter(|attach| !attach.is_empty()),
        traceid: fields.text("traceid")?,
        time_expire: match fields.text("time_expire")? {
            None => None,
            Some(text) => Some(ChinaTime::from_rfc3339(&text).map(ChinaTime::unix).ok_or_else(|| {
                Problem::field("time_expire", "must be an RFC 3339 time, such as 2014-05-08T10:10:00+08:00")
            })?),
        },
    };
    fields.finish()?;
    Ok(terms)
}

/// `GET /api/orders/{number}`: the order, or 404.
pub(super) async fn show(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Order>, Problem> {
    load(&app, &number(&name)?).await.map(Json)
}

/// `POST /api/orders/{number}/query`: queries WeChat Pay now. Call it when the app reports a payment: the app's report
/// proves nothing. 200 if the query succeeded; 202 if it failed and will be repeated.
pub(super) async fn query(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    let number = number(&name)?;
    load(&app, &number).await?;
    let status = if app.poller.query(&number).await { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(load(&app, &number).await?)))
}

/// `POST /api/orders/{number}/delivered`: reports the delivery to WeChat Pay.
pub(super) async fn delivered(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<Order>, Problem> {
    let number = number(&name)?;
    let report = report(Fields::receive(request).await?)?;
    match delivery::notify_delivery(&app, &number, report).await? {
        Outcome::Acknowledged => Ok(Json(load(&app, &number).await?)),
        Outcome::Failed(problem) => Err(problem),
    }
}

pub(super) fn report(mut fields: Fields) -> Result<Report, Problem> {
    let openid = fields.text("openid")?.map(|openid| openid.parse::<OpenId>()).transpose()?;
    let delivered = match &*fields.required("status")? {
        "ok" => true,
        "failed" => false,
        _ => return Err(Problem::field("status", "must be ok or failed")),
    };
    let message = match (delivered, fields.text("message")?) {
        (true, None) => "ok".to_owned(),
        (true, Some(_)) => return Err(Problem::field("message", "must be absent unless status is failed")),
        (false, Some(message)) => message,
        (false, None) => return Err(Problem::field("message", "is required if status is failed")),
    };
    fields.finish()?;
    Ok(Report { delivered, message, openid })
}

async fn load(app: &App, number: &OutTradeNo) -> Result<Order, Problem> {
    app.ledger.order(number).await?.ok_or_else(Problem::no_order)
}
