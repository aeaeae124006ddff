//! Native payment: an order whose link is shown as a QR code.
//!
//! `POST /v3/pay/transactions/native`, `POST /v3/pay/partner/transactions/native`.

use super::order::{Order, places_order};
use crate::v3::prelude::*;

/// Places an order that is paid by scanning a QR code. Returns the code's content, `weixin://wxpay/bizpayurl?pr=…`,
/// valid for two hours.
///
/// A query does not return the content. To get it again, or if the outcome is unknown, place the same order again under
/// the same number: it takes effect once.
#[derive(Clone, Debug)]
pub struct NativeOrder {
    order: Order,
}

object! {
    pub(super) struct Reply {
        pub(super) code_url: String,
    }
}

impl NativeOrder {
    /// Creates the operation from an order.
    pub fn new(order: Order) -> Self {
        Self { order }
    }
}

impl Endpoint for NativeOrder {
    type Output = String;

    places_order!("v3.pay.native", "/v3/pay/transactions/native", "/v3/pay/partner/transactions/native");

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let Reply { code_url } = reply.read()?;
        Ok(code_url)
    }
}
