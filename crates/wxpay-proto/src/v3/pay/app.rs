//! Apps: an order, and the signature for the phone.
//!
//! `POST /v3/pay/transactions/app`, `POST /v3/pay/partner/transactions/app`. The app's parameters: `protocol/v3`
//! section 8.

use super::{jsapi::Prepaid, order::Order};
use crate::{
    clock::UnixTime,
    error::{Debt, Error},
    id::{AppId, MchId, PrepayId},
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        message,
        party::Party,
        seal::Pen,
        verify::Verified,
    },
    wire::base64,
    world::World,
};
use alloc::string::{String, ToString as _};
use core::fmt;

/// The order for an app; comes to the parameters for the phone.
#[derive(Clone, Debug)]
pub struct App(Order);

/// What the app hands to the SDK of WeChat. The names are theirs.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct AppParams {
    /// The app.
    pub appid: AppId,
    /// The merchant whose money it is; not signed.
    pub partnerid: MchId,
    /// The bare number.
    pub prepayid: PrepayId,
    /// `Sign=WXPay`; not signed.
    pub package: &'static str,
    /// A random text.
    pub noncestr: String,
    /// Seconds, as a text.
    pub timestamp: String,
    /// The signature.
    pub sign: String,
}

impl AppParams {
    /// Signs a `prepay_id` for the phone, as often as it is needed within the two hours of its life. `appid` is the
    /// one of the app that runs there.
    ///
    /// # Errors
    ///
    /// When the merchant's key cannot be had.
    pub fn sign(
        me: &Merchant,
        appid: AppId,
        partnerid: MchId,
        prepayid: PrepayId,
        now: UnixTime,
        noncestr: String,
    ) -> Result<Self, Error> {
        let timestamp = now.as_secs().to_string();
        let message = message::app(appid.as_str(), &timestamp, &noncestr, prepayid.as_str());
        let sign = base64::encode(&me.sign(&message)?);
        Ok(Self { appid, partnerid, prepayid, package: "Sign=WXPay", noncestr, timestamp, sign })
    }
}

impl fmt::Debug for AppParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppParams")
            .field("appid", &self.appid)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

impl App {
    /// An order that will be paid from the app.
    #[must_use]
    pub fn new(order: Order) -> Self {
        Self(order)
    }
}

impl Endpoint for App {
    type Output = AppParams;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let Self(order) = self;
        let path = order.party().choose("/v3/pay/transactions/app", "/v3/pay/partner/transactions/app");
        let body = order.body(pen.me(), None::<()>, order.scene_info());
        Ok(Draft::post("v3.pay.app", path, &body))
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, world: &mut World<'_>) -> Result<AppParams, Error> {
        let Self(order) = self;
        let Prepaid { prepay_id } = reply.parse()?;
        let (appid, partnerid) = match order.party() {
            Party::Own => (order.appid(), me.mchid()),
            Party::Partner { sub_mchid, sub_appid } => {
                (sub_appid.as_ref().unwrap_or_else(|| order.appid()), sub_mchid)
            }
        };
        let nonce = world.entropy.nonce();
        AppParams::sign(me, appid.clone(), partnerid.clone(), prepay_id, world.now, nonce)
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.0.debt())
    }
}
