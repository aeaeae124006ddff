//! Incoming notifications: on disk before they are answered `success`.

use crate::{
    ledger::{Failure, Ledger, Merged, Told},
    shutdown::Shutdown,
    time::now,
};
use wxpay_hyper::{Client, notify::v1::NotificationService};
use wxpay_proto::{
    payment::{Payment, Transition},
    v1::{Merchant, Notification},
};

/// Returns the service for the notification path. Every verified notification is stored, anomalies too: a payment of an
/// unknown order, of another amount, a second payment. An anomaly pays nothing and becomes an event for manual review.
/// It is answered `success` all the same: WeChat Pay would only send the same notification again.
pub(crate) fn notifications(
    merchant: Merchant,
    client: Client,
    ledger: Ledger,
    ending: Shutdown,
) -> NotificationService {
    NotificationService::new(merchant, client, move |notification| {
        let (ledger, busy) = (ledger.clone(), ending.begin());
        async move {
            let _busy = busy;
            verify_notification(&ledger, &notification).await
        }
    })
}

async fn verify_notification(ledger: &Ledger, notification: &Notification) -> Result<(), Failure> {
    let payment = Payment::new(
        notification.transaction_id().clone(),
        notification.total_fee(),
        notification.discount(),
        notification.time_end(),
    );
    let told = Told {
        digest: notification.key().to_owned(),
        notify_id: notification.notify_id().clone(),
        openid: notification.openid().clone(),
        out_trade_no: notification.out_trade_no().clone(),
        payment,
        evidence: notification.evidence(),
    };
    let joined = ledger.verify_notification(told, now()).await.inspect_err(|failure| {
        tracing::error!(out_trade_no = %notification.out_trade_no(), %failure, "the ledger could not store the notification; WeChat Pay will send it again");
    })?;
    log_merged(notification.out_trade_no(), &joined);
    Ok(())
}

/// Logs the result of merging evidence; an anomaly is a warning.
pub(crate) fn log_merged(out_trade_no: &wxpay_proto::id::OutTradeNo, joined: &Merged) {
    match joined {
        Merged::Nothing => {}
        Merged::UnknownOrder => {
            tracing::warn!(%out_trade_no, "payment of an unknown order: needs manual review");
        }
        Merged::Effects(effects) => {
            for effect in effects {
                match effect {
                    Transition::Paid(payment) => {
                        tracing::info!(%out_trade_no, transaction_id = %payment.transaction_id(), "paid");
                    }
                    Transition::Anomaly(anomaly) => {
                        tracing::warn!(%out_trade_no, ?anomaly, "payment anomaly: needs manual review");
                    }
                    // APIv1 has no refund notifications, and later versions of the core may add transitions.
                    other @ (Transition::Refunded(_) | _) => {
                        tracing::warn!(%out_trade_no, ?other, "unknown payment transition: needs manual review");
                    }
                }
            }
        }
    }
}
