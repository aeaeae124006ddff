//! Times in the form of an example.

use crate::time;
use std::time::Duration;
use wxpay_proto::UnixTime;

/// The form of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `2018-06-08T10:34:56+08:00`
    Rfc3339,
    /// `20180608103456`
    Digits,
    /// `2018-06-08 10:34:56`
    Plain,
    /// `2018-06-08`
    Date,
    /// `20180608`
    DateDigits,
}

impl Form {
    /// Returns the form of an example, or that of a format without an example.
    pub(super) fn of(example: &str, format: &str) -> Option<Self> {
        let shape: String = example
            .chars()
            .map(|character| if character.is_ascii_digit() { 'd' } else { character })
            .collect();
        if shape.starts_with("dddd-dd-ddTdd:dd") {
            return Some(Self::Rfc3339);
        }
        Some(match (shape.as_str(), format) {
            ("dddddddddddddd", _) | ("", "yyyyMMddHHmmss") => Self::Digits,
            ("dddd-dd-dd dd:dd:dd", _) => Self::Plain,
            ("dddd-dd-dd", _) | ("", "date") => Self::Date,
            ("dddddddd", _) => Self::DateDigits,
            (_, "rfc3339" | "date-time") => Self::Rfc3339,
            _ => return None,
        })
    }

    /// Formats a time.
    pub(super) fn format(self, at: UnixTime) -> String {
        match self {
            Self::Rfc3339 => time::rfc3339(at),
            Self::Digits => time::yyyymmddhhmmss(at),
            Self::Plain => time::bill_time(at),
            Self::Date => time::bill_time(at).chars().take(10).collect(),
            Self::DateDigits => time::yyyymmdd(at),
        }
    }
}

/// Parses a time in any of the forms. A date is its beginning.
pub(super) fn parse(text: &str) -> Option<UnixTime> {
    let form = Form::of(text, "")?;
    match form {
        Form::Rfc3339 => time::parse_rfc3339(text),
        Form::Digits => time::parse_yyyymmddhhmmss(text),
        Form::Plain | Form::Date | Form::DateDigits => {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            time::parse_yyyymmddhhmmss(&format!("{digits:0<14}"))
        }
    }
}

/// The length of a period whose end is not known.
pub(super) const PERIOD: Duration = Duration::from_secs(30 * 86_400);
