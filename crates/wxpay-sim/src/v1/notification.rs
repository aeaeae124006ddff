//! The APIv1 notification: order data in the query, signed with MD5; the payer in an XML body, signed with SHA-1.

use super::{
    form::{Form, fee_type},
    sign,
};
use crate::{
    credentials::Credentials,
    faults::ApiVersion,
    ledger::{Order, Payment, Terms},
    notifications::{DeliveryContext, Message, Tampering, UnsignedDelivery},
    rng::{ALPHANUMERIC, Rng},
    settings::{Settings, SuccessMatch},
    time,
    warnings::Kind,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use std::time::Duration;
use wxpay_proto::{Fen, UnixTime, id::OpenId};

/// Characters to escape: all but the unreserved ones of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The headers of every delivery besides `Host` and `Content-Length`.
const HEADERS: [(&str, &str); 4] =
    [("User-Agent", "Mozilla/4.0"), ("Accept", "*/*"), ("Content-Type", "text/xml"), ("Pragma", "no-cache")];

/// The content and recipient of a payment notification.
#[derive(Clone, Debug)]
pub(crate) struct PaymentNotification {
    pub(crate) credentials: Credentials,
    pub(crate) notify_url: String,
    pub(crate) query: NotificationQuery,
    pub(crate) openid: OpenId,
}

impl Message for PaymentNotification {
    fn api_version(&self) -> ApiVersion {
        ApiVersion::V1
    }

    fn mchid(&self) -> &str {
        self.credentials.partner().as_str()
    }

    /// Returns `None`: APIv1 has one kind of notification, without a name.
    fn event_type(&self) -> Option<&'static str> {
        None
    }

    fn new_id(&self, rng: &mut Rng) -> String {
        rng.text(ALPHANUMERIC, 96)
    }

    fn schedule<'a>(&'a self, settings: &'a Settings) -> &'a [Duration] {
        &settings.v1.notify_schedule
    }

    /// Signs the XML anew with a new timestamp and nonce; the query stays the same.
    fn prepare(
        &self,
        notify_id: &str,
        tampering: Option<Tampering>,
        context: &mut DeliveryContext<'_>,
    ) -> UnsignedDelivery {
        let nonce = context.rng.text(ALPHANUMERIC, 16);
        let (query, xml) = self.message(notify_id, tampering, context.now.wall, &nonce);
        UnsignedDelivery {
            url: url(&self.notify_url, &query),
            headers: HEADERS.map(|(name, value)| (name, String::from(value))).to_vec(),
            body: xml.into_bytes(),
            signature: None,
        }
    }

    /// Accepts status 200 with the body `success`. Adds a warning if a response only resembles that.
    fn acceptance_rule(&self) -> &'static str {
        "the status must be 200 and the body success"
    }

    fn is_accepted(&self, status: u16, body: &[u8], number: &str, context: &mut DeliveryContext<'_>) -> bool {
        let exact = body.trim_ascii() == b"success";
        let resembles_success =
            body.trim_ascii_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"success"));
        let accepted = status == 200
            && match context.settings.v1.success_match {
                SuccessMatch::TrimmedExact => exact,
                SuccessMatch::StartsWith => resembles_success,
            };
        if resembles_success && (!exact || status != 200) {
            let detail = "the response resembles success: the body must be success, the HTTP status 200";
            context.warnings.push(context.now.business, Kind::InexactSuccess, Some(number), detail);
        }
        accepted
    }
}

impl PaymentNotification {
    fn message(
        &self,
        notify_id: &str,
        tampering: Option<Tampering>,
        wall: UnixTime,
        nonce: &str,
    ) -> (String, String) {
        let xml = |openid| xml(&self.credentials, openid, wall, nonce);
        let mut query = self.query.clone();
        query.set("notify_id", notify_id.as_bytes().to_vec());
        let mut query = query.signed(self.credentials.partner_key().expose());
        match tampering {
            None => (query.encoded(), xml(&self.openid)),
            Some(Tampering::Amount) => {
                query.multiply_by_ten("total_fee");
                (query.encoded(), xml(&self.openid))
            }
            Some(Tampering::Number) => {
                query.set("transaction_id", b"0000000000000000000000000000".to_vec());
                (query.encoded(), xml(&self.openid))
            }
            Some(Tampering::Signature | Tampering::Probe | Tampering::Stale) => {
                query.set("sign", b"00000000000000000000000000000000".to_vec());
                (query.encoded(), xml(&self.openid))
            }
            Some(Tampering::Identity) => {
                let genuine = xml(&self.openid);
                let forged = genuine.replacen(self.openid.as_str(), "oFORGEDpayerFORGEDpayerFORGE", 1);
                (query.encoded(), forged)
            }
        }
    }
}

/// Names and raw values of the query, in ASCII order. Empty values are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotificationQuery(Vec<(&'static str, Vec<u8>)>);

impl NotificationQuery {
    /// Builds the query of a payment notification, without its id and unsigned.
    pub(super) fn of(order: &Order, terms: &Terms, payment: &Payment, form: &Form) -> Self {
        let transport = form.transport_fee.min(payment.payer_total);
        let product = payment.payer_total.checked_sub(transport).unwrap_or(Fen::ZERO);
        let mut pairs: Vec<(&'static str, Vec<u8>)> = [
            ("bank_billno", payment.bank_billno.clone().unwrap_or_default()),
            ("bank_type", payment.bank_type.clone()),
            ("discount", payment.discount.to_string()),
            ("fee_type", String::from(fee_type(terms.currency))),
            ("input_charset", String::from(&*form.input_charset)),
            ("out_trade_no", String::from(order.out_trade_no.as_str())),
            ("partner", order.mchid().to_string()),
            ("product_fee", product.to_string()),
            ("sign_type", String::from("MD5")),
            ("time_end", time::yyyymmddhhmmss(UnixTime::from_secs(payment.success_at))),
            ("total_fee", payment.payer_total.to_string()),
            ("trade_mode", String::from("1")),
            ("trade_state", String::from("0")),
            ("transaction_id", String::from(payment.transaction_id.as_str())),
            ("transport_fee", transport.to_string()),
        ]
        .map(|(name, value)| (name, value.into_bytes()))
        .to_vec();
        pairs.push(("attach", form.attach.to_vec()));
        pairs.retain(|(_, value)| !value.is_empty());
        let mut query = Self(pairs);
        query.0.sort();
        query
    }

    /// Adds `sign` in its alphabetical place.
    pub(crate) fn signed(mut self, partner_key: &str) -> Self {
        let sign = sign::md5(&self.0, partner_key);
        self.set("sign", sign.into_bytes());
        self
    }

    /// Sets or replaces a value. An existing signature is left unchanged.
    pub(crate) fn set(&mut self, name: &'static str, value: Vec<u8>) {
        self.0.retain(|(key, _)| *key != name);
        self.0.push((name, value));
        self.0.sort();
    }

    /// Multiplies an amount by ten, for a forged copy.
    pub(crate) fn multiply_by_ten(&mut self, name: &str) {
        for (_, value) in self.0.iter_mut().filter(|(key, _)| *key == name) {
            value.push(b'0');
        }
    }

    /// Encodes the query as it is sent, without a trailing `&`.
    pub(crate) fn encoded(&self) -> String {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}={}", percent_encode(value, ESCAPED))).collect();
        pairs.join("&")
    }
}

/// Appends the query to a `notify_url`, which may have a query of its own.
fn url(notify_url: &str, query: &str) -> String {
    let separator = if notify_url.contains('?') { '&' } else { '?' };
    format!("{notify_url}{separator}{query}")
}

/// Builds the body: 352 bytes for an appid of 18 characters and an openid of 28.
fn xml(credentials: &Credentials, openid: &OpenId, now: UnixTime, nonce: &str) -> String {
    let (appid, openid, timestamp) = (credentials.appid().as_str(), openid.as_str(), now.to_string());
    let signed = [
        ("appid", appid),
        ("issubscribe", "0"),
        ("noncestr", nonce),
        ("openid", openid),
        ("timestamp", timestamp.as_str()),
    ];
    let signature = sign::sha1(&signed, credentials.pay_sign_key().expose());
    format!(
        "<xml><OpenId><![CDATA[{openid}]]></OpenId>\n\
         <AppId><![CDATA[{appid}]]></AppId>\n\
         <IsSubscribe>0</IsSubscribe>\n\
         <TimeStamp>{timestamp}</TimeStamp>\n\
         <NonceStr><![CDATA[{nonce}]]></NonceStr>\n\
         <AppSignature><![CDATA[{signature}]]></AppSignature>\n\
         <SignMethod><![CDATA[sha1]]></SignMethod>\n\
         </xml>"
    )
}
