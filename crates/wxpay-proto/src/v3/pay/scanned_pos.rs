//! Payment by scanning the code of a partner's device; the payer pays on the page that opens.
//!
//! `POST /v3/pay/partner/transactions/scannedpos`.

use super::{
    code::StoreId,
    jsapi::PrepayReply,
    order::{Order, places_order},
    payer::Payer,
};
use crate::{id::PrepayId, v3::prelude::*};

/// Places the order of a payer who scanned the code of a device in a sub-merchant's store. Returns the `prepay_id`, to
/// be [signed](super::JsapiParams::sign) for the page.
#[derive(Clone, Debug)]
pub struct ScannedPosOrder {
    order: Order,
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
    pub fn new(order: Order, payer: Payer, store: StoreId) -> Result<Self, InvalidField> {
        if order.party == Party::Direct {
            return Err(InvalidField::new("sub_mchid", "is required for scannedpos"));
        }
        order.require_payer_client_ip("is required for scannedpos")?;
        let mut order = order.payer(payer)?;
        order.reject_fields(&["limit_pay", "store_info", "identity"])?;
        order.scene_info.store_id = Some(store);
        Ok(Self { order })
    }
}

impl Endpoint for ScannedPosOrder {
    type Output = PrepayId;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        writer.post("v3.pay.scannedpos", "/v3/pay/partner/transactions/scannedpos", &self.order)
    }

    places_order!();

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<PrepayId, Error> {
        let PrepayReply { prepay_id } = reply.read()?;
        Ok(prepay_id)
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
                order::{LimitPay, Store},
            },
        },
    };

    fn without_ip_address() -> Order {
        Order::new("1217752501".parse().unwrap(), Fen::new(100), "大米")
            .unwrap()
            .appid("wxd678efh567hg6787".parse().unwrap())
            .notify_url("https://shop.example/notify".parse().unwrap())
            .party(Party::partner("1900000109".parse().unwrap()))
    }

    fn order() -> Order {
        without_ip_address().payer_client_ip("14.23.150.211".parse().unwrap())
    }

    fn payer() -> Payer {
        Payer::new("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap())
    }

    fn store_id() -> StoreId {
        StoreId::out_id("till-1").unwrap()
    }

    #[test]
    fn the_scanned_pos_store_is_in_scene_info() {
        let order = order().device_id("013467007045764").unwrap();
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
        let sensitive = Sensitive::new("1".into()).unwrap();
        let identified = payer().identity(IdentityKind::Idcard, sensitive.clone(), sensitive);
        let under_sub_appid = Payer::under_sub_appid("o1".parse().unwrap());
        for (order, payer, field) in [
            (order().party(Party::Direct), payer(), "sub_mchid"),
            (without_ip_address(), payer(), "payer_client_ip"),
            (order().limit_pay(vec![LimitPay::NoCredit]), payer(), "limit_pay"),
            (order().store(Store::new("1").unwrap()), payer(), "store_info"),
            (order(), identified, "identity"),
            (order(), under_sub_appid, "sub_openid"),
        ] {
            assert_eq!(ScannedPosOrder::new(order, payer, store_id()).unwrap_err().field(), field);
        }
        assert_eq!(StoreId::out_id("").unwrap_err().field(), "store_info.out_id");
    }
}
