//! Native payment: an order whose link is shown as a QR code.
//!
//! `POST /v3/pay/transactions/native`, `POST /v3/pay/partner/transactions/native`.

use super::order::Order;
use crate::{
    error::{Error, PendingOperation},
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        seal::RequestWriter,
        verify::Verified,
    },
    wire::json::object,
    world::World,
};

/// Places an order that is paid by scanning a QR code. Returns the code's content, `weixin://wxpay/bizpayurl?pr=…`,
/// valid for two hours.
#[derive(Clone, Debug)]
pub struct NativeOrder(Order);

object! {
    struct Reply {
        code_url: String,
    }
}

impl NativeOrder {
    /// Creates the operation from an order.
    pub fn new(order: Order) -> Self {
        Self(order)
    }
}

impl Endpoint for NativeOrder {
    type Output = String;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let Self(order) = self;
        let path = order.party().choose("/v3/pay/transactions/native", "/v3/pay/partner/transactions/native");
        let body = order.body(writer, None, order.scene_info())?;
        Ok(Draft::post("v3.pay.native", path, &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let Reply { code_url } = reply.read()?;
        Ok(code_url)
    }

    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.0.pending_operation())
    }
}
