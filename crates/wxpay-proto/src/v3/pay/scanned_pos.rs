//! The payer scans the code of a partner's device, and pays on a page that opens.
//!
//! `POST /v3/pay/partner/transactions/scannedpos`.

use super::{
    code::Shop,
    jsapi::{Payer, Prepaid},
    order::Order,
};
use crate::{
    error::{Debt, Error},
    id::{Invalid, PrepayId},
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        party::Party,
        seal::Pen,
        verify::Verified,
    },
    world::World,
};

/// The order for a payer who scanned the code of a device in a shop of a sub-merchant's; comes to its number, to be
/// [signed](super::JsapiParams::sign) for the page.
#[derive(Clone, Debug)]
pub struct ScannedPos {
    order: Order,
    payer: Payer,
    shop: Shop,
}

impl ScannedPos {
    /// An order that this payer will pay, in this shop.
    ///
    /// # Errors
    ///
    /// When the order is not a sub-merchant's, does not tell the address of the payer's device, limits how it may be paid
    /// or tells a store of its own; when the payer must be somebody, or is under the sub-merchant's app and the order knows
    /// none; or when the shop's number breaks its rule.
    pub fn new(order: Order, payer: Payer, shop: Shop) -> Result<Self, Invalid> {
        match order.party() {
            Party::Partner { .. } => payer.check(&order)?,
            Party::Own => return Err(Invalid::new("sub_mchid", "must be told for scannedpos")),
        }
        if !order.has_payer_client_ip() {
            return Err(Invalid::new("payer_client_ip", "must be told for scannedpos"));
        }
        if order.limits_pay() {
            return Err(Invalid::new("limit_pay", "must not be told for scannedpos"));
        }
        if order.has_store() {
            return Err(Invalid::new("store_info", "must be told by the shop alone"));
        }
        if payer.has_identity() {
            return Err(Invalid::new("identity", "must not be told for scannedpos"));
        }
        shop.check()?;
        Ok(Self { order, payer, shop })
    }
}

#[derive(serde::Serialize)]
struct Scene<'a, S> {
    #[serde(flatten)]
    scene: S,
    store_info: &'a Shop,
}

impl Endpoint for ScannedPos {
    type Output = PrepayId;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let Self { order, payer, shop } = self;
        let payer = payer.body(order.party(), pen)?;
        let scene = order.scene_info().map(|scene| Scene { scene, store_info: shop });
        let body = order.body(pen.me(), Some(payer), scene);
        Ok(Draft::post("v3.pay.scannedpos", "/v3/pay/partner/transactions/scannedpos", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<PrepayId, Error> {
        let Prepaid { prepay_id } = reply.parse()?;
        Ok(prepay_id)
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.order.debt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        money::Fen,
        v3::{
            Sensitive,
            pay::{
                IdentityKind,
                order::{Builder, LimitPay, Store},
            },
            toy,
        },
    };
    use alloc::{string::String, vec};

    fn order() -> Builder {
        Order::builder(
            "wxd678efh567hg6787".parse().unwrap(),
            "1217752501".parse().unwrap(),
            Fen::new(100),
            "大米",
            "https://shop.example/notice".parse().unwrap(),
        )
        .party(Party::partner("1900000109".parse().unwrap()))
        .payer_client_ip("14.23.150.211".parse().unwrap())
    }

    fn payer() -> Payer {
        Payer::new("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap())
    }

    fn shop() -> Shop {
        Shop::OutId("till-1".into())
    }

    #[test]
    fn the_shop_stands_in_the_scene() {
        let order = order().device_id("013467007045764").build().unwrap();
        let (line, body) = toy::written(&ScannedPos::new(order, payer(), shop()).unwrap());
        assert_eq!(line, "POST /v3/pay/partner/transactions/scannedpos");
        assert_eq!(
            body,
            concat!(
                r#"{"sp_appid":"wxd678efh567hg6787","sp_mchid":"1900007291","sub_mchid":"1900000109","description":"大米","#,
                r#""out_trade_no":"1217752501","notify_url":"https://shop.example/notice","amount":{"total":100,"currency":"CNY"},"#,
                r#""payer":{"sp_openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},"scene_info":{"payer_client_ip":"14.23.150.211","#,
                r#""device_id":"013467007045764","store_info":{"out_id":"till-1"}}}"#,
            )
        );
    }

    #[test]
    fn what_this_operation_does_not_take_is_refused() {
        let built = |builder: Builder| builder.build().unwrap();
        let sensitive = Sensitive::new("1".into()).unwrap();
        let named = payer().with_identity(IdentityKind::Idcard, sensitive.clone(), sensitive);
        let under_sub_appid = Payer::under_sub_appid("o1".parse().unwrap());
        let elsewhere = Order::builder(
            "wxd678efh567hg6787".parse().unwrap(),
            "1217752501".parse().unwrap(),
            Fen::new(100),
            "大米",
            "https://shop.example/notice".parse().unwrap(),
        );
        for (order, payer, shop, field) in [
            (built(order().party(Party::Own)), payer(), shop(), "sub_mchid"),
            (
                built(elsewhere.party(Party::partner("1900000109".parse().unwrap()))),
                payer(),
                shop(),
                "payer_client_ip",
            ),
            (built(order().limit_pay(vec![LimitPay::NoCredit])), payer(), shop(), "limit_pay"),
            (built(order().store(Store::new("1"))), payer(), shop(), "store_info"),
            (built(order()), named, shop(), "identity"),
            (built(order()), under_sub_appid, shop(), "sub_openid"),
            (built(order()), payer(), Shop::OutId(String::new()), "store_info.out_id"),
        ] {
            assert_eq!(ScannedPos::new(order, payer, shop).unwrap_err().field(), field);
        }
    }
}
