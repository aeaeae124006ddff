//! The checks: the demand of WeChat Pay, its source, and the remedy.

/// The page about payment notifications (支付通知).
const NOTIFICATION: &str =
    "payment notification (支付通知): https://pay.weixin.qq.com/doc/v3/merchant/4012791861";
/// The page about verifying signatures (验证签名).
const SIGNATURE: &str =
    "verifying signatures (验证签名): https://pay.weixin.qq.com/doc/v3/merchant/4013053249";
/// The page about decrypting notifications.
const DECRYPTION: &str =
    "decrypting notifications (解密回调报文): https://pay.weixin.qq.com/doc/v3/merchant/4012071382";
/// The page about notifications and queries (回调和查单).
const QUERY: &str =
    "notifications and queries (回调和查单): https://pay.weixin.qq.com/doc/v3/merchant/4012075249";
/// The general rules of APIv3.
const RULES: &str = "general rules of APIv3 (基本规则): https://pay.weixin.qq.com/doc/v3/merchant/4012081606";
/// The page about making signatures.
const SIGNING: &str = "making signatures (签名生成): https://pay.weixin.qq.com/doc/v3/merchant/4012365342";
/// The operation that closes an order.
const CLOSE: &str = "close an order (关单): POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close";
/// The operations of refunds.
const REFUND: &str =
    "refunds (申请退款, 查询单笔退款): POST /v3/refund/domestic/refunds, GET …/{out_refund_no}";
/// The operations that place an order.
const PLACE: &str = "place an order (下单): POST /v3/pay/transactions/{jsapi,app,h5,native}";

/// The texts of a check.
struct Texts {
    id: &'static str,
    demand: &'static str,
    source: &'static str,
    remedy: &'static str,
}

macro_rules! checks {
    ($($(#[doc = $doc:literal])* $name:ident = $id:literal, $demand:literal, $source:expr, $remedy:literal;)*) => {
        /// A check.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Check {
            $($(#[doc = $doc])* $name,)*
        }

        impl Check {
            /// All checks, in the order in which they run.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            const fn texts(self) -> Texts {
                match self {
                    $(Self::$name => Texts { id: $id, demand: $demand, source: $source, remedy: $remedy },)*
                }
            }
        }
    };
}

checks! {
    /// An order is placed with its price, and is not paid yet.
    OrderPlaced = "order.placed",
        "places the order with its price; an order without a payment is not paid",
        PLACE,
        "Send the price of your own record, in fen. Let nothing but a verified notification or query make an order paid.";
    /// The payer's client accepts the parameters.
    OrderPayable = "order.payable",
        "gives the payer's client parameters that it accepts (paySign)",
        SIGNING,
        "Sign the four lines appId, timeStamp, nonceStr and package (App: the bare prepayid) with the merchant's private \
            key, and return exactly the values that were signed.";
    /// An order whose reply is lost is placed once.
    OrderReplyLost = "order.reply_lost",
        "places an order once, even if WeChat Pay's reply is lost after its effect",
        RULES,
        "Store the out_trade_no before the request, and repeat the request with the same number and the same values.";
    /// A reply that is not signed by WeChat Pay is not used.
    ReplyVerified = "reply.verified",
        "uses no reply whose signature is wrong, probes included",
        SIGNATURE,
        "Verify Wechatpay-Signature over the raw body of every reply before you parse it. If it is wrong, the outcome is \
            unknown: repeat the request with the same number, or query.";
    /// A payment whose notification is lost is found by a query.
    OrderQueried = "order.queried",
        "queries an order whose notification is lost, and finds the payment",
        QUERY,
        "Query every open order at growing intervals until it is paid or closed. A notification is not guaranteed.";
    /// An order that the shop closes is closed at WeChat Pay.
    OrderClosed = "order.closed",
        "closes at WeChat Pay what it closes in its own records",
        CLOSE,
        "Close the order at WeChat Pay before you show it as closed: otherwise the payer can still pay it.";
    /// An order that timed out is closed at WeChat Pay.
    OrderTimedOut = "order.timed_out",
        "closes an order that timed out, so that it cannot be paid any more",
        CLOSE,
        "When the time to pay is over, query the order once more, and close it at WeChat Pay unless it is paid.";
    /// A wrong signature is refused before the body is parsed.
    VerifiedBeforeParsing = "notification.verified_first",
        "verifies the signature before it parses the body",
        SIGNATURE,
        "Keep the raw body. Verify Wechatpay-Signature over its bytes first, and answer every wrong signature alike, \
            whatever the body is.";
    /// A probe is refused.
    Probe = "notification.probe",
        "refuses WeChat Pay's probes, whose signature begins with WECHATPAY/SIGNTEST/",
        SIGNATURE,
        "Treat a probe like any wrong signature: answer 4xx or 5xx, and conclude nothing. Do not look for the prefix.";
    /// A notification without a signature is refused.
    Unsigned = "notification.unsigned",
        "refuses a notification without a signature",
        SIGNATURE,
        "Refuse a notification that lacks one of Wechatpay-Timestamp, -Nonce, -Signature and -Serial.";
    /// An old notification is refused.
    Stale = "notification.stale",
        "refuses a validly signed notification that is older than five minutes",
        SIGNATURE,
        "Compare Wechatpay-Timestamp with your clock, and refuse a difference of more than five minutes.";
    /// A notification that was altered after signing is refused.
    Altered = "notification.altered",
        "refuses a notification whose body was changed after signing",
        SIGNATURE,
        "Verify the signature over timestamp, nonce and the raw body, each followed by a line feed.";
    /// A notification under an unknown key is refused.
    UnknownSerial = "notification.unknown_serial",
        "refuses a notification that names an unknown key",
        SIGNATURE,
        "Choose the key by Wechatpay-Serial. Never try other keys.";
    /// A notification that is encrypted with another key is refused.
    OtherKey = "notification.other_key",
        "refuses a notification that its APIv3 key does not decrypt",
        DECRYPTION,
        "Answer 4xx or 5xx if decryption fails: after 200, WeChat Pay never sends the notification again.";
    /// A notification for another merchant pays nothing.
    OtherMerchant = "notification.other_merchant",
        "is not paid by a notification for another mchid",
        NOTIFICATION,
        "Compare mchid and appid of the decrypted notification with your own.";
    /// A notification of another amount pays nothing.
    OtherAmount = "notification.amount",
        "is not paid by a notification of another amount",
        NOTIFICATION,
        "Compare amount.total of the decrypted notification with the price in your own record.";
    /// A genuine notification is accepted in time.
    Accepted = "notification.accepted",
        "accepts a genuine notification with 200 or 204 within 5 s, and is paid",
        NOTIFICATION,
        "Commit the payment, answer 204 at once, and do everything else later.";
    /// Copies of a notification have one effect.
    Copies = "notification.copies",
        "accepts 15 copies of a notification, and fulfils the order once",
        NOTIFICATION,
        "Lock the order, and fulfil it only when its state changes to paid. Answer a copy of what is committed with 204.";
    /// A refund is made and ends by its notification.
    RefundCompleted = "refund.completed",
        "makes a refund, and shows its success only after WeChat Pay reports it",
        REFUND,
        "The reply to a refund is PROCESSING. Its end comes with the notification REFUND.SUCCESS, or with a query.";
    /// A refund that failed is not shown as a success.
    RefundFailed = "refund.failed",
        "does not show a refund as a success that ends as ABNORMAL",
        REFUND,
        "Read refund_status of the notification. ABNORMAL needs another account of the payer, and CLOSED moves no money.";
    /// A refund whose notification is lost is found by a query.
    RefundQueried = "refund.queried",
        "queries a refund whose notification is lost, and finds its success",
        REFUND,
        "Query every pending refund at growing intervals by its out_refund_no.";
    /// A refund whose reply is lost is made once.
    RefundReplyLost = "refund.reply_lost",
        "refunds once, even if WeChat Pay's reply is lost after its effect",
        REFUND,
        "Store the out_refund_no before the request, and repeat the request with the same number and the same amount.";
    /// No answer contains a secret of the merchant.
    Secrets = "secrets",
        "shows no secret of the merchant in any answer",
        RULES,
        "Keep keys out of answers and of error texts, and replace the key that was shown.";
}

impl Check {
    /// Returns the id, such as `notification.probe`.
    pub const fn id(self) -> &'static str {
        self.texts().id
    }

    /// Returns the check with this id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|check| check.id() == id)
    }

    /// Returns the demand of WeChat Pay, as the end of a sentence about the shop.
    pub const fn demand(self) -> &'static str {
        self.texts().demand
    }

    /// Returns the document that demands it.
    pub const fn source(self) -> &'static str {
        self.texts().source
    }

    /// Returns the remedy if the check fails.
    pub const fn remedy(self) -> &'static str {
        self.texts().remedy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_found() {
        let ids: BTreeSet<_> = Check::ALL.iter().map(|check| check.id()).collect();
        assert_eq!(ids.len(), Check::ALL.len());
        for check in Check::ALL {
            assert_eq!(Check::from_id(check.id()), Some(*check));
        }
        assert_eq!(Check::from_id("other"), None);
    }
}
