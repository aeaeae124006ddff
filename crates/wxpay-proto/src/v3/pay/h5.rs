//! H5 payment: an order that is paid from a browser outside WeChat.
//!
//! `POST /v3/pay/transactions/h5`, `POST /v3/pay/partner/transactions/h5`.

use super::{
    order::{Order, places_order},
    scene::H5Info,
};
use crate::v3::prelude::*;

/// Places an order that is paid from a browser. Returns the URL to navigate to, valid for five minutes.
///
/// You may append `&redirect_url=…`, percent-encoded. The `Referer` must be of the registered domain.
#[derive(Clone, Debug)]
pub struct H5Order {
    order: Order,
}

impl H5Order {
    /// Creates the operation from an order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the order has no `payer_client_ip`.
    pub fn new(mut order: Order, h5_info: H5Info) -> Result<Self, InvalidField> {
        order.require_payer_client_ip("is required for H5")?;
        order.scene_info.h5_info = Some(h5_info);
        Ok(Self { order })
    }
}

object! {
    pub(super) struct Reply {
        pub(super) h5_url: String,
    }
}

impl Endpoint for H5Order {
    type Output = String;

    places_order!("v3.pay.h5", "/v3/pay/transactions/h5", "/v3/pay/partner/transactions/h5");

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let Reply { h5_url } = reply.read()?;
        Ok(h5_url)
    }
}
