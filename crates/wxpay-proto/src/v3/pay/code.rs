//! Code payment: the merchant scans the payer's code.
//!
//! `POST /v3/pay/transactions/codepay`, `POST /v3/pay/partner/transactions/codepay`.

pub use super::scene::StoreId;

use super::{
    order::{Detail, Order},
    transaction::{TradeState, Transaction},
};
use crate::{secret::Secret, v3::prelude::*};
use core::{fmt, net::IpAddr, str::FromStr};

/// Charges a payer's code, once. If the payer must enter a password, the outcome is not final yet:
/// [`charge_by_code`](crate::v3::Merchant::charge_by_code) polls until it is.
///
/// The request is not retried when its reply is lost: a code is valid for one charge, and the reply to a second one
/// proves nothing about the first. Query the order instead.
///
/// `Debug` shows number and price only: texts may contain personal data, and the code is a credential.
#[derive(Clone, Debug)]
#[must_use]
pub struct CodePayment {
    pub(super) order: Order,
    auth_code: AuthCode,
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

impl CodePayment {
    /// Creates the operation from an order that is paid by the payer's code in this store.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the order has fields that this payment method does not accept, or a `detail` without
    /// goods.
    pub fn new(mut order: Order, auth_code: AuthCode, store: StoreId) -> Result<Self, InvalidField> {
        order.reject_fields(&["time_expire", "notify_url", "limit_pay", "payer_client_ip", "store_info"])?;
        order.detail = order.detail.map(Detail::of_code_payment).transpose()?;
        order.scene_info.store_id = Some(store);
        Ok(Self { order, auth_code })
    }

    /// Sets the IP address of the merchant's device.
    pub fn device_ip(mut self, device_ip: IpAddr) -> Self {
        self.order.scene_info.device_ip = Some(device_ip);
        self
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

/// The members are those of an order in another sequence, as WeChat Pay documents them.
impl Members for CodePayment {
    fn write_members<M: SerializeMap>(&self, object: &mut Object<'_, M>) -> Result<(), M::Error> {
        let Self { order, auth_code } = self;
        object.check(order.ids(object.merchant()))?.write_members(object)?;
        object.member("description", &order.description)?;
        object.member("out_trade_no", &order.out_trade_no)?;
        object.member_opt("attach", order.attach.as_ref())?;
        object.member_opt("goods_tag", order.goods_tag.as_ref())?;
        object.member_opt("support_fapiao", order.support_fapiao.as_ref())?;
        object.object("payer", auth_code)?;
        object.member("amount", &order.amount)?;
        object.member("scene_info", &order.scene_info)?;
        object.member_opt("detail", order.detail.as_ref())?;
        object.object("settle_info", &order.settle_info)
    }
}

impl Members for AuthCode {
    fn write_members<M: SerializeMap>(&self, object: &mut Object<'_, M>) -> Result<(), M::Error> {
        object.member("auth_code", self.expose())
    }
}

impl Endpoint for CodePayment {
    type Output = CodePaymentReply;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let party = &self.order.party;
        let path = party.choose("/v3/pay/transactions/codepay", "/v3/pay/partner/transactions/codepay");
        writer.post("v3.pay.codepay", path, self)
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        _: &mut World<'_>,
    ) -> Result<CodePaymentReply, Error> {
        let transaction = Transaction::read(reply)?;
        let is_same_order = transaction.out_trade_no == self.order.out_trade_no
            && transaction.mchid == *merchant.mchid()
            && transaction.sub_mchid.as_ref() == self.order.party.sub_mchid();
        require(is_same_order, "out_trade_no", "must be that of the charged order")?;
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
        self.order.pending_operation()
    }
}

#[cfg(test)]
pub(in crate::v3) mod tests;
