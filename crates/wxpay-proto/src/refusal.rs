//! What WeChat Pay says when it refuses.

use alloc::{borrow::Cow, string::String};
use core::fmt;

/// A code of refusal. An open set: new ones appear without notice, so the text is kept, and the constants are
/// those that a program acts on.
///
/// Codes of the later generations are spelled in several ways (`SYSTEMERROR`, `SYSTEM_ERROR`), so they compare
/// without `_` and blanks.
#[derive(Clone, Debug)]
pub struct Code(Cow<'static, str>);

impl Code {
    /// `-1`: busy. It may have been carried out or not; try again after a pause.
    pub const BUSY: Self = Self(Cow::Borrowed("-1"));
    /// `40001`: the access token is not, or no longer, the latest; of a token request: the secret is wrong.
    pub const INVALID_CREDENTIAL: Self = Self(Cow::Borrowed("40001"));
    /// `40013`: no such appid.
    pub const INVALID_APPID: Self = Self(Cow::Borrowed("40013"));
    /// `40014`: not an access token.
    pub const INVALID_ACCESS_TOKEN: Self = Self(Cow::Borrowed("40014"));
    /// `40125`: the app's secret is wrong.
    pub const INVALID_APPSECRET: Self = Self(Cow::Borrowed("40125"));
    /// `42001`: the access token has expired.
    pub const ACCESS_TOKEN_EXPIRED: Self = Self(Cow::Borrowed("42001"));
    /// `45009`: the day's quota is used up; it is renewed at midnight, GMT+8.
    pub const DAILY_QUOTA: Self = Self(Cow::Borrowed("45009"));
    /// `45011`: the minute's quota is used up.
    pub const MINUTE_QUOTA: Self = Self(Cow::Borrowed("45011"));
    /// `48001`: the app may not call this.
    pub const API_UNAUTHORIZED: Self = Self(Cow::Borrowed("48001"));
    /// `49004`: the signature is wrong, by the table of codes.
    pub const NOT_MATCH_SIGNATURE: Self = Self(Cow::Borrowed("49004"));
    /// `268500741`: the signature is wrong, as seen from `genprepay`.
    pub const NOT_MATCH_SIGNATURE_GENPREPAY: Self = Self(Cow::Borrowed("268500741"));

    /// `USERPAYING`: the payer is typing a password. It is not over: ask.
    pub const USERPAYING: Self = Self(Cow::Borrowed("USERPAYING"));
    /// `ORDERPAID`: the order is paid already.
    pub const ORDERPAID: Self = Self(Cow::Borrowed("ORDERPAID"));
    /// `ORDER_CLOSED`: the order is closed; a new one needs a new number.
    pub const ORDER_CLOSED: Self = Self(Cow::Borrowed("ORDER_CLOSED"));
    /// `ORDER_NOT_EXIST`: no such order.
    pub const ORDER_NOT_EXIST: Self = Self(Cow::Borrowed("ORDER_NOT_EXIST"));
    /// `OUT_TRADE_NO_USED`: the number was used before.
    pub const OUT_TRADE_NO_USED: Self = Self(Cow::Borrowed("OUT_TRADE_NO_USED"));
    /// `RESOURCE_NOT_EXISTS`: no such thing; from `/v3/certificates`, that this merchant verifies by a public key.
    pub const RESOURCE_NOT_EXISTS: Self = Self(Cow::Borrowed("RESOURCE_NOT_EXISTS"));
    /// `NOT_FOUND`: no such thing, as transfers spell it.
    pub const NOT_FOUND: Self = Self(Cow::Borrowed("NOT_FOUND"));
    /// `NO_STATEMENT_EXIST`: nothing was traded that day, so there is no bill.
    pub const NO_STATEMENT_EXIST: Self = Self(Cow::Borrowed("NO_STATEMENT_EXIST"));
    /// `STATEMENT_CREATING`: the bill is not ready yet.
    pub const STATEMENT_CREATING: Self = Self(Cow::Borrowed("STATEMENT_CREATING"));
    /// `SIGN_ERROR`: the request's signature, or the clock it was made by; see [`Refusal::detail`].
    pub const SIGN_ERROR: Self = Self(Cow::Borrowed("SIGN_ERROR"));
    /// `SYSTEM_ERROR`: it may have been carried out or not.
    pub const SYSTEM_ERROR: Self = Self(Cow::Borrowed("SYSTEM_ERROR"));
    /// `FREQUENCY_LIMITED`: too often.
    pub const FREQUENCY_LIMITED: Self = Self(Cow::Borrowed("FREQUENCY_LIMITED"));
    /// `RATELIMIT_EXCEEDED`: too often.
    pub const RATELIMIT_EXCEEDED: Self = Self(Cow::Borrowed("RATELIMIT_EXCEEDED"));
    /// `NO_AUTH`: the merchant may not call this.
    pub const NO_AUTH: Self = Self(Cow::Borrowed("NO_AUTH"));
    /// `NOT_ENOUGH`: there is not enough money.
    pub const NOT_ENOUGH: Self = Self(Cow::Borrowed("NOT_ENOUGH"));
    /// `PARAM_ERROR`: a field breaks its rule; see [`Refusal::detail`].
    pub const PARAM_ERROR: Self = Self(Cow::Borrowed("PARAM_ERROR"));
    /// `INVALID_REQUEST`: the request breaks a rule.
    pub const INVALID_REQUEST: Self = Self(Cow::Borrowed("INVALID_REQUEST"));

    /// The code as it was spelled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// No longer than any code is: what is not verified may have a megabyte here.
    fn bounded(self) -> Self {
        const LONGEST_CODE: usize = 64;
        match self.0.char_indices().nth(LONGEST_CODE) {
            None => self,
            Some((end, _)) => Self(Cow::Owned(self.0.get(..end).unwrap_or_default().into())),
        }
    }

    fn letters(&self) -> impl Iterator<Item = char> + '_ {
        self.0.chars().filter(|sign| !matches!(sign, '_' | ' '))
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.letters().eq(other.letters())
    }
}

impl Eq for Code {}

impl From<String> for Code {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// The code's own spelling, without control characters.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printable(&self.0).try_for_each(|sign| fmt::Write::write_char(f, sign))
    }
}

/// What WeChat Pay said: the HTTP status, its code, its words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status. The first generation answers 200 to everything.
    pub status: u16,
    /// `errcode` in the first generation, `code` in the third; at most 64 characters of it.
    pub code: Code,
    /// `errmsg` in the first generation, `message` in the third; at most 256 characters of it and no control
    /// characters. For people: never compare it, the texts vary.
    pub message: String,
    /// The third generation's `Request-ID`, which their support asks for.
    pub request_id: Option<String>,
    /// What the third generation's `detail` points at.
    pub detail: Option<Detail>,
}

/// What a refusal of the third generation points at. The offending value, which may be anybody's, is not kept.
///
/// `Debug` shows the length alone of what WeChat Pay says was signed: the beginning of a body may name people.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detail {
    /// Which field, as a JSON pointer such as `/amount/currency`, or `signature`.
    pub field: Option<String>,
    /// What is wrong with it.
    pub issue: Option<String>,
    /// `body`, `query`, `path`, or `authorization`.
    pub location: Option<String>,
    /// Of a signature that does not match: the string that WeChat Pay built, its line feeds as `\n` and its body
    /// cut. It holds no key; compare it with what was signed.
    pub truncated_sign_message: Option<String>,
    /// Of a signature that does not match: how many bytes WeChat Pay's string has.
    pub sign_message_length: Option<u64>,
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, issue, location, truncated_sign_message, sign_message_length } = self;
        f.debug_struct("Detail")
            .field("field", field)
            .field("issue", issue)
            .field("location", location)
            .field("truncated_sign_message_len", &truncated_sign_message.as_ref().map(String::len))
            .field("sign_message_length", sign_message_length)
            .finish()
    }
}

impl Refusal {
    pub(crate) fn new(status: u16, code: Code, message: &str) -> Self {
        let message = printable(message).take(LONGEST).collect();
        Self { status, code: code.bounded(), message, request_id: None, detail: None }
    }

    pub(crate) fn with_request_id(mut self, request_id: Option<&[u8]>) -> Self {
        let text = request_id.map(String::from_utf8_lossy);
        self.request_id = text.map(|text| printable(&text).take(LONGEST).collect());
        self
    }

    pub(crate) fn with_detail(mut self, detail: Option<Detail>) -> Self {
        let kept = |text: Option<String>| text.map(|text| printable(&text).take(LONGEST).collect());
        self.detail = detail.map(|detail| Detail {
            field: kept(detail.field),
            issue: kept(detail.issue),
            location: kept(detail.location),
            truncated_sign_message: kept(detail.truncated_sign_message.map(|text| text.replace('\n', "\\n"))),
            sign_message_length: detail.sign_message_length,
        });
        self
    }

    /// WeChat Pay's own number of the result: the digits behind the last `-` of the `Request-ID`, such as
    /// 268498688 where a number comes again with other parameters.
    #[must_use]
    pub fn internal_number(&self) -> Option<u64> {
        self.request_id.as_deref()?.rsplit_once('-')?.1.parse().ok()
    }
}

/// No more characters of a text of theirs are kept.
const LONGEST: usize = 256;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)
    }
}

/// What the other side wrote goes into logs: a line break there would forge a line.
fn printable(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|sign| !sign.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_two_spellings_of_a_code_are_one() {
        let one = Code::from(String::from("SYSTEMERROR"));
        assert_eq!(one, Code::from(String::from("SYSTEM_ERROR")));
        assert_ne!(one, Code::from(String::from("SYSTEM_ERRORS")));
    }

    #[test]
    fn a_code_that_is_too_long_to_be_one_is_cut() {
        let refusal = Refusal::new(500, Code::from("支".repeat(1 << 20)), "");
        assert_eq!(refusal.code.as_str(), "支".repeat(64));
        let longest = "X".repeat(64);
        assert_eq!(Refusal::new(500, Code::from(longest.clone()), "").code.as_str(), longest);
    }

    #[test]
    fn what_was_signed_is_kept_and_not_printed() {
        let said = "POST\n/v3/x\n1\n2\n{\"payer\":\"planted\"";
        let detail = Detail { truncated_sign_message: Some(said.into()), ..Detail::default() };
        let refusal = Refusal::new(401, Code::SIGN_ERROR, "").with_detail(Some(detail));
        assert!(!alloc::format!("{refusal:?}").contains("planted"));
        let kept = refusal.detail.unwrap().truncated_sign_message.unwrap();
        assert!(kept.starts_with("POST\\n/v3/x\\n") && kept.ends_with("planted\""), "{kept}");
    }

    #[test]
    fn a_line_break_in_their_words_does_not_reach_a_log() {
        let refusal = Refusal::new(200, Code::BUSY, "system\r\nerror");
        assert_eq!(refusal.to_string(), "-1 systemerror");
    }
}
