//! JSAPI and mini programs: an order for a payer who is known, and the signature for the page or the program.
//!
//! `POST /v3/pay/transactions/jsapi`, `POST /v3/pay/partner/transactions/jsapi`, `…/miniprogram`. The client's
//! parameters: `protocol/v3` section 8.

use super::order::Order;
use crate::{
    clock::UnixTime,
    error::{Debt, Error},
    id::{AppId, Invalid, OpenId, PrepayId},
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        message,
        party::Party,
        seal::{Pen, Sealed, Sensitive},
        verify::Verified,
    },
    wire::base64,
    world::World,
};
use alloc::{
    format,
    string::{String, ToString as _},
};
use core::fmt;

/// The order for JSAPI; comes to the parameters for the page, or for the mini program.
#[derive(Clone, Debug)]
pub struct Jsapi {
    order: Order,
    payer: Payer,
    path: &'static str,
}

/// Who will pay.
#[derive(Clone, Debug)]
pub struct Payer {
    openid: OpenId,
    under_sub_appid: bool,
    identity: Option<Identity>,
}

/// Who the payer must be. Needs a permission of its own.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) kind: IdentityKind,
    pub(super) number: Sensitive,
    pub(super) name: Sensitive,
}

/// Which document proves who the payer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum IdentityKind {
    /// An identity card of the mainland.
    Idcard,
    /// A travel permit for residents of Hong Kong and Macao.
    HongkongMacao,
    /// A residence permit for residents of Hong Kong and Macao.
    HongkongMacaoResident,
    /// A residence permit for residents of Taiwan.
    TaiwanResident,
    /// A residence permit for foreigners.
    ForeignResident,
    /// A passport.
    OverseaPassport,
    /// A telephone number.
    PhoneNumber,
}

impl Payer {
    /// A payer under the order's app.
    #[must_use]
    pub fn new(openid: OpenId) -> Self {
        Self { openid, under_sub_appid: false, identity: None }
    }

    /// A payer under the sub-merchant's own app: for [`Party::Partner`] with a `sub_appid`.
    #[must_use]
    pub fn under_sub_appid(openid: OpenId) -> Self {
        Self { openid, under_sub_appid: true, identity: None }
    }

    /// Lets this person pay alone. Needs a permission of its own.
    #[must_use]
    pub fn with_identity(self, kind: IdentityKind, number: Sensitive, name: Sensitive) -> Self {
        Self { identity: Some(Identity { kind, number, name }), ..self }
    }
}

impl Payer {
    pub(super) fn check(&self, order: &Order) -> Result<(), Invalid> {
        if self.under_sub_appid && order.party().sub_appid().is_none() {
            return Err(Invalid::new("sub_openid", "must be with a sub_appid"));
        }
        Ok(())
    }

    pub(super) fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    /// The payer as the wire has it in either mode.
    pub(super) fn body(&self, party: &Party, pen: &mut Pen<'_, '_>) -> Result<PayerBody<'_>, Error> {
        let identity = self.identity.as_ref().map(|identity| identity.body(pen)).transpose()?;
        let openid = Some(self.openid.as_str());
        let mut payer = PayerBody { openid: None, sp_openid: None, sub_openid: None, identity };
        match (party, self.under_sub_appid) {
            (Party::Own, _) => payer.openid = openid,
            (Party::Partner { .. }, false) => payer.sp_openid = openid,
            (Party::Partner { .. }, true) => payer.sub_openid = openid,
        }
        Ok(payer)
    }
}

impl Identity {
    /// With what is sealed.
    pub(super) fn body(&self, pen: &mut Pen<'_, '_>) -> Result<IdentityBody, Error> {
        let Self { kind, number, name } = self;
        Ok(IdentityBody { kind: *kind, number: pen.seal(number)?, name: pen.seal(name)? })
    }
}

/// What the page hands to `WeixinJSBridge` or `wx.chooseWXPay`, or the mini program to `wx.requestPayment`, which
/// needs no `appId`. The names are theirs.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JsapiParams {
    /// The app of the payer.
    pub app_id: AppId,
    /// Seconds, as a text.
    pub time_stamp: String,
    /// A random text.
    pub nonce_str: String,
    /// `prepay_id=…`.
    pub package: String,
    /// `RSA`; it is not signed itself.
    pub sign_type: &'static str,
    /// The signature.
    pub pay_sign: String,
}

impl JsapiParams {
    /// Signs a `prepay_id` for the payer's side, as often as it is needed within the two hours of its life. `appid` is
    /// the one that the payer is under.
    ///
    /// # Errors
    ///
    /// When the merchant's key cannot be had.
    pub fn sign(
        me: &Merchant,
        appid: AppId,
        prepay_id: &PrepayId,
        now: UnixTime,
        nonce_str: String,
    ) -> Result<Self, Error> {
        let (time_stamp, package) = (now.as_secs().to_string(), format!("prepay_id={prepay_id}"));
        let message = message::jsapi(appid.as_str(), &time_stamp, &nonce_str, &package);
        let pay_sign = base64::encode(&me.sign(&message)?);
        Ok(Self { app_id: appid, time_stamp, nonce_str, package, sign_type: "RSA", pay_sign })
    }
}

impl fmt::Debug for JsapiParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsapiParams")
            .field("app_id", &self.app_id)
            .field("time_stamp", &self.time_stamp)
            .finish_non_exhaustive()
    }
}

impl Jsapi {
    /// An order that this payer will pay on a page inside WeChat.
    ///
    /// # Errors
    ///
    /// When the payer is under the sub-merchant's app, and the order knows none.
    pub fn new(order: Order, payer: Payer) -> Result<Self, Invalid> {
        let path = order.party().choose("/v3/pay/transactions/jsapi", "/v3/pay/partner/transactions/jsapi");
        Self::by(order, payer, path)
    }

    /// An order that this payer will pay in a mini program. The merchant itself orders it like a page's; for a
    /// sub-merchant there is an operation of its own, which takes less.
    ///
    /// # Errors
    ///
    /// As with [`new`](Self::new); and for a sub-merchant when the order limits how it may be paid or tells more of a store
    /// than its number, or when the payer must be somebody.
    pub fn mini_program(order: Order, payer: Payer) -> Result<Self, Invalid> {
        let path =
            order.party().choose("/v3/pay/transactions/jsapi", "/v3/pay/partner/transactions/miniprogram");
        if order.party().sub_mchid().is_some() {
            if order.limits_pay() {
                return Err(Invalid::new("limit_pay", "must not be told for a sub-merchant's mini program"));
            }
            if order.describes_store() {
                return Err(Invalid::new("store_info", "must be a number for a sub-merchant's mini program"));
            }
            if payer.has_identity() {
                return Err(Invalid::new("identity", "must not be told for a sub-merchant's mini program"));
            }
        }
        Self::by(order, payer, path)
    }

    fn by(order: Order, payer: Payer, path: &'static str) -> Result<Self, Invalid> {
        payer.check(&order)?;
        Ok(Self { order, payer, path })
    }

    /// The app that the payer is under, which signs for the payer's side.
    fn payers_appid(&self) -> &AppId {
        match self.order.party() {
            Party::Partner { sub_appid: Some(sub_appid), .. } if self.payer.under_sub_appid => sub_appid,
            Party::Own | Party::Partner { .. } => self.order.appid(),
        }
    }
}

#[derive(serde::Serialize)]
pub(super) struct PayerBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sp_openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityBody>,
}

#[derive(serde::Serialize)]
pub(super) struct IdentityBody {
    #[serde(rename = "type")]
    kind: IdentityKind,
    number: Sealed,
    name: Sealed,
}

/// `{"prepay_id"}`: what JSAPI, mini programs and apps are answered.
#[derive(serde::Deserialize)]
pub(super) struct Prepaid {
    pub(super) prepay_id: PrepayId,
}

impl Endpoint for Jsapi {
    type Output = JsapiParams;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let payer = self.payer.body(self.order.party(), pen)?;
        let body = self.order.body(pen.me(), Some(payer), self.order.scene_info());
        Ok(Draft::post("v3.pay.jsapi", self.path, &body))
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, world: &mut World<'_>) -> Result<JsapiParams, Error> {
        let Prepaid { prepay_id } = reply.parse()?;
        let nonce = world.entropy.nonce();
        JsapiParams::sign(me, self.payers_appid().clone(), &prepay_id, world.now, nonce)
    }

    fn debt(&self) -> Option<Debt> {
        Some(self.order.debt())
    }
}
