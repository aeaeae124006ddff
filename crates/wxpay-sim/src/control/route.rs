//! The types of the table of routes, and its path parameters.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{APP_ID, DIGITS, Field, Kind, LETTERS, MAX_NUMBER, NUMBER, SERIAL_NO, required},
    problem::Problem,
};
pub(super) use wxpay_openapi::{Body, Variant};

/// Handler of a route. It receives only requests that passed validation.
pub(super) type Handler = fn(&mut Simulation, &Call<'_>) -> Result<ControlResponse, Problem>;
/// A route: one method of one path.
pub(super) type Route = wxpay_openapi::Route<Handler>;
/// A group of routes about one resource, which becomes a tag of the document.
pub(super) type RouteGroup = wxpay_openapi::RouteGroup<Handler>;

/// Every path parameter.
pub(super) const PARAMETERS: &[Field] = &[
    required("out_trade_no", Kind::Text(1, 32, NUMBER), "The merchant's order number."),
    required("out_refund_no", Kind::Text(1, 64, NUMBER), "The merchant's refund number."),
    required("out_bill_no", Kind::Text(1, 32, LETTERS), "The merchant's transfer number."),
    required("out_authorization_no", Kind::Text(1, 32, LETTERS), "The merchant's authorization number."),
    required("out_order_no", Kind::Text(1, 64, NUMBER), "The merchant's profit-sharing number."),
    required("sub_mchid", Kind::Text(1, 32, DIGITS), "The sub-merchant's mchid."),
    required("appid", Kind::Form(&APP_ID), "The app's appid."),
    required("mchid", Kind::Text(1, 32, DIGITS), "The merchant's mchid."),
    required("serial_no", Kind::Form(&SERIAL_NO), "The serial number of the certificate."),
    required("notify_id", Kind::Text(1, 128, NUMBER), "The id of the notification."),
    required("snapshot", Kind::Text(1, 32, "0-9A-Za-z_-"), "The name of the saved state."),
    required("id", Kind::Number(1, MAX_NUMBER), "The id of the fault rule."),
];
