//! Delivery reports of APIv1 orders.

use super::OrderState;
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, OrderKey, Rows,
    rows::order::{DeliveryRow, OrderStatus},
};
use std::time::Duration;
use wxpay_proto::UnixTime;

/// Records the shop's delivery report. It replaces an earlier one with other content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordDelivery {
    /// The order.
    pub(crate) key: OrderKey,
    /// Whether the goods were delivered.
    pub(crate) delivered: bool,
    /// The reason of a failed delivery; empty for a successful one.
    pub(crate) message: String,
}

/// The result of recording a delivery report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordedDelivery {
    /// The report must be sent to WeChat Pay, then acknowledged.
    Send(DeliveryRow, OrderState),
    /// WeChat Pay acknowledged the same report before. Send nothing.
    Acknowledged(DeliveryRow, OrderState),
    /// The order is not paid.
    NotPaid(OrderState),
    /// No order has this number.
    NotFound,
}

/// Records that WeChat Pay accepted a delivery report, unless another one replaced it. Returns the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AcknowledgeDelivery {
    /// The order.
    pub(crate) key: OrderKey,
    /// The `reported_at` of the report that was sent.
    pub(crate) reported_at: UnixTime,
}

fn loads(key: &OrderKey) -> Vec<Load> {
    let mut loads = OrderState::loads(key);
    loads.push(DeliveryRow::of(key).load());
    loads
}

impl Operation for RecordDelivery {
    type Output = RecordedDelivery;

    fn loads(&self) -> Vec<Load> {
        loads(&self.key)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<RecordedDelivery>, Corrupt> {
        let Some(state) = OrderState::read(rows)? else {
            return Ok(Decision::unchanged(RecordedDelivery::NotFound));
        };
        if state.order.status == OrderStatus::Unplaced {
            return Ok(Decision::unchanged(RecordedDelivery::NotFound));
        }
        if state.order.status != OrderStatus::Paid {
            return Ok(Decision::unchanged(RecordedDelivery::NotPaid(state)));
        }
        let known = rows.one::<DeliveryRow>()?;
        let is_same =
            |known: &DeliveryRow| known.delivered == self.delivered && known.message == self.message;
        if let Some(known) = known.clone().filter(is_same) {
            let output = match known.acknowledged_at {
                Some(_) => RecordedDelivery::Acknowledged(known, state),
                None => RecordedDelivery::Send(known, state),
            };
            return Ok(Decision::unchanged(output));
        }
        // An acknowledgement names its report by this time, so it differs from that of the report before.
        let after_known = known.map(|known| known.reported_at.after(Duration::from_millis(1)));
        let report = DeliveryRow {
            shard: self.key.shard(),
            merchant: self.key.merchant.clone(),
            out_trade_no: self.key.out_trade_no.clone(),
            delivered: self.delivered,
            message: self.message.clone(),
            reported_at: after_known.map_or(context.now, |after| after.max(context.now)),
            acknowledged_at: None,
        };
        let mut changes = Changes::default();
        changes.put(&report);
        let state = state.commit(&mut changes, context.now);
        Ok(Decision { changes, output: RecordedDelivery::Send(report, state) })
    }
}

impl Operation for AcknowledgeDelivery {
    type Output = Option<DeliveryRow>;

    fn loads(&self) -> Vec<Load> {
        loads(&self.key)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Option<DeliveryRow>>, Corrupt> {
        let Some(mut report) = rows.one::<DeliveryRow>()? else { return Ok(Decision::unchanged(None)) };
        let is_same = report.reported_at == self.reported_at && report.acknowledged_at.is_none();
        let (true, Some(state)) = (is_same, OrderState::read(rows)?) else {
            return Ok(Decision::unchanged(Some(report)));
        };
        report.acknowledged_at = Some(context.now);
        let mut changes = Changes::default();
        changes.put(&report);
        state.commit(&mut changes, context.now);
        Ok(Decision { changes, output: Some(report) })
    }
}
