//! H5 payment: an order that is paid from a browser outside WeChat.
//!
//! `POST /v3/pay/transactions/h5`, `POST /v3/pay/partner/transactions/h5`.

use super::order::{Order, SceneInfo};
use crate::{
    error::{Error, PendingOperation},
    id::InvalidField,
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

/// Places an order that is paid from a browser. Returns the URL to navigate to, valid for five minutes.
///
/// You may append `&redirect_url=…`, percent-encoded. The `Referer` must be of the registered domain.
#[derive(Clone, Debug)]
pub struct H5Order {
    order: Order,
    h5_info: H5Info,
}

/// The environment of the browser (`h5_info`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct H5Info {
    /// The kind of environment: `iOS`, `Android` or `Wap`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The name of the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_name: Option<String>,
    /// The URL of the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_url: Option<String>,
    /// The bundle id of an iOS application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<String>,
    /// The package name of an Android application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_name: Option<String>,
}

impl H5Info {
    /// Creates the description of a site in a browser.
    pub fn wap() -> Self {
        Self::of("Wap")
    }

    /// Creates the description of a browser inside an iOS application.
    pub fn ios() -> Self {
        Self::of("iOS")
    }

    /// Creates the description of a browser inside an Android application.
    pub fn android() -> Self {
        Self::of("Android")
    }

    fn of(kind: &'static str) -> Self {
        Self { kind, app_name: None, app_url: None, bundle_id: None, package_name: None }
    }
}

impl H5Order {
    /// Creates the operation from an order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the order has no `payer_client_ip`.
    pub fn new(order: Order, h5_info: H5Info) -> Result<Self, InvalidField> {
        if order.has_payer_client_ip() {
            Ok(Self { order, h5_info })
        } else {
            Err(InvalidField::new("payer_client_ip", "is required for H5"))
        }
    }
}

#[derive(serde::Serialize)]
struct Scene<'a> {
    #[serde(flatten)]
    scene: Option<SceneInfo<'a>>,
    h5_info: &'a H5Info,
}

object! {
    struct Reply {
        h5_url: String,
    }
}

impl Endpoint for H5Order {
    type Output = String;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let Self { order, h5_info } = self;
        let path = order.party().choose("/v3/pay/transactions/h5", "/v3/pay/partner/transactions/h5");
        let scene = Scene { scene: order.scene_info(), h5_info };
        let body = order.body(writer, None, Some(scene))?;
        Ok(Draft::post("v3.pay.h5", path, &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let Reply { h5_url } = reply.read()?;
        Ok(h5_url)
    }

    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.order.pending_operation())
    }
}
