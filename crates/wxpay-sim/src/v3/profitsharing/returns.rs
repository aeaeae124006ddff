//! Returns: a receiving merchant returns a shared amount.

use super::{
    super::{
        call::Call,
        errors::{self, Refusal},
        fields::{Field, Kind, optional, required, text},
        operation::Operation,
        party::{self, SUB_MCHID},
        reply::Reply,
    },
    MAX_AMOUNT_FEN, NUMBER, OUT_ORDER_NO, add_fail_reason, add_finish_time, order_of, outcome,
};
use crate::{
    gateway::{Gateway, tasks::Task},
    ledger::{NewReturn, Return, ReturnError, ReturnFailure, Sharing},
    time,
};
use serde_json::json;
use wxpay_proto::{UnixTime, id::MchId};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.profitsharing.return", "/v3/profitsharing/return-orders", FIELDS, create_return)
        .calls_per_second(100),
    Operation::get("v3.profitsharing.query_return", "/v3/profitsharing/return-orders/{out_return_no}", query)
        .with_query(&[SUB_MCHID, OUT_ORDER_NO]),
];

const FIELDS: &[Field] = &[
    SUB_MCHID,
    optional("order_id", "微信分账单号", text(64)),
    optional("out_order_no", "商户分账单号", NUMBER),
    required("out_return_no", "商户回退单号", NUMBER),
    required("return_mchid", "回退商户号", party::MCHID_KIND),
    required("amount", "回退金额", Kind::Number(1, MAX_AMOUNT_FEN)),
    required("description", "回退描述", text(80)),
];

fn create_return(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    let text = |pointer| call.text(pointer).map(String::from).unwrap_or_default();
    let (mchid, number, request) = (&call.mchid, text("/out_return_no"), call.request_digest()?);
    if let Some(existing) = gateway.ledger.sharings.get_return(mchid, &number) {
        if existing.request == request {
            return return_reply(gateway, mchid, existing);
        }
        return Err(errors::REENTRY_MISMATCH
            .with_reason("out_return_no belongs to a return with different parameters"));
    }
    let sharing = sharing_of(gateway, call)?;
    party::check_order_owner(order_of(gateway, sharing)?, sub_mchid.as_ref())?;
    let out_order_no = sharing.out_order_no.clone();
    let new = NewReturn {
        out_return_no: number.clone(),
        return_mchid: text("/return_mchid"),
        amount: call.fen("/amount"),
        description: text("/description"),
        request,
    };
    let (ledger, mut numbers) = gateway.ledger_and_numbers();
    ledger.return_share(mchid, &out_order_no, new, &mut numbers, call.now).map_err(refused)?;
    let task = Task { run: outcome::finish_return, mchid: mchid.clone(), number: number.clone() };
    gateway.tasks.add(call.now.after(gateway.settings().v3.profitsharing_duration), task);
    let missing = || errors::SYSTEM_ERROR.with_reason("the return is missing from the ledger");
    let created = gateway.ledger.sharings.get_return(mchid, &number).ok_or_else(missing)?;
    return_reply(gateway, mchid, created)
}

fn refused(error: ReturnError) -> Refusal {
    match error {
        ReturnError::NoSuchSharing => errors::RESOURCE_NOT_EXISTS.with_message("分账单不存在"),
        ReturnError::Unfinished => errors::INVALID_REQUEST.with_message("分账未完成，不能回退"),
        ReturnError::NotAReceiver => errors::INVALID_REQUEST.with_message("回退商户不是该分账单的接收方"),
        ReturnError::ExceedsReceived => errors::OUT_OF_RANGE.with_message("回退金额超过可回退金额"),
    }
}

/// Finds the sharing by either number. If both are given, they must name the same sharing.
fn sharing_of<'a>(gateway: &'a Gateway, call: &Call) -> Result<&'a Sharing, Refusal> {
    let (id, number) = (call.text("/order_id"), call.text("/out_order_no"));
    if id.is_none() && number.is_none() {
        return Err(errors::PARAM_ERROR.with_message("order_id与out_order_no至少填一个"));
    }
    let sharings = &gateway.ledger.sharings;
    let by_id = id.and_then(|id| sharings.by_id(&call.mchid, id));
    let by_number = number.and_then(|number| sharings.get(&call.mchid, number));
    let found = if id.is_some() { by_id } else { by_number };
    let found = found.filter(|sharing| number.is_none_or(|number| sharing.out_order_no == number));
    found.ok_or_else(|| refused(ReturnError::NoSuchSharing))
}

fn query(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let not_found = || errors::RESOURCE_NOT_EXISTS.with_message("分账回退单不存在");
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    let sharings = &gateway.ledger.sharings;
    let sharing_return =
        sharings.get_return(&call.mchid, call.path("out_return_no")).ok_or_else(not_found)?;
    let out_order_no = &sharing_return.record.out_order_no;
    if call.query("out_order_no") != Some(out_order_no.as_str()) {
        return Err(not_found());
    }
    let sharing = sharings.get(&call.mchid, out_order_no).ok_or_else(not_found)?;
    party::check_order_owner(order_of(gateway, sharing)?, sub_mchid.as_ref())?;
    return_reply(gateway, &call.mchid, sharing_return)
}

fn return_reply(gateway: &Gateway, mchid: &MchId, sharing_return: &Return) -> Result<Reply, Refusal> {
    let missing = || errors::SYSTEM_ERROR.with_reason("the sharing is missing from the ledger");
    let sharing_return = &sharing_return.record;
    let sharing = gateway.ledger.sharings.get(mchid, &sharing_return.out_order_no).ok_or_else(missing)?;
    let mut value = json!({
        "order_id": sharing.order_id,
        "out_order_no": sharing_return.out_order_no,
        "out_return_no": sharing_return.out_return_no,
        "return_id": sharing_return.return_id,
        "return_mchid": sharing_return.return_mchid,
        "amount": sharing_return.amount,
        "description": sharing_return.description,
        "result": sharing_return.result.as_str(),
        "create_time": time::rfc3339(UnixTime::from_secs(sharing_return.created_at)),
    });
    let sub_mchid = order_of(gateway, sharing)?.sub_mchid();
    if let (Some(sub_mchid), Some(members)) = (sub_mchid, value.as_object_mut()) {
        members.insert("sub_mchid".into(), sub_mchid.as_str().into());
    }
    add_fail_reason(&mut value, sharing_return.fail_reason.map(ReturnFailure::as_str));
    add_finish_time(&mut value, sharing_return.finished_at);
    Ok(Reply::json(&value))
}
