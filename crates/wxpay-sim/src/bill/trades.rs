//! The trade bill: payments and refunds.

use super::csv::{row, signed, yuan};
use crate::{
    ledger::{EntryKind, JournalEntry, Ledger, Order, Payment, RefundStatus},
    time,
};
use wxpay_proto::UnixTime;

/// The columns of the trade. This and the following constants are in the order of the columns in a bill.
const TRADE_COLUMNS: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额";
const REFUND_TIMES: &str = "退款申请时间,退款成功时间";
const REFUND_COLUMNS: &str = "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态";
const AMOUNT_COLUMNS: &str = "商品名称,商户数据包,手续费,费率,订单金额";
const TRADE_SUMMARY: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

/// Builds the bill of type `ALL`, `SUCCESS` or `REFUND`. Returns `None` if there are no trades.
pub(crate) fn trade(ledger: &Ledger, entries: &[&JournalEntry], bill_type: &str) -> Option<String> {
    let is_wanted = |kind: &EntryKind| match bill_type {
        "SUCCESS" => matches!(kind, EntryKind::Payment(_)),
        "REFUND" => matches!(kind, EntryKind::Refund(_) | EntryKind::Reversal(_)),
        _ => true,
    };
    let header = match bill_type {
        "SUCCESS" => format!("{TRADE_COLUMNS},{AMOUNT_COLUMNS},费率备注"),
        "REFUND" => {
            format!("{TRADE_COLUMNS},{REFUND_TIMES},{REFUND_COLUMNS},{AMOUNT_COLUMNS},申请退款金额,费率备注")
        }
        _ => format!("{TRADE_COLUMNS},{REFUND_COLUMNS},{AMOUNT_COLUMNS},申请退款金额,费率备注"),
    };
    let mut csv = format!("{header}\r\n");
    let mut summary = Summary::default();
    for entry in entries.iter().filter(|entry| is_wanted(&entry.kind)) {
        let Some(order) = ledger.order(&entry.key) else { continue };
        let Some(cells) = trade_row(order, entry, bill_type) else { continue };
        row(&mut csv, &cells);
        summary.add(entry);
    }
    if summary.count == 0 {
        return None;
    }
    csv.push_str(TRADE_SUMMARY);
    csv.push_str("\r\n");
    let fees = signed(summary.fees);
    let (paid, refunded) = (yuan(summary.paid), yuan(summary.refunded));
    row(
        &mut csv,
        &[summary.count.to_string(), paid.clone(), refunded.clone(), yuan(0), fees, paid, refunded],
    );
    Some(csv)
}

/// Builds the row of a trade. Returns `None` if the journal entry is not a trade.
fn trade_row(order: &Order, entry: &JournalEntry, bill_type: &str) -> Option<Vec<String>> {
    let is_of_entry = |payment: &&Payment| match &entry.kind {
        EntryKind::Payment(id) | EntryKind::Reversal(id) => payment.transaction_id == *id,
        EntryKind::Refund(_) | EntryKind::Sharing(_) => true,
    };
    let payment = order.history().payments.iter().find(is_of_entry);
    let state = match &entry.kind {
        EntryKind::Payment(_) => "SUCCESS",
        EntryKind::Refund(_) => "REFUND",
        EntryKind::Reversal(_) => "REVOKED",
        EntryKind::Sharing(_) => return None,
    };
    let is_paid = matches!(entry.kind, EntryKind::Payment(_));
    let (paid, refunded) = if is_paid { (entry.amount.get(), 0) } else { (0, entry.amount.get()) };
    let coupon = payment.filter(|_| is_paid).map_or(0, |payment| payment.discount.get());
    let terms = payment.map_or_else(|| order.terms(), |payment| order.terms_of(payment));
    let mut cells = vec![
        time::bill_time(entry.at),
        order.appid().to_string(),
        order.mchid().to_string(),
        order.sub_mchid().map_or_else(|| String::from("0"), ToString::to_string),
        terms.device_id.as_deref().unwrap_or_default().into(),
        payment.map(|payment| payment.transaction_id.to_string()).unwrap_or_default(),
        order.out_trade_no.to_string(),
        payment.map(|payment| payment.openid.as_str().to_owned()).unwrap_or_default(),
        order.trade_type.as_str().into(),
        state.into(),
        payment.map(|payment| payment.bank_type.clone()).unwrap_or_default(),
        terms.currency.as_str().into(),
        yuan(paid),
        yuan(coupon),
    ];
    let refund = match &entry.kind {
        EntryKind::Refund(number) => order.refund(number),
        EntryKind::Payment(_) | EntryKind::Reversal(_) | EntryKind::Sharing(_) => None,
    };
    let record = refund.map(|refund| &refund.record);
    if bill_type == "REFUND" {
        let time_cell =
            |at: Option<u64>| at.map(|at| time::bill_time(UnixTime::from_secs(at))).unwrap_or_default();
        cells.push(time_cell(record.map(|record| record.created_at).or(Some(entry.at.as_secs()))));
        cells.push(time_cell(record.and_then(|record| record.success_at)));
    }
    if bill_type != "SUCCESS" {
        let or_zero = |number: Option<String>| number.unwrap_or_else(|| String::from("0"));
        cells.extend([
            or_zero(record.map(|record| record.refund_id.to_string())),
            or_zero(record.map(|record| record.out_refund_no.to_string())),
            yuan(refunded),
            yuan(0),
            record.map(|_| "ORIGINAL").unwrap_or_default().into(),
            record.map(|record| refund_state(record.status)).unwrap_or_default().into(),
        ]);
    }
    let fee = i128::from(entry.fee.get());
    let attach = terms.attach.as_deref().unwrap_or_default();
    let fee = signed(if is_paid { fee } else { fee.saturating_neg() });
    cells.extend([String::from(&*terms.description), String::from(attach), fee]);
    cells.extend([String::from("0.60%"), yuan(paid)]);
    if bill_type != "SUCCESS" {
        cells.push(yuan(refunded));
    }
    cells.push(String::new());
    Some(cells)
}

const fn refund_state(status: RefundStatus) -> &'static str {
    match status {
        RefundStatus::Closed => "FAIL",
        RefundStatus::Abnormal => "CHANGE",
        RefundStatus::Processing | RefundStatus::Success => status.as_str(),
    }
}

/// The totals in the summary of a trade bill.
#[derive(Default)]
struct Summary {
    count: u64,
    paid: u64,
    refunded: u64,
    fees: i128,
}

impl Summary {
    fn add(&mut self, entry: &JournalEntry) {
        self.count = self.count.saturating_add(1);
        let (amount, fee) = (entry.amount.get(), i128::from(entry.fee.get()));
        if matches!(entry.kind, EntryKind::Payment(_)) {
            self.paid = self.paid.saturating_add(amount);
            self.fees = self.fees.saturating_add(fee);
        } else {
            self.refunded = self.refunded.saturating_add(amount);
            self.fees = self.fees.saturating_sub(fee);
        }
    }
}
