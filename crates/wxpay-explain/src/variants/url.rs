//! Changes of method and URL.

use super::Part;
use crate::{
    cause::CauseId,
    draft::{Change, Url, Variant},
};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const HOSTS: [&str; 3] = ["api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "api.wechatpay.cn"];

/// The characters that `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
/// RFC 3986: all but the unreserved characters.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// `application/x-www-form-urlencoded`, except for the space.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');
/// Only the characters that a query cannot hold.
const LENIENT: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'&').add(b'%').add(b'+');

/// Returns the changes of the method.
pub(crate) fn methods(method: &str) -> Part {
    let lower = method.to_ascii_lowercase();
    let capital: String = method.chars().take(1).chain(lower.chars().skip(1)).collect();
    let mut part = vec![Variant::common(CauseId::MethodCase, Change::First(lower))];
    part.push(Variant::rare(CauseId::MethodCase, Change::First(capital)));
    let others = ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().filter(|other| *other != method);
    part.extend(others.map(|other| Variant::rare(CauseId::MethodDiffers, Change::First(other.into()))));
    part
}

/// Returns the changes of the host: none must be signed. `own` are those that are known from the URL, the headers or the
/// explainer, with their ports.
pub(crate) fn hosts(own: &[String]) -> Part {
    let mut part = Part::new();
    let mut add = |host: String, is_common| {
        part.push(Variant { cause: CauseId::HostInUrl, change: Change::Host(host), is_common });
    };
    let others = HOSTS.into_iter().filter(|host| own.iter().all(|own| own != host));
    for (index, host) in own.iter().map(String::as_str).chain(others).enumerate() {
        for scheme in ["https://", "http://", "", "//"] {
            let is_common = index == 0 && scheme != "//" || index == 1 && scheme == "https://";
            add(format!("{scheme}{host}"), is_common);
        }
    }
    for host in own {
        let without_port = host.rsplit_once(':').map(|(name, _)| name);
        for (scheme, default) in [("https://", "443"), ("http://", "80"), ("", "443")] {
            let other = without_port.map_or_else(|| format!("{host}:{default}"), String::from);
            add(format!("{scheme}{other}"), false);
        }
    }
    part
}

/// Returns the changes of the path.
pub(crate) fn paths(path: &str) -> Part {
    let mut part = Part::new();
    part.push(match path.strip_suffix('/') {
        Some(without) => Variant::common(CauseId::TrailingSlash, Change::Path(without.into())),
        None => Variant::common(CauseId::TrailingSlash, Change::Path(format!("{path}/"))),
    });
    let mut add = |cause, changed: String| {
        if changed != path {
            part.push(Variant::rare(cause, Change::Path(changed)));
        }
    };
    for prefix in ["/v3", "/v3/pay", "/"] {
        if let Some(rest) = path.strip_prefix(prefix) {
            add(CauseId::PathPrefix, rest.into());
        }
    }
    add(CauseId::PathPrefix, format!("/v3{path}"));
    // A base URL with a slash at its end.
    add(CauseId::PathPrefix, format!("/{path}"));
    let decoded = decoded(path);
    let by_part = |set| -> Vec<String> {
        decoded.split('/').map(|part| utf8_percent_encode(part, set).to_string()).collect()
    };
    let (encoded, component) = (by_part(STRICT), by_part(COMPONENT));
    add(CauseId::PathEncoding, encoded.join("/"));
    if component != encoded {
        add(CauseId::PathEncoding, component.join("/"));
    }
    add(CauseId::PathEncoding, path.replace('%', "%25"));
    add(CauseId::PathEncoding, decoded);
    part
}

/// Decodes the `%` escapes of a text.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Returns the changes of the query.
pub(crate) fn queries(query: Option<&str>) -> Part {
    let mut part = Vec::new();
    let Some(query) = query else {
        part.push(Variant::rare(CauseId::QueryMissing, Change::Query(Some(String::new()))));
        return part;
    };
    part.push(Variant::common(CauseId::QueryMissing, Change::Query(None)));
    let mut seen = vec![query.to_owned()];
    let mut add = |cause, changed: String, is_common| {
        if !seen.contains(&changed) {
            seen.push(changed.clone());
            part.push(Variant { cause, change: Change::Query(Some(changed)), is_common });
        }
    };
    let pairs: Vec<&str> = query.split('&').collect();
    for (index, order) in orders(&pairs).into_iter().enumerate() {
        add(CauseId::QueryReordered, order.join("&"), index < 2 || pairs.len() <= 3);
    }
    // `%25XX` on the wire: the query was encoded twice when it was sent.
    let once = decoded(query);
    let cause = if is_encoded_twice(query) { CauseId::QueryDoubleEncoded } else { CauseId::QueryDecoded };
    add(cause, once, true);
    add(CauseId::QueryDecoded, decoded(&query.replace('+', " ")), true);
    add(CauseId::QueryDoubleEncoded, query.replace('%', "%25"), true);
    // Of a query without escapes, this is the first encoding.
    let cause = if query.contains('%') { CauseId::QueryDoubleEncoded } else { CauseId::QueryReencoded };
    add(cause, by_value(query, |value| utf8_percent_encode(value, STRICT).to_string()), true);
    add(CauseId::QueryMissing, String::new(), false);
    for set in [COMPONENT, STRICT, LENIENT] {
        let changed = by_value(query, |value| utf8_percent_encode(&decoded(value), set).to_string());
        add(CauseId::QueryReencoded, changed.clone(), false);
        add(CauseId::QueryReencoded, with_lower_escapes(&changed), false);
    }
    let form = |value: &str| utf8_percent_encode(&decoded(value), FORM).to_string().replace(' ', "+");
    add(CauseId::QueryReencoded, by_value(query, form), false);
    add(CauseId::QueryReencoded, query.replace("%20", "+"), false);
    add(CauseId::QueryReencoded, query.replace('+', "%20"), false);
    add(CauseId::QueryReencoded, with_lower_escapes(query), false);
    for dropped in 0..pairs.len().min(8) {
        let rest = pairs.iter().enumerate().filter(|(index, _)| *index != dropped).map(|(_, pair)| *pair);
        add(CauseId::QueryMissing, rest.collect::<Vec<_>>().join("&"), false);
    }
    part
}

/// Returns the orders to try: sorted, reversed, then all others of at most four parameters.
fn orders<'a>(pairs: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    let reversed = pairs.iter().rev().copied().collect();
    let descending = sorted.iter().rev().copied().collect();
    let mut all = vec![sorted, reversed, descending];
    if (3..=4).contains(&pairs.len()) {
        all.extend(permutations(pairs));
    }
    all
}

/// Returns the orders of five and six parameters, and those of more that a rotation or one exchange makes.
pub(crate) fn more_orders(query: Option<&str>) -> Vec<Variant> {
    let pairs: Vec<&str> = query.unwrap_or_default().split('&').collect();
    let orders = match pairs.len() {
        5..=6 => permutations(&pairs),
        7..=12 => exchanged(&pairs),
        _ => Vec::new(),
    };
    let change = |order: Vec<&str>| Change::Query(Some(order.join("&")));
    orders.into_iter().map(|order| Variant::rare(CauseId::QueryReordered, change(order))).collect()
}

fn exchanged<'a>(pairs: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut all = Vec::new();
    for one in 0..pairs.len() {
        let mut rotated = pairs.to_vec();
        rotated.rotate_left(one);
        all.push(rotated);
        for other in one.saturating_add(1)..pairs.len() {
            let mut exchanged = pairs.to_vec();
            exchanged.swap(one, other);
            all.push(exchanged);
        }
    }
    all
}

/// Returns whether a query has `%25XX`: it was encoded twice.
pub(crate) fn is_encoded_twice(query: &str) -> bool {
    let once = decoded(query);
    decoded(&once) != once
}

fn permutations<'a>(pairs: &[&'a str]) -> Vec<Vec<&'a str>> {
    if pairs.len() <= 1 {
        return vec![pairs.to_vec()];
    }
    let mut all = Vec::new();
    for first in 0..pairs.len() {
        let mut rest = pairs.to_vec();
        let first = rest.remove(first);
        all.extend(permutations(&rest).into_iter().map(|mut order| {
            order.insert(0, first);
            order
        }));
    }
    all
}

/// Changes the value of each parameter.
fn by_value(query: &str, change: impl Fn(&str) -> String) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}", change(value)),
        None => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Returns a query with the digits of its `%XX` in lower case.
fn with_lower_escapes(query: &str) -> String {
    let mut digits = 0_u8;
    query
        .chars()
        .map(|letter| {
            if letter == '%' {
                digits = 2;
                return letter;
            }
            let is_digit = digits > 0;
            digits = digits.saturating_sub(1);
            if is_digit { letter.to_ascii_lowercase() } else { letter }
        })
        .collect()
}

/// Splits a URL into its host, if it is absolute, and the parts that are sent. The fragment is not sent.
pub(crate) fn split(url: &str) -> (Option<&str>, Url<'_>) {
    let url = url.split('#').next().unwrap_or_default().trim();
    let (host, target) = match url.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (host, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
            (Some(host), target)
        }
        Some(_) | None => (None, url),
    };
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    (host, Url { host: "", path: if path.is_empty() { "/" } else { path }, query })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(query: &str, signed: &str) -> Option<CauseId> {
        let change = queries(Some(query))
            .into_iter()
            .find(|variant| matches!(&variant.change, Change::Query(Some(changed)) if changed == signed));
        change.map(|variant| variant.cause)
    }

    #[test]
    fn queries_are_changed_as_broken_programs_change_them() {
        assert_eq!(found("b=1&a=2", "a=2&b=1"), Some(CauseId::QueryReordered));
        assert_eq!(more_orders(Some("a=1&b=2&c=3&d=4&e=5")).len(), 120);
        assert_eq!(more_orders(Some("a&b&c&d&e&f&g")).len(), 7 + 21);
        assert_eq!(found("a=%E6%94%AF", "a=支"), Some(CauseId::QueryDecoded));
        assert_eq!(found("a=x%3Dy", "a=x%253Dy"), Some(CauseId::QueryDoubleEncoded));
        assert_eq!(found("a=x%253Dy", "a=x%3Dy"), Some(CauseId::QueryDoubleEncoded));
        assert_eq!(found("a=x%3Dy", "a=x%3dy"), Some(CauseId::QueryReencoded));
        assert_eq!(
            found("a=2020-01-01T00:00:00+08:00", "a=2020-01-01T00%3A00%3A00%2B08%3A00"),
            Some(CauseId::QueryReencoded)
        );
        assert_eq!(found("a=it's", "a=it%27s"), Some(CauseId::QueryReencoded));
        assert_eq!(found("a=x%20y", "a=x+y"), Some(CauseId::QueryReencoded));
        assert_eq!(found("a=1&b=2", "a=1"), Some(CauseId::QueryMissing));
    }

    #[test]
    fn paths_are_encoded_as_programs_encode_them() {
        let signed: Vec<Change> = paths("/v3/A|1*2").into_iter().map(|variant| variant.change).collect();
        let has =
            |path: &str| signed.iter().any(|change| matches!(change, Change::Path(other) if other == path));
        assert!(has("/v3/A%7C1*2") && has("/v3/A%7C1%2A2"));
    }

    #[test]
    fn urls_are_split() {
        let parts = |url| {
            let (host, Url { path, query, .. }) = split(url);
            (host, path, query)
        };
        assert_eq!(parts("https://h:1/p?q#f"), (Some("h:1"), "/p", Some("q")));
        assert_eq!(parts("https://h?q"), (Some("h"), "/", Some("q")));
        assert_eq!(parts("/p?u=http://x"), (None, "/p", Some("u=http://x")));
        assert_eq!(parts(""), (None, "/", None));
    }
}
