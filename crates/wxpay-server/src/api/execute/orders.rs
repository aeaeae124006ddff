//! Orders.

use super::{Answer, Caller, page};
use crate::{
    actions::{Delivery, PlaceRequest, PlacedOrder},
    api::{
        cursor::List,
        operation::{CreateOrder, ListOrders, OrderRef, ReportDelivery},
        problem::Problem,
        service::Api,
    },
    channels::Terms,
    ledger::{
        OrderKey, Scan,
        order::OrderState,
        rows::{
            order::{OrderRow, OrderStatus},
            payment::PaymentRow,
        },
    },
    merchants::MerchantName,
};
use serde_json::{Value, json};
use wxpay_proto::UnixTime;

/// The rows that a filtered page reads at most: a page may be shorter than its limit.
const MAX_SCANNED: usize = 1000;

/// The position of an order in the list: time, shard, number.
type Position = (u64, u8, String);

impl Api {
    pub(super) async fn create_order(&self, caller: &Caller, order: CreateOrder) -> Result<Answer, Problem> {
        let CreateOrder { merchant, terms, metadata, auth_code, .. } = order;
        let merchant = self.select(caller, merchant.as_deref())?;
        let terms = Terms::parse(terms)?;
        let app = merchant.app(terms.app.as_deref(), terms.channel)?.clone();
        let metadata = (!metadata.is_empty()).then(|| Value::Object(metadata).to_string());
        let placed = self.app().place(PlaceRequest { merchant, app, terms, metadata, auth_code }).await?;
        let status = if placed.is_new { 201 } else { 200 };
        Ok(payable(&placed).with_status(status))
    }

    pub(super) async fn get_order(&self, caller: &Caller, order: OrderRef) -> Result<Answer, Problem> {
        let key = self.order_key(caller, order)?;
        Ok(Answer::ok(self.state(&key).await?.to_json()))
    }

    pub(super) async fn query_order(&self, caller: &Caller, order: OrderRef) -> Result<Answer, Problem> {
        let key = self.order_key(caller, order)?;
        let queried = self.app().query(&key).await?;
        match queried.error {
            Some(error) => Err(error.into()),
            None => Ok(Answer::ok(queried.state.to_json())),
        }
    }

    pub(super) async fn close_order(&self, caller: &Caller, order: OrderRef) -> Result<Answer, Problem> {
        let key = self.order_key(caller, order)?;
        Ok(Answer::ok(self.app().close(&key).await?.to_json()))
    }

    pub(super) async fn reverse_order(&self, caller: &Caller, order: OrderRef) -> Result<Answer, Problem> {
        let key = self.order_key(caller, order)?;
        let state = self.app().reverse(&key).await?;
        let status = if state.order.status == OrderStatus::Reversing { 202 } else { 200 };
        Ok(Answer::ok(state.to_json()).with_status(status))
    }

    pub(super) async fn pay_order(&self, caller: &Caller, order: OrderRef) -> Result<Answer, Problem> {
        let key = self.order_key(caller, order)?;
        Ok(payable(&self.app().pay(&key).await?))
    }

    pub(super) async fn report_delivery(
        &self,
        caller: &Caller,
        report: ReportDelivery,
    ) -> Result<Answer, Problem> {
        let ReportDelivery { order, is_delivered, message, .. } = report;
        let key = self.order_key(caller, order)?;
        let failure = (!is_delivered).then(|| message.unwrap_or_default());
        let (_, state) = self.app().delivered(Delivery { key, failure }).await?;
        Ok(Answer::ok(state.to_json()))
    }

    pub(super) async fn list_orders(&self, caller: &Caller, list: ListOrders) -> Result<Answer, Problem> {
        let merchant = self.select(caller, list.merchant.as_deref())?.name().clone();
        let status: Option<OrderStatus> = list.status.as_deref().and_then(|name| name.parse().ok());
        if let Some(transaction_id) = &list.transaction_id {
            let scan =
                Scan::<PaymentRow>::of("payments_by_transaction", list.page.limit).equal(transaction_id);
            let mut data = Vec::new();
            for payment in self.app().ledger().scan(scan).await? {
                if payment.merchant == merchant {
                    let state = self.state(&OrderKey::new(payment.merchant, payment.out_trade_no)).await?;
                    if status.is_none_or(|status| state.order.status == status) {
                        data.push(state.to_json());
                    }
                }
            }
            return Ok(page::page(List::Orders, &data, None::<&Position>));
        }
        let is_filtered = status.is_some() || list.created_until.is_some() || list.payer.is_some();
        let scanned = if is_filtered { MAX_SCANNED } else { list.page.limit.saturating_add(1) };
        let mut scan = match &list.payer {
            Some(payer) => {
                Scan::<OrderRow>::of("orders_by_payer", scanned).equal(&String::from(payer.as_str()))
            }
            None => Scan::<OrderRow>::of("orders_recent", scanned).equal(&merchant),
        }
        .descending();
        if let Some(cursor) = &list.page.cursor {
            let (created_at, shard, number): Position = cursor.position()?;
            scan = scan.after(list_position(&merchant, list.payer.is_some(), created_at, shard, &number));
        } else if let Some(until) = list.created_until {
            scan = scan.until(&until);
        }
        let rows = self.app().ledger().scan(scan).await?;
        let read = rows.len();
        let (mut data, mut end) = (Vec::new(), None);
        let mut has_more = read == scanned;
        for row in rows {
            if list.created_from.is_some_and(|from| row.created_at < from) {
                has_more = false;
                break;
            }
            if data.len() == list.page.limit {
                has_more = true;
                break;
            }
            end = Some((row.created_at.as_millis(), row.shard.number(), row.out_trade_no.to_string()));
            let fits = row.merchant == merchant
                && status.is_none_or(|status| row.status == status)
                && list.created_until.is_none_or(|until: UnixTime| row.created_at <= until);
            if fits {
                data.push(self.state(&row.key()).await?.to_json());
            }
        }
        Ok(page::page(List::Orders, &data, end.as_ref().filter(|_| has_more)))
    }

    /// Returns the key of the order that a request names.
    pub(super) fn order_key(&self, caller: &Caller, order: OrderRef) -> Result<OrderKey, Problem> {
        let merchant = self.select(caller, order.merchant.as_deref())?;
        Ok(OrderKey::new(merchant.name().clone(), order.out_trade_no))
    }

    /// Returns the state of an order.
    pub(super) async fn state(&self, key: &OrderKey) -> Result<OrderState, Problem> {
        self.app().order(key).await?.ok_or_else(|| Problem::not_found("order"))
    }
}

fn payable(placed: &PlacedOrder) -> Answer {
    let mut body = json!({ "order": placed.state.to_json() });
    if let (Some(pay), Some(members)) = (&placed.pay, body.as_object_mut()) {
        members.insert("pay".into(), pay.clone());
    }
    Answer::ok(body)
}

/// Returns the position of a scan after an order: the columns of the index after the equal one, then the key's.
fn list_position(
    merchant: &MerchantName,
    by_payer: bool,
    created_at: u64,
    shard: u8,
    number: &str,
) -> Vec<crate::ledger::Value> {
    use crate::ledger::table::Cell as _;
    let mut position = vec![created_at.to_value(), u64::from(shard).to_value()];
    if by_payer {
        position.push(merchant.to_value());
    }
    position.push(crate::ledger::Value::Text(number.into()));
    position
}
