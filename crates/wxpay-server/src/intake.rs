//! Notices in: on the disk before they are answered `success`.

use crate::{
    ledger::{Failure, Joined, Ledger, Told},
    shutdown::Ending,
    time::now,
};
use wxpay_hyper::{Client, notify::v1::NotificationService};
use wxpay_proto::{
    payment::{Payment, Transition},
    v1::{Merchant, Notification},
};

/// The service for the notice path. Whatever a verified notice says is kept, even what must never happen: an
/// order nobody placed here, another amount, a second payment. None of these credits anything, each is an event
/// for a person, and each is answered `success`: repeating it would not make it better.
pub(crate) fn notifications(
    merchant: Merchant,
    client: Client,
    ledger: Ledger,
    ending: Ending,
) -> NotificationService {
    NotificationService::new(merchant, client, move |notification| {
        let (ledger, busy) = (ledger.clone(), ending.busy());
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
        tracing::error!(out_trade_no = %notification.out_trade_no(), %failure, "a notice could not be kept");
    })?;
    raise(notification.out_trade_no(), &joined);
    Ok(())
}

/// Says aloud what came of evidence. What must never happen is a warning.
pub(crate) fn raise(out_trade_no: &wxpay_proto::id::OutTradeNo, joined: &Joined) {
    match joined {
        Joined::Nothing => {}
        Joined::UnknownOrder => {
            tracing::warn!(%out_trade_no, "paid, but never placed here: for a person to see");
        }
        Joined::Effects(effects) => {
            for effect in effects {
                match effect {
                    Transition::Paid(payment) => {
                        tracing::info!(%out_trade_no, transaction_id = %payment.transaction_id(), "paid");
                    }
                    Transition::Anomaly(anomaly) => {
                        tracing::warn!(%out_trade_no, ?anomaly, "disputed: for a person to see");
                    }
                    // This generation has no refunds; a later core may know more.
                    other @ (Transition::Refunded(_) | _) => {
                        tracing::warn!(%out_trade_no, ?other, "an effect this server does not know");
                    }
                }
            }
        }
    }
}
