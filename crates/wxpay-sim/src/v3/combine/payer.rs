//! Payment of a combined order.

use super::order::combined_value;
use crate::{
    gateway::{Gateway, PayError, Payer},
    ledger::{CombinedPayment, OrderKey},
    v3::{notification::Event, reply::to_json},
};
use wxpay_proto::{Fen, UnixTime};

/// Pays each sub-order with its own payment and queues one notification. The discount is taken from the sub-orders in
/// turn; each keeps at least 1 fen to pay.
pub(in crate::v3) fn charge(
    gateway: &mut Gateway,
    key: &OrderKey,
    payer: &Payer,
    allow_second: bool,
    due: UnixTime,
    now: UnixTime,
) -> Result<(), PayError> {
    let sub_orders =
        gateway.v3.ledger.combined.get(key).map(|combined| combined.sub_orders.clone()).unwrap_or_default();
    let mut remaining = payer.discount;
    // All payments are built before the first is recorded: if one is not possible, nothing changes.
    let mut payments = Vec::new();
    for key in sub_orders {
        let total = gateway.v3.ledger.order(&key).map_or(Fen::ZERO, |order| order.total);
        let discount = remaining.min(total.checked_sub(Fen::new(1)).unwrap_or(Fen::ZERO));
        remaining = remaining.checked_sub(discount).unwrap_or(Fen::ZERO);
        let payment = gateway.payment(&key, &payer.clone().with_discount(discount), allow_second, now)?;
        payments.push((key, payment));
    }
    if remaining > Fen::ZERO {
        return Err(PayError::DiscountTooLarge);
    }
    let openid = payments.first().map(|(_, payment)| payment.openid.clone()).ok_or(PayError::NoSuchOrder)?;
    let transaction_id = gateway.v3.new_transaction_id(now).ok_or(PayError::NoSuchOrder)?;
    for (key, payment) in payments {
        gateway.v3.ledger.add_payment(&key, payment);
    }
    gateway.v3.ledger.combined.add_payment(key, CombinedPayment { transaction_id, openid });
    notify(gateway, key, due, now);
    Ok(())
}

fn notify(gateway: &mut Gateway, key: &OrderKey, due: UnixTime, now: UnixTime) {
    let Some(combined) = gateway.v3.ledger.combined.get(key) else { return };
    let Some(notify_url) = combined.notify_url.clone() else { return };
    let event = Event {
        mchid: key.0.clone(),
        notify_url,
        created_at: now,
        event_type: "TRANSACTION.SUCCESS",
        summary: "支付成功",
        original_type: "transaction",
        plaintext: to_json(&combined_value(&gateway.v3.ledger, combined, |order| order.payments.last(), now)),
        request_serial: combined.request_serial.clone(),
        retry_schedule: None,
    };
    gateway.notify(key.1.as_str(), event, due);
}
