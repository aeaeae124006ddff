//! The profit-sharing bill: one row for each shared or returned amount. Failed ones are not included.

use super::csv::{row, yuan};
use crate::{
    ledger::{EntryKind, JournalEntry, Ledger, SharingEntry},
    time,
};

const COLUMNS: &str = "分账时间,分账发起方,分账方,微信订单号,微信分账/回退单号,分账明细单号,商户分账/回退单号,订单金额,分账接收方,分账金额,业务类型,处理状态,分账描述,备注";
const SUMMARY_COLUMNS: &str = "总笔数,分账笔数,分账总金额,回退笔数,回退总金额";

/// Builds the bill. Returns `None` if nothing was shared or returned.
pub(crate) fn sharings(ledger: &Ledger, entries: &[&JournalEntry]) -> Option<String> {
    let mut csv = format!("{COLUMNS}\r\n");
    let (mut sharing_count, mut shared, mut return_count, mut returned) = (0_u64, 0_u64, 0_u64, 0_u64);
    for entry in entries {
        let EntryKind::Sharing(sharing_entry) = &entry.kind else { continue };
        let Some(cells) = cells(ledger, entry, sharing_entry) else { continue };
        row(&mut csv, &cells);
        let (count, sum) = match sharing_entry {
            SharingEntry::ToReceiver { .. } | SharingEntry::Unfrozen { .. } => {
                (&mut sharing_count, &mut shared)
            }
            SharingEntry::Return { .. } => (&mut return_count, &mut returned),
        };
        (*count, *sum) = (count.saturating_add(1), sum.saturating_add(entry.amount.get()));
    }
    let total_count = sharing_count.saturating_add(return_count);
    if total_count == 0 {
        return None;
    }
    csv.push_str(SUMMARY_COLUMNS);
    csv.push_str("\r\n");
    let counts = [
        total_count.to_string(),
        sharing_count.to_string(),
        yuan(shared),
        return_count.to_string(),
        yuan(returned),
    ];
    row(&mut csv, &counts);
    Some(csv)
}

fn cells(ledger: &Ledger, entry: &JournalEntry, sharing_entry: &SharingEntry) -> Option<Vec<String>> {
    let order = ledger.order(&entry.key)?;
    let sharings = &ledger.sharings;
    let (sharing, id, detail_id, number, account, kind, description) = match sharing_entry {
        SharingEntry::ToReceiver { out_order_no, detail_id }
        | SharingEntry::Unfrozen { out_order_no, detail_id } => {
            let sharing = sharings.get(order.mchid(), out_order_no)?;
            let detail = &sharing.details.iter().find(|detail| detail.record.detail_id == *detail_id)?.record;
            let (id, number) = (&sharing.order_id, out_order_no);
            (sharing, id, detail_id.as_str(), number, &detail.account, "分账", &detail.description)
        }
        SharingEntry::Return { out_return_no } => {
            let sharing_return = &sharings.get_return(order.mchid(), out_return_no)?.record;
            let sharing = sharings.get(order.mchid(), &sharing_return.out_order_no)?;
            let (id, number) = (&sharing_return.return_id, out_return_no);
            (sharing, id, "", number, &sharing_return.return_mchid, "分账回退", &sharing_return.description)
        }
    };
    Some(vec![
        time::bill_time(entry.at),
        order.mchid().to_string(),
        order.sub_mchid().unwrap_or_else(|| order.mchid()).to_string(),
        sharing.transaction_id.to_string(),
        id.clone(),
        detail_id.into(),
        number.clone(),
        yuan(order.total().get()),
        account.clone(),
        yuan(entry.amount.get()),
        kind.into(),
        "SUCCESS".into(),
        description.clone(),
        String::new(),
    ])
}
