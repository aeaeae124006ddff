//! Texts of a shop file with placeholders, such as `/orders/{out_trade_no}`.

use super::InvalidShop;
use jiff::Timestamp;
use std::time::Duration;
use wxpay_proto::UnixTime;

/// A value that a request of the certifier contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    OutTradeNo,
    Total,
    OutRefundNo,
    Refund,
    OpenId,
    TimeExpire,
    ExpiresIn,
}

impl Placeholder {
    const ALL: [(&'static str, Self); 7] = [
        ("out_trade_no", Self::OutTradeNo),
        ("total", Self::Total),
        ("out_refund_no", Self::OutRefundNo),
        ("refund", Self::Refund),
        ("openid", Self::OpenId),
        ("time_expire", Self::TimeExpire),
        ("expires_in", Self::ExpiresIn),
    ];

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, placeholder)| placeholder)
    }
}

/// The values of the placeholders. Amounts are fen.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pub(crate) out_trade_no: String,
    pub(crate) total: u64,
    pub(crate) out_refund_no: String,
    pub(crate) refund: u64,
    pub(crate) openid: String,
    /// The wall clock.
    pub(crate) now: UnixTime,
    /// The time for which the order can be paid.
    pub(crate) lifetime: Duration,
}

impl Values {
    fn of(&self, placeholder: Placeholder) -> String {
        match placeholder {
            Placeholder::OutTradeNo => self.out_trade_no.clone(),
            Placeholder::Total => self.total.to_string(),
            Placeholder::OutRefundNo => self.out_refund_no.clone(),
            Placeholder::Refund => self.refund.to_string(),
            Placeholder::OpenId => self.openid.clone(),
            Placeholder::TimeExpire => rfc3339(self.now.after(self.lifetime)),
            Placeholder::ExpiresIn => self.lifetime.as_secs().to_string(),
        }
    }
}

fn rfc3339(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
}

enum Piece {
    Text(String),
    Value(Placeholder),
}

/// A text with placeholders. It may contain secrets of the environment, so it has no `Debug`.
pub(super) struct Template(Vec<Piece>);

impl Template {
    /// Parses a text. `{name}` is a placeholder, and `{env:NAME}` a variable, which is replaced now. Other braces are
    /// text, so that JSON needs no escape.
    ///
    /// # Errors
    ///
    /// If the text names an unknown placeholder, or a variable that is not set.
    pub(super) fn parse(
        field: &str,
        text: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidShop> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        let mut plain = String::new();
        while let Some((before, after)) = rest.split_once('{') {
            plain.push_str(before);
            let named = after.split_once('}').filter(|(name, _)| is_name(name));
            let Some((name, after_name)) = named else {
                plain.push('{');
                rest = after;
                continue;
            };
            rest = after_name;
            if let Some(variable_name) = name.strip_prefix("env:") {
                let value = variable(variable_name).ok_or_else(|| {
                    InvalidShop::new(format!(
                        "{field} needs the environment variable {variable_name}: set it"
                    ))
                })?;
                plain.push_str(&value);
                continue;
            }
            let placeholder = Placeholder::from_name(name).ok_or_else(|| unknown(field, name))?;
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(Piece::Value(placeholder));
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// Returns whether the text contains the time until which an order can be paid.
    pub(super) fn has_lifetime(&self) -> bool {
        let is_lifetime =
            |piece: &Piece| matches!(piece, Piece::Value(Placeholder::TimeExpire | Placeholder::ExpiresIn));
        self.0.iter().any(is_lifetime)
    }

    pub(super) fn render(&self, values: &Values) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(placeholder) => values.of(*placeholder),
        };
        self.0.iter().map(piece).collect()
    }
}

fn is_name(name: &str) -> bool {
    let is_variable = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match name.strip_prefix("env:") {
        Some(variable) => is_variable(variable),
        None => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
    }
}

fn unknown(field: &str, name: &str) -> InvalidShop {
    let known: Vec<String> = Placeholder::ALL.iter().map(|(name, _)| format!("{{{name}}}")).collect();
    InvalidShop::new(format!(
        "{field} has the unknown placeholder {{{name}}}: use one of {}",
        known.join(" ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            out_trade_no: "A1".into(),
            total: 100,
            out_refund_no: "R1".into(),
            refund: 25,
            openid: "o1".into(),
            now: UnixTime::from_secs(1_780_000_000),
            lifetime: Duration::from_secs(60),
        }
    }

    fn parse(text: &str) -> Result<Template, InvalidShop> {
        Template::parse("field", text, &|name| (name == "TOKEN").then(|| "{total}".to_owned()))
    }

    #[test]
    fn placeholders_are_replaced_and_json_stays() {
        let template =
            parse(r#"{"n":"{out_trade_no}","a":{"t":{total}},"x":{},"e":{expires_in}} {"#).unwrap();
        assert_eq!(template.render(&values()), r#"{"n":"A1","a":{"t":100},"x":{},"e":60} {"#);
        assert!(template.has_lifetime());
        let template = parse("{time_expire} {out_refund_no} {refund} {openid}").unwrap();
        assert_eq!(template.render(&values()), "2026-05-28T20:27:40Z R1 25 o1");
    }

    #[test]
    fn variable_is_replaced_once_and_never_read_as_a_placeholder() {
        assert_eq!(parse("Bearer {env:TOKEN}").unwrap().render(&values()), "Bearer {total}");
        let missing = parse("{env:OTHER}").err().unwrap();
        assert_eq!(missing.to_string(), "field needs the environment variable OTHER: set it");
    }

    #[test]
    fn unknown_placeholder_is_named() {
        let unknown = parse("{amount}").err().unwrap().to_string();
        assert!(unknown.starts_with("field has the unknown placeholder {amount}: use one of"), "{unknown}");
    }
}
