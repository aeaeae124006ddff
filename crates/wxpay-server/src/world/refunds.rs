//! Refunds: partial, repeated, too large, made in WeChat Pay's console first, closed or abnormal.

use super::{
    life::{Life, shown},
    network::Wire,
};
use crate::{
    actions::RefundRequest,
    engine::Ledger,
    ledger::rows::refund::{RefundRow, RefundStatus as LedgerStatus},
};
use std::{sync::Arc, time::Duration};
use wxpay_hyper::Client;
use wxpay_proto::{
    Fen,
    id::OutRefundNo,
    v3::{
        Party,
        refund::{CreateRefund, RefundAmount},
    },
};
use wxpay_sim::ledger::{RefundRecord, RefundStatus};

/// Refunds a part of the paid order, perhaps more than once.
pub(super) async fn live(life: &mut Life) {
    if life.rng.percent(45) || !life.is_paid().await {
        return;
    }
    for index in 0..=life.rng.below(3) {
        let number: OutRefundNo =
            format!("R{:06}x{index}", life.serial / life.world.accounts.len()).parse().unwrap();
        let amount = match life.rng.below(6) {
            0 => life.total,
            // More than the payment.
            1 => life.total + 1,
            _ => 1 + life.rng.below(life.total / 2),
        };
        let mut is_ours = true;
        if life.rng.one_in(6) {
            // Made in the console, under a number of its own, or under one that the shop will use too.
            is_ours = !life.rng.one_in(3);
            let number = if is_ours { format!("C{number}").parse().unwrap() } else { number.clone() };
            let amount = 1 + life.rng.below(life.total);
            in_console(life, number, amount).await;
        }
        request(life, number.clone(), amount).await;
        if is_ours {
            check_release(life, &number).await;
        }
        life.pause(Duration::from_mins(2)).await;
    }
}

async fn request(life: &mut Life, number: OutRefundNo, amount: u64) {
    let transaction_id = if life.rng.one_in(3) { transaction(life).await } else { None };
    for attempt in 0..6 {
        let refund = || RefundRequest {
            key: life.key.clone(),
            out_refund_no: number.clone(),
            transaction_id: transaction_id.clone(),
            amount: Fen::new(amount),
            reason: None,
            detail: None,
            requested_by: Some("key_1".into()),
        };
        let (one, other) = (refund(), refund());
        let is_twice = attempt == 0 && life.serial.is_multiple_of(3);
        let world = Arc::clone(&life.world);
        let (answer, ()) = tokio::join!(world.ask(|app| async move { app.refund(one).await }), async {
            if is_twice {
                drop(world.ask(|app| async move { app.refund(other).await }).await);
            }
        });
        life.trace(|| format!("refund {number} of {amount}: {}", shown(answer.as_ref())));
        end_differently(life, &number);
        match answer {
            Some(Ok(requested)) => {
                assert!(requested.state.refund(&number).is_some(), "{number}: the refund is not there");
                life.world.count("refunds");
                life.world.told_refund(&life.key, &number);
                return;
            }
            Some(Err(crate::actions::ActionError::Invalid(_))) => return,
            Some(Err(_)) | None => {}
        }
        life.pause(Duration::from_secs(50)).await;
    }
}

/// Checks that the amount of a refund that WeChat Pay has is not released.
async fn check_release(life: &Life, number: &OutRefundNo) {
    let rows: Vec<RefundRow> =
        Ledger::from(life.world.model.clone()).load(RefundRow::of(&life.key)).await.unwrap();
    let is_closed = rows.iter().any(|row| row.out_refund_no == *number && row.status == LedgerStatus::Closed);
    let now = life.world.now();
    let record = life.world.gateway(|gateway| gateway.order(&life.order_ref(), now));
    let refunds = record.map(|record| record.refunds).unwrap_or_default();
    let exists =
        |refund: &RefundRecord| refund.out_refund_no == *number && refund.status != RefundStatus::Closed;
    assert!(
        !is_closed || !refunds.iter().any(exists),
        "{number}: a refund is released, and it is on its way"
    );
}

async fn transaction(life: &Life) -> Option<wxpay_proto::id::TransactionId> {
    let state = life.state().await?;
    state.payments.first().map(|payment| payment.transaction_id.clone())
}

/// Lets the refund end as closed or abnormal, now and then.
fn end_differently(life: &mut Life, number: &OutRefundNo) {
    let outcome = match life.rng.below(12) {
        0 => RefundStatus::Abnormal,
        1 => RefundStatus::Closed,
        _ => return,
    };
    let mchid = &life.world.accounts[life.account].mchid;
    let now = life.world.now();
    let changed = life.world.gateway(|gateway| gateway.set_refund_outcome(mchid, number, outcome, now));
    if changed.is_some() {
        life.world.count("refunds that end differently");
    }
}

/// Refunds in WeChat Pay's console.
async fn in_console(life: &mut Life, number: OutRefundNo, amount: u64) {
    let world = Arc::clone(&life.world);
    let merchant = world.accounts[life.account].build();
    let Some(record) = world.gateway(|gateway| gateway.order(&life.order_ref(), world.now())) else { return };
    let (Some(payment), Some(v3)) = (record.payments.first(), merchant.v3()) else { return };
    let Ok(amount) = RefundAmount::new(Fen::new(amount), record.total) else { return };
    let notify_url = format!("https://pay.example.com/notify/{}/refund", life.key.merchant).parse().unwrap();
    let create =
        CreateRefund::new(payment.transaction_id.clone(), number.clone(), amount).notify_url(notify_url);
    let sub_mchid = world.accounts[life.account].sub_mchid.clone();
    let create = create.party(sub_mchid.map_or(Party::Direct, Party::partner));
    let (clock, entropy) = (Arc::clone(&world), Arc::clone(&world));
    let client = Client::builder()
        .transport(Arc::new(Wire { world: Arc::clone(&world), process: None }))
        .clock(move || clock.now())
        .entropy(move || entropy.entropy())
        .build()
        .unwrap();
    let created = client.run(v3.call(create)).await;
    life.trace(|| {
        format!("console refund {number}: {:?}", created.as_ref().map(|refund| refund.amount.refund))
    });
    if created.is_ok() {
        world.count("refunds in the console");
    }
}
