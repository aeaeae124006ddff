//! H5 payment: an order that is paid from a browser outside WeChat.
//!
//! `POST /v3/pay/transactions/h5`, `POST /v3/pay/partner/transactions/h5`.

use super::order::{Order, places_order};
use crate::v3::prelude::*;

/// Places an order that is paid from a browser. Returns the URL to navigate to, valid for five minutes.
///
/// You may append `&redirect_url=…`, percent-encoded. The `Referer` must be of the registered domain.
#[derive(Clone, Debug)]
pub struct H5Order {
    order: Order,
}

body! {
    /// The environment of the browser (`h5_info`).
    #[derive(Clone)]
    pub struct H5Info {
        required kind: &'static str as "type",
        /// Sets the name of the application: 1 to 64 characters.
        text app_name: Chars<64>,
        /// Sets the URL of the site: 1 to 128 characters.
        text app_url: Chars<128>,
        /// Sets the bundle id of an iOS application: 1 to 128 characters.
        text bundle_id: Chars<128>,
        /// Sets the package name of an Android application: 1 to 128 characters.
        text package_name: Chars<128>,
    }
    Debug { kind }
}

impl H5Info {
    /// Creates the description of a site in a browser.
    pub fn wap() -> Self {
        Self::required("Wap")
    }

    /// Creates the description of a browser inside an iOS application.
    pub fn ios() -> Self {
        Self::required("iOS")
    }

    /// Creates the description of a browser inside an Android application.
    pub fn android() -> Self {
        Self::required("Android")
    }
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
