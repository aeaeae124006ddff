//! The seven APIv1 parameters of an app.

use super::{InvalidParameter, PaymentRequest};
use crate::{
    gateway::Gateway,
    settings::SecondSignPackage,
    v1::{message::JsonMembers, sign},
    warnings::Kind,
};
use wxpay_proto::UnixTime;

/// Signed parameters, in order; the appkey is signed as well.
const SIGNED_PARAMETERS: [&str; 6] = ["appid", "noncestr", "package", "partnerid", "prepayid", "timestamp"];
const PACKAGE: &str = "Sign=WXPay";

/// Verifies the seven parameters exactly as the app received them: a JSON object, in which `timestamp` may be a number.
/// Other members are ignored; an `appkey` gives a warning.
pub(super) fn parse(
    gateway: &mut Gateway,
    parameters: &[u8],
    now: UnixTime,
) -> Result<PaymentRequest, InvalidParameter> {
    let invalid = InvalidParameter::new;
    let message = JsonMembers::parse(parameters)
        .map_err(|_| invalid("parameters", "must be a JSON object in UTF-8"))?;
    for field in SIGNED_PARAMETERS.into_iter().chain(["sign"]) {
        if message.text(field).is_none_or(str::is_empty) {
            return Err(invalid(field, "is required"));
        }
    }
    let text = |name| message.text(name).unwrap_or_default();
    let app =
        gateway.v1.apps.app(text("appid")).ok_or_else(|| invalid("appid", "must be a registered app"))?;
    let credentials = app.credentials().clone();
    if text("partnerid") != credentials.partner().as_str() {
        return Err(invalid("partnerid", "must be the app's merchant"));
    }
    if !text("timestamp").bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid("timestamp", "must be a decimal number of seconds"));
    }
    let expected =
        sign::sha1(&SIGNED_PARAMETERS.map(|name| (name, text(name))), credentials.pay_sign_key().expose());
    if !sign::constant_time_eq(text("sign"), &expected) {
        return Err(invalid(
            "sign",
            "must be the SHA-1 signature over the six signed parameters and the appkey",
        ));
    }
    let unknown = invalid("prepayid", "must be a prepayid that genprepay returned to this app");
    let prepay_id = text("prepayid");
    let order = gateway.ledger.order_by_handle(prepay_id);
    let order = order.filter(|order| order.appid() == credentials.appid()).ok_or_else(|| unknown.clone())?;
    let prepay = order.prepay_by_handle(prepay_id).ok_or(unknown)?;
    let request = PaymentRequest {
        total: prepay.terms.total,
        description: String::from(&*prepay.terms.description),
        mchid: order.mchid().clone(),
        out_trade_no: order.out_trade_no.clone(),
        prepay_id: prepay_id.into(),
    };
    let number = Some(request.out_trade_no.as_str());
    if message.has("appkey") {
        gateway.warn(now, Kind::LeakedSecret, number, "the payment parameters contain the appkey");
    }
    if text("package") != PACKAGE {
        gateway.warn(now, Kind::SecondSignPackage, number, "package is not Sign=WXPay");
        if gateway.settings().v1.second_sign_package == SecondSignPackage::Strict {
            return Err(invalid("package", "must be Sign=WXPay"));
        }
    }
    Ok(request)
}
