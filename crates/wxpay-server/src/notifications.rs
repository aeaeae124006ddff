//! Incoming notifications: on disk before they are answered `success`.

use crate::{
    ledger::{Failure, Ledger, Merged, ReceivedNotification},
    shutdown::Shutdown,
    time::now,
};
use wxpay_hyper::{Client, notify::v1::NotificationService};
use wxpay_proto::{
    payment::{Payment, Transition},
    v1::{Merchant, Notification},
};

/// Returns the service for the notification path.
///
/// Every verified notification is stored, also one of an unknown order, of another amount or of a second payment. Such
/// an anomaly pays nothing and is emitted as an event for manual review. It is answered `success` all the same:
/// otherwise WeChat Pay would only send it again.
pub(crate) fn service(
    merchant: Merchant,
    client: Client,
    ledger: Ledger,
    shutdown: Shutdown,
) -> NotificationService {
    NotificationService::new(merchant, client, move |notification| {
        let (ledger, active) = (ledger.clone(), shutdown.begin());
        async move {
            let _active = active;
            record(&ledger, &notification).await
        }
    })
}

async fn record(ledger: &Ledger, notification: &Notification) -> Result<(), Failure> {
    let payment = Payment::new(
        notification.transaction_id().clone(),
        notification.total_fee(),
        notification.discount(),
        notification.time_end(),
    );
    let received = ReceivedNotification {
        digest: notification.dedup_key(),
        notify_id: notification.notify_id().clone(),
        openid: notification.openid().clone(),
        out_trade_no: notification.out_trade_no().clone(),
        payment,
        evidence: notification.evidence(),
    };
    let merged = ledger.record_notification(received, now()).await.inspect_err(|failure| {
        tracing::error!(out_trade_no = %notification.out_trade_no(), %failure, "the ledger could not store the notification; WeChat Pay will send it again");
    })?;
    log_merged(notification.out_trade_no(), &merged);
    Ok(())
}

/// Logs the result of merging evidence; an anomaly is a warning.
pub(crate) fn log_merged(out_trade_no: &wxpay_proto::id::OutTradeNo, merged: &Merged) {
    match merged {
        Merged::Nothing => {}
        Merged::UnknownOrder => {
            tracing::warn!(%out_trade_no, "payment of an unknown order: needs manual review");
        }
        Merged::Transitions(transitions) => {
            for transition in transitions {
                match transition {
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
