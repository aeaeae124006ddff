//! A validated request to the interface.

use super::{field::whole_number, problem::Problem};
use crate::clock::Now;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};
use std::str::FromStr;
use wxpay_proto::{
    UnixTime,
    id::{InvalidField, MchId},
};

/// A request whose path, query and body passed validation.
pub(super) struct Call<'a> {
    pub(super) path: Fields,
    pub(super) query: Fields,
    pub(super) body: Fields,
    /// The body as received.
    pub(super) raw: &'a [u8],
    /// Origin of the request URL (`http://127.0.0.1:8080`), if the caller passed a whole URL.
    pub(super) base_url: Option<&'a str>,
    /// Both clocks.
    pub(super) now: Now,
    /// The real time.
    pub(super) real: UnixTime,
}

impl Call<'_> {
    /// Returns the merchant that the query selects.
    pub(super) fn mchid(&self) -> Result<Option<MchId>, Problem> {
        self.query.optional("mchid")
    }
}

/// Request target, split into origin, path and query.
pub(super) struct Target<'a> {
    pub(super) base_url: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

impl<'a> Target<'a> {
    /// Parses a path with its query, or a whole URL.
    pub(super) fn parse(target: &'a str) -> Self {
        let authority = target.find("://").map(|at| at.saturating_add(3));
        let path_at = authority.map(|at| {
            let after = target.get(at..).unwrap_or_default().find(['/', '?']);
            after.map_or(target.len(), |found| at.saturating_add(found))
        });
        let is_url = !target.starts_with('/');
        let (base_url, rest) = match path_at.filter(|_| is_url).and_then(|at| target.split_at_checked(at)) {
            Some((base_url, rest)) => (Some(base_url), rest),
            None => (None, target),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Self { base_url, path, query }
    }
}

impl Target<'_> {
    /// Returns the `Link` header of a page whose next page follows this cursor.
    pub(super) fn next_page(&self, cursor: &str) -> String {
        let is_after = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or_default();
            percent_decode_str(name).eq(b"after".iter().copied())
        };
        let others = self.query.split('&').filter(|pair| !pair.is_empty() && !is_after(pair));
        let after = format!("after={}", utf8_percent_encode(cursor, NON_ALPHANUMERIC));
        let query: Vec<&str> = others.chain([after.as_str()]).collect();
        format!("<{}{}?{}>; rel=\"next\"", self.base_url.unwrap_or_default(), self.path, query.join("&"))
    }
}

/// Values by name. Each satisfies the rule of its [`Field`](super::field::Field).
pub(super) struct Fields {
    members: Map<String, Value>,
    /// Names that were read. A test uses it to find declared fields that no route reads.
    #[cfg(test)]
    pub(super) read: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

impl Fields {
    pub(super) fn new(members: Map<String, Value>) -> Self {
        Self {
            members,
            #[cfg(test)]
            read: std::cell::RefCell::default(),
        }
    }

    /// Returns a value. Null counts as absent.
    fn get(&self, name: &str) -> Option<&Value> {
        #[cfg(test)]
        self.read.borrow_mut().insert(name.into());
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(whole_number)
    }

    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_bool)
    }

    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        let items = self.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(Value::as_str).collect()
    }

    /// Parses an optional string as an identifier of the protocol.
    pub(super) fn optional<T: FromStr<Err = InvalidField>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parse = |text: &str| {
            text.parse().map_err(|error: InvalidField| Problem::invalid_field(name, error.rule()))
        };
        self.text(name).map(parse).transpose()
    }

    /// Parses a required string as an identifier of the protocol.
    pub(super) fn required<T: FromStr<Err = InvalidField>>(&self, name: &str) -> Result<T, Problem> {
        self.optional(name)?.ok_or_else(|| Problem::missing_field(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_is_a_path_or_a_whole_url() {
        for (target, base_url, path, query) in [
            ("/_sim/v1/clock", None, "/_sim/v1/clock", ""),
            ("/_sim/v1/orders?mchid=1", None, "/_sim/v1/orders", "mchid=1"),
            ("http://a:1/_sim/v1/orders?to=http://b", Some("http://a:1"), "/_sim/v1/orders", "to=http://b"),
            ("/_sim/v1/orders?to=http://b/", None, "/_sim/v1/orders", "to=http://b/"),
            ("http://a", Some("http://a"), "", ""),
        ] {
            let parsed = Target::parse(target);
            assert_eq!((parsed.base_url, parsed.path, parsed.query), (base_url, path, query), "{target}");
        }
    }
}
