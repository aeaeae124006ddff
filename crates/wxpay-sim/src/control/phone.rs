//! Routes of the payer's client, which acts by the payment parameters that an app or a page passes to it.

use super::{
    Answer, Simulation,
    call::Call,
    problem::Problem,
    records::{order::ORDER, problem::RESP},
    route::{Body, Room, Route},
    shape::{Record, Shape, always},
};
use crate::{
    gateway::{Gateway, Named, Payer},
    phone::{self, Bill, PayResp},
};
use serde_json::json;
use wxpay_proto::UnixTime;

pub(super) const ROOM: Room = Room {
    name: "payer",
    about: "The payer's client. It verifies the merchant's signature of the parameters before it acts.",
    routes: &[
        Route::post("payer/pay", "payer_pay", "Pays as the payer.", TAPPED, |simulation, call| {
            tap(simulation, call, Tap::Pay)
        })
        .taking(PARAMETERS)
        .or(&[super::orders::NO_ORDER, (409, "The order is paid, or can no longer be paid.")]),
        Route::post(
            "payer/cancel",
            "payer_cancel",
            "Cancels the payment as the payer.",
            TAPPED,
            |simulation, call| tap(simulation, call, Tap::Cancel),
        )
        .taking(PARAMETERS),
        Route::post("payer/fail", "payer_fail", "Makes the payment fail.", TAPPED, |simulation, call| {
            tap(simulation, call, Tap::Fail)
        })
        .taking(PARAMETERS),
    ],
};

const PARAMETERS: Body = Body::Parameters(
    "The payment parameters, exactly as the merchant passed them to the client. Page or mini program: appId, timeStamp, \
     nonceStr, package, signType, paySign. App: appid, partnerid, prepayid, package, noncestr, timestamp, sign; the same \
     seven for APIv1.",
);
const TAPPED: Shape = Shape::Record(&TAP);
const BILLS: Shape = Shape::Either(&[Shape::Record(&FIRST_BILL), Shape::Record(&BILL)]);
const TAP: Record = Record {
    name: "PayerResult",
    about: "The payment request shown to the payer, and the result of the payer's action.",
    members: &[
        always("payment_request", BILLS, "The payment request shown to the payer."),
        always(
            "resp",
            Shape::Record(&RESP),
            "The result that the client returns to the app. It does not prove a payment.",
        ),
        always("order", Shape::Maybe(&ORDER), "The gateway's record after the action."),
    ],
};
const FIRST_BILL: Record = Record {
    name: "V1PaymentRequest",
    about: "The payment request that the payer sees for an APIv1 order.",
    members: &[
        always("total_fee", Shape::Fen, "The amount to pay."),
        always("body", Shape::Text, "The description of the goods."),
        always("partner", Shape::Text, "The merchant."),
        always("out_trade_no", Shape::Text, "The merchant's order number."),
        always("prepayid", Shape::Text, "The prepayid."),
    ],
};
const BILL: Record = Record {
    name: "PaymentRequest",
    about: "The payment request that the payer sees for an APIv3 order.",
    members: &[
        always("total", Shape::Fen, "The amount to pay."),
        always(
            "description",
            Shape::Text,
            "The description of the goods; for a combined order, of its first sub-order.",
        ),
        always("mchid", Shape::Text, "The merchant that placed the order."),
        always("out_trade_no", Shape::Text, "The merchant's order number."),
        always("prepay_id", Shape::Text, "The prepay_id."),
    ],
};
#[derive(Clone, Copy)]
enum Tap {
    Pay,
    Cancel,
    Fail,
}

fn tap(simulation: &mut Simulation, call: &Call<'_>, tap: Tap) -> Result<Answer, Problem> {
    let gateway = &mut simulation.gateway;
    if phone::v3::Bill::is_meant(gateway, call.raw, call.now) {
        third(gateway, tap, call.raw, call.now)
    } else {
        first(gateway, tap, call.raw, call.now)
    }
}

/// Handles an action on an APIv1 order. Returns the payment request, the client's result and the gateway's record.
fn first(gateway: &mut Gateway, tap: Tap, parameters: &[u8], now: UnixTime) -> Result<Answer, Problem> {
    let bill = Bill::read(gateway, parameters, now)
        .map_err(|refused| Problem::field(refused.field, refused.rule).with_resp(&refused.resp()))?;
    let (resp, notifications_first) = match tap {
        Tap::Cancel => (bill.cancel(gateway, now), false),
        Tap::Fail => (bill.fail(gateway, now), false),
        Tap::Pay => match bill.pay(gateway, &Payer::default(), now) {
            Ok((resp, paid)) => (resp, paid.notifications_first),
            Err(cannot) => return Err(Problem::cannot(cannot).with_resp(&cannot.resp())),
        },
    };
    let order = gateway.order(&bill.out_trade_no, now);
    let shown = Answer::shown(json!({ "payment_request": bill, "resp": resp, "order": order }));
    Ok(Answer { notifications_first, ..shown })
}

/// Handles an action on an APIv3 order, like [`first`]. Cancelling and failing do not change the order.
fn third(gateway: &mut Gateway, tap: Tap, parameters: &[u8], now: UnixTime) -> Result<Answer, Problem> {
    let bill = phone::v3::Bill::read(gateway, parameters, now)
        .map_err(|refused| Problem::field(refused.field, refused.rule).with_resp(&refused.resp()))?;
    let (resp, notifications_first) = match tap {
        Tap::Cancel => (PayResp::cancelled(), false),
        Tap::Fail => (PayResp::failed(), false),
        Tap::Pay => match bill.pay(gateway, &Payer::default(), now) {
            Ok((resp, paid)) => (resp, paid.notifications_first),
            Err(cannot) => return Err(Problem::cannot(cannot).with_resp(&cannot.resp())),
        },
    };
    let order = gateway.transaction(&Named::Handle(bill.prepay_id.clone()), now);
    let shown = Answer::shown(json!({ "payment_request": bill, "resp": resp, "order": order }));
    Ok(Answer { notifications_first, ..shown })
}
