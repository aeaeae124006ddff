//! The fake phone: it pays, goes back or fails by the parameters that the program on it got.

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
    name: "phone",
    about: "A phone that checks the merchant's signature before it does anything.",
    routes: &[
        Route::post("phone/pay", "phone_pay", "The payer pays.", TAPPED, |simulation, call| {
            tap(simulation, call, Tap::Pay)
        })
        .taking(PARAMETERS)
        .or(&[super::orders::NO_ORDER, (409, "The order is paid, or cannot be paid any more.")]),
        Route::post("phone/cancel", "phone_cancel", "The payer goes back.", TAPPED, |simulation, call| {
            tap(simulation, call, Tap::Cancel)
        })
        .taking(PARAMETERS),
        Route::post("phone/fail", "phone_fail", "The payment fails.", TAPPED, |simulation, call| {
            tap(simulation, call, Tap::Fail)
        })
        .taking(PARAMETERS),
    ],
};

const PARAMETERS: Body = Body::Parameters(
    "The parameters exactly as the program on the phone got them. A page or a mini program: appId, timeStamp, nonceStr, \
     package, signType, paySign. An app: appid, partnerid, prepayid, package, noncestr, timestamp, sign; of the first \
     generation, the same seven.",
);
const TAPPED: Shape = Shape::Record(&TAP);
const BILLS: Shape = Shape::Either(&[Shape::Record(&FIRST_BILL), Shape::Record(&BILL)]);
const TAP: Record = Record {
    name: "Tapped",
    about: "What the payer saw, and what came of it.",
    members: &[
        always("bill", BILLS, "What the payer saw."),
        always("resp", Shape::Record(&RESP), "What the program on the phone gets; never a proof of payment."),
        always("order", Shape::Maybe(&ORDER), "The gateway's record afterwards."),
    ],
};
const FIRST_BILL: Record = Record {
    name: "OrderBill",
    about: "What the payer sees of an order of the first generation.",
    members: &[
        always("total_fee", Shape::Fen, "What is to be paid."),
        always("body", Shape::Text, "What is bought."),
        always("partner", Shape::Text, "Who gets it."),
        always("out_trade_no", Shape::Text, "The merchant's number."),
        always("prepayid", Shape::Text, "The order on the gateway."),
    ],
};
const BILL: Record = Record {
    name: "TransactionBill",
    about: "What the payer sees of an order of the third generation.",
    members: &[
        always("total", Shape::Fen, "What is to be paid."),
        always("description", Shape::Text, "What is bought; of a combined order, the first."),
        always("mchid", Shape::Text, "Who ordered it."),
        always("out_trade_no", Shape::Text, "Its number."),
        always("prepay_id", Shape::Text, "The order on the gateway."),
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

/// What the phone shows, what the app gets back, and the gateway's record afterwards.
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
    let shown = Answer::shown(json!({ "bill": bill, "resp": resp, "order": order }));
    Ok(Answer { notifications_first, ..shown })
}

/// The same of the third generation. Going back and failing leave the order as it is.
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
    let shown = Answer::shown(json!({ "bill": bill, "resp": resp, "order": order }));
    Ok(Answer { notifications_first, ..shown })
}
