//! Payment by scanning the code of a partner's device; the payer pays on the page that opens.
//!
//! `POST /v3/pay/partner/transactions/scannedpos`.

use super::{
    code::StoreId,
    jsapi::{Payer, PrepayReply},
    order::Order,
};
use crate::{
    error::{Error, PendingOperation},
    id::{InvalidField, PrepayId},
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        party::Party,
        seal::RequestWriter,
        verify::Verified,
    },
    world::World,
};

/// Places the order of a payer who scanned the code of a device in a sub-merchant's store. Returns the `prepay_id`, to
/// be [signed](super::JsapiParams::sign) for the page.
#[derive(Clone, Debug)]
pub struct ScannedPosOrder {
    order: Order,
    payer: Payer,
    store: StoreId,
}

impl ScannedPosOrder {
    /// Creates the operation from an order that this payer pays in this store.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] in these cases:
    ///
    /// * The order is not for a sub-merchant, has no `payer_client_ip`, or has `limit_pay` or a store.
    /// * The payer has an identity, or an openid of the sub-merchant's app while the order has no `sub_appid`.
    /// * The number of the store is invalid.
    pub fn new(order: Order, payer: Payer, store: StoreId) -> Result<Self, InvalidField> {
        match order.party() {
            Party::Partner { .. } => payer.check(&order)?,
            Party::Direct => return Err(InvalidField::new("sub_mchid", "is required for scannedpos")),
        }
        if !order.has_payer_client_ip() {
            return Err(InvalidField::new("payer_client_ip", "is required for scannedpos"));
        }
        if order.limits_pay() {
            return Err(InvalidField::new("limit_pay", "must not be set for scannedpos"));
        }
        if order.has_store() {
            return Err(InvalidField::new(
                "store_info",
                "must not be set in the order: the `store` argument sets it",
            ));
        }
        if payer.has_identity() {
            return Err(InvalidField::new("identity", "must not be set for scannedpos"));
        }
        store.check()?;
        Ok(Self { order, payer, store })
    }
}

#[derive(serde::Serialize)]
struct Scene<'a, S> {
    #[serde(flatten)]
    scene: S,
    store_info: &'a StoreId,
}

impl Endpoint for ScannedPosOrder {
    type Output = PrepayId;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let Self { order, payer, store } = self;
        let scene = order.scene_info().map(|scene| Scene { scene, store_info: store });
        let body = order.body(writer, Some(payer), scene)?;
        Ok(Draft::post("v3.pay.scannedpos", "/v3/pay/partner/transactions/scannedpos", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<PrepayId, Error> {
        let PrepayReply { prepay_id } = reply.read()?;
        Ok(prepay_id)
    }

    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.order.pending_operation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        money::Fen,
        prelude::*,
        v3::{
            Sensitive, fake,
            pay::{
                IdentityKind,
                order::{Builder, LimitPay, Store},
            },
        },
    };

    fn order() -> Builder {
        Order::builder("1217752501".parse().unwrap(), Fen::new(100), "大米")
            .appid("wxd678efh567hg6787".parse().unwrap())
            .notify_url("https://shop.example/notify".parse().unwrap())
            .party(Party::partner("1900000109".parse().unwrap()))
            .payer_client_ip("14.23.150.211".parse().unwrap())
    }

    fn payer() -> Payer {
        Payer::new("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap())
    }

    fn store_id() -> StoreId {
        StoreId::OutId("till-1".into())
    }

    #[test]
    fn the_scanned_pos_store_is_in_scene_info() {
        let order = order().device_id("013467007045764").build().unwrap();
        let (line, body) = fake::drafted(&ScannedPosOrder::new(order, payer(), store_id()).unwrap());
        assert_eq!(line, "POST /v3/pay/partner/transactions/scannedpos");
        assert_eq!(
            body,
            concat!(
                r#"{"sp_appid":"wxd678efh567hg6787","sp_mchid":"1900007291","sub_mchid":"1900000109","description":"大米","#,
                r#""out_trade_no":"1217752501","notify_url":"https://shop.example/notify","amount":{"total":100,"currency":"CNY"},"#,
                r#""payer":{"sp_openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},"scene_info":{"payer_client_ip":"14.23.150.211","#,
                r#""device_id":"013467007045764","store_info":{"out_id":"till-1"}}}"#,
            )
        );
    }

    #[test]
    fn scanned_pos_rejects_fields_it_does_not_accept() {
        let built = |builder: Builder| builder.build().unwrap();
        let sensitive = Sensitive::new("1".into()).unwrap();
        let identified = payer().with_identity(IdentityKind::Idcard, sensitive.clone(), sensitive);
        let under_sub_appid = Payer::under_sub_appid("o1".parse().unwrap());
        let without_ip_address = Order::builder("1217752501".parse().unwrap(), Fen::new(100), "大米")
            .appid("wxd678efh567hg6787".parse().unwrap())
            .notify_url("https://shop.example/notify".parse().unwrap());
        for (order, payer, store, field) in [
            (built(order().party(Party::Direct)), payer(), store_id(), "sub_mchid"),
            (
                built(without_ip_address.party(Party::partner("1900000109".parse().unwrap()))),
                payer(),
                store_id(),
                "payer_client_ip",
            ),
            (built(order().limit_pay(vec![LimitPay::NoCredit])), payer(), store_id(), "limit_pay"),
            (built(order().store(Store::new("1"))), payer(), store_id(), "store_info"),
            (built(order()), identified, store_id(), "identity"),
            (built(order()), under_sub_appid, store_id(), "sub_openid"),
            (built(order()), payer(), StoreId::OutId(String::new()), "store_info.out_id"),
        ] {
            assert_eq!(ScannedPosOrder::new(order, payer, store).unwrap_err().field(), field);
        }
    }
}
