//! The header `Authorization`, and the message that its signature covers.

use crate::gateway::target;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use wxpay_proto::http::Request;

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// The parsed header. Nothing is verified yet.
pub(super) struct Authorization<'a> {
    pub(super) mchid: &'a str,
    pub(super) serial_no: &'a str,
    pub(super) timestamp: u64,
    pub(super) nonce_str: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Parses the header. Each name must occur once. Quotes around the values and spaces around the commas are
    /// optional.
    pub(super) fn parse(header: &'a str) -> Option<Self> {
        let rest = header.strip_prefix(SCHEME)?.strip_prefix(' ')?;
        let mut values: Vec<(&str, &str)> = Vec::with_capacity(5);
        for pair in rest.split(',') {
            let (name, value) = pair.trim_matches(' ').split_once('=')?;
            let unquoted = value.strip_prefix('"').map_or(Some(value), |value| value.strip_suffix('"'))?;
            if unquoted.contains('"') || values.iter().any(|(other, _)| *other == name) {
                return None;
            }
            values.push((name, unquoted));
        }
        let take = |name: &str| {
            values.iter().find(|(other, value)| *other == name && !value.is_empty()).map(|(_, value)| *value)
        };
        let digits = take("timestamp")?;
        Some(Self {
            mchid: take("mchid")?,
            serial_no: take("serial_no")?,
            timestamp: digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??,
            nonce_str: take("nonce_str")?,
            signature: take("signature")?,
        })
    }

    /// Returns the bytes of the signature; empty if it is not Base64.
    pub(super) fn signature(&self) -> Vec<u8> {
        STANDARD.decode(self.signature).unwrap_or_default()
    }

    /// Returns the message that is signed: method, target, timestamp, nonce and body, each followed by a line feed.
    pub(super) fn message(&self, request: &Request, body: &[u8]) -> Vec<u8> {
        let mut message = format!(
            "{}\n{}\n{}\n{}\n",
            request.method().as_str(),
            target(request),
            self.timestamp,
            self.nonce_str
        )
        .into_bytes();
        message.extend_from_slice(body);
        message.push(b'\n');
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorization_values_are_parsed_in_any_order_and_quoting() {
        let one = r#"WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="n",signature="a+/=",timestamp="5",serial_no="AB""#;
        let two = "WECHATPAY2-SHA256-RSA2048 serial_no=AB, timestamp=5,signature=a+/=, nonce_str=n,mchid=1";
        for header in [one, two] {
            let parsed = Authorization::parse(header).unwrap();
            assert_eq!((parsed.mchid, parsed.serial_no, parsed.timestamp), ("1", "AB", 5));
            assert_eq!((parsed.nonce_str, parsed.signature), ("n", "a+/="));
        }
    }

    #[test]
    fn authorization_that_is_malformed_is_rejected() {
        for header in [
            "",
            "Bearer x",
            "WECHATPAY2-SHA256-RSA2048",
            r#"WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="n",signature="s",timestamp="5""#,
            r#"WECHATPAY2-SHA256-RSA2048 mchid="",nonce_str="n",signature="s",timestamp="5",serial_no="A""#,
            r#"WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="n",signature="s",timestamp="+5",serial_no="A""#,
            r#"WECHATPAY2-SHA256-RSA2048 mchid="1,nonce_str="n",signature="s",timestamp="5",serial_no="A""#,
            r#"WECHATPAY2-SHA256-RSA2048 mchid="1",mchid="1",nonce_str="n",signature="s",timestamp="5",serial_no="A""#,
        ] {
            assert!(Authorization::parse(header).is_none(), "{header}");
        }
    }
}
