//! Orders whose `prepay_id` is stored: placed now, signed later, each time anew.

use super::{
    app::AppOrder,
    jsapi::{JsapiOrder, PrepayReply},
    order::{Order, places_order},
};
use crate::{id::PrepayId, v3::prelude::*};

/// Places a JSAPI, mini program or app order. Returns the bare `prepay_id`, without parameters for the payer's client.
///
/// For a server that stores the `prepay_id`, and signs parameters with [`JsapiParams::sign`](super::JsapiParams::sign)
/// or [`AppParams::sign`](super::AppParams::sign) whenever the payer's client needs them.
///
/// ```
/// use wxpay_proto::{Fen, v3::pay::{AppOrder, Order, PrepayOrder}};
///
/// let order = Order::new("20261125A1".parse()?, Fen::new(1999), "a pair of socks")?;
/// let endpoint = PrepayOrder::from(AppOrder::new(order)); // for `Merchant::call`
/// # drop(endpoint);
/// # Ok::<(), wxpay_proto::id::InvalidField>(())
/// ```
#[derive(Clone, Debug)]
pub struct PrepayOrder {
    order: Order,
    label: &'static str,
    path: &'static str,
}

impl From<JsapiOrder> for PrepayOrder {
    fn from(JsapiOrder { order, path }: JsapiOrder) -> Self {
        Self { order, label: JsapiOrder::LABEL, path }
    }
}

impl From<AppOrder> for PrepayOrder {
    fn from(AppOrder { order }: AppOrder) -> Self {
        let path = order.party.choose("/v3/pay/transactions/app", "/v3/pay/partner/transactions/app");
        Self { order, label: "v3.pay.app", path }
    }
}

impl Endpoint for PrepayOrder {
    type Output = PrepayId;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        writer.post(self.label, self.path, &self.order)
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
    use crate::v3::{fake, pay::Payer};

    fn order() -> Order {
        let order = Order::new("1217752501".parse().unwrap(), Fen::new(100), "大米").unwrap();
        let url = "https://shop.example/notify".parse().unwrap();
        order.appid("wxd678efh567hg6787".parse().unwrap()).notify_url(url)
    }

    fn sub_merchants() -> Order {
        order().party(Party::partner("1900000109".parse().unwrap()))
    }

    fn payer() -> Payer {
        Payer::new("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap())
    }

    #[test]
    fn a_prepay_order_sends_the_request_of_its_payment_method() {
        for order in [order(), sub_merchants()] {
            let jsapi = JsapiOrder::new(order.clone(), payer()).unwrap();
            assert_eq!(fake::drafted(&PrepayOrder::from(jsapi.clone())), fake::drafted(&jsapi));
            let mini = JsapiOrder::mini_program(order.clone(), payer()).unwrap();
            assert_eq!(fake::drafted(&PrepayOrder::from(mini.clone())), fake::drafted(&mini));
            let app = AppOrder::new(order);
            assert_eq!(fake::drafted(&PrepayOrder::from(app.clone())), fake::drafted(&app));
            let pending = PrepayOrder::from(app.clone()).pending_operation();
            assert_eq!(pending, app.pending_operation());
        }
    }

    #[test]
    fn a_prepay_order_returns_the_bare_number() {
        let endpoint = PrepayOrder::from(AppOrder::new(order()));
        let read = fake::read(&endpoint, r#"{"prepay_id":"wx201410272009395522657a690389285100"}"#).unwrap();
        assert_eq!(read.as_str(), "wx201410272009395522657a690389285100");
        assert!(fake::read(&endpoint, "{}").is_err());
        assert!(endpoint.trusts_field_check());
    }
}
