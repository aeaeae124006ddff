//! Closing of a combined order, so that it can no longer be paid.
//!
//! `POST /v3/combine-transactions/out-trade-no/{combine_out_trade_no}/close`.

use super::{
    order::{Order, SubOrder},
    query::QueryOrder,
};
use crate::{
    id::{AppId, MchId, OutTradeNo},
    v3::prelude::*,
};

body! {
    /// Closes a combined order with all of its sub-orders. A paid order is refused.
    #[derive(Clone)]
    pub struct CloseOrder {
        /// Sets the combining merchant's app. The default is the [merchant's](crate::v3::Builder::appid).
        optional combine_appid: AppId = appid_or_default,
        required combine_out_trade_no: OutTradeNo = omitted,
        list sub_orders: CloseSubOrder,
    }
    Debug { combine_appid, combine_out_trade_no, sub_orders }
}

body! {
    /// The ids of a sub-order to close.
    #[derive(Clone)]
    pub struct CloseSubOrder {
        required mchid: MchId,
        required out_trade_no: OutTradeNo,
        /// Sets the party of the sub-order: a sub-merchant. The default is the merchant itself.
        default party: Party = omitted,
        computed sub_mchid: MchId,
        computed sub_appid: AppId,
        /// Sets the number of the person's authorization, in trades between individuals: 1 to 64 characters.
        text individual_auth_id: Chars<64>,
    }
    Debug { mchid, out_trade_no, party }
}

impl CloseSubOrder {
    /// Creates the ids from the merchant that the sub-order belongs to, or the partner of the sub-merchant, and the
    /// merchant's number of the sub-order.
    pub fn new(mchid: MchId, out_trade_no: OutTradeNo) -> Self {
        Self::required(mchid, out_trade_no)
    }

    fn sub_mchid(&self) -> Option<&MchId> {
        self.party.sub_mchid()
    }

    fn sub_appid(&self) -> Option<&AppId> {
        self.party.sub_appid()
    }
}

impl From<&SubOrder> for CloseSubOrder {
    fn from(order: &SubOrder) -> Self {
        Self {
            party: order.party.clone(),
            individual_auth_id: order.individual.as_ref().map(|individual| individual.auth_id.clone()),
            ..Self::required(order.mchid.clone(), order.out_trade_no().clone())
        }
    }
}

impl CloseOrder {
    /// Creates the operation from the numbers of a combined order and its sub-orders.
    pub fn new(combine_out_trade_no: OutTradeNo, sub_orders: Vec<CloseSubOrder>) -> Self {
        Self { sub_orders, ..Self::required(combine_out_trade_no) }
    }

    /// Creates the operation that closes this combined order.
    pub fn of_order(order: &Order) -> Self {
        Self {
            combine_appid: order.combine_appid.clone(),
            sub_orders: order.sub_orders().iter().map(CloseSubOrder::from).collect(),
            ..Self::required(order.combine_out_trade_no().clone())
        }
    }
}

impl Endpoint for CloseOrder {
    type Output = ();

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/combine-transactions/out-trade-no")
            .segment(self.combine_out_trade_no.as_str())
            .append("/close");
        writer.post("v3.combine.close", target, self)
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        reply.expect_empty()
    }

    /// An order that is wrongly taken as refused is closed again.
    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        QueryOrder::combine_out_trade_no(self.combine_out_trade_no.clone()).pending()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::order::Individual, *};
    use crate::v3::fake;

    #[test]
    fn a_combined_order_is_closed_with_the_ids_of_its_sub_orders() {
        let sub_appid = Some("wxd678efh567hg6999".parse().unwrap());
        let party = Party::Partner { sub_mchid: "1900000120".parse().unwrap(), sub_appid };
        let (mchid, number) = (|| "1900000109".parse().unwrap(), || "20150806-1".parse().unwrap());
        let sub_order = SubOrder::new(mchid(), number(), Fen::new(10), "大米", "1").unwrap();
        let sub_order = sub_order.party(party).individual(Individual::new("123456").unwrap());
        let appid: AppId = "wxd678efh567hg6787".parse().unwrap();
        let combined_number: OutTradeNo = "P20150806".parse().unwrap();
        let url = "https://shop.example/combined".parse().unwrap();
        let order = Order::new(combined_number.clone(), vec![sub_order]).unwrap();
        let order = order.combine_appid(appid.clone()).notify_url(url);

        let (line, body) = fake::drafted(&CloseOrder::of_order(&order));
        assert_eq!(line, "POST /v3/combine-transactions/out-trade-no/P20150806/close");
        assert_eq!(
            body,
            concat!(
                r#"{"combine_appid":"wxd678efh567hg6787","sub_orders":[{"mchid":"1900000109","out_trade_no":"20150806-1","#,
                r#""sub_mchid":"1900000120","sub_appid":"wxd678efh567hg6999","individual_auth_id":"123456"}]}"#,
            )
        );
        let direct = vec![CloseSubOrder::new(mchid(), number())];
        assert_eq!(
            fake::drafted(&CloseOrder::new(combined_number, direct).combine_appid(appid)).1,
            r#"{"combine_appid":"wxd678efh567hg6787","sub_orders":[{"mchid":"1900000109","out_trade_no":"20150806-1"}]}"#
        );
    }
}
