//! Payment of a combined order.

use super::order::combined;
use crate::{
    gateway::{Gateway, PayError, Payer, v3::notification::Event},
    ledger::v3::{CombinedPayment, OrderKey},
};
use wxpay_proto::{Fen, UnixTime};

/// Pays each sub-order with its own payment and queues one notification. The discount is taken from the sub-orders in
/// turn; each keeps at least 1 fen to pay.
pub(in crate::gateway::v3) fn charge(
    gateway: &mut Gateway,
    key: &OrderKey,
    payer: &Payer,
    second: bool,
    due: UnixTime,
    now: UnixTime,
) -> Result<(), PayError> {
    let subs = gateway.v3.ledger.combined.get(key).map(|whole| whole.subs.clone()).unwrap_or_default();
    let mut rest = payer.discount;
    // All payments are built before the first is recorded: if one is not possible, nothing changes.
    let mut payments = Vec::new();
    for sub in subs {
        let total = gateway.v3.ledger.order(&sub).map_or(Fen::ZERO, |order| order.total);
        let part = rest.min(total.checked_sub(Fen::new(1)).unwrap_or(Fen::ZERO));
        rest = rest.checked_sub(part).unwrap_or(Fen::ZERO);
        let payment = gateway.payment(&sub, &payer.clone().with_discount(part), second, now)?;
        payments.push((sub, payment));
    }
    if rest > Fen::ZERO {
        return Err(PayError::DiscountTooLarge);
    }
    let openid = payments.first().map(|(_, payment)| payment.openid.clone()).ok_or(PayError::NoSuchOrder)?;
    let transaction_id = gateway.v3.new_transaction_id(now).ok_or(PayError::NoSuchOrder)?;
    for (sub, payment) in payments {
        gateway.v3.ledger.add_payment(&sub, payment);
    }
    gateway.v3.ledger.combined.pay(key, CombinedPayment { transaction_id, openid });
    notify(gateway, key, due, now);
    Ok(())
}

fn notify(gateway: &mut Gateway, key: &OrderKey, due: UnixTime, now: UnixTime) {
    let Some(whole) = gateway.v3.ledger.combined.get(key) else { return };
    let Some(notify_url) = whole.notify_url.clone() else { return };
    let event = Event {
        mchid: key.0.clone(),
        notify_url,
        created: now,
        event_type: "TRANSACTION.SUCCESS",
        summary: "支付成功",
        original_type: "transaction",
        plaintext: combined(&gateway.v3.ledger, whole, |order| order.payments.last(), now),
        asked: whole.asked.clone(),
        retry_schedule: None,
    };
    gateway.notify(key.1.as_str(), event, due);
}
