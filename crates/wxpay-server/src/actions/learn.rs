//! Learning a payment from any source: the transaction is claimed first.

use crate::{
    app::App,
    engine::LedgerError,
    ledger::{
        OrderKey,
        number::ClaimNumber,
        order::{
            learn::{LearnPayment, Learned, LearnedPayment},
            query::CallBegun,
        },
        rows::{inbox::InboxRow, number::NumberKind, order::OrderStatus, payment::Source},
    },
    observe::metrics::PaidSource,
};
use wxpay_proto::{payment::Payment, v3::pay::Transaction};

impl App {
    /// Learns a payment. `begun` is the point at which the query began that reported it.
    ///
    /// # Errors
    ///
    /// If it is not, or not known to be, recorded. Nothing may be acknowledged then.
    pub(crate) async fn learn(
        &self,
        key: OrderKey,
        payment: LearnedPayment,
        source: Source,
        begun: Option<CallBegun>,
        inbox: Option<InboxRow>,
    ) -> Result<Learned, LedgerError> {
        let owner = self
            .run(ClaimNumber {
                merchant: key.merchant.clone(),
                kind: NumberKind::Transaction,
                number: payment.transaction_id.as_str().into(),
                owner: key.subject(),
            })
            .await?;
        let schedule = self.schedule();
        let learned = self.run(LearnPayment { key, payment, owner, source, begun, inbox, schedule }).await?;
        if learned.is_new {
            self.metrics().paid(match source {
                Source::Notification => PaidSource::Notification,
                Source::Query => PaidSource::Query,
                Source::Bill => PaidSource::Bill,
            });
        }
        // The payment is applied when the decision to close is resolved.
        if matches!(learned.state.order.status, OrderStatus::Closing | OrderStatus::Reversing) {
            self.wake_tasks();
        }
        Ok(learned)
    }
}

/// Returns the payment of a transaction of APIv3. `None` if it is not paid.
pub(crate) fn payment_of(transaction: &Transaction) -> Option<LearnedPayment> {
    if !transaction.is_paid() {
        return None;
    }
    let amount = &transaction.amount;
    Some(LearnedPayment {
        transaction_id: transaction.transaction_id.clone()?,
        total: amount.total?,
        payer_total: amount.payer_total,
        currency: amount.currency.clone().unwrap_or_else(|| "CNY".into()),
        appid: transaction.appid.as_ref().map(ToString::to_string),
        bank_type: transaction.bank_type.clone(),
        payer: transaction
            .openid
            .as_ref()
            .or(transaction.sub_openid.as_ref())
            .map(|id| id.as_str().to_owned()),
        success_at: transaction.success_time?,
    })
}

/// Returns a payment of APIv1. `None` if the price overflows.
pub(crate) fn payment_of_v1(
    payment: &Payment,
    appid: &str,
    bank_type: &str,
    payer: Option<&str>,
) -> Option<LearnedPayment> {
    Some(LearnedPayment {
        transaction_id: payment.transaction_id().clone(),
        total: payment.amount()?,
        payer_total: Some(payment.total_fee()),
        currency: "CNY".into(),
        appid: Some(appid.into()),
        bank_type: Some(bank_type.into()),
        payer: payer.map(str::to_owned),
        success_at: payment.time_end(),
    })
}
