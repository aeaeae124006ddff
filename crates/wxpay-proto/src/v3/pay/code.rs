//! Code payment: the merchant scans the payer's code.
//!
//! `POST /v3/pay/transactions/codepay`, `POST /v3/pay/partner/transactions/codepay`.

pub use super::store::StoreId;

use super::{
    goods::DetailBody,
    options::{Amount, OrderOptions, SettleInfo},
    transaction::{TradeState, Transaction},
};
use crate::{
    error::{Error, PendingOperation},
    id::{AppId, InvalidField, OutTradeNo},
    money::Fen,
    prelude::*,
    refusal::{Code, Refusal},
    secret::Secret,
    v3::{
        endpoint::{Draft, Endpoint, Idempotency},
        field,
        merchant::Merchant,
        party::{OrderParty, Party},
        seal::RequestWriter,
        verify::{Verified, malformed},
    },
    world::World,
};
use core::{fmt, net::IpAddr, str::FromStr};

/// Charges a payer's code, once. If the payer must enter a password, the outcome is not final yet:
/// [`charge_by_code`](crate::v3::Merchant::charge_by_code) polls until it is.
///
/// The request is not retried when its reply is lost: a code is valid for one charge, and the reply to a second one
/// proves nothing about the first. Query the order instead.
///
/// `Debug` shows number and price only: texts may contain personal data, and the code is a credential.
#[derive(Clone)]
pub struct CodePayment {
    appid: Option<AppId>,
    out_trade_no: OutTradeNo,
    total: Fen,
    description: String,
    auth_code: AuthCode,
    store: StoreId,
    device_ip: Option<IpAddr>,
    options: OrderOptions,
}

/// The content of the payer's code. WeChat Pay documents 18 digits; here it is opaque, 1 to 128 visible ASCII
/// characters. The code can charge the payer for about a minute, so `Debug` omits it, and it is wiped when the last
/// clone is dropped.
#[derive(Clone)]
pub struct AuthCode(Arc<Secret<String>>);

/// Parses the code's text.
///
/// # Errors
///
/// Returns [`InvalidField`] if the text is not 1 to 128 visible ASCII characters.
impl FromStr for AuthCode {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        let is_valid = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_valid {
            Ok(Self(Arc::new(Secret::new(text.into()))))
        } else {
            Err(InvalidField::new("auth_code", "must be 1 to 128 visible ASCII characters"))
        }
    }
}

impl AuthCode {
    /// Returns the code's text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for AuthCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[auth_code]")
    }
}

/// The builder of a code payment; see [`CodePayment::builder`].
pub type Builder = super::Builder<CodePayment>;

impl CodePayment {
    /// Begins a code payment with its required fields: the merchant's number (6 to 32 of `0-9 A-Z a-z _ - *`), the
    /// price in fen, the description that the payer sees (1 to 127 characters), the payer's code, and the store. The
    /// app is required, too, unless the [merchant has a default](crate::v3::Builder::appid).
    pub fn builder(
        out_trade_no: OutTradeNo,
        total: Fen,
        description: impl Into<String>,
        auth_code: AuthCode,
        store: StoreId,
    ) -> Builder {
        Builder::new(Self {
            appid: None,
            out_trade_no,
            total,
            description: description.into(),
            auth_code,
            store,
            device_ip: None,
            options: OrderOptions::default(),
        })
    }

    /// Returns the payment's own app, if it was set.
    pub fn appid(&self) -> Option<&AppId> {
        self.appid.as_ref()
    }

    /// Returns the party that is paid: the merchant itself, or a sub-merchant.
    pub fn party(&self) -> &Party {
        &self.options.party
    }

    /// Returns the merchant's order number.
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// Returns the price, in fen.
    pub fn total(&self) -> Fen {
        self.total
    }

    pub(super) fn pending(&self) -> PendingOperation {
        let sub_mchid = self.options.party.sub_mchid().cloned();
        PendingOperation::Order { out_trade_no: self.out_trade_no.clone(), sub_mchid }
    }
}

impl fmt::Debug for CodePayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodePayment")
            .field("out_trade_no", &self.out_trade_no)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Sets the app. The default is the [merchant's](crate::v3::Builder::appid).
    pub fn appid(mut self, appid: AppId) -> Self {
        self.required.appid = Some(appid);
        self
    }

    /// Sets the IP address of the merchant's device.
    pub fn device_ip(mut self, device_ip: IpAddr) -> Self {
        self.required.device_ip = Some(device_ip);
        self
    }

    /// Builds the code payment.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if a field is invalid; the error names it.
    pub fn build(self) -> Result<CodePayment, InvalidField> {
        let Self { required, options } = self;
        let payment = CodePayment { options, ..required };
        field::out_trade_no(&payment.out_trade_no, "out_trade_no")?;
        field::amount(payment.total, "total")?;
        field::description(&payment.description)?;
        payment.store.check()?;
        payment.options.check()?;
        if payment.options.detail.as_ref().is_some_and(|detail| detail.goods_detail.is_empty()) {
            return Err(InvalidField::new("goods_detail", "must have at least one entry"));
        }
        Ok(payment)
    }
}

/// The reply to a code payment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the outcome is known, or it is not")]
pub enum CodePaymentReply {
    /// The charge was processed; see its `trade_state`.
    Transaction(Box<Transaction>),
    /// The payer is entering a password: query the order about every five seconds.
    UserPaying,
}

#[derive(serde::Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    ids: OrderParty<'a>,
    description: &'a str,
    out_trade_no: &'a OutTradeNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    attach: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goods_tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_fapiao: Option<bool>,
    payer: Payer<'a>,
    amount: Amount,
    scene_info: SceneInfo<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<DetailBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settle_info: Option<SettleInfo>,
}

#[derive(serde::Serialize)]
struct Payer<'a> {
    auth_code: &'a str,
}

#[derive(serde::Serialize)]
struct SceneInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_ip: Option<String>,
    store_info: &'a StoreId,
}

impl Endpoint for CodePayment {
    type Output = CodePaymentReply;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let path =
            self.options.party.choose("/v3/pay/transactions/codepay", "/v3/pay/partner/transactions/codepay");
        let merchant = writer.merchant();
        let appid = merchant.appid_or_default(self.appid.as_ref())?;
        let body = Body {
            ids: OrderParty::of(merchant, appid, &self.options.party),
            description: &self.description,
            out_trade_no: &self.out_trade_no,
            attach: self.options.attach.as_deref(),
            goods_tag: self.options.goods_tag.as_deref(),
            support_fapiao: self.options.support_fapiao,
            payer: Payer { auth_code: self.auth_code.expose() },
            amount: Amount::of(self.total),
            scene_info: SceneInfo {
                device_id: self.options.device_id.as_deref(),
                device_ip: self.device_ip.map(|address| address.to_string()),
                store_info: &self.store,
            },
            detail: self.options.detail.as_ref().map(DetailBody::of),
            settle_info: self.options.settle_info(),
        };
        Ok(Draft::post("v3.pay.codepay", path, &body))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        _: &mut World<'_>,
    ) -> Result<CodePaymentReply, Error> {
        let transaction = Transaction::read(reply)?;
        let is_same_order = transaction.out_trade_no == self.out_trade_no
            && transaction.mchid == *merchant.mchid()
            && transaction.sub_mchid.as_ref() == self.options.party.sub_mchid();
        if !is_same_order {
            return Err(
                malformed().caused_by(InvalidField::new("out_trade_no", "must be that of the charged order"))
            );
        }
        Ok(if transaction.trade_state == TradeState::UserPaying {
            CodePaymentReply::UserPaying
        } else {
            CodePaymentReply::Transaction(Box::new(transaction))
        })
    }

    /// Reads `USERPAYING`, which WeChat Pay also sends as an error object with status 202.
    fn read_refusal(&self, refusal: &Refusal) -> Option<CodePaymentReply> {
        (refusal.code == Code::USERPAYING).then_some(CodePaymentReply::UserPaying)
    }

    /// A request that arrived twice may be refused because the first copy was paid: as paid, as used, or as invalid.
    fn is_final(&self, code: &Code) -> bool {
        ![Code::INVALID_REQUEST, Code::ORDERPAID, Code::OUT_TRADE_NO_USED].contains(code)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::None
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(self.pending())
    }
}

#[cfg(test)]
pub(super) mod tests;
