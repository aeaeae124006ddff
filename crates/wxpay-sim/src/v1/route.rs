//! Routing of APIv1 requests: scheme, path and query of the URL.

use crate::faults::Operation;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use wxpay_proto::http::{Method, Request};

/// The parts of a request that the gateway reads.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) method: Method,
    pub(crate) is_https: bool,
    path: &'a str,
    query: &'a str,
    pub(crate) body: &'a [u8],
}

impl<'a> Target<'a> {
    pub(crate) fn of(request: &'a Request) -> Self {
        let url = request.url();
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = authority.find('/').and_then(|index| authority.get(index..)).unwrap_or("/");
        Self {
            method: request.method(),
            is_https: scheme.eq_ignore_ascii_case("https"),
            path,
            query,
            body: request.body(),
        }
    }

    /// Returns the path as received.
    pub(crate) const fn path(&self) -> &'a str {
        self.path
    }

    /// Returns the operation at this path.
    pub(crate) fn operation(&self) -> Option<Operation> {
        operation(self.path)
    }

    /// Returns path and query without secrets: only `appid` and `grant_type` keep their values.
    pub(crate) fn without_secrets(&self) -> String {
        let shown = |pair: &str| match pair.split_once('=') {
            Some(("appid" | "grant_type", _)) => String::from(pair),
            Some((name @ ("access_token" | "secret"), _)) => format!("{name}=[secret]"),
            Some(_) | None => String::from("[other]"),
        };
        let pairs: Vec<String> = self.query.split('&').filter(|pair| !pair.is_empty()).map(shown).collect();
        if pairs.is_empty() { self.path.into() } else { format!("{}?{}", self.path, pairs.join("&")) }
    }

    /// Returns a query parameter that is present and not empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy())
            .filter(|value| !value.is_empty())
    }
}

/// Returns the operation at a path.
pub(super) fn operation(path: &str) -> Option<Operation> {
    match path {
        "/cgi-bin/token" => Some(Operation::Token),
        "/pay/genprepay" => Some(Operation::Genprepay),
        "/pay/orderquery" => Some(Operation::Orderquery),
        "/pay/delivernotify" => Some(Operation::Delivernotify),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_splits_a_url() {
        let request = Request::get("https://api.weixin.qq.com/cgi-bin/token?a=%2B1&b=&c=x#d".into());
        let target = Target::of(&request);
        assert!(target.is_https);
        assert_eq!(target.operation(), Some(Operation::Token));
        assert_eq!(target.parameter("a").as_deref(), Some("+1"));
        assert_eq!(target.parameter("b"), None);
        assert_eq!(target.parameter("c").as_deref(), Some("x"));
        assert_eq!(target.parameter("d"), None);
    }

    #[test]
    fn target_without_secrets_keeps_the_appid() {
        for (url, shown) in [
            ("http://h/t?grant_type=g&appid=wx1&secret=s3", "/t?grant_type=g&appid=wx1&secret=[secret]"),
            ("http://h/pay/genprepay?access_token=t", "/pay/genprepay?access_token=[secret]"),
            ("http://h/x?s3&paySignKey=s3", "/x?[other]&[other]"),
            ("http://h/x?", "/x"),
        ] {
            let request = Request::get(url.into());
            assert_eq!(Target::of(&request).without_secrets(), shown);
        }
    }

    #[test]
    fn target_of_an_odd_url_has_no_operation() {
        for url in ["", "?", "http://", "/cgi-bin", "http://h", "http://h/pay/genprepay/", "://///"] {
            let request = Request::get(url.into());
            assert_eq!(Target::of(&request).operation(), None, "{url}");
        }
    }
}
