//! Notices in: on the disk before they are answered `success`.

use crate::{
    ledger::{Failure, Joined, Ledger, Told},
    shutdown::Ending,
    time::now,
};
use wxpay_hyper::{Client, hear::v1::Notices};
use wxpay_proto::{
    payment::{Effect, Payment},
    v1::{Merchant, Notice},
};

/// The service for the notice path. Whatever a verified notice says is kept, even what must never happen: an
/// order nobody placed here, another amount, a second payment. None of these credits anything, each is an event
/// for a person, and each is answered `success`: repeating it would not make it better.
pub(crate) fn notices(merchant: Merchant, client: Client, ledger: Ledger, ending: Ending) -> Notices {
    Notices::new(merchant, client, move |notice| {
        let (ledger, busy) = (ledger.clone(), ending.busy());
        async move {
            let _busy = busy;
            hear(&ledger, &notice).await
        }
    })
}

async fn hear(ledger: &Ledger, notice: &Notice) -> Result<(), Failure> {
    let payment = Payment::new(
        notice.transaction_id().clone(),
        notice.total_fee(),
        notice.discount(),
        notice.time_end(),
    );
    let told = Told {
        digest: notice.key().to_owned(),
        notify_id: notice.notify_id().clone(),
        openid: notice.openid().clone(),
        out_trade_no: notice.out_trade_no().clone(),
        payment,
        evidence: notice.evidence(),
    };
    let joined = ledger.hear(told, now()).await.inspect_err(|failure| {
        tracing::error!(out_trade_no = %notice.out_trade_no(), %failure, "a notice could not be kept");
    })?;
    raise(notice.out_trade_no(), &joined);
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
                    Effect::Paid(payment) => {
                        tracing::info!(%out_trade_no, transaction_id = %payment.transaction_id(), "paid");
                    }
                    Effect::Disputed(dispute) => {
                        tracing::warn!(%out_trade_no, ?dispute, "disputed: for a person to see");
                    }
                    // This generation has no refunds; a later core may know more.
                    other @ (Effect::Refunded(_) | _) => {
                        tracing::warn!(%out_trade_no, ?other, "an effect this server does not know");
                    }
                }
            }
        }
    }
}
