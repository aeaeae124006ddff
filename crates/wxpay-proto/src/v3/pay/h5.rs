//! H5: an order that is paid from a browser outside WeChat.
//!
//! `POST /v3/pay/transactions/h5`, `POST /v3/pay/partner/transactions/h5`.

use super::order::{Order, SceneInfo};
use crate::{
    error::{Debt, Error},
    id::Invalid,
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        seal::Pen,
        verify::Verified,
    },
    world::World,
};
use alloc::string::String;

/// The order for a browser; comes to the URL to go to, good for five minutes. A `&redirect_url=…`, escaped, may be
/// put behind it; the `Referer` must be of the domain that is registered.
#[derive(Clone, Debug)]
pub struct H5 {
    order: Order,
    h5_info: H5Info,
}

/// Where the browser is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct H5Info {
    /// `iOS`, `Android` or `Wap`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The name of the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_name: Option<String>,
    /// The address of the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_url: Option<String>,
    /// The identifier of an iOS application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<String>,
    /// The identifier of an Android application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_name: Option<String>,
}

impl H5Info {
    /// A site in a browser.
    #[must_use]
    pub fn wap() -> Self {
        Self::of("Wap")
    }

    /// Inside an iOS application.
    #[must_use]
    pub fn ios() -> Self {
        Self::of("iOS")
    }

    /// Inside an Android application.
    #[must_use]
    pub fn android() -> Self {
        Self::of("Android")
    }

    fn of(kind: &'static str) -> Self {
        Self { kind, app_name: None, app_url: None, bundle_id: None, package_name: None }
    }
}

impl H5 {
    /// An order that will be paid from a browser.
    ///
    /// # Errors
    ///
    /// When the order does not tell the address of the payer's device.
    pub fn new(order: Order, h5_info: H5Info) -> Result<Self, Invalid> {
        if order.has_payer_client_ip() {
            Ok(Self { order, h5_info })
        } else {
            Err(Invalid::new("payer_client_ip", "must be told for H5"))
        }
    }
}

#[derive(serde::Serialize)]
struct Scene<'a> {
    #[serde(flatten)]
    scene: Option<SceneInfo<'a>>,
    h5_info: &'a H5Info,
}

#[derive(serde::Deserialize)]
struct Reply {
    h5_url: String,
}

impl Endpoint for H5 {
    type Output = String;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let Self { order, h5_info } = self;
        let path = order.party().choose("/v3/pay/transactions/h5", "/v3/pay/partner/transactions/h5");
        let scene = Scene { scene: order.scene_info(), h5_info };
        let body = order.body(pen.me(), None::<()>, Some(scene));
        Ok(Draft::post("v3.pay.h5", path, &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let Reply { h5_url } = reply.parse()?;
        Ok(h5_url)
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.order.debt())
    }
}
