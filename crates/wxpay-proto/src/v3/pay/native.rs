//! Native: an order whose link is shown as a QR code.
//!
//! `POST /v3/pay/transactions/native`, `POST /v3/pay/partner/transactions/native`.

use super::order::Order;
use crate::{
    error::{Debt, Error},
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        seal::Pen,
        verify::Verified,
    },
    world::World,
};
use alloc::string::String;

/// The order for a QR code; comes to the link in it, `weixin://wxpay/bizpayurl?pr=…`, good for two hours.
#[derive(Clone, Debug)]
pub struct Native(Order);

#[derive(serde::Deserialize)]
struct Reply {
    code_url: String,
}

impl Native {
    /// An order that will be paid by scanning.
    #[must_use]
    pub fn new(order: Order) -> Self {
        Self(order)
    }
}

impl Endpoint for Native {
    type Output = String;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let Self(order) = self;
        let path = order.party().choose("/v3/pay/transactions/native", "/v3/pay/partner/transactions/native");
        let body = order.body(pen.me(), None::<()>, order.scene_info());
        Ok(Draft::post("v3.pay.native", path, &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let Reply { code_url } = reply.parse()?;
        Ok(code_url)
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.0.debt())
    }
}
