//! Reporting the delivery of a paid order's goods, which APIv1 requires.

use super::ActionError;
use crate::{
    app::App,
    invalid::Invalid,
    ledger::{
        OrderKey,
        order::{
            OrderState,
            delivery::{AcknowledgeDelivery, RecordDelivery, RecordedDelivery},
        },
        rows::order::{ApiVersion, DeliveryRow},
    },
    upstream::CallOf,
};
use wxpay_proto::{
    id::{OpenId, TransactionId},
    v1::DeliveryReport,
};

/// A report of the shop.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// The order.
    pub(crate) key: OrderKey,
    /// The reason why the delivery failed. `None` if it succeeded.
    pub(crate) failure: Option<String>,
}

impl App {
    /// Reports a delivery to WeChat Pay, once.
    ///
    /// # Errors
    ///
    /// If the order is not a paid one of APIv1, or the call failed. The report is kept: the same request sends it again.
    pub(crate) async fn delivered(
        &self,
        delivery: Delivery,
    ) -> Result<(DeliveryRow, OrderState), ActionError> {
        let Delivery { key, failure } = delivery;
        let state = self.order(&key).await?.ok_or(ActionError::NotFound("order"))?;
        if state.order.api_version != Some(ApiVersion::V1) {
            return Err(ActionError::conflict(
                "only_in_api_v1",
                "Only APIv1 has delivery reports",
                "send none for this order",
            ));
        }
        // The rules of the reason must be checked before it is recorded; ids of the right form stand in.
        let (transaction_id, payer) = match (state.payments.first(), payer(&state)) {
            (Some(payment), Some(payer)) => (payment.transaction_id.clone(), payer),
            (None, _) => return Err(not_paid()),
            (Some(_), None) => {
                return Err(ActionError::conflict(
                    "payer_unknown",
                    "The payer is not known yet",
                    "wait for WeChat Pay's notification: only it names the payer",
                ));
            }
        };
        let report = report(&key, transaction_id, payer, failure.as_deref())?;
        let record = RecordDelivery {
            key: key.clone(),
            delivered: failure.is_none(),
            message: failure.unwrap_or_default(),
        };
        let (row, state) = match self.run(record).await? {
            RecordedDelivery::Send(row, state) => (row, state),
            RecordedDelivery::Acknowledged(row, state) => return Ok((row, state)),
            RecordedDelivery::NotPaid(_) => return Err(not_paid()),
            RecordedDelivery::NotFound => return Err(ActionError::NotFound("order")),
        };
        let app = self.clone();
        let sending = async move { app.send_report(key, row, report).await };
        Ok((self.spawn_call(sending).await??, state))
    }

    async fn send_report(
        &self,
        key: OrderKey,
        row: DeliveryRow,
        report: DeliveryReport,
    ) -> Result<DeliveryRow, ActionError> {
        let merchant = self.merchant(&key.merchant).ok_or(ActionError::NotFound("merchant"))?;
        let v1 = merchant.v1().ok_or(ActionError::NotFound("app of APIv1"))?;
        let of = CallOf {
            merchant: key.merchant.clone(),
            subject: key.subject(),
            label: "v1.delivernotify",
            is_kept: false,
        };
        let flow = v1.notify_delivery(report);
        self.upstream().call(of, |client| async move { client.run(flow).await }).await.result?;
        let acknowledge = AcknowledgeDelivery { key, reported_at: row.reported_at };
        Ok(self.run(acknowledge).await?.unwrap_or(row))
    }
}

/// Returns the payer of an order: in APIv1, only a notification names it.
fn payer(state: &OrderState) -> Option<OpenId> {
    state.order.payer.as_deref()?.parse().ok()
}

fn report(
    key: &OrderKey,
    transaction_id: TransactionId,
    payer: OpenId,
    failure: Option<&str>,
) -> Result<DeliveryReport, ActionError> {
    let report = DeliveryReport::succeeded(payer, transaction_id, key.out_trade_no.clone());
    match failure {
        None => Ok(report),
        Some(reason) => Ok(report.failed(reason).map_err(|error| Invalid::from(error).at("message"))?),
    }
}

fn not_paid() -> ActionError {
    ActionError::conflict("order_not_paid", "The order is not paid", "query the order first")
}
