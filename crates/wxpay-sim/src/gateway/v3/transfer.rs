//! Transfers to users, who confirm them: taken, confirmed or not, taken back.

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, may, must, text},
    notice::Event,
    party::{self, APPID},
    pay::MOST,
    reply::Reply,
    route::Operation,
};
use crate::{
    chance::{ALPHANUMERIC, DIGITS},
    gateway::{Gateway, agenda::Task},
    ledger::v3::{Transfer, TransferState},
    time,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::sync::Arc;
use wxpay_proto::{
    UnixTime,
    id::{MchId, OpenId, OutBillNo},
    secret::Secret,
};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.transfer", "/v3/fund-app/mch-transfer/transfer-bills", FIELDS, create).at_most(100),
    Operation::get(
        "v3.transfer.query",
        "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}",
        by_number,
    ),
    Operation::get(
        "v3.transfer.query_id",
        "/v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}",
        by_id,
    ),
    Operation::empty_post(
        "v3.transfer.cancel",
        "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel",
        cancel,
    ),
];

const FIELDS: &[Field] = &[
    APPID,
    must("out_bill_no", Kind::Text(1, 32, Alphabet::Alphanumeric)),
    must("openid", text(128)),
    may("user_name", text(1024)),
    must("transfer_amount", Kind::Number(1, MOST)),
    must("transfer_remark", text(32)),
    may("notify_url", Kind::Url),
    may("user_recv_perception", text(256)),
    must("transfer_scene_id", Kind::OneOf(&["1000", "1002", "1004", "1005", "1009", "1010", "1011", "1013"])),
    must(
        "transfer_scene_report_infos",
        Kind::List(&Kind::Object(&[must("info_type", text(15)), must("info_content", text(32))]), 10),
    ),
    may("user_recv_style", Kind::Object(&[must("type", Kind::OneOf(&["CONFIRM_PAGE", "RED_PACKET"]))])),
];

/// From here on the payee's name must be said: 2000 yuan.
const NAMED_FROM: u64 = 200_000;

/// Takes a transfer, or finds it again by its number.
fn create(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let appid = party::own_app(gateway, call, call.said("appid"))?;
    let wrong = |field: &str, issue: &str| errors::PARAM_ERROR.at("body", field, "".into(), issue);
    let number = call.said("out_bill_no").unwrap_or_default().parse::<OutBillNo>();
    let number = number.map_err(|_| wrong("/out_bill_no", "格式错误"))?;
    if call.said("openid").is_none_or(|openid| openid.parse::<OpenId>().is_err()) {
        return Err(wrong("/openid", "格式错误"));
    }
    if call.body.pointer("/transfer_scene_report_infos/0").is_none() {
        return Err(wrong("/transfer_scene_report_infos", "至少1项"));
    }
    let user_name = call.opened(gateway, "/user_name")?;
    let amount = call.fen("/transfer_amount");
    if user_name.is_none() && amount.get() >= NAMED_FROM {
        return Err(wrong("/user_name", "转账金额达到2000元时必填"));
    }
    let said = call.comparable(gateway, &["/user_name"])?;
    if let Some(transfer) = gateway.v3.ledger.transfers.of(&call.mchid, number.as_str()) {
        if transfer.said != said {
            return Err(
                errors::REENTRY_DIFFERS.because("the number is of a transfer that says something else")
            );
        }
        return Ok(Reply::json(&made(transfer)));
    }
    let serial = gateway.v3.next_serial();
    let chance = &mut gateway.v3.chance;
    let id = format!("1330{}{}{serial:010}", chance.text(DIGITS, 18), time::day(call.now));
    let transfer = Transfer {
        mchid: call.mchid.clone(),
        out_bill_no: number.clone(),
        transfer_bill_no: id.parse().map_err(|_| errors::SYSTEM_ERROR.because("no number could be made"))?,
        appid,
        amount,
        user_name: user_name.map(|name| Arc::new(Secret::new(name))),
        said,
        asked: call.asked.clone(),
        package_info: STANDARD.encode(chance.text(ALPHANUMERIC, 60)),
        state: TransferState::Accepted,
        fail_reason: None,
        created: call.now,
        updated: call.now,
    };
    gateway.v3.ledger.transfers.add(transfer);
    let takes = gateway.settings.v3.transfer_takes;
    if takes.is_zero() {
        ask_payee(gateway, &call.mchid, number.as_str(), call.now);
    } else {
        later(gateway, call.now.after(takes), &call.mchid, number.as_str(), ask_payee);
    }
    let transfer = gateway.v3.ledger.transfers.of(&call.mchid, number.as_str());
    transfer.map(|transfer| Reply::json(&made(transfer))).ok_or_else(unknown)
}

fn by_number(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let transfer = gateway.v3.ledger.transfers.of(&call.mchid, call.path("out_bill_no"));
    transfer.map(|transfer| shown(gateway, transfer)).ok_or_else(unknown)
}

fn by_id(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let transfer = gateway.v3.ledger.transfers.by_id(&call.mchid, call.path("transfer_bill_no"));
    transfer.map(|transfer| shown(gateway, transfer)).ok_or_else(unknown)
}

/// Takes back what the payee has not confirmed. Again, it tells how far that is.
fn cancel(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let number = call.path("out_bill_no");
    let transfer = gateway.v3.ledger.transfers.of_mut(&call.mchid, number).ok_or_else(unknown)?;
    let is_new = match transfer.state {
        TransferState::Success | TransferState::Fail => {
            return Err(errors::INVALID_REQUEST.saying("当前单据状态不支持撤销"));
        }
        TransferState::Canceling | TransferState::Cancelled => false,
        TransferState::Accepted | TransferState::WaitUserConfirm => true,
    };
    if is_new {
        (transfer.state, transfer.updated) = (TransferState::Canceling, call.now);
    }
    let said = json!({
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "state": transfer.state.as_str(),
        "update_time": time::rfc3339(transfer.updated),
    });
    if is_new {
        let at = call.now.after(gateway.settings.v3.cancel_takes);
        later(gateway, at, &call.mchid, number, |gateway, mchid, number, now| {
            end(gateway, mchid, number, (TransferState::Canceling, TransferState::Cancelled, None), now);
        });
    }
    Ok(Reply::json(&said))
}

fn unknown() -> Refusal {
    errors::NOT_FOUND.because("no such transfer of this merchant")
}

fn later(
    gateway: &mut Gateway,
    at: UnixTime,
    mchid: &MchId,
    number: &str,
    run: fn(&mut Gateway, &MchId, &str, UnixTime),
) {
    gateway.v3.agenda.add(at, Task { run, mchid: mchid.clone(), number: number.into() });
}

/// The money is locked: the payee may confirm, for a day.
fn ask_payee(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let Some(transfer) = gateway.v3.ledger.transfers.of_mut(mchid, number) else { return };
    if transfer.state != TransferState::Accepted {
        return;
    }
    (transfer.state, transfer.updated) = (TransferState::WaitUserConfirm, now);
    let at = now.after(gateway.settings.v3.transfer_confirmable);
    later(gateway, at, mchid, number, |gateway, mchid, number, now| {
        let step = (TransferState::WaitUserConfirm, TransferState::Fail, Some("OVERDUE_CLOSE"));
        end(gateway, mchid, number, step, now);
    });
}

/// Ends a transfer that is still where it was, and tells of it. Whether it was there.
fn end(
    gateway: &mut Gateway,
    mchid: &MchId,
    number: &str,
    (from, to, reason): (TransferState, TransferState, Option<&str>),
    now: UnixTime,
) -> bool {
    let transfer = gateway.v3.ledger.transfers.of_mut(mchid, number);
    let Some(transfer) = transfer.filter(|transfer| transfer.state == from) else { return false };
    (transfer.state, transfer.updated) = (to, now);
    transfer.fail_reason = reason.map(String::from);
    let Some(notify_url) = transfer.said("notify_url").map(String::from) else { return true };
    let mut plain = json!({
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "state": transfer.state.as_str(),
        "mch_id": transfer.mchid,
        "transfer_amount": transfer.amount,
        "openid": transfer.said("openid"),
        "create_time": time::rfc3339(transfer.created),
        "update_time": time::rfc3339(transfer.updated),
    });
    failed(&mut plain, transfer);
    let event = Event {
        mchid: mchid.clone(),
        notify_url,
        created: now,
        event_type: "MCHTRANSFER.BILL.FINISHED",
        summary: "商家转账单据终态通知",
        original_type: "mch_payment",
        plain,
        asked: transfer.asked.clone(),
        schedule: None,
    };
    let due = now.after(gateway.settings.notify_delay);
    gateway.tell(number, event, due);
    true
}

/// What the request is answered.
fn made(transfer: &Transfer) -> Value {
    let mut said = json!({
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "create_time": time::rfc3339(transfer.created),
        "state": transfer.state.as_str(),
    });
    failed(&mut said, transfer);
    if let (TransferState::WaitUserConfirm, Some(members)) = (transfer.state, said.as_object_mut()) {
        members.insert("package_info".into(), transfer.package_info.as_str().into());
    }
    said
}

/// What a query is answered; the name is sealed for the merchant.
fn shown(gateway: &Gateway, transfer: &Transfer) -> Reply {
    let mut said = json!({
        "mch_id": transfer.mchid,
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "appid": transfer.appid,
        "state": transfer.state.as_str(),
        "transfer_amount": transfer.amount,
        "transfer_remark": transfer.said("transfer_remark"),
        "openid": transfer.said("openid"),
        "create_time": time::rfc3339(transfer.created),
        "update_time": time::rfc3339(transfer.updated),
    });
    failed(&mut said, transfer);
    let key = gateway.v3.merchants.get(&transfer.mchid).and_then(|merchant| merchant.sealing_key());
    let sealed =
        transfer.user_name.as_ref().zip(key).and_then(|(name, key)| key.seal(name.expose().as_bytes()));
    if let (Some(sealed), Some(members)) = (sealed, said.as_object_mut()) {
        members.insert("user_name".into(), STANDARD.encode(sealed).into());
    }
    Reply::json(&said)
}

fn failed(said: &mut Value, transfer: &Transfer) {
    if let (Some(reason), Some(members)) = (&transfer.fail_reason, said.as_object_mut()) {
        members.insert("fail_reason".into(), reason.as_str().into());
    }
}

/// What the payee does with a transfer.
impl Gateway {
    /// The payee confirms: the money is there at once. Whether there was such a transfer to confirm.
    pub fn confirm_transfer(&mut self, mchid: &MchId, number: &OutBillNo, now: UnixTime) -> bool {
        self.tick(now);
        let step = (TransferState::WaitUserConfirm, TransferState::Success, None);
        end(self, mchid, number.as_str(), step, now)
    }

    /// The transfer fails when the payee confirms, for a reason such as `PAYEE_ACCOUNT_ABNORMAL`. Whether there was such
    /// a transfer to confirm.
    pub fn fail_transfer(&mut self, mchid: &MchId, number: &OutBillNo, reason: &str, now: UnixTime) -> bool {
        self.tick(now);
        let step = (TransferState::WaitUserConfirm, TransferState::Fail, Some(reason));
        end(self, mchid, number.as_str(), step, now)
    }
}
