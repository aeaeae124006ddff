//! What a merchant gives back of its part.

use super::{
    super::{
        call::Call,
        errors::{self, Refusal},
        fields::{Field, Kind, may, must, text},
        party::{self, SUB_MCHID},
        reply::Reply,
        route::Operation,
    },
    MERCHANT_ID, MOST, NUMBER, OUT_ORDER_NO, TAKES, finished, new_id, tell,
};
use crate::{
    gateway::{Gateway, agenda::Task},
    ledger::v3::{GivenBack, Order, Part, Sharing},
    time,
};
use serde_json::json;
use wxpay_proto::{UnixTime, id::MchId};

pub(in crate::gateway::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.profitsharing.give_back", "/v3/profitsharing/return-orders", FIELDS, give_back)
        .at_most(100),
    Operation::get(
        "v3.profitsharing.query_given_back",
        "/v3/profitsharing/return-orders/{out_return_no}",
        query,
    )
    .asking(&[SUB_MCHID, OUT_ORDER_NO]),
];

const FIELDS: &[Field] = &[
    SUB_MCHID,
    may("order_id", text(64)),
    may("out_order_no", NUMBER),
    must("out_return_no", NUMBER),
    must("return_mchid", party::NUMBER),
    must("amount", Kind::Number(1, MOST)),
    must("description", text(80)),
];

fn give_back(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::asking_by_sub(gateway, call)?;
    let text = |pointer| call.text(pointer).map(String::from).unwrap_or_default();
    let key = (call.mchid.clone(), text("/out_return_no"));
    let sharings = &gateway.v3.ledger.sharings;
    if let Some(back) = sharings.returns.get(&key) {
        if back.asked == call.body {
            return shown(gateway, &key.0, &key.1, back);
        }
        return Err(errors::REENTRY_DIFFERS.because("the number is of a return that says something else"));
    }
    let sharing = sharing_of(gateway, call)?;
    party::is_of(order_of(gateway, sharing)?, sub_mchid.as_ref())?;
    if sharing.finished.is_none() {
        return Err(errors::INVALID_REQUEST.saying("分账未完成，不能回退"));
    }
    let return_mchid = text("/return_mchid");
    let owner = sub_mchid.as_ref().unwrap_or(&call.mchid);
    let parts = sharing.parts.iter().filter(|part| {
        part.kind == MERCHANT_ID && part.account == return_mchid && return_mchid != owner.as_str()
    });
    let got = parts.fold(0_u64, |sum, part| sum.saturating_add(part.amount.get()));
    if got == 0 {
        return Err(errors::INVALID_REQUEST.saying("回退商户不是该分账单的接收方"));
    }
    let amount = call.fen("/amount");
    let returned = sharings.returned(&call.mchid, &sharing.out_order_no, &return_mchid);
    if returned.saturating_add(amount.get()) > got {
        return Err(errors::OUT_OF_RANGE.at("body", "/amount", amount.get().into(), "超过可回退金额"));
    }
    let out_order_no = sharing.out_order_no.clone();
    let back = GivenBack {
        out_order_no,
        return_id: new_id(gateway, "31", call.now),
        return_mchid,
        amount,
        description: text("/description"),
        asked: call.body.clone(),
        created: call.now,
        finished: None,
    };
    let reply = shown(gateway, &key.0, &key.1, &back)?;
    let task = Task { run: finish, mchid: key.0.clone(), number: key.1.clone() };
    gateway.v3.ledger.sharings.returns.insert(key, back);
    gateway.v3.agenda.add(call.now.after(TAKES), task);
    Ok(reply)
}

/// The sharing by either number; both must lead to it, if both are told.
fn sharing_of<'a>(gateway: &'a Gateway, call: &Call) -> Result<&'a Sharing, Refusal> {
    let (id, number) = (call.text("/order_id"), call.text("/out_order_no"));
    if id.is_none() && number.is_none() {
        let issue = "order_id与out_order_no至少填一个";
        return Err(errors::PARAM_ERROR.at("body", "/out_order_no", "".into(), issue));
    }
    let mut all = gateway.v3.ledger.sharings.all.iter().filter(|((mchid, _), _)| *mchid == call.mchid);
    let found = all.find(|(_, sharing)| {
        id.is_none_or(|id| sharing.order_id == id)
            && number.is_none_or(|number| sharing.out_order_no == number)
    });
    let unknown = || errors::RESOURCE_NOT_EXISTS.saying("分账单不存在");
    found.map(|(_, sharing)| sharing).ok_or_else(unknown)
}

fn order_of<'a>(gateway: &'a Gateway, sharing: &Sharing) -> Result<&'a Order, Refusal> {
    let order = gateway.v3.ledger.order(&sharing.order);
    order.ok_or_else(|| errors::SYSTEM_ERROR.because("the order is gone"))
}

/// The money is back.
fn finish(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let sharings = &mut gateway.v3.ledger.sharings;
    let Some(back) = sharings.returns.get_mut(&(mchid.clone(), String::from(number))) else { return };
    back.finished = Some(now);
    let back = back.clone();
    let Some(sharing) = sharings.all.get(&(mchid.clone(), back.out_order_no)).cloned() else { return };
    let part = Part {
        kind: String::from(MERCHANT_ID),
        account: back.return_mchid,
        amount: back.amount,
        description: back.description,
        detail_id: String::new(),
    };
    tell(gateway, &sharing, (&back.return_id, number), &part, ("PROFITSHARING.RETURN", "分账回退"), now);
}

fn query(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let unknown = || errors::RESOURCE_NOT_EXISTS.saying("分账回退单不存在");
    let sub_mchid = party::asking_by_sub(gateway, call)?;
    let key = (call.mchid.clone(), String::from(call.path("out_return_no")));
    let sharings = &gateway.v3.ledger.sharings;
    let back = sharings.returns.get(&key).ok_or_else(unknown)?;
    if call.query("out_order_no") != Some(back.out_order_no.as_str()) {
        return Err(unknown());
    }
    let sharing = sharings.all.get(&(key.0.clone(), back.out_order_no.clone())).ok_or_else(unknown)?;
    party::is_of(order_of(gateway, sharing)?, sub_mchid.as_ref())?;
    shown(gateway, &key.0, &key.1, back)
}

fn shown(gateway: &Gateway, mchid: &MchId, number: &str, back: &GivenBack) -> Result<Reply, Refusal> {
    let gone = || errors::SYSTEM_ERROR.because("the sharing is gone");
    let sharings = &gateway.v3.ledger.sharings.all;
    let sharing = sharings.get(&(mchid.clone(), back.out_order_no.clone())).ok_or_else(gone)?;
    let mut shown = json!({
        "order_id": sharing.order_id,
        "out_order_no": back.out_order_no,
        "out_return_no": number,
        "return_id": back.return_id,
        "return_mchid": back.return_mchid,
        "amount": back.amount,
        "description": back.description,
        "result": if back.finished.is_some() { "SUCCESS" } else { "PROCESSING" },
        "create_time": time::rfc3339(back.created),
    });
    let sub_mchid = order_of(gateway, sharing)?.sub_mchid();
    if let (Some(sub_mchid), Some(members)) = (sub_mchid, shown.as_object_mut()) {
        members.insert("sub_mchid".into(), sub_mchid.as_str().into());
    }
    finished(&mut shown, back.finished);
    Ok(Reply::json(&shown))
}
