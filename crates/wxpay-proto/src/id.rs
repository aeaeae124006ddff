//! Names and numbers of the protocol: parsed once, at the edge, and valid from then on.
//!
//! Each type's documentation states its grammar. What *we* choose is held to the documented rule; what
//! WeChat Pay chooses is opaque and held only to bounds that keep it safe to store and to print, because a
//! payment must not be lost over an identifier of an unexpected form.

use crate::secret::tail;
use alloc::boxed::Box;
use core::{error, fmt, str::FromStr};

/// A value that breaks its rule. Tells the field, the rule, and where it was broken; never the text.
///
/// ```
/// use wxpay_proto::id::OutTradeNo;
///
/// let error = "2014 0508".parse::<OutTradeNo>().unwrap_err();
/// assert_eq!(error.to_string(), "out_trade_no must be 1 to 32 of 0-9 A-Z a-z _ - | * @ (wrong at byte 4)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    field: &'static str,
    rule: &'static str,
    at: Option<usize>,
}

impl Invalid {
    pub(crate) const fn new(field: &'static str, rule: &'static str) -> Self {
        Self { field, rule, at: None }
    }

    pub(crate) const fn at(self, at: usize) -> Self {
        Self { at: Some(at), ..self }
    }

    /// The field's name on the wire.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The rule it breaks, as the end of a sentence that begins with the field's name.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)?;
        match self.at {
            Some(at) => write!(f, " (wrong at byte {at})"),
            None => Ok(()),
        }
    }
}

impl error::Error for Invalid {}

/// Checks length in bytes, then each byte; comes to the text itself.
fn check(
    text: &str,
    lengths: core::ops::RangeInclusive<usize>,
    allowed: impl Fn(u8) -> bool,
    invalid: Invalid,
) -> Result<&str, Invalid> {
    if !lengths.contains(&text.len()) {
        return Err(invalid);
    }
    match text.bytes().position(|byte| !allowed(byte)) {
        Some(at) => Err(invalid.at(at)),
        None => Ok(text),
    }
}

/// A text newtype: `FromStr` checks, `Display` is the wire form.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident = $field:literal, $rule:literal, $lengths:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The wire form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// # Errors
        ///
        /// When the text breaks the type's rule.
        impl FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                check(text, $lengths, $allowed, Invalid::new($field, $rule))
                    .map(|text| Self(text.into()))
            }
        }

    };
}

/// Lets a newtype be printed and serialised as it is.
macro_rules! printed {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    )*};
}

/// Lets a newtype be read from a JSON text; what breaks its rule is refused by field and rule.
macro_rules! read {
    ($($name:ident)*) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::wire::json::from_text(deserializer, str::parse)
            }
        }
    )*};
}

const fn printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

const fn visible(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~')
}

/// The app, public account, mini program or enterprise: `wx` or `ww` and 16 letters or digits. Where money goes to QQ, an
/// app of QQ: at most 32 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(Box<str>);

impl AppId {
    /// The wire form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// # Errors
///
/// When the text breaks the type's rule.
impl FromStr for AppId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        const RULE: Invalid =
            Invalid::new("appid", "must be wx or ww and 16 letters or digits, or the digits of an app of QQ");
        if let Ok(of_qq) = check(text, 1..=32, |byte| byte.is_ascii_digit(), RULE) {
            return Ok(Self(of_qq.into()));
        }
        let id = check(text, 18..=18, |byte| byte.is_ascii_alphanumeric(), RULE)?;
        if id.starts_with("wx") || id.starts_with("ww") { Ok(Self(id.into())) } else { Err(RULE.at(0)) }
    }
}

text! {
    /// The merchant's number of the first generation (also `partnerId`, `spid`): ten digits.
    PartnerId = "partner", "must be 10 digits", 10..=10, |byte| byte.is_ascii_digit()
}

text! {
    /// The merchant's own number of an order: 1 to 32 of `0-9 A-Z a-z _ - | * @`, unique per merchant.
    ///
    /// The first generation documents letters and digits only, the later ones these signs too; each
    /// generation's order checks its own rule.
    OutTradeNo = "out_trade_no", "must be 1 to 32 of 0-9 A-Z a-z _ - | * @", 1..=32,
    |byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte)
}

text! {
    /// WeChat Pay's number of a payment. Opaque: 1 to 64 visible ASCII characters (28 digits in the first
    /// generation: merchant, day, serial).
    TransactionId = "transaction_id", "must be 1 to 64 visible ASCII characters", 1..=64, visible
}

text! {
    /// WeChat Pay's number of an order that waits to be paid. Opaque: 1 to 64 visible ASCII characters.
    PrepayId = "prepay_id", "must be 1 to 64 visible ASCII characters", 1..=64, visible
}

text! {
    /// WeChat Pay's number of a notice: at most 128 printable ASCII characters.
    NotifyId = "notify_id", "must be 1 to 128 printable ASCII characters", 1..=128, printable
}

text! {
    /// A payer, under one appid. Opaque: 1 to 128 visible ASCII characters. Personal data: `Debug` shows the
    /// last two characters, and [`as_str`](Self::as_str) is the way out.
    OpenId = "openid", "must be 1 to 128 visible ASCII characters", 1..=128, visible
}

text! {
    /// A merchant of the later generations (`mchid`, `sp_mchid`, `sub_mchid`): 1 to 32 digits; ten, as a rule.
    MchId = "mchid", "must be 1 to 32 digits", 1..=32, |byte| byte.is_ascii_digit()
}

text! {
    /// The merchant's own number of a refund: 1 to 64 of `0-9 A-Z a-z _ - | * @`, unique per merchant.
    OutRefundNo = "out_refund_no", "must be 1 to 64 of 0-9 A-Z a-z _ - | * @", 1..=64,
    |byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte)
}

text! {
    /// WeChat Pay's number of a refund. Opaque: 1 to 64 visible ASCII characters.
    RefundId = "refund_id", "must be 1 to 64 visible ASCII characters", 1..=64, visible
}

text! {
    /// The merchant's own number of a transfer: 1 to 32 letters and digits, unique per merchant.
    OutBillNo = "out_bill_no", "must be 1 to 32 letters and digits", 1..=32,
    |byte| byte.is_ascii_alphanumeric()
}

text! {
    /// WeChat Pay's number of a transfer. Opaque: 1 to 64 visible ASCII characters.
    TransferBillNo = "transfer_bill_no", "must be 1 to 64 visible ASCII characters", 1..=64, visible
}

text! {
    /// The merchant's own number of a profit sharing: 1 to 64 of `0-9 A-Z a-z _ - | * @`, unique per merchant.
    OutOrderNo = "out_order_no", "must be 1 to 64 of 0-9 A-Z a-z _ - | * @", 1..=64,
    |byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte)
}

text! {
    /// The merchant's own number of what a receiver of a profit sharing gives back: 1 to 64 of
    /// `0-9 A-Z a-z _ - | * @`.
    OutReturnNo = "out_return_no", "must be 1 to 64 of 0-9 A-Z a-z _ - | * @", 1..=64,
    |byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte)
}

text! {
    /// The merchant's own number of a permission to be paid without confirming: 1 to 32 letters and digits.
    OutAuthorizationNo = "out_authorization_no", "must be 1 to 32 letters and digits", 1..=32,
    |byte| byte.is_ascii_alphanumeric()
}

text! {
    /// WeChat Pay's number of such a permission. Opaque: 1 to 64 visible ASCII characters.
    AuthorizationId = "authorization_id", "must be 1 to 64 visible ASCII characters", 1..=64, visible
}

/// A public key of WeChat Pay: `PUB_KEY_ID_` and 1 to 64 digits. The prefix is part of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKeyId(Box<str>);

impl PublicKeyId {
    const PREFIX: &str = "PUB_KEY_ID_";

    /// The wire form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// # Errors
///
/// When the text breaks the type's rule.
impl FromStr for PublicKeyId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        const RULE: Invalid = Invalid::new("public_key_id", "must be PUB_KEY_ID_ and 1 to 64 digits");
        let digits = text.strip_prefix(Self::PREFIX).ok_or(RULE)?;
        check(digits, 1..=64, |byte| byte.is_ascii_digit(), RULE)?;
        Ok(Self(text.into()))
    }
}

/// The serial number of a certificate: 2 to 64 hexadecimal digits, an even number of them. Kept in upper case, so
/// that two spellings of one number are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNo(Box<str>);

impl SerialNo {
    /// The wire form, in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// # Errors
///
/// When the text breaks the type's rule.
impl FromStr for SerialNo {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        const RULE: Invalid =
            Invalid::new("serial_no", "must be 2 to 64 hexadecimal digits, an even number of them");
        let digits = check(text, 2..=64, |byte| byte.is_ascii_hexdigit(), RULE)?;
        if digits.len().is_multiple_of(2) { Ok(Self(digits.to_ascii_uppercase().into())) } else { Err(RULE) }
    }
}

/// A key of WeChat Pay, as `Wechatpay-Serial` names it: a platform certificate's number, or a public key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the header names one of the two")]
pub enum KeyId {
    /// A platform certificate.
    Certificate(SerialNo),
    /// A public key.
    PublicKey(PublicKeyId),
}

impl KeyId {
    /// The wire form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Certificate(serial) => serial.as_str(),
            Self::PublicKey(id) => id.as_str(),
        }
    }
}

/// # Errors
///
/// When the text is neither.
impl FromStr for KeyId {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.starts_with(PublicKeyId::PREFIX) {
            text.parse().map(Self::PublicKey)
        } else {
            text.parse().map(Self::Certificate)
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.as_str())
    }
}

printed! {
    AppId PartnerId OutTradeNo TransactionId PrepayId NotifyId MchId OutRefundNo RefundId OutBillNo TransferBillNo
    OutOrderNo OutReturnNo OutAuthorizationNo AuthorizationId SerialNo PublicKeyId
}

read! {
    AppId OutTradeNo TransactionId PrepayId OpenId MchId OutRefundNo RefundId OutBillNo TransferBillNo OutOrderNo
    OutReturnNo OutAuthorizationNo AuthorizationId SerialNo
}

impl OutTradeNo {
    /// Whether it keeps to the rule of the third generation: 6 to 32 of `0-9 A-Z a-z _ - *`.
    #[must_use]
    pub fn is_for_v3(&self) -> bool {
        self.0.len() >= 6 && !self.0.contains(['|', '@'])
    }

    /// Whether it is of letters and digits alone, the rule of the first generation.
    #[must_use]
    pub fn is_alphanumeric(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }
}

impl fmt::Debug for OpenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenId(…{})", tail(&self.0))
    }
}

/// Where WeChat Pay sends a notice: an absolute `http` or `https` URL of at most 255 bytes of visible ASCII,
/// with a host, without user, query or fragment.
///
/// The query is left to WeChat Pay, which puts the signed parameters of a first-generation notice there. Later
/// generations insist on `https`; see [`is_https`](Self::is_https).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NotifyUrl(Box<str>);

impl NotifyUrl {
    /// The wire form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the notice travels over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

printed! { NotifyUrl }
read! { NotifyUrl }

/// # Errors
///
/// When the text breaks the type's rule.
impl FromStr for NotifyUrl {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        const RULE: Invalid = Invalid::new(
            "notify_url",
            "must be an absolute http or https URL of at most 255 bytes, without user, query or fragment",
        );
        absolute_url(text, RULE).map(|url| Self(url.into()))
    }
}

/// An `http` or `https` URL with a host, of at most 255 bytes of visible ASCII, without user, query or fragment.
pub(crate) fn absolute_url(text: &str, rule: Invalid) -> Result<&str, Invalid> {
    let allowed = |byte| visible(byte) && !b"?#\"<>\\^`{|}@".contains(&byte);
    let url = check(text, 1..=255, allowed, rule.clone())?;
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host.is_empty() || host.starts_with(':') { Err(rule) } else { Ok(url) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};

    #[test]
    fn an_order_number_keeps_to_its_alphabet_and_length() {
        assert_eq!("7240b65810859cbf2a8d9f76a638c0a3".parse::<OutTradeNo>().unwrap().as_str().len(), 32);
        assert!("".parse::<OutTradeNo>().is_err());
        assert!("7240b65810859cbf2a8d9f76a638c0a34".parse::<OutTradeNo>().is_err());
        assert!("订单1".parse::<OutTradeNo>().is_err());
        assert!(!"A-1".parse::<OutTradeNo>().unwrap().is_alphanumeric());
    }

    #[test]
    fn an_app_is_of_wechat_of_an_enterprise_or_of_qq() {
        for good in ["wxd930ea5d5a258f4f", "ww1234567890abcdef", "1108000001"] {
            assert_eq!(good.parse::<AppId>().unwrap().as_str(), good);
        }
        for bad in
            ["", "wx", "wxd930ea5d5a258f4", "wxd930ea5d5a258f4fa", "qqd930ea5d5a258f4f", "wxd930ea5d5a258f4-"]
        {
            assert!(bad.parse::<AppId>().is_err(), "{bad}");
        }
        assert!("1".repeat(33).parse::<AppId>().is_err());
    }

    #[test]
    fn a_payer_is_printed_by_the_last_two_characters() {
        let payer: OpenId = "oX99MDgNcgwnz3zFN3DNmo8uwa-w".parse().unwrap();
        assert_eq!(format!("{payer:?}"), "OpenId(…-w)");
        assert_eq!(format!("{:?}", "x".parse::<OpenId>().unwrap()), "OpenId(…)");
    }

    #[test]
    fn a_notice_goes_to_an_absolute_url_without_query() {
        for good in ["http://weixin.qq.com", "https://shop.example:8443/pay/notice", "http://[::1]:80/n"] {
            assert_eq!(good.parse::<NotifyUrl>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "weixin.qq.com",
            "ftp://a/b",
            "http://",
            "http:///x",
            "http://:80/",
            "http://a/?b=c",
            "http://a/#b",
            "http://u@a/",
            "http://a/ b",
            "http://支付/",
        ] {
            assert!(bad.parse::<NotifyUrl>().is_err(), "{bad}");
        }
        assert!(format!("http://a/{}", "b".repeat(247)).parse::<NotifyUrl>().is_err());
    }

    #[test]
    fn an_error_names_field_rule_and_place_but_not_the_text() {
        let error = "19000001O9".parse::<PartnerId>().unwrap_err();
        assert_eq!(error.to_string(), "partner must be 10 digits (wrong at byte 8)");
    }
}
