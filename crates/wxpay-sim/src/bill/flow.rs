//! The fund flow bill: income and expenses of an account.

use super::csv::{row, signed, yuan};
use crate::{
    ledger::{EntryKind, JournalEntry, Ledger, SharingEntry},
    time,
};

const FLOW: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
const FLOW_SUMMARY: &str = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";

/// Builds the bill. Returns `None` if no money was moved.
pub(crate) fn fundflow(ledger: &Ledger, entries: &[&JournalEntry]) -> Option<String> {
    let mut csv = format!("{FLOW}\r\n");
    let (mut income_count, mut expense_count, mut income, mut expense) = (0_u64, 0_u64, 0_u64, 0_u64);
    for entry in entries {
        let (amount, fee) = (entry.amount.get(), entry.fee.get());
        let Some((id, merchant_number)) = numbers(ledger, entry) else { continue };
        let mut add_row = |kind: &str, direction: &str, fen: u64, balance: i64, note: String| {
            let (count, sum) = if direction == "收入" {
                (&mut income_count, &mut income)
            } else {
                (&mut expense_count, &mut expense)
            };
            *count = count.saturating_add(1);
            *sum = sum.saturating_add(fen);
            row(
                &mut csv,
                &[
                    time::bill_time(entry.at),
                    id.clone(),
                    id.clone(),
                    if kind == "扣除交易手续费" { "交易" } else { kind }.into(),
                    kind.into(),
                    direction.into(),
                    yuan(fen),
                    signed(i128::from(balance)),
                    "system".into(),
                    note,
                    merchant_number.clone(),
                ],
            );
        };
        match &entry.kind {
            EntryKind::Payment(_) => {
                let before_fee = entry.balance.saturating_add(i64::try_from(fee).unwrap_or_default());
                add_row("交易", "收入", amount, before_fee, String::new());
                add_row("扣除交易手续费", "支出", fee, entry.balance, String::from("结算手续费"));
            }
            EntryKind::Refund(_) | EntryKind::Reversal(_) => {
                let note = format!("退款总金额{}元;含手续费{}元", yuan(amount), yuan(fee));
                add_row("退款", "支出", amount.saturating_sub(fee), entry.balance, note);
            }
            EntryKind::Sharing(SharingEntry::ToReceiver { .. }) => {
                add_row("分账", "支出", amount, entry.balance, String::new());
            }
            EntryKind::Sharing(SharingEntry::Return { .. }) => {
                add_row("分账回退", "收入", amount, entry.balance, String::new());
            }
            // No flow: the money stays in the account, where it was only frozen.
            EntryKind::Sharing(SharingEntry::Unfrozen { .. }) => {}
        }
    }
    let total_count = income_count.saturating_add(expense_count);
    if total_count == 0 {
        return None;
    }
    csv.push_str(FLOW_SUMMARY);
    csv.push_str("\r\n");
    row(
        &mut csv,
        &[
            total_count.to_string(),
            income_count.to_string(),
            yuan(income),
            expense_count.to_string(),
            yuan(expense),
        ],
    );
    Some(csv)
}

/// Returns WeChat Pay's number and the merchant's number of the operation that moved the money.
fn numbers(ledger: &Ledger, entry: &JournalEntry) -> Option<(String, String)> {
    let order = ledger.order(&entry.key)?;
    match &entry.kind {
        EntryKind::Payment(id) | EntryKind::Reversal(id) => {
            Some((id.to_string(), order.out_trade_no.to_string()))
        }
        EntryKind::Refund(number) => {
            let refund = order.refund(number)?;
            Some((refund.record.refund_id.to_string(), number.to_string()))
        }
        EntryKind::Sharing(
            SharingEntry::ToReceiver { out_order_no, detail_id }
            | SharingEntry::Unfrozen { out_order_no, detail_id },
        ) => Some((detail_id.clone(), out_order_no.clone())),
        EntryKind::Sharing(SharingEntry::Return { out_return_no }) => {
            let sharing_return = ledger.sharings.get_return(order.mchid(), out_return_no)?;
            Some((sharing_return.record.return_id.clone(), out_return_no.clone()))
        }
    }
}
