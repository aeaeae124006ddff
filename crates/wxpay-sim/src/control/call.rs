//! A call of the interface as its route reads it: everything in it has been held to what the route declares.

use super::problem::Problem;
use serde_json::{Map, Value};
use std::str::FromStr;
use wxpay_proto::{
    UnixTime,
    id::{Invalid, MchId},
};

/// One call.
pub(super) struct Call<'a> {
    pub(super) path: Fields,
    pub(super) query: Fields,
    pub(super) body: Fields,
    /// The body as it came.
    pub(super) raw: &'a [u8],
    /// Where the interface was called, if the caller gave a whole URL: `http://127.0.0.1:8080`.
    pub(super) base: Option<&'a str>,
    pub(super) now: UnixTime,
    /// The real time.
    pub(super) real: UnixTime,
}

impl Call<'_> {
    /// The merchant that the query names.
    pub(super) fn mchid(&self) -> Result<Option<MchId>, Problem> {
        self.query.parsed("mchid")
    }
}

/// Where a request goes.
pub(super) struct Target<'a> {
    pub(super) base: Option<&'a str>,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

impl<'a> Target<'a> {
    /// Reads a path with its query, or a whole URL.
    pub(super) fn read(target: &'a str) -> Self {
        let authority = target.find("://").map(|at| at.saturating_add(3));
        let path_at = authority.map(|at| {
            let after = target.get(at..).unwrap_or_default().find(['/', '?']);
            after.map_or(target.len(), |found| at.saturating_add(found))
        });
        let is_url = !target.starts_with('/');
        let (base, rest) = match path_at.filter(|_| is_url).and_then(|at| target.split_at_checked(at)) {
            Some((base, rest)) => (Some(base), rest),
            None => (None, target),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Self { base, path, query }
    }
}

/// Values by name, each as its [`Field`](super::field::Field) has it.
pub(super) struct Fields {
    members: Map<String, Value>,
    /// What was looked at: a declared field that nobody reads is a mistake.
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

    /// A value that was said; null says nothing.
    fn said(&self, name: &str) -> Option<&Value> {
        #[cfg(test)]
        self.read.borrow_mut().insert(name.into());
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.said(name).and_then(Value::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.said(name).and_then(Value::as_u64)
    }

    pub(super) fn truth(&self, name: &str) -> Option<bool> {
        self.said(name).and_then(Value::as_bool)
    }

    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        let items = self.said(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(Value::as_str).collect()
    }

    /// A text as one of the protocol's names.
    pub(super) fn parsed<T: FromStr<Err = Invalid>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parse = |text: &str| text.parse().map_err(|error: Invalid| Problem::field(name, error.rule()));
        self.text(name).map(parse).transpose()
    }

    /// The same of one that must be there.
    pub(super) fn named<T: FromStr<Err = Invalid>>(&self, name: &str) -> Result<T, Problem> {
        self.parsed(name)?.ok_or_else(|| Problem::missing_field(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_path_or_a_whole_url() {
        for (target, base, path, query) in [
            ("/_sim/v1/clock", None, "/_sim/v1/clock", ""),
            ("/_sim/v1/orders?mchid=1", None, "/_sim/v1/orders", "mchid=1"),
            ("http://a:1/_sim/v1/orders?to=http://b", Some("http://a:1"), "/_sim/v1/orders", "to=http://b"),
            ("/_sim/v1/orders?to=http://b/", None, "/_sim/v1/orders", "to=http://b/"),
            ("http://a", Some("http://a"), "", ""),
        ] {
            let read = Target::read(target);
            assert_eq!((read.base, read.path, read.query), (base, path, query), "{target}");
        }
    }
}
