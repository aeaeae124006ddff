//! The operations of the interface: one variant for each route, with its validated input.

use super::{
    cursor::Cursor,
    keys::{Merchants, Scopes},
};
use serde_json::{Map, Value};
use wxpay_proto::{
    Fen, UnixTime,
    id::{OpenId, OutRefundNo, OutTradeNo, TransactionId},
    secret::Secret,
    v3::{pay::AuthCode, refund::BankCard},
};

/// A validated request.
#[derive(Debug)]
pub(crate) enum Operation {
    CreateOrder(CreateOrder),
    ListOrders(ListOrders),
    GetOrder(OrderRef),
    QueryOrder(OrderRef),
    CloseOrder(OrderRef),
    ReverseOrder(OrderRef),
    PayOrder(OrderRef),
    ReportDelivery(ReportDelivery),
    CreateRefund(CreateRefund),
    ListRefunds(ListRefunds),
    GetRefund(RefundRef),
    QueryRefund(RefundRef),
    ListEvents(ListEvents),
    StreamEvents(StreamEvents),
    CreateEndpoint(CreateEndpoint),
    ListEndpoints(ListEndpoints),
    GetEndpoint(String),
    UpdateEndpoint(UpdateEndpoint),
    DeleteEndpoint(String),
    RotateEndpointSecret(String),
    TestEndpoint(String),
    ListAttempts(ListAttempts),
    ReplayEvents(ReplayEvents),
    ListCases(ListCases),
    GetCase(String),
    ResolveCase(ResolveCase),
    CreateMerchant(CreateMerchant),
    ListMerchants(Page),
    GetMerchant(String),
    ReplaceMerchant(UpdateMerchant),
    UpdateMerchant(UpdateMerchant),
    DeleteMerchant(String),
    SetMerchantKeys(SetMerchantKeys),
    CreateApiKey(CreateApiKey),
    ListApiKeys(Page),
    GetApiKey(String),
    RevokeApiKey(String),
    ListAudit(ListAudit),
    GetDocument,
    GetDocs,
    Notification(NotificationRef),
    GetLiveness,
    GetReadiness,
    GetMetrics,
}

/// The part of a list that a request selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The position after which the page begins.
    pub(crate) cursor: Option<Cursor>,
    /// The maximum number of records.
    pub(crate) limit: usize,
}

/// An order, by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderRef {
    /// The merchant, if the request names one; see [`Merchants::select`].
    pub(crate) merchant: Option<String>,
    pub(crate) out_trade_no: OutTradeNo,
}

/// A refund, by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefundRef {
    pub(crate) order: OrderRef,
    pub(crate) out_refund_no: OutRefundNo,
}

/// A new order.
pub(crate) struct CreateOrder {
    /// The merchant, if the request names one; also in the terms.
    pub(crate) merchant: Option<String>,
    pub(crate) out_trade_no: OutTradeNo,
    /// The fields of the request except `metadata` and `auth_code`, without nulls. Each satisfies its rule.
    pub(crate) terms: Map<String, Value>,
    /// The shop's data, which is no term.
    pub(crate) metadata: Map<String, Value>,
    /// The payer's code, which is no term, and is never stored.
    pub(crate) auth_code: Option<AuthCode>,
}

/// Prints the number only: the terms contain personal data.
impl std::fmt::Debug for CreateOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateOrder")
            .field("merchant", &self.merchant)
            .field("out_trade_no", &self.out_trade_no)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListOrders {
    pub(crate) merchant: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) created_from: Option<UnixTime>,
    pub(crate) created_until: Option<UnixTime>,
    pub(crate) payer: Option<OpenId>,
    pub(crate) transaction_id: Option<TransactionId>,
    pub(crate) page: Page,
}

/// A report to WeChat Pay that goods were delivered or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportDelivery {
    pub(crate) order: OrderRef,
    pub(crate) is_delivered: bool,
    /// The reason; present if the goods were not delivered.
    pub(crate) message: Option<String>,
    pub(crate) openid: Option<OpenId>,
}

/// A new refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CreateRefund {
    pub(crate) order: OrderRef,
    pub(crate) out_refund_no: OutRefundNo,
    pub(crate) amount: Fen,
    pub(crate) reason: Option<String>,
    pub(crate) transaction_id: Option<TransactionId>,
    pub(crate) goods: Vec<RefundedGoods>,
}

/// Goods that are returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefundedGoods {
    pub(crate) merchant_goods_id: String,
    pub(crate) wechatpay_goods_id: Option<String>,
    pub(crate) goods_name: Option<String>,
    pub(crate) unit_price: Fen,
    pub(crate) refund_amount: Fen,
    pub(crate) refund_quantity: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListRefunds {
    pub(crate) order: OrderRef,
    pub(crate) page: Page,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListEvents {
    pub(crate) merchant: Option<String>,
    /// The types of events; empty for all.
    pub(crate) types: Vec<String>,
    pub(crate) page: Page,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamEvents {
    pub(crate) merchant: Option<String>,
    /// The types of events; empty for all.
    pub(crate) types: Vec<String>,
    /// The position after which the stream begins; only new events without it.
    pub(crate) after: Option<Cursor>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CreateEndpoint {
    pub(crate) url: String,
    pub(crate) merchant: Option<String>,
    /// The types of events; empty for all.
    pub(crate) types: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListEndpoints {
    pub(crate) merchant: Option<String>,
    pub(crate) page: Page,
}

/// Changes of an endpoint. Absent fields stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpdateEndpoint {
    pub(crate) endpoint: String,
    pub(crate) url: Option<String>,
    pub(crate) types: Option<Vec<String>>,
    pub(crate) is_enabled: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListAttempts {
    pub(crate) endpoint: String,
    pub(crate) page: Page,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplayEvents {
    pub(crate) endpoint: String,
    pub(crate) events: ReplayedEvents,
}

/// The events of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReplayedEvents {
    One(String),
    Between { from: UnixTime, until: Option<UnixTime> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListCases {
    pub(crate) merchant: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) page: Page,
}

#[derive(Clone, Debug)]
pub(crate) struct ResolveCase {
    pub(crate) case_id: String,
    pub(crate) remedy: Remedy,
    pub(crate) note: Option<String>,
}

/// A remedy of a case.
#[derive(Clone, Debug)]
pub(crate) enum Remedy {
    Refund,
    Accept,
    Retry,
    /// The refund goes to this bank card of the payer, or to the merchant's own.
    Redirect(Option<BankCard>),
}

/// A new merchant.
pub(crate) struct CreateMerchant {
    pub(crate) merchant: String,
    /// The settings, without nulls.
    pub(crate) settings: Map<String, Value>,
    pub(crate) keys: MerchantSecrets,
}

impl std::fmt::Debug for CreateMerchant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateMerchant").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}

/// New settings of a merchant, and those of its secrets that change.
#[derive(Debug)]
pub(crate) struct UpdateMerchant {
    pub(crate) merchant: String,
    /// The settings, without nulls.
    pub(crate) settings: Map<String, Value>,
    pub(crate) keys: MerchantSecrets,
}

#[derive(Debug)]
pub(crate) struct SetMerchantKeys {
    pub(crate) merchant: String,
    pub(crate) keys: MerchantSecrets,
}

/// The secrets of a merchant, as far as the request sets them.
#[derive(Debug, Default)]
pub(crate) struct MerchantSecrets {
    pub(crate) private_key: Option<Secret<String>>,
    pub(crate) api_v3_key: Option<Secret<String>>,
    pub(crate) previous_api_v3_key: Option<Secret<String>>,
    pub(crate) app_secret: Option<Secret<String>>,
    pub(crate) pay_sign_key: Option<Secret<String>>,
    pub(crate) partner_key: Option<Secret<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CreateApiKey {
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) merchants: Merchants,
    pub(crate) expires_at: Option<UnixTime>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListAudit {
    pub(crate) subject: Option<String>,
    pub(crate) page: Page,
}

/// The path of a notification. The request itself is verified as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotificationRef {
    pub(crate) merchant: String,
    pub(crate) kind: NotificationKind,
}

/// The kind of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotificationKind {
    Payment,
    Refund,
    V1,
}
