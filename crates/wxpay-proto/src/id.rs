//! Identifiers of the protocol: parsed once at the edge, and valid from then on.
//!
//! The documentation of each type states its grammar. Identifiers that the merchant chooses follow the documented rule.
//! Identifiers that WeChat Pay chooses are opaque, bounded only so that they are safe to store and to print: a payment
//! must not be lost over an identifier of an unexpected form.

use crate::{prelude::*, secret::last_two_chars};
use core::{error, fmt, str::FromStr};

/// The error for a value that violates its rule. It names the field, the rule and the position, never the text.
///
/// ```
/// use wxpay_proto::id::OutTradeNo;
///
/// let error = "2014 0508".parse::<OutTradeNo>().unwrap_err();
/// assert_eq!(error.to_string(), "out_trade_no must be 1 to 32 of 0-9 A-Z a-z _ - | * @ (invalid at byte 4)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidField {
    field: &'static str,
    rule: &'static str,
    at: Option<usize>,
}

impl InvalidField {
    /// Creates the error from the field's name in the protocol and the rule that its value violates, such as `must be 1
    /// to 32 letters`. Neither contains the value.
    pub const fn new(field: &'static str, rule: &'static str) -> Self {
        Self { field, rule, at: None }
    }

    pub(crate) const fn at(self, at: usize) -> Self {
        Self { at: Some(at), ..self }
    }

    /// Returns the field's name in the protocol.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Returns the violated rule, as the end of a sentence that begins with the field's name.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)?;
        match self.at {
            Some(at) => write!(f, " (invalid at byte {at})"),
            None => Ok(()),
        }
    }
}

impl error::Error for InvalidField {}

/// Validates the length in bytes, then each byte. Returns the text itself.
fn validate(
    text: &str,
    lengths: core::ops::RangeInclusive<usize>,
    allowed: impl Fn(u8) -> bool,
    invalid: InvalidField,
) -> Result<&str, InvalidField> {
    if !lengths.contains(&text.len()) {
        return Err(invalid);
    }
    match text.bytes().position(|byte| !allowed(byte)) {
        Some(at) => Err(invalid.at(at)),
        None => Ok(text),
    }
}

/// Defines a text newtype: `FromStr` validates it, `Display` prints it as the protocol writes it.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident = $field:literal, $rule:literal, $lengths:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the text as the protocol writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// # Errors
        ///
        /// Returns [`InvalidField`] if the text violates the rule of the type.
        impl FromStr for $name {
            type Err = InvalidField;
            fn from_str(text: &str) -> Result<Self, InvalidField> {
                validate(text, $lengths, $allowed, InvalidField::new($field, $rule))
                    .map(|text| Self(text.into()))
            }
        }

    };
}

/// Implements `Display`, `Debug` and `Serialize` for a newtype, by its text.
macro_rules! display {
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

/// Implements `Deserialize` for a newtype. A text that violates the rule is rejected with field and rule.
macro_rules! deserialize {
    ($($name:ident)*) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::wire::json::parse_str(deserializer, str::parse)
            }
        }

        crate::wire::json::read_text!($name);
    )*};
}

const fn printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

const fn visible(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~')
}

/// Visible, and not the `&` that separates the fields of a string that APIv1 signs.
const fn signable(byte: u8) -> bool {
    visible(byte) && byte != b'&'
}

/// The id of an app, official account, mini program or enterprise: `wx` or `ww` followed by 16 letters or digits. For
/// transfers to QQ wallets, the id of a QQ app: at most 32 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(Box<str>);

impl AppId {
    /// Returns the text as the protocol writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// # Errors
///
/// Returns [`InvalidField`] if the text violates the rule of the type.
impl FromStr for AppId {
    type Err = InvalidField;
    fn from_str(text: &str) -> Result<Self, InvalidField> {
        const RULE: InvalidField = InvalidField::new(
            "appid",
            "must be wx or ww and 16 letters or digits, or a QQ appid (1 to 32 digits)",
        );
        if let Ok(qq_appid) = validate(text, 1..=32, |byte| byte.is_ascii_digit(), RULE) {
            return Ok(Self(qq_appid.into()));
        }
        let id = validate(text, 18..=18, |byte| byte.is_ascii_alphanumeric(), RULE)?;
        if id.starts_with("wx") || id.starts_with("ww") { Ok(Self(id.into())) } else { Err(RULE.at(0)) }
    }
}

text! {
    /// The merchant's number in APIv1 (also `partnerId`, `spid`): ten digits.
    PartnerId = "partner", "must be 10 digits", 10..=10, |byte| byte.is_ascii_digit()
}

text! {
    /// The merchant's number of an order: 1 to 32 of `0-9 A-Z a-z _ - | * @`, unique per merchant.
    ///
    /// APIv3 documents 6 to 32 of `0-9 A-Z a-z _ - *`, APIv1 letters and digits only. The order type of each API
    /// version validates its own rule.
    OutTradeNo = "out_trade_no", "must be 1 to 32 of 0-9 A-Z a-z _ - | * @", 1..=32,
    |byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte)
}

text! {
    /// WeChat Pay's number of a payment. Opaque: 1 to 64 visible ASCII characters except `&` (28 digits in APIv1:
    /// merchant, day, serial number).
    TransactionId = "transaction_id", "must be 1 to 64 visible ASCII characters except &", 1..=64, signable
}

text! {
    /// WeChat Pay's number of an order that is not paid yet. Opaque: 1 to 64 visible ASCII characters except `&`.
    PrepayId = "prepay_id", "must be 1 to 64 visible ASCII characters except &", 1..=64, signable
}

text! {
    /// WeChat Pay's number of a notification: 1 to 128 printable ASCII characters.
    NotifyId = "notify_id", "must be 1 to 128 printable ASCII characters", 1..=128, printable
}

text! {
    /// The id of a payer under one appid. Opaque: 1 to 128 visible ASCII characters except `&`. Personal data:
    /// `Debug` shows only the last two characters; [`as_str`](Self::as_str) returns the whole id.
    OpenId = "openid", "must be 1 to 128 visible ASCII characters except &", 1..=128, signable
}

text! {
    /// The merchant's number in APIv3 (`mchid`, `sp_mchid`, `sub_mchid`): 1 to 32 digits, usually ten.
    MchId = "mchid", "must be 1 to 32 digits", 1..=32, |byte| byte.is_ascii_digit()
}

text! {
    /// The merchant's number of a refund: 1 to 64 of `0-9 A-Z a-z _ - | * @`, unique per merchant.
    OutRefundNo = "out_refund_no", "must be 1 to 64 of 0-9 A-Z a-z _ - | * @", 1..=64,
    |byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte)
}

text! {
    /// WeChat Pay's number of a refund. Opaque: 1 to 64 visible ASCII characters.
    RefundId = "refund_id", "must be 1 to 64 visible ASCII characters", 1..=64, visible
}

text! {
    /// The merchant's number of a transfer: 1 to 32 letters and digits, unique per merchant.
    OutBillNo = "out_bill_no", "must be 1 to 32 letters and digits", 1..=32,
    |byte| byte.is_ascii_alphanumeric()
}

text! {
    /// WeChat Pay's number of a transfer. Opaque: 1 to 64 visible ASCII characters.
    TransferBillNo = "transfer_bill_no", "must be 1 to 64 visible ASCII characters", 1..=64, visible
}

text! {
    /// The merchant's number of a profit sharing: 1 to 64 of `0-9 A-Z a-z _ - | * @`, unique per merchant.
    OutOrderNo = "out_order_no", "must be 1 to 64 of 0-9 A-Z a-z _ - | * @", 1..=64,
    |byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte)
}

text! {
    /// The merchant's number of a profit-sharing return: 1 to 64 of `0-9 A-Z a-z _ - | * @`.
    OutReturnNo = "out_return_no", "must be 1 to 64 of 0-9 A-Z a-z _ - | * @", 1..=64,
    |byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte)
}

text! {
    /// The merchant's number of a payee's authorization of transfers without confirmation: 1 to 32 letters and digits.
    OutAuthorizationNo = "out_authorization_no", "must be 1 to 32 letters and digits", 1..=32,
    |byte| byte.is_ascii_alphanumeric()
}

text! {
    /// WeChat Pay's number of a payee's authorization. Opaque: 1 to 64 visible ASCII characters.
    AuthorizationId = "authorization_id", "must be 1 to 64 visible ASCII characters", 1..=64, visible
}

/// The id of a WeChat Pay public key: `PUB_KEY_ID_` followed by 1 to 64 digits. The prefix is part of the id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKeyId(Box<str>);

impl PublicKeyId {
    const PREFIX: &str = "PUB_KEY_ID_";

    /// Returns the text as the protocol writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// # Errors
///
/// Returns [`InvalidField`] if the text violates the rule of the type.
impl FromStr for PublicKeyId {
    type Err = InvalidField;
    fn from_str(text: &str) -> Result<Self, InvalidField> {
        const RULE: InvalidField =
            InvalidField::new("public_key_id", "must be PUB_KEY_ID_ and 1 to 64 digits");
        let digits = text.strip_prefix(Self::PREFIX).ok_or(RULE)?;
        validate(digits, 1..=64, |byte| byte.is_ascii_digit(), RULE)?;
        Ok(Self(text.into()))
    }
}

/// The serial number of a certificate: 2 to 64 hexadecimal digits, an even number of them. It is stored in upper case,
/// so that two spellings of one number are equal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNo(Box<str>);

impl SerialNo {
    /// Returns the serial number in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// # Errors
///
/// Returns [`InvalidField`] if the text violates the rule of the type.
impl FromStr for SerialNo {
    type Err = InvalidField;
    fn from_str(text: &str) -> Result<Self, InvalidField> {
        const RULE: InvalidField =
            InvalidField::new("serial_no", "must be 2 to 64 hexadecimal digits, an even number of them");
        let digits = validate(text, 2..=64, |byte| byte.is_ascii_hexdigit(), RULE)?;
        if digits.len().is_multiple_of(2) { Ok(Self(digits.to_ascii_uppercase().into())) } else { Err(RULE) }
    }
}

/// The id of a key of WeChat Pay, as in `Wechatpay-Serial`: of a platform certificate, or of a WeChat Pay public key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the header names one of the two")]
pub enum KeyId {
    /// The serial number of a platform certificate.
    Certificate(SerialNo),
    /// The id of a WeChat Pay public key.
    PublicKey(PublicKeyId),
}

impl KeyId {
    /// Returns the text as the protocol writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Certificate(serial) => serial.as_str(),
            Self::PublicKey(id) => id.as_str(),
        }
    }
}

/// # Errors
///
/// Returns [`InvalidField`] if the text is neither a serial number nor the id of a public key.
impl FromStr for KeyId {
    type Err = InvalidField;
    fn from_str(text: &str) -> Result<Self, InvalidField> {
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

display! {
    AppId PartnerId OutTradeNo TransactionId PrepayId NotifyId MchId OutRefundNo RefundId OutBillNo TransferBillNo
    OutOrderNo OutReturnNo OutAuthorizationNo AuthorizationId SerialNo PublicKeyId
}

deserialize! {
    AppId OutTradeNo TransactionId PrepayId OpenId MchId OutRefundNo RefundId OutBillNo TransferBillNo OutOrderNo
    OutReturnNo OutAuthorizationNo AuthorizationId SerialNo
}

impl OutTradeNo {
    /// Returns whether the number follows the rule of APIv3: 6 to 32 of `0-9 A-Z a-z _ - *`.
    pub fn is_valid_for_v3(&self) -> bool {
        self.0.len() >= 6 && !self.0.contains(['|', '@'])
    }

    /// Returns whether the number has only letters and digits, the rule of APIv1.
    pub fn is_alphanumeric(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }
}

impl fmt::Debug for OpenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenId(…{})", last_two_chars(&self.0))
    }
}

/// The URL to which WeChat Pay sends notifications: an absolute `http` or `https` URL of at most 255 bytes of visible
/// ASCII, with a host, without user, query or fragment. A port has two to five digits, and there are no brackets, so that
/// the host is a name or an IPv4 address: the gateway refuses an order with any other URL.
///
/// The query is left to WeChat Pay, which puts the signed parameters of an APIv1 notification there. APIv3 requires
/// `https`; see [`is_https`](Self::is_https).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NotifyUrl(Box<str>);

impl NotifyUrl {
    /// Returns the text as the protocol writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether notifications are sent over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

display! { NotifyUrl }
deserialize! { NotifyUrl }

/// # Errors
///
/// Returns [`InvalidField`] if the text violates the rule of the type.
impl FromStr for NotifyUrl {
    type Err = InvalidField;
    fn from_str(text: &str) -> Result<Self, InvalidField> {
        const RULE: InvalidField = InvalidField::new(
            "notify_url",
            "must be an absolute http or https URL of at most 255 bytes, without user, query, fragment or IPv6 \
             address, and with a port of two to five digits if it has one",
        );
        let url = absolute_url(text, RULE)?;
        let authority = url.split('/').nth(2).unwrap_or_default();
        let port = authority.split_once(':').map(|(_, port)| port);
        let is_port =
            |port: &str| (2..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
        if port.is_none_or(is_port) && !url.contains(['[', ']']) { Ok(Self(url.into())) } else { Err(RULE) }
    }
}

/// Validates an `http` or `https` URL with a host, of at most 255 bytes of visible ASCII, without user, query or
/// fragment.
pub(crate) fn absolute_url(text: &str, rule: InvalidField) -> Result<&str, InvalidField> {
    let allowed = |byte| visible(byte) && !b"?#\"<>\\^`{|}@".contains(&byte);
    let url = validate(text, 1..=255, allowed, rule.clone())?;
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host.is_empty() || host.starts_with(':') { Err(rule) } else { Ok(url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_trade_no_validates_alphabet_and_length() {
        assert_eq!("7240b65810859cbf2a8d9f76a638c0a3".parse::<OutTradeNo>().unwrap().as_str().len(), 32);
        assert!("".parse::<OutTradeNo>().is_err());
        assert!("7240b65810859cbf2a8d9f76a638c0a34".parse::<OutTradeNo>().is_err());
        assert!("订单1".parse::<OutTradeNo>().is_err());
        assert!(!"A-1".parse::<OutTradeNo>().unwrap().is_alphanumeric());
    }

    #[test]
    fn appid_accepts_wechat_enterprise_and_qq_apps() {
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
    fn openid_debug_shows_the_last_two_characters() {
        let payer: OpenId = "oX99MDgNcgwnz3zFN3DNmo8uwa-w".parse().unwrap();
        assert_eq!(format!("{payer:?}"), "OpenId(…-w)");
        assert_eq!(format!("{:?}", "x".parse::<OpenId>().unwrap()), "OpenId(…)");
    }

    #[test]
    fn notify_url_must_be_absolute_and_without_query() {
        for good in ["http://weixin.qq.com", "https://shop.example:8443/pay/notify", "http://10.0.0.1:80/n"] {
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
            "http://a:1/b",
            "http://a:123456/b",
            "http://a:b/",
            "http://a:80:80/",
            "http://[::1]:8080/b",
            "http://a/[b]",
            "http://a/ b",
            "http://支付/",
        ] {
            assert!(bad.parse::<NotifyUrl>().is_err(), "{bad}");
        }
        assert!(format!("http://a/{}", "b".repeat(247)).parse::<NotifyUrl>().is_err());
    }

    #[test]
    fn invalid_field_names_field_rule_and_position_but_not_the_text() {
        let error = "19000001O9".parse::<PartnerId>().unwrap_err();
        assert_eq!(error.to_string(), "partner must be 10 digits (invalid at byte 8)");
    }
}
