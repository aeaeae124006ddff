//! Notifications of APIv1: signed query, signed body.

use super::{InboxKey, Incoming, Recorded, Refused};
use crate::{
    actions::learn::payment_of_v1,
    app::{App, NotifyKind},
    ledger::{
        OrderKey,
        inbox::RecordNotification,
        rows::{inbox::InboxResult, payment::Source},
    },
    merchants::Merchant,
    observe::metrics::NotificationResult,
};
use std::sync::Arc;
use wxpay_proto::{payment::Payment, v1};

impl App {
    pub(super) async fn receive_v1(
        &self,
        merchant: &Arc<Merchant>,
        incoming: &Incoming,
    ) -> Result<Recorded, Refused> {
        let Some(v1) = merchant.v1() else {
            return Err(Refused::misdirected("the merchant has no app of APIv1"));
        };
        let raw = v1::RawNotification::new("POST", &incoming.query, &incoming.body);
        let notification = v1.verify_notification(&raw).map_err(|error| {
            let status = error.ack().response().status();
            Refused::new(NotificationResult::Forged, status, error.to_string())
        })?;
        let key = OrderKey::new(merchant.name().clone(), notification.out_trade_no().clone());
        let result = if notification.is_paid() { InboxResult::Accepted } else { InboxResult::Ignored };
        let digest = notification.dedup_key();
        let mut inbox = self.inbox_row(merchant, NotifyKind::V1, digest, result, incoming);
        inbox.subject = Some(key.subject());
        let recorded = InboxKey::of(&inbox);
        let payment = Payment::new(
            notification.transaction_id().clone(),
            notification.total_fee(),
            notification.discount(),
            notification.time_end(),
        );
        let payer = Some(notification.openid().as_str());
        let payment = payment_of_v1(&payment, v1.appid().as_str(), notification.bank_type(), payer);
        if let Some(payment) = payment.filter(|_| notification.is_paid()) {
            let learned =
                self.recorded(self.learn(key, payment, Source::Notification, None, Some(inbox))).await?;
            Ok(Recorded::new(recorded, learned.is_new))
        } else {
            let stored = self.recorded(self.run(RecordNotification { inbox })).await?;
            Ok(Recorded::new(recorded, stored.count == 1))
        }
    }
}
