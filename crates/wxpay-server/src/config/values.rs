//! Parsers of single settings.

use super::{InvalidSetting, Sources};
use std::{fs, ops::RangeInclusive, str::FromStr, time::Duration};
use wxpay_proto::id::InvalidField;
use zeroize::Zeroizing;

const DURATION_RULE: &str =
    "must be a duration from 1ms to 30 days: a whole number of seconds, or with ms, s, m or h";
const MAX_DURATION: Duration = Duration::from_hours(30 * 24);

impl Sources {
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.take(name).map(|(value, _)| value.to_string())
    }

    pub(super) fn parsed<T: FromStr>(&mut self, name: &str, rule: &str) -> Option<T> {
        let parsed = self.text(name)?.parse().map_err(|_| InvalidSetting::new(name, rule));
        self.accept(parsed)
    }

    /// Takes a required value that has a rule of the protocol.
    pub(super) fn required<T: FromStr<Err = InvalidField>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name).ok_or_else(|| InvalidSetting::new(name, "is required"));
        let value = text.and_then(|text| {
            text.parse().map_err(|invalid: InvalidField| InvalidSetting::new(name, invalid.rule()))
        });
        self.accept(value)
    }

    pub(super) fn count(&mut self, name: &str, range: RangeInclusive<usize>) -> Option<usize> {
        let rule = format!("must be a whole number from {} to {}", range.start(), range.end());
        let count = self.text(name)?.parse().ok().filter(|count| range.contains(count));
        self.accept(count.ok_or_else(|| InvalidSetting::new(name, rule)))
    }

    pub(super) fn duration(&mut self, name: &str) -> Option<Duration> {
        let duration = duration(&self.text(name)?);
        self.accept(duration.ok_or_else(|| InvalidSetting::new(name, DURATION_RULE)))
    }

    pub(super) fn durations(&mut self, name: &str) -> Option<Vec<Duration>> {
        let text = self.text(name)?;
        let durations: Option<Vec<_>> = text.split(',').map(|part| duration(part.trim())).collect();
        let rule = || InvalidSetting::new(name, format!("must be 1 to 64 durations; each {DURATION_RULE}"));
        self.accept(durations.filter(|durations| durations.len() <= 64).ok_or_else(rule))
    }

    pub(super) fn bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        let path = self.text(name)?;
        let bytes = fs::read(&path).map_err(|cause| {
            let rule = format!("must name a readable file: {}", shown(&path));
            InvalidSetting::new(name, rule).with_source(cause)
        });
        self.accept(bytes)
    }

    /// Takes a secret, given directly or as the path of its file (`_file`), whose trailing white space is removed. The
    /// later source overrides the earlier one; setting both in one source is a fault.
    pub(super) fn secret(&mut self, name: &str) -> Result<Option<Zeroizing<String>>, InvalidSetting> {
        let by_file = format!("{name}_file");
        match (self.take(name), self.take(&by_file)) {
            (None, None) => Ok(None),
            (Some((_, rank)), Some((_, other))) if rank == other => {
                Err(InvalidSetting::new(by_file, format!("must not be set together with {name}")))
            }
            (Some((value, rank)), other) if other.as_ref().is_none_or(|(_, other)| *other < rank) => {
                Ok(Some(value))
            }
            (_, Some((path, _))) => {
                let text = fs::read_to_string(path.as_str()).map(Zeroizing::new).map_err(|cause| {
                    let rule = format!("must name a readable text file: {}", shown(&path));
                    InvalidSetting::new(by_file, rule).with_source(cause)
                })?;
                Ok(Some(Zeroizing::new(text.trim_end().to_owned())))
            }
            (Some((value, _)), None) => Ok(Some(value)),
        }
    }

    pub(super) fn key<T>(
        &mut self,
        name: &str,
        new: impl FnOnce(String) -> Result<T, InvalidField>,
    ) -> Option<T> {
        let rule = format!("is required, directly or as the path of its file in {name}_file");
        let key = self.secret(name).and_then(|value| {
            let value = value.ok_or_else(|| InvalidSetting::new(name, rule))?;
            new(value.to_string()).map_err(|invalid| InvalidSetting::new(name, invalid.rule()))
        });
        self.accept(key)
    }
}

/// Renders a path for an error. A key that was set by mistake in place of its path must not reach a log.
pub(crate) fn shown(path: &str) -> &str {
    let may_be_key = path.len() >= 32 && path.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if may_be_key || path.len() > 1024 || path.contains("-----BEGIN") || path.chars().any(char::is_control) {
        "the path looks like a key and is not shown"
    } else {
        path
    }
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis: u64 = match text.strip_prefix(digits)? {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let duration = Duration::from_millis(digits.parse::<u64>().ok()?.checked_mul(millis)?);
    (!duration.is_zero() && duration <= MAX_DURATION).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_seconds_or_have_a_unit() {
        for (text, millis) in
            [("15", 15_000), ("500ms", 500), ("15s", 15_000), ("2m", 120_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "s", "-1", "+1", "1.5", "1d", "1 s", "ms1", "99999999999999999999", "721h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
