//! Abnormal refunds: the payer's account cannot receive them.

use super::{
    number, refund_of,
    shop::{Shop, notify_url, sensitive},
};
use wxpay_proto::{
    Fate,
    v3::{
        Event,
        pay::NativeOrder,
        refund::{self, ApplyAbnormalRefund, BankCard, Refund, RefundStatus},
    },
};
use wxpay_sim::ledger::RefundStatus as RecordedStatus;

/// Creates a refund that becomes abnormal, and receives the notification.
fn create_abnormal(shop: &mut Shop, serial: u32, refund_no: &str) -> Refund {
    shop.call(NativeOrder::new(shop.order(&number(serial), 100)));
    shop.pay(&number(serial));
    let refund = shop.call(refund_of(number(serial), refund_no, 100, 100).notify_url(notify_url()));
    let (mchid, now) = (shop.merchant.mchid().clone(), shop.driver.now);
    let updated =
        shop.network.gateway.set_refund_outcome(&mchid, &refund.out_refund_no, RecordedStatus::Abnormal, now);
    assert!(updated.is_some());
    assert_eq!(notified_status(shop), RefundStatus::Abnormal);
    refund
}

/// Returns the status in the only refund notification within a minute.
fn notified_status(shop: &mut Shop) -> RefundStatus {
    let notifications = shop.receive_notifications();
    let mut statuses = notifications.iter().filter_map(|notification| match notification.event().unwrap() {
        Event::Refund(event) => Some(event.refund_status),
        _ => None,
    });
    let status = statuses.next().unwrap();
    assert_eq!(statuses.next(), None);
    status
}

fn query(shop: &mut Shop, refund: &Refund) -> RefundStatus {
    let query = refund::QueryRefund::new(refund.out_refund_no.clone());
    shop.call(query).found().expect("the refund must be found").status
}

/// Redirects abnormal refunds to a bank card of the payer, and to the merchant's own.
pub(super) fn conversation() -> Shop {
    let mut shop = Shop::open();
    let refund = create_abnormal(&mut shop, 1, "F1");
    let (id, number) = (refund.refund_id.clone(), refund.out_refund_no.clone());
    let (card, name) = (sensitive("6226000000000000"), sensitive("张三"));
    let card = BankCard::new("CMB_DEBIT", card, name).unwrap();
    let to_user = ApplyAbnormalRefund::to_user(id, number, card);
    assert_eq!(shop.call(to_user).status, RefundStatus::Processing);
    assert_eq!(notified_status(&mut shop), RefundStatus::Success);
    assert_eq!(query(&mut shop, &refund), RefundStatus::Success);

    let refund = create_abnormal(&mut shop, 2, "F2");
    assert_eq!(query(&mut shop, &refund), RefundStatus::Abnormal);
    let (id, number) = (refund.refund_id.clone(), refund.out_refund_no.clone());
    shop.call(ApplyAbnormalRefund::to_merchant(id.clone(), number.clone()));
    assert_eq!(notified_status(&mut shop), RefundStatus::Success);
    let error = shop.call_err(ApplyAbnormalRefund::to_merchant(id, number));
    assert_eq!(error.fate(), Some(Fate::Refused), "the refund is no longer abnormal");
    shop
}

#[test]
fn abnormal_refund_is_redirected_to_a_bank_card() {
    let shop = conversation();
    assert_eq!(shop.driver.count("v3.refund.create"), 2);
}
