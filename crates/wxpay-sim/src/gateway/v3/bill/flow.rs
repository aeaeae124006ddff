//! The fund flow bill: income and expenses of an account.

use super::csv::{row, signed, yuan};
use crate::{
    ledger::v3::{EntryKind, JournalEntry, Ledger, SharingEntry},
    time,
};

const FLOW: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
const FLOW_SUMMARY: &str = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";

/// Builds the bill. Returns `None` if no money was moved.
pub(super) fn fundflow(ledger: &Ledger, lines: &[&JournalEntry]) -> Option<String> {
    let mut sheet = format!("{FLOW}\r\n");
    let (mut ins, mut outs, mut inflow, mut outflow) = (0_u64, 0_u64, 0_u64, 0_u64);
    for line in lines {
        let (amount, fee) = (line.amount.get(), line.fee.get());
        let Some((id, voucher)) = numbers(ledger, line) else { continue };
        let mut flow = |kind: &str, direction: &str, fen: u64, balance: i64, note: String| {
            let (count, sum) =
                if direction == "收入" { (&mut ins, &mut inflow) } else { (&mut outs, &mut outflow) };
            *count = count.saturating_add(1);
            *sum = sum.saturating_add(fen);
            row(
                &mut sheet,
                &[
                    time::bill_time(line.at),
                    id.clone(),
                    id.clone(),
                    if kind == "扣除交易手续费" { "交易" } else { kind }.into(),
                    kind.into(),
                    direction.into(),
                    yuan(fen),
                    signed(i128::from(balance)),
                    "system".into(),
                    note,
                    voucher.clone(),
                ],
            );
        };
        match &line.what {
            EntryKind::Paid(_) => {
                let before_fee = line.balance.saturating_add(i64::try_from(fee).unwrap_or_default());
                flow("交易", "收入", amount, before_fee, String::new());
                flow("扣除交易手续费", "支出", fee, line.balance, String::from("结算手续费"));
            }
            EntryKind::Refunded(_) | EntryKind::Reversed(_) => {
                let note = format!("退款总金额{}元;含手续费{}元", yuan(amount), yuan(fee));
                flow("退款", "支出", amount.saturating_sub(fee), line.balance, note);
            }
            EntryKind::Shared(SharingEntry::Part { .. }) => {
                flow("分账", "支出", amount, line.balance, String::new())
            }
            EntryKind::Shared(SharingEntry::Back { .. }) => {
                flow("分账回退", "收入", amount, line.balance, String::new())
            }
            // No flow: the money stays in the account, where it was only frozen.
            EntryKind::Shared(SharingEntry::Own { .. }) => {}
        }
    }
    let all = ins.saturating_add(outs);
    if all == 0 {
        return None;
    }
    sheet.push_str(FLOW_SUMMARY);
    sheet.push_str("\r\n");
    row(&mut sheet, &[all.to_string(), ins.to_string(), yuan(inflow), outs.to_string(), yuan(outflow)]);
    Some(sheet)
}

/// Returns WeChat Pay's number and the merchant's number of the operation that moved the money.
fn numbers(ledger: &Ledger, line: &JournalEntry) -> Option<(String, String)> {
    let order = ledger.order(&line.key)?;
    match &line.what {
        EntryKind::Paid(id) | EntryKind::Reversed(id) => {
            Some((id.to_string(), order.out_trade_no.to_string()))
        }
        EntryKind::Refunded(number) => {
            let refund = order.refund(number)?;
            Some((refund.record.refund_id.to_string(), number.to_string()))
        }
        EntryKind::Shared(
            SharingEntry::Part { out_order_no, detail_id } | SharingEntry::Own { out_order_no, detail_id },
        ) => Some((detail_id.clone(), out_order_no.clone())),
        EntryKind::Shared(SharingEntry::Back { out_return_no }) => {
            let back = ledger.sharings.get_return(&order.mchid, out_return_no)?;
            Some((back.record.return_id.clone(), out_return_no.clone()))
        }
    }
}
