//! JSAPI and mini program payment: an order for a known payer, and the signed parameters for the page or mini program.
//!
//! `POST /v3/pay/transactions/jsapi`, `POST /v3/pay/partner/transactions/jsapi`, `…/miniprogram`.

use super::order::Order;
use crate::{
    clock::UnixTime,
    error::{Error, PendingOperation},
    id::{AppId, InvalidField, OpenId, PrepayId},
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint},
        merchant::Merchant,
        message,
        party::Party,
        seal::{RequestWriter, Sealed, Sensitive},
        verify::Verified,
    },
    wire::{base64, json::object},
    world::World,
};
use core::fmt;

/// Places a JSAPI order. Returns the parameters for `wx.requestPayment` or `WeixinJSBridge`.
#[derive(Clone, Debug)]
pub struct JsapiOrder {
    order: Order,
    payer: Payer,
    path: &'static str,
}

/// The payer of an order.
#[derive(Clone, Debug)]
pub struct Payer {
    openid: OpenId,
    under_sub_appid: bool,
    identity: Option<Identity>,
}

/// The person that the payer must be. The merchant needs a separate permission for it.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) kind: IdentityKind,
    pub(super) number: Sensitive,
    pub(super) name: Sensitive,
}

/// The kind of document that identifies the payer.
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
    /// Creates a payer whose openid belongs to the order's app.
    pub fn new(openid: OpenId) -> Self {
        Self { openid, under_sub_appid: false, identity: None }
    }

    /// Creates a payer whose openid belongs to the sub-merchant's own app: for [`Party::Partner`] with a `sub_appid`.
    pub fn under_sub_appid(openid: OpenId) -> Self {
        Self { openid, under_sub_appid: true, identity: None }
    }

    /// Restricts payment to this person. The merchant needs a separate permission for it.
    #[must_use]
    pub fn with_identity(self, kind: IdentityKind, number: Sensitive, name: Sensitive) -> Self {
        Self { identity: Some(Identity { kind, number, name }), ..self }
    }
}

impl Payer {
    pub(super) fn check(&self, order: &Order) -> Result<(), InvalidField> {
        if self.under_sub_appid && order.party().sub_appid().is_none() {
            return Err(InvalidField::new("sub_openid", "requires a sub_appid in the order"));
        }
        Ok(())
    }

    pub(super) fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    /// Returns the payer as on the wire in either mode.
    pub(super) fn body(
        &self,
        party: &Party,
        writer: &mut RequestWriter<'_, '_>,
    ) -> Result<PayerBody<'_>, Error> {
        let identity = self.identity.as_ref().map(|identity| identity.body(writer)).transpose()?;
        let openid = Some(self.openid.as_str());
        let mut payer = PayerBody { openid: None, sp_openid: None, sub_openid: None, identity };
        match (party, self.under_sub_appid) {
            (Party::Direct, _) => payer.openid = openid,
            (Party::Partner { .. }, false) => payer.sp_openid = openid,
            (Party::Partner { .. }, true) => payer.sub_openid = openid,
        }
        Ok(payer)
    }
}

impl Identity {
    /// Returns the identity as on the wire, with number and name sealed.
    pub(super) fn body(&self, writer: &mut RequestWriter<'_, '_>) -> Result<IdentityBody, Error> {
        let Self { kind, number, name } = self;
        Ok(IdentityBody { kind: *kind, number: writer.seal(number)?, name: writer.seal(name)? })
    }
}

/// The parameters that a page passes to `WeixinJSBridge` or `wx.chooseWXPay`, or a mini program to `wx.requestPayment`,
/// which needs no `appId`. `wx.chooseWXPay` expects `timeStamp` under the name `timestamp`.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JsapiParams {
    /// The app that the payer's openid belongs to.
    pub app_id: AppId,
    /// The time of signing, in seconds since 1970, as text.
    pub time_stamp: String,
    /// The nonce.
    pub nonce_str: String,
    /// The order: `prepay_id=…`.
    pub package: String,
    /// The constant `RSA`. Not signed.
    pub sign_type: &'static str,
    /// The signature, in base64.
    pub pay_sign: String,
}

impl JsapiParams {
    /// Signs a `prepay_id` for the payer's client. May be repeated within the two hours in which the `prepay_id` is
    /// valid. `appid` is that of the app that the payer's openid belongs to.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the merchant's private key is not available.
    pub fn sign(
        merchant: &Merchant,
        appid: AppId,
        prepay_id: &PrepayId,
        now: UnixTime,
        nonce_str: String,
    ) -> Result<Self, Error> {
        let (time_stamp, package) = (now.as_secs().to_string(), format!("prepay_id={prepay_id}"));
        let message = message::jsapi(appid.as_str(), &time_stamp, &nonce_str, &package);
        let pay_sign = base64::encode(&merchant.sign(&message)?);
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

impl JsapiOrder {
    /// Creates the operation from an order that this payer pays on a page inside WeChat.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the payer's openid belongs to the sub-merchant's app, and the order has no
    /// `sub_appid`.
    pub fn new(order: Order, payer: Payer) -> Result<Self, InvalidField> {
        let path = order.party().choose("/v3/pay/transactions/jsapi", "/v3/pay/partner/transactions/jsapi");
        Self::build(order, payer, path)
    }

    /// Creates the operation from an order that this payer pays in a mini program. A direct merchant uses the same
    /// operation as for a page; a partner uses a separate one, which accepts fewer fields.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] in the cases of [`new`](Self::new). For a sub-merchant also if the order has
    /// `limit_pay`, the store has fields other than `id`, or the payer has an identity.
    pub fn mini_program(order: Order, payer: Payer) -> Result<Self, InvalidField> {
        let path =
            order.party().choose("/v3/pay/transactions/jsapi", "/v3/pay/partner/transactions/miniprogram");
        if order.party().sub_mchid().is_some() {
            if order.limits_pay() {
                return Err(InvalidField::new(
                    "limit_pay",
                    "must not be set for a sub-merchant's mini program",
                ));
            }
            if order.describes_store() {
                return Err(InvalidField::new(
                    "store_info",
                    "must have only id for a sub-merchant's mini program",
                ));
            }
            if payer.has_identity() {
                return Err(InvalidField::new(
                    "identity",
                    "must not be set for a sub-merchant's mini program",
                ));
            }
        }
        Self::build(order, payer, path)
    }

    fn build(order: Order, payer: Payer, path: &'static str) -> Result<Self, InvalidField> {
        payer.check(&order)?;
        Ok(Self { order, payer, path })
    }

    /// Returns the app that the payer's openid belongs to; the parameters are signed for it.
    fn payers_appid<'a>(&'a self, merchant: &'a Merchant) -> Result<&'a AppId, Error> {
        match self.order.party() {
            Party::Partner { sub_appid: Some(sub_appid), .. } if self.payer.under_sub_appid => Ok(sub_appid),
            Party::Direct | Party::Partner { .. } => self.order.appid_for(merchant),
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

object! {
    /// The reply `{"prepay_id"}` to JSAPI, mini program and app orders.
    pub(super) struct PrepayReply {
        pub(super) prepay_id: PrepayId,
    }
}

impl Endpoint for JsapiOrder {
    type Output = JsapiParams;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let body = self.order.body(writer, Some(&self.payer), self.order.scene_info())?;
        Ok(Draft::post("v3.pay.jsapi", self.path, &body))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<JsapiParams, Error> {
        let PrepayReply { prepay_id } = reply.read()?;
        let (appid, nonce) = (self.payers_appid(merchant)?.clone(), world.entropy.nonce());
        JsapiParams::sign(merchant, appid, &prepay_id, world.now, nonce)
    }

    fn trusts_field_check(&self) -> bool {
        true
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.order.pending_operation())
    }
}
