//! The profit-sharing bill: one row for each shared or returned amount. Failed ones are not included.

use super::csv::{row, yuan};
use crate::{
    ledger::v3::{EntryKind, JournalEntry, Ledger, SharingEntry},
    time,
};

const COLUMNS: &str = "分账时间,分账发起方,分账方,微信订单号,微信分账/回退单号,分账明细单号,商户分账/回退单号,订单金额,分账接收方,分账金额,业务类型,处理状态,分账描述,备注";
const SUMMARY_COLUMNS: &str = "总笔数,分账笔数,分账总金额,回退笔数,回退总金额";

/// Builds the bill. Returns `None` if nothing was shared or returned.
pub(super) fn sharings(ledger: &Ledger, lines: &[&JournalEntry]) -> Option<String> {
    let mut sheet = format!("{COLUMNS}\r\n");
    let (mut parts, mut shared, mut returns, mut returned) = (0_u64, 0_u64, 0_u64, 0_u64);
    for line in lines {
        let EntryKind::Shared(share) = &line.what else { continue };
        let Some(cells) = cells(ledger, line, share) else { continue };
        row(&mut sheet, &cells);
        let (count, sum) = match share {
            SharingEntry::Part { .. } | SharingEntry::Own { .. } => (&mut parts, &mut shared),
            SharingEntry::Back { .. } => (&mut returns, &mut returned),
        };
        (*count, *sum) = (count.saturating_add(1), sum.saturating_add(line.amount.get()));
    }
    let all = parts.saturating_add(returns);
    if all == 0 {
        return None;
    }
    sheet.push_str(SUMMARY_COLUMNS);
    sheet.push_str("\r\n");
    let counts = [all.to_string(), parts.to_string(), yuan(shared), returns.to_string(), yuan(returned)];
    row(&mut sheet, &counts);
    Some(sheet)
}

fn cells(ledger: &Ledger, line: &JournalEntry, share: &SharingEntry) -> Option<Vec<String>> {
    let order = ledger.order(&line.key)?;
    let all = &ledger.sharings;
    let (sharing, id, detail_id, number, account, kind, description) = match share {
        SharingEntry::Part { out_order_no, detail_id } | SharingEntry::Own { out_order_no, detail_id } => {
            let sharing = all.get(&order.mchid, out_order_no)?;
            let part = &sharing.details.iter().find(|part| part.record.detail_id == *detail_id)?.record;
            let (id, number) = (&sharing.order_id, out_order_no);
            (sharing, id, detail_id.as_str(), number, &part.account, "分账", &part.description)
        }
        SharingEntry::Back { out_return_no } => {
            let back = &all.get_return(&order.mchid, out_return_no)?.record;
            let sharing = all.get(&order.mchid, &back.out_order_no)?;
            let (id, number) = (&back.return_id, out_return_no);
            (sharing, id, "", number, &back.return_mchid, "分账回退", &back.description)
        }
    };
    Some(vec![
        time::bill_time(line.at),
        order.mchid.to_string(),
        order.sub_mchid().unwrap_or(&order.mchid).to_string(),
        sharing.transaction_id.to_string(),
        id.clone(),
        detail_id.into(),
        number.clone(),
        yuan(order.total.get()),
        account.clone(),
        yuan(line.amount.get()),
        kind.into(),
        "SUCCESS".into(),
        description.clone(),
        String::new(),
    ])
}
