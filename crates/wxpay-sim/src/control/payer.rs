//! Routes of the payer's client, which acts by the payment parameters that an app or a page passes to it.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{FAIL_REASON, fail_reason},
    problem::Problem,
    records::{order::ORDER, problem::RESP},
    route::{Body, Route, RouteGroup},
    schema::{Record, Schema, optional_member, required_member},
};
use crate::{
    gateway::Payer,
    ledger::NotPaidReason,
    payer::{PayResp, PaymentRequest},
};
use serde_json::json;

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "payer",
    description: "The payer's client. It verifies the merchant's signature over the parameters before it acts.",
    routes: &[
        Route::post("payer/pay", "payer_pay", "Pays as the payer.", PAYER_RESULT, |simulation, call| {
            act(simulation, call, PayerAction::Pay)
        })
        .with_body(PARAMETERS)
        .with_problems(&[
            super::orders::ORDER_NOT_FOUND,
            (409, "The order is paid, or can no longer be paid."),
            NOT_ACCEPTED,
        ]),
        Route::post(
            "payer/cancel",
            "payer_cancel",
            "Cancels the payment as the payer.",
            PAYER_RESULT,
            |simulation, call| act(simulation, call, PayerAction::Cancel),
        )
        .with_body(PARAMETERS)
        .with_problems(&[NOT_ACCEPTED]),
        Route::post(
            "payer/fail",
            "payer_fail",
            "Makes the payment fail.",
            PAYER_RESULT,
            |simulation, call| act(simulation, call, PayerAction::Fail(fail_reason(&call.query))),
        )
        .with_query(&[FAIL_REASON])
        .with_body(PARAMETERS)
        .with_problems(&[NOT_ACCEPTED]),
        Route::post(
            "payer/show",
            "payer_show",
            "Shows the payment request to the payer, and does nothing.",
            PAYER_RESULT,
            |simulation, call| act(simulation, call, PayerAction::Show),
        )
        .with_body(PARAMETERS)
        .with_problems(&[NOT_ACCEPTED]),
    ],
};

const NOT_ACCEPTED: (u16, &str) = (
    422,
    "The client does not accept the parameters: one is missing, or of another order, app or merchant; or the signature \
     is invalid.",
);

const PARAMETERS: Body = Body::Parameters(&[PAGE_PARAMETERS, APP_PARAMETERS]);
const PAGE_PARAMETERS: Record = Record {
    name: "PageParameters",
    description: "The payment parameters of a page or a mini program, exactly as the merchant passed them to the client.",
    members: &[
        optional_member("appId", Schema::Text, "The app. A mini program does not pass it."),
        required_member("timeStamp", Schema::Text, "The time of the signature, in seconds since 1970."),
        required_member("nonceStr", Schema::Text, "The nonce."),
        required_member("package", Schema::Text, "prepay_id= followed by the prepay_id."),
        required_member("signType", Schema::Enum(|| vec!["RSA"]), "The type of the signature."),
        required_member("paySign", Schema::Text, "The merchant's signature."),
    ],
};
const APP_PARAMETERS: Record = Record {
    name: "AppParameters",
    description: "The payment parameters of an app, in both API versions, exactly as the merchant passed them to the \
        client.",
    members: &[
        required_member("appid", Schema::Text, "The app."),
        required_member("partnerid", Schema::Text, "The merchant."),
        required_member("prepayid", Schema::Text, "The prepay_id."),
        required_member("package", Schema::Text, "Sign=WXPay."),
        required_member("noncestr", Schema::Text, "The nonce."),
        required_member(
            "timestamp",
            Schema::AnyOf(&[Schema::Text, Schema::Count]),
            "The time of the signature, in seconds since 1970: a string; in APIv1 also a number.",
        ),
        required_member("sign", Schema::Text, "The merchant's signature."),
    ],
};
const PAYER_RESULT: Schema = Schema::Record(&PAYER_RESULT_RECORD);
const PAYER_RESULT_RECORD: Record = Record {
    name: "PayerResult",
    description: "The payment request shown to the payer, and the result of the payer's action.",
    members: &[
        required_member(
            "payment_request",
            Schema::Record(&PAYMENT_REQUEST),
            "The payment request shown to the payer.",
        ),
        required_member(
            "resp",
            Schema::Record(&RESP),
            "The result that the client returns to the app. It does not prove a payment.",
        ),
        required_member("order", Schema::Nullable(&ORDER), "The gateway's record after the action."),
    ],
};
const PAYMENT_REQUEST: Record = Record {
    name: "PaymentRequest",
    description: "The payment request that the payer sees.",
    members: &[
        required_member("total", Schema::Fen, "The amount to pay."),
        required_member(
            "description",
            Schema::Text,
            "The description of the goods; for a combined order, of its first sub-order.",
        ),
        required_member("mchid", Schema::Text, "The merchant that placed the order."),
        required_member("out_trade_no", Schema::Text, "The merchant's order number."),
        required_member("prepay_id", Schema::Text, "The prepay_id; for APIv1 the prepayid."),
    ],
};
#[derive(Clone, Copy)]
enum PayerAction {
    Show,
    Pay,
    Cancel,
    Fail(NotPaidReason),
}

fn act(
    simulation: &mut Simulation,
    call: &Call<'_>,
    action: PayerAction,
) -> Result<ControlResponse, Problem> {
    let (gateway, now) = (&mut simulation.gateway, call.now.business);
    let payment_request = PaymentRequest::parse(gateway, call.raw, now).map_err(|invalid| {
        let problem = Problem::unprocessable(invalid.field, invalid.rule).with_pay_resp(&invalid.resp());
        problem.with_causes(&invalid, call.raw)
    })?;
    let (resp, notifications_first) = match action {
        PayerAction::Show => (PayResp::not_yet(), false),
        PayerAction::Cancel => (payment_request.cancel(gateway, now), false),
        PayerAction::Fail(reason) => (payment_request.fail(gateway, reason, now), false),
        PayerAction::Pay => match payment_request.pay(gateway, &Payer::default(), now) {
            Ok((resp, paid)) => (resp, paid.notifications_first),
            Err(error) => return Err(Problem::from_payment_error(error).with_pay_resp(&error.resp())),
        },
    };
    let order = gateway.order(&payment_request.order_ref(), now);
    let response =
        ControlResponse::json(json!({ "payment_request": payment_request, "resp": resp, "order": order }));
    Ok(ControlResponse { notifications_first, ..response })
}
