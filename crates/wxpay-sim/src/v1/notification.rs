//! The APIv1 notification: order data in the query, signed with MD5; the payer in an XML body, signed with SHA-1.

use super::sign;
use crate::{
    credentials::Credentials,
    ledger::v1::{PaymentRecord, Prepay},
    notifications::{SignedNotification, Tampering},
    rng::{ALPHANUMERIC, Rng},
    time,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
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

impl PaymentNotification {
    /// Prepares one delivery. The XML is signed anew with a new timestamp and nonce; the query stays the same.
    pub(crate) fn prepare(
        &self,
        tampering: Option<Tampering>,
        rng: &mut Rng,
        now: UnixTime,
    ) -> SignedNotification {
        let nonce = rng.text(ALPHANUMERIC, 16);
        let (query, xml) = self.message(tampering, now, &nonce);
        SignedNotification {
            url: url(&self.notify_url, &query),
            headers: HEADERS.map(|(name, value)| (name, String::from(value))).to_vec(),
            body: xml.into_bytes(),
        }
    }

    fn message(&self, tampering: Option<Tampering>, now: UnixTime, nonce: &str) -> (String, String) {
        let xml = |openid| xml(&self.credentials, openid, now, nonce);
        let mut query = self.query.clone();
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
    /// Builds the query of a payment notification, unsigned.
    pub(crate) fn of(prepay: &Prepay, payment: &PaymentRecord, partner: &str, notify_id: &str) -> Self {
        let goods = &prepay.goods;
        let transport = goods.transport_fee.min(payment.total_fee);
        let product = payment.total_fee.checked_sub(transport).unwrap_or(Fen::ZERO);
        let mut pairs: Vec<(&'static str, Vec<u8>)> = [
            ("bank_billno", payment.bank_billno.clone().unwrap_or_default()),
            ("bank_type", payment.bank_type.clone()),
            ("discount", payment.discount.to_string()),
            ("fee_type", String::from("1")),
            ("input_charset", goods.input_charset.clone()),
            ("notify_id", String::from(notify_id)),
            ("out_trade_no", String::from(goods.out_trade_no.as_str())),
            ("partner", String::from(partner)),
            ("product_fee", product.to_string()),
            ("sign_type", String::from("MD5")),
            ("time_end", time::yyyymmddhhmmss(UnixTime::from_secs(payment.time_end))),
            ("total_fee", payment.total_fee.to_string()),
            ("trade_mode", String::from("1")),
            ("trade_state", String::from("0")),
            ("transaction_id", String::from(payment.transaction_id.as_str())),
            ("transport_fee", transport.to_string()),
        ]
        .map(|(name, value)| (name, value.into_bytes()))
        .to_vec();
        pairs.push(("attach", goods.attach.as_ref().map(|attach| attach.bytes.clone()).unwrap_or_default()));
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
