//! The body of the fuzz target `server_request`. It is here because the parsers are private; it exists in tests and under
//! the fuzzer only.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a property fails by panicking"
)]

use crate::{
    api::{
        cursor::{Cursor, List},
        operation::{CreateOrder, Operation},
        parse::parse,
        problem::Problem,
    },
    channels::Terms,
    settings::Sources,
    webhooks::target::{Policy, TargetUrl},
};
use hyper::{Request, http::request::Parts};
use serde_json::Value;

/// Every list.
const LISTS: [List; 9] = [
    List::Orders,
    List::Refunds,
    List::Events,
    List::Endpoints,
    List::Attempts,
    List::Cases,
    List::Merchants,
    List::ApiKeys,
    List::Audit,
];

/// The word by which the corpus marks values that no error may repeat.
const PLANTED: &str = "PLANTED";

/// Checks data as a request: its first line is the method and the target, the lines up to an empty one are headers, and
/// the rest is the body. The body is also checked as a cursor, as the URL of a webhook, as stored terms, and as a file of
/// settings.
pub fn server_request(data: &[u8]) {
    let (parts, body) = split(data);
    if let Some(parts) = parts {
        request(&parts, body);
    }
    if let Ok(text) = std::str::from_utf8(body) {
        let text = text.strip_suffix('\n').unwrap_or(text);
        cursor(text);
        webhook_url(text);
        stored_terms(text);
        settings(text);
    }
}

/// Splits data into the head of a request, if it is one, and the body.
fn split(data: &[u8]) -> (Option<Parts>, &[u8]) {
    let (line, mut rest) = next_line(data);
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Request::builder().method(method).uri(target);
    loop {
        let (line, after) = next_line(rest);
        rest = after;
        if line.is_empty() {
            break;
        }
        let mut field = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (field.next().unwrap_or_default(), field.next().unwrap_or_default());
        request = request.header(name, value.trim_ascii());
    }
    (request.body(()).ok().map(|request| request.into_parts().0), rest)
}

fn next_line(data: &[u8]) -> (&[u8], &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    (lines.next().unwrap_or_default(), lines.next().unwrap_or_default())
}

/// Checks that a request is accepted with what an independent reading of it finds, or is a problem.
fn request(parts: &Parts, body: &[u8]) {
    match parse(parts, body) {
        Ok((operation, info)) => {
            if let Some(idempotency) = info.idempotency {
                let sent = parts.headers.get("idempotency-key").unwrap();
                assert_eq!(sent.as_bytes(), idempotency.key.as_bytes());
            }
            if let Operation::CreateOrder(order) = operation {
                new_order(order, &serde_json::from_slice(body).unwrap());
            }
        }
        Err(found) => problem(&found, parts, body),
    }
}

/// Checks an order that was accepted, and its terms: they are refused with a field, or are those of the request.
fn new_order(order: CreateOrder, json: &Value) {
    assert_eq!(json["out_trade_no"].as_str(), Some(order.out_trade_no.as_str()));
    assert!(order.terms.keys().chain(order.metadata.keys()).all(|name| {
        let sent = if order.terms.contains_key(name) { json } else { &json["metadata"] };
        sent.get(name).is_some()
    }));
    match Terms::parse(order.terms) {
        Ok(terms) => {
            assert_eq!(json["amount"]["total"].as_u64(), Some(terms.amount.total.get()));
            assert_eq!(json["description"].as_str(), Some(&*terms.description));
            assert_eq!(json["channel"].as_str().map(str::parse), Some(Ok(terms.channel)));
            restored(&terms);
        }
        Err(invalid) => assert!(!invalid.field().is_empty()),
    }
}

/// Checks that terms are the same after they were stored.
fn restored(terms: &Terms) {
    let read = Terms::from_json(&terms.to_json().unwrap()).unwrap();
    assert_eq!(read, *terms);
    assert_eq!(read.digest().unwrap(), terms.digest().unwrap());
    assert_eq!(read.difference(terms), None);
}

/// Checks that a problem has a status of the interface, names its field, is short, and repeats no value.
fn problem(problem: &Problem, parts: &Parts, body: &[u8]) {
    let json: Value = serde_json::from_slice(&problem.to_json()).unwrap();
    let status = problem.status().as_u16();
    assert_eq!(json["status"].as_u64(), Some(status.into()));
    match status {
        400 | 413 | 415 | 422 => assert!(problem.field().is_some_and(|field| !field.is_empty()), "{json}"),
        404 | 405 => {}
        _ => panic!("an undeclared status: {json}"),
    }
    let text = json.to_string();
    assert!(!text.chars().any(char::is_control) && text.len() < 1024, "{text}");
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_name = names(&sent).any(|name| name.contains(PLANTED)) || parts.uri.to_string().contains(PLANTED);
    assert!(is_name || !text.contains(PLANTED), "{text}");
}

/// Yields the names of all members of all objects in a value.
fn names(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::Object(members) => {
            Box::new(members.iter().flat_map(|(name, value)| names(value).chain([name.as_str()])))
        }
        Value::Array(items) => Box::new(items.iter().flat_map(names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Box::new(std::iter::empty()),
    }
}

/// Checks that a text is a cursor of one list at most, and the one that this list renders.
fn cursor(text: &str) {
    let mut accepting = 0_u32;
    for list in LISTS {
        if let Ok(cursor) = Cursor::decode(list, text) {
            let position: Value = cursor.position().unwrap();
            assert_eq!(Cursor::encode(list, &position), text);
            accepting = accepting.saturating_add(1);
        }
    }
    assert!(accepting <= 1, "a cursor of two lists");
}

/// Checks that an accepted URL leads to where it seems to lead, and that its secret parts are not printed.
fn webhook_url(text: &str) {
    for allow_http in [false, true] {
        let policy = Policy { allow_http, ..Policy::default() };
        let target = match TargetUrl::parse(text, &policy) {
            Ok(target) => target,
            Err(error) => {
                assert!(!error.to_string().contains(PLANTED));
                continue;
            }
        };
        let uri = target.uri();
        assert!(uri.scheme_str() == Some("https") || (allow_http && uri.scheme_str() == Some("http")));
        let authority = uri.authority().unwrap().as_str();
        assert!(text.get(..8).is_some_and(|start| start.contains("://")) && text.contains(authority));
        assert!(!authority.contains(['@', '/', '\\', '#', '?']));
        let host = uri.host().unwrap().trim_matches(['[', ']']);
        if let Ok(address) = host.parse() {
            assert_eq!(policy.check(address), Ok(()));
        }
        assert_eq!(target.to_string(), format!("{}://{authority}", uri.scheme_str().unwrap()));
    }
}

/// Checks stored terms: they are refused with a field, or are the same when they are stored again.
fn stored_terms(text: &str) {
    match Terms::from_json(text) {
        Ok(terms) => restored(&terms),
        Err(invalid) => {
            let sent: Value = serde_json::from_str(text).unwrap_or_default();
            let is_name = names(&sent).any(|name| name.contains(PLANTED));
            assert!(is_name || !invalid.to_string().contains(PLANTED), "{invalid}");
        }
    }
}

/// Checks a file of settings: its errors repeat no value. Settings that name a file are left out, so that the fuzzer reads
/// none.
fn settings(text: &str) {
    if text.contains("_file") || text.contains('\\') {
        return;
    }
    let names_planted = text.parse::<toml::Table>().is_ok_and(|table| {
        let json = serde_json::to_value(table).unwrap_or_default();
        names(&json).any(|name| name.contains(PLANTED))
    });
    if let Err(error) = Sources::default().file(text).check() {
        assert!(!error.settings().is_empty());
        assert!(names_planted || !error.to_string().contains(PLANTED), "{error}");
    }
}

#[cfg(test)]
#[allow(clippy::print_stdout, reason = "a test; its output is shown when it fails")]
mod tests {
    use std::{fs, path::PathBuf};

    fn corpus() -> Vec<PathBuf> {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/server_request");
        fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn every_corpus_file_passes() {
        let files = corpus();
        assert!(!files.is_empty());
        for file in files {
            println!("{}", file.display());
            super::server_request(&fs::read(file).unwrap());
        }
    }

    #[test]
    fn the_corpus_reaches_every_parser() {
        let (mut orders, mut cursors, mut urls, mut terms, mut settings) = (0, 0, 0, 0, 0);
        for file in corpus() {
            let data = fs::read(file).unwrap();
            let (parts, body) = super::split(&data);
            let parsed = parts.and_then(|parts| super::parse(&parts, body).ok());
            orders += u32::from(matches!(parsed, Some((super::Operation::CreateOrder(_), _))));
            let text = String::from_utf8_lossy(body);
            let text = text.trim_end();
            cursors += u32::from(super::LISTS.iter().any(|list| super::Cursor::decode(*list, text).is_ok()));
            urls += u32::from(super::TargetUrl::parse(text, &super::Policy::default()).is_ok());
            terms += u32::from(super::Terms::from_json(text).is_ok());
            settings += u32::from(super::Sources::default().file(text).check().is_ok());
        }
        assert!([orders, cursors, urls, terms, settings].iter().all(|count| *count > 0));
    }
}
