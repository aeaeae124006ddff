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

    /// The code as it was spelled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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
    /// `errcode` in the first generation.
    pub code: Code,
    /// `errmsg` in the first generation, at most 256 characters of it and no control characters. For people:
    /// never compare it, the texts vary.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: Code, message: &str) -> Self {
        Self { status, code, message: printable(message).take(256).collect() }
    }
}

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
    fn a_line_break_in_their_words_does_not_reach_a_log() {
        let refusal = Refusal::new(200, Code::BUSY, "system\r\nerror");
        assert_eq!(refusal.to_string(), "-1 systemerror");
    }
}
