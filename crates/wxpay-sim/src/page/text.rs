//! Texts of the page: amounts, times, bytes, queries, and shell quoting.

use crate::time;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::{fmt::Write as _, net::IpAddr};
use wxpay_explain::is_invisible;
use wxpay_proto::{Fen, UnixTime};

/// Returns an amount in yuan.
pub(super) fn yuan(fen: Fen) -> String {
    let (yuan, rest) = (fen.get().checked_div(100), fen.get().checked_rem(100));
    format!("¥{}.{:02}", yuan.unwrap_or_default(), rest.unwrap_or_default())
}

/// Returns a time of the business clock, in Beijing.
pub(super) fn moment(seconds: u64) -> String {
    time::bill_time(UnixTime::from_secs(seconds))
}

/// Encodes a value of a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Returns a value of a query or of a form. `+` is a blank.
pub(super) fn value(pairs: &str, name: &str) -> Option<String> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    pairs
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(known, _)| decoded(known) == name)
        .map(|(_, value)| decoded(value))
}

/// Returns whether a base URL leads to the visitor's own computer only.
pub(super) fn is_loopback(base_url: &str) -> bool {
    let authority = base_url.split_once("://").map_or(base_url, |(_, authority)| authority);
    let host = authority
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(authority, |(host, _)| host);
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Quotes bytes as one word of bash: plain in single quotes if they are printable, otherwise with escapes.
pub(super) fn quoted(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(is_invisible) => format!("'{}'", text.replace('\'', r"'\''")),
        Ok(_) | Err(_) => {
            let mut out = String::from("$'");
            for byte in bytes {
                match byte {
                    b'\'' | b'\\' => {
                        out.push('\\');
                        out.push(char::from(*byte));
                    }
                    b' '..=b'~' => out.push(char::from(*byte)),
                    byte => {
                        write!(out, "\\x{byte:02x}").ok();
                    }
                }
            }
            out.push('\'');
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_times_are_shown_in_yuan_and_in_beijing() {
        assert_eq!(yuan(Fen::new(1999)), "¥19.99");
        assert_eq!(yuan(Fen::new(5)), "¥0.05");
        assert_eq!(moment(0), "1970-01-01 08:00:00");
    }

    #[test]
    fn base_urls_of_this_computer_are_known() {
        for own in [
            "http://127.0.0.1:8080",
            "https://localhost:1",
            "http://LOCALHOST",
            "http://[::1]:80",
            "http://[::1]",
        ] {
            assert!(is_loopback(own), "{own}");
        }
        for other in [
            "http://192.0.2.7:80",
            "https://sim.internal",
            "http://[2001:db8::1]:80",
            "http://localhost.example",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn values_are_decoded() {
        assert_eq!(
            value("a=1&code=weixin%3A%2F%2Fx%3Fpr%3D1+2", "code").as_deref(),
            Some("weixin://x?pr=1 2")
        );
        assert_eq!(value("a=%ff&b", "a").as_deref(), Some("\u{fffd}"));
        assert_eq!((value("a&b", "b").as_deref(), value("", "x")), (Some(""), None));
    }

    #[test]
    fn bash_reads_the_quoted_bytes() {
        for bytes in [&b"it's $HOME `x`"[..], "支付\n{\"a\": 1}".as_bytes(), b"\\ \x01\xff'\x1b"] {
            let script = format!("printf %s {}", quoted(bytes));
            let shell = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(shell.stdout, bytes, "{script}");
        }
    }
}
