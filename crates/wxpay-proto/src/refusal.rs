//! Refusals by WeChat Pay: codes, messages and details.

mod proof;

pub(crate) use proof::Proof;

use crate::{prelude::*, secret::PersonalData};
use core::fmt;

/// An error code of WeChat Pay. The set is open: new codes appear without announcement, so the text is kept. The
/// constants are the codes that programs act on.
///
/// APIv3 spells some codes in two ways (`SYSTEMERROR`, `SYSTEM_ERROR`), so codes compare equal without `_` and blanks.
#[derive(Clone, Debug)]
pub struct Code(Cow<'static, str>);

impl Code {
    /// `-1`: busy. The request may have been carried out; retry after a backoff.
    pub const BUSY: Self = Self(Cow::Borrowed("-1"));
    /// `40001`: the access token is not, or no longer, the latest. For a token request: the app secret is wrong.
    pub const INVALID_CREDENTIAL: Self = Self(Cow::Borrowed("40001"));
    /// `40013`: the appid does not exist.
    pub const INVALID_APPID: Self = Self(Cow::Borrowed("40013"));
    /// `40014`: the access token is invalid.
    pub const INVALID_ACCESS_TOKEN: Self = Self(Cow::Borrowed("40014"));
    /// `40125`: the app secret is wrong.
    pub const INVALID_APPSECRET: Self = Self(Cow::Borrowed("40125"));
    /// `42001`: the access token has expired.
    pub const ACCESS_TOKEN_EXPIRED: Self = Self(Cow::Borrowed("42001"));
    /// `45009`: the daily quota is used up. It resets at midnight, GMT+8.
    pub const DAILY_QUOTA: Self = Self(Cow::Borrowed("45009"));
    /// `45011`: the quota per minute is used up.
    pub const MINUTE_QUOTA: Self = Self(Cow::Borrowed("45011"));
    /// `48001`: the app is not authorized for this API.
    pub const API_UNAUTHORIZED: Self = Self(Cow::Borrowed("48001"));
    /// `49004`: the signature is wrong, as documented in the table of codes.
    pub const NOT_MATCH_SIGNATURE: Self = Self(Cow::Borrowed("49004"));
    /// `268500741`: the signature is wrong, as observed from `genprepay`.
    pub const NOT_MATCH_SIGNATURE_GENPREPAY: Self = Self(Cow::Borrowed("268500741"));

    /// `USERPAYING`: the payer is entering a password. The payment is still open: query the order.
    pub const USERPAYING: Self = Self(Cow::Borrowed("USERPAYING"));
    /// `ORDERPAID`: the order is already paid.
    pub const ORDERPAID: Self = Self(Cow::Borrowed("ORDERPAID"));
    /// `ORDER_CLOSED`: the order is closed. Place a new order under a new number.
    pub const ORDER_CLOSED: Self = Self(Cow::Borrowed("ORDER_CLOSED"));
    /// `ORDER_NOT_EXIST`: the order does not exist.
    pub const ORDER_NOT_EXIST: Self = Self(Cow::Borrowed("ORDER_NOT_EXIST"));
    /// `OUT_TRADE_NO_USED`: the number was used before.
    pub const OUT_TRADE_NO_USED: Self = Self(Cow::Borrowed("OUT_TRADE_NO_USED"));
    /// `RESOURCE_NOT_EXISTS`: not found. From `/v3/certificates`: this merchant verifies by a WeChat Pay public key.
    pub const RESOURCE_NOT_EXISTS: Self = Self(Cow::Borrowed("RESOURCE_NOT_EXISTS"));
    /// `NOT_FOUND`: not found, as the transfer API spells it.
    pub const NOT_FOUND: Self = Self(Cow::Borrowed("NOT_FOUND"));
    /// `NO_STATEMENT_EXIST`: there is no bill for that day, because there were no transactions.
    pub const NO_STATEMENT_EXIST: Self = Self(Cow::Borrowed("NO_STATEMENT_EXIST"));
    /// `STATEMENT_CREATING`: the bill is not ready yet.
    pub const STATEMENT_CREATING: Self = Self(Cow::Borrowed("STATEMENT_CREATING"));
    /// `SIGN_ERROR`: the signature of the request is wrong, or its timestamp; see [`Refusal::detail`].
    pub const SIGN_ERROR: Self = Self(Cow::Borrowed("SIGN_ERROR"));
    /// `SYSTEM_ERROR`: internal error. The request may have been carried out.
    pub const SYSTEM_ERROR: Self = Self(Cow::Borrowed("SYSTEM_ERROR"));
    /// `FREQUENCY_LIMITED`: too many requests.
    pub const FREQUENCY_LIMITED: Self = Self(Cow::Borrowed("FREQUENCY_LIMITED"));
    /// `RATELIMIT_EXCEEDED`: too many requests.
    pub const RATELIMIT_EXCEEDED: Self = Self(Cow::Borrowed("RATELIMIT_EXCEEDED"));
    /// `NO_AUTH`: the merchant has no permission for this API.
    pub const NO_AUTH: Self = Self(Cow::Borrowed("NO_AUTH"));
    /// `NOT_ENOUGH`: the balance is insufficient.
    pub const NOT_ENOUGH: Self = Self(Cow::Borrowed("NOT_ENOUGH"));
    /// `PARAM_ERROR`: a field violates its rule; see [`Refusal::detail`].
    pub const PARAM_ERROR: Self = Self(Cow::Borrowed("PARAM_ERROR"));
    /// `INVALID_REQUEST`: the request violates a rule.
    pub const INVALID_REQUEST: Self = Self(Cow::Borrowed("INVALID_REQUEST"));

    /// `BANK_ERROR`: the bank failed. The request may have been carried out.
    pub const BANK_ERROR: Self = Self(Cow::Borrowed("BANK_ERROR"));

    /// Returns the code as WeChat Pay spelled it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Truncates the code to 64 characters: an unverified reply may hold a megabyte here.
    fn bounded(self) -> Self {
        const MAX_CODE_CHARS: usize = 64;
        match self.0.char_indices().nth(MAX_CODE_CHARS) {
            None => self,
            Some((end, _)) => Self(Cow::Owned(self.0.get(..end).unwrap_or_default().into())),
        }
    }

    fn normalized(&self) -> impl Iterator<Item = char> + '_ {
        self.0.chars().filter(|character| !matches!(character, '_' | ' '))
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.normalized().eq(other.normalized())
    }
}

impl Eq for Code {}

impl From<String> for Code {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// Prints the code as spelled, without control characters.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printable(&self.0).try_for_each(|character| fmt::Write::write_char(f, character))
    }
}

/// A refusal by WeChat Pay: HTTP status, code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status. APIv1 replies with 200 to everything.
    pub status: u16,
    /// The code: `code` in APIv3, `errcode` in APIv1; at most 64 characters.
    pub code: Code,
    /// The message: `message` in APIv3, `errmsg` in APIv1; at most 256 characters, without control characters. For
    /// people: never compare it, the texts vary.
    pub message: String,
    /// The `Request-ID` header of APIv3. Quote it to WeChat Pay's support.
    pub request_id: Option<String>,
    /// The `detail` of an APIv3 error.
    pub detail: Option<Detail>,
}

/// The `detail` of an APIv3 error: the field at fault, and its value.
///
/// `Debug` shows only the length of the signed string: the beginning of a body may contain personal data.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detail {
    /// The field, as a JSON pointer such as `/amount/currency`, or `signature`.
    pub field: Option<String>,
    /// The problem with the field.
    pub issue: Option<String>,
    /// The part of the request: `body`, `query`, `path`, or `authorization`.
    pub location: Option<String>,
    /// The value at fault, its length, or pointers to the fields at fault.
    pub value: Option<DetailValue>,
    /// For a signature mismatch: the string that WeChat Pay built, with line feeds as `\n` and the body truncated. It
    /// holds no key; compare it with the string that was signed.
    pub truncated_sign_message: Option<String>,
    /// For a signature mismatch: the length of WeChat Pay's string, in bytes.
    pub sign_message_length: Option<u64>,
}

/// The `value` of a [`Detail`]. The gateway's own check of fields does not name the field elsewhere than here and in the
/// message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DetailValue {
    /// JSON pointers to the fields at fault, such as `/body/appid`: at most 16.
    Pointers(Vec<String>),
    /// A whole number: the length of the value at fault, in bytes, or the value itself.
    Number(i64),
    /// The value at fault, as a text: at most 256 characters. It may be personal data, so it is not printed in full.
    Text(PersonalData),
}

/// The maximum number of pointers in a [`DetailValue`].
const MAX_POINTERS: usize = 16;

impl DetailValue {
    fn bounded(self) -> Self {
        match self {
            Self::Pointers(pointers) => {
                let bounded = |pointer: String| printable(&pointer).take(MAX_TEXT_CHARS).collect();
                Self::Pointers(pointers.into_iter().take(MAX_POINTERS).map(bounded).collect())
            }
            Self::Number(number) => Self::Number(number),
            Self::Text(text) => {
                let bounded: String = text.as_str().chars().take(MAX_TEXT_CHARS).collect();
                Self::Text(bounded.into())
            }
        }
    }
}

/// Prints pointers and numbers, and only the length of a text.
impl fmt::Display for DetailValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointers(pointers) => f.write_str(&pointers.join(", ")),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "a text of {} characters", text.as_str().chars().count()),
        }
    }
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, issue, location, value, truncated_sign_message, sign_message_length } = self;
        f.debug_struct("Detail")
            .field("field", field)
            .field("issue", issue)
            .field("location", location)
            .field("value", value)
            .field("truncated_sign_message_len", &truncated_sign_message.as_ref().map(String::len))
            .field("sign_message_length", sign_message_length)
            .finish()
    }
}

impl Refusal {
    pub(crate) fn new(status: u16, code: Code, message: &str) -> Self {
        let message = printable(message).take(MAX_TEXT_CHARS).collect();
        Self { status, code: code.bounded(), message, request_id: None, detail: None }
    }

    pub(crate) fn with_request_id(mut self, request_id: Option<&[u8]>) -> Self {
        let text = request_id.map(String::from_utf8_lossy);
        self.request_id = text.map(|text| printable(&text).take(MAX_TEXT_CHARS).collect());
        self
    }

    pub(crate) fn with_detail(mut self, detail: Option<Detail>) -> Self {
        let bounded = |text: Option<String>| text.map(|text| printable(&text).take(MAX_TEXT_CHARS).collect());
        self.detail = detail.map(|detail| Detail {
            field: bounded(detail.field),
            issue: bounded(detail.issue),
            location: bounded(detail.location),
            value: detail.value.map(DetailValue::bounded),
            truncated_sign_message: bounded(
                detail.truncated_sign_message.map(|text| text.replace('\n', "\\n")),
            ),
            sign_message_length: detail.sign_message_length,
        });
        self
    }

    /// Returns WeChat Pay's internal result number: the digits after the last `-` of the `Request-ID`. An example is
    /// 268498688, for a number that is reused with other parameters.
    pub fn internal_number(&self) -> Option<u64> {
        self.request_id.as_deref()?.rsplit_once('-')?.1.parse().ok()
    }
}

/// The maximum length of a text from WeChat Pay, in characters.
const MAX_TEXT_CHARS: usize = 256;

/// Prints code and message, and the field and the value at fault.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)?;
        let detail = self.detail.as_ref();
        if let Some(field) = detail.and_then(|detail| detail.field.as_ref()) {
            write!(f, "; field: {field}")?;
        }
        if let Some(value) = detail.and_then(|detail| detail.value.as_ref()) {
            write!(f, "; value: {value}")?;
        }
        Ok(())
    }
}

/// Removes control characters. Texts from WeChat Pay go into logs, where a line break would forge a line.
fn printable(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|character| !character.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comparison_ignores_underscores() {
        let one = Code::from(String::from("SYSTEMERROR"));
        assert_eq!(one, Code::from(String::from("SYSTEM_ERROR")));
        assert_ne!(one, Code::from(String::from("SYSTEM_ERRORS")));
    }

    #[test]
    fn code_is_truncated_to_64_characters() {
        let refusal = Refusal::new(500, Code::from("支".repeat(1 << 20)), "");
        assert_eq!(refusal.code.as_str(), "支".repeat(64));
        let longest = "X".repeat(64);
        assert_eq!(Refusal::new(500, Code::from(longest.clone()), "").code.as_str(), longest);
    }

    #[test]
    fn detail_keeps_the_signed_string_and_debug_omits_it() {
        let string = "POST\n/v3/x\n1\n2\n{\"payer\":\"planted\"";
        let detail = Detail { truncated_sign_message: Some(string.into()), ..Detail::default() };
        let refusal = Refusal::new(401, Code::SIGN_ERROR, "").with_detail(Some(detail));
        assert!(!format!("{refusal:?}").contains("planted"));
        let stored = refusal.detail.unwrap().truncated_sign_message.unwrap();
        assert!(stored.starts_with("POST\\n/v3/x\\n") && stored.ends_with("planted\""), "{stored}");
    }

    #[test]
    fn refusal_display_shows_pointers_and_numbers_and_no_text() {
        let shown = |value| {
            let detail = Detail { value: Some(value), ..Detail::default() };
            let refusal = Refusal::new(400, Code::PARAM_ERROR, "参数错误").with_detail(Some(detail));
            assert!(!format!("{refusal:?}").contains("planted"));
            refusal.to_string()
        };
        let pointers = vec!["/body/appid".into(), "/body/mchid\n".into()];
        let pointers = DetailValue::Pointers(pointers);
        assert_eq!(shown(pointers), "PARAM_ERROR 参数错误; value: /body/appid, /body/mchid");
        assert_eq!(shown(DetailValue::Number(1)), "PARAM_ERROR 参数错误; value: 1");
        let text = DetailValue::Text(String::from("planted").repeat(100).into());
        assert_eq!(shown(text), "PARAM_ERROR 参数错误; value: a text of 256 characters");
        let many = DetailValue::Pointers(vec!["/x".repeat(1000); 1000]);
        assert!(shown(many).len() < 16 * 260 + 100);
    }

    #[test]
    fn refusal_display_strips_line_breaks() {
        let refusal = Refusal::new(200, Code::BUSY, "system\r\nerror");
        assert_eq!(refusal.to_string(), "-1 systemerror");
    }
}
