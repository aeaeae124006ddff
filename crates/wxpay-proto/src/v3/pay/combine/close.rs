//! Closing of a combined order, so that it can no longer be paid.
//!
//! `POST /v3/combine-transactions/out-trade-no/{combine_out_trade_no}/close`.

use super::order::{Order, SubOrder};
use crate::{
    error::{Error, PendingOperation},
    id::{AppId, MchId, OutTradeNo},
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint, Target},
        merchant::Merchant,
        party::Party,
        seal::RequestWriter,
        verify::Verified,
    },
    world::World,
};

/// Closes a combined order with all of its sub-orders. A paid order is refused.
#[derive(Clone, Debug)]
pub struct CloseOrder {
    combine_appid: Option<AppId>,
    combine_out_trade_no: OutTradeNo,
    sub_orders: Vec<CloseSubOrder>,
}

/// The ids of a sub-order to close.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct CloseSubOrder {
    /// The merchant that the sub-order belongs to, or the partner of the sub-merchant.
    pub mchid: MchId,
    /// The merchant's number of the sub-order.
    pub out_trade_no: OutTradeNo,
    /// The sub-merchant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_mchid: Option<MchId>,
    /// The sub-merchant's app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_appid: Option<AppId>,
    /// The number of the person's authorization, in trades between individuals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub individual_auth_id: Option<String>,
}

impl CloseSubOrder {
    /// Creates the ids of a merchant's, or a sub-merchant's, sub-order.
    pub fn new(mchid: MchId, out_trade_no: OutTradeNo, party: &Party) -> Self {
        let (sub_mchid, sub_appid) = (party.sub_mchid().cloned(), party.sub_appid().cloned());
        Self { mchid, out_trade_no, sub_mchid, sub_appid, individual_auth_id: None }
    }
}

impl From<&SubOrder> for CloseSubOrder {
    fn from(order: &SubOrder) -> Self {
        Self {
            mchid: order.mchid.clone(),
            out_trade_no: order.out_trade_no.clone(),
            sub_mchid: order.sub_mchid.clone(),
            sub_appid: order.sub_appid.clone(),
            individual_auth_id: order.individual.as_ref().map(|individual| individual.auth_id.clone()),
        }
    }
}

impl CloseOrder {
    /// Creates the operation from the numbers of a combined order and its sub-orders.
    pub fn new(combine_out_trade_no: OutTradeNo, sub_orders: Vec<CloseSubOrder>) -> Self {
        Self { combine_appid: None, combine_out_trade_no, sub_orders }
    }

    /// Sets the combining merchant's app. The default is the [merchant's](crate::v3::Builder::appid).
    #[must_use]
    pub fn combine_appid(self, combine_appid: AppId) -> Self {
        Self { combine_appid: Some(combine_appid), ..self }
    }

    /// Creates the operation that closes this combined order.
    pub fn of_order(order: &Order) -> Self {
        Self {
            combine_appid: order.combine_appid.clone(),
            combine_out_trade_no: order.combine_out_trade_no.clone(),
            sub_orders: order.sub_orders.iter().map(CloseSubOrder::from).collect(),
        }
    }
}

#[derive(serde::Serialize)]
struct Body<'a> {
    combine_appid: &'a AppId,
    sub_orders: &'a [CloseSubOrder],
}

impl Endpoint for CloseOrder {
    type Output = ();

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let combine_appid = writer.merchant().appid_or_default(self.combine_appid.as_ref())?;
        let target = Target::new("/v3/combine-transactions/out-trade-no")
            .segment(self.combine_out_trade_no.as_str())
            .append("/close");
        let body = Body { combine_appid, sub_orders: &self.sub_orders };
        Ok(Draft::post("v3.combine.close", target, &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        reply.expect_empty()
    }

    /// An order that is wrongly taken as refused is closed again.
    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(PendingOperation::CombinedOrder { combine_out_trade_no: self.combine_out_trade_no.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::order::Individual, *};
    use crate::{money::Fen, v3::fake};

    #[test]
    fn a_combined_order_is_closed_with_the_ids_of_its_sub_orders() {
        let sub_appid = Some("wxd678efh567hg6999".parse().unwrap());
        let party = Party::Partner { sub_mchid: "1900000120".parse().unwrap(), sub_appid };
        let (mchid, number) = (|| "1900000109".parse().unwrap(), || "20150806-1".parse().unwrap());
        let mut sub_order = SubOrder::new(mchid(), number(), Fen::new(10), "大米", "1").party(&party);
        sub_order.individual = Some(Individual::new("123456"));
        let appid: AppId = "wxd678efh567hg6787".parse().unwrap();
        let combined_number: OutTradeNo = "P20150806".parse().unwrap();
        let url = "https://shop.example/combined".parse().unwrap();
        let order = Order::builder(combined_number.clone(), vec![sub_order])
            .combine_appid(appid.clone())
            .notify_url(url)
            .build()
            .unwrap();

        let (line, body) = fake::drafted(&CloseOrder::of_order(&order));
        assert_eq!(line, "POST /v3/combine-transactions/out-trade-no/P20150806/close");
        assert_eq!(
            body,
            concat!(
                r#"{"combine_appid":"wxd678efh567hg6787","sub_orders":[{"mchid":"1900000109","out_trade_no":"20150806-1","#,
                r#""sub_mchid":"1900000120","sub_appid":"wxd678efh567hg6999","individual_auth_id":"123456"}]}"#,
            )
        );
        let direct = vec![CloseSubOrder::new(mchid(), number(), &Party::Direct)];
        assert_eq!(
            fake::drafted(&CloseOrder::new(combined_number, direct).combine_appid(appid)).1,
            r#"{"combine_appid":"wxd678efh567hg6787","sub_orders":[{"mchid":"1900000109","out_trade_no":"20150806-1"}]}"#
        );
    }
}
