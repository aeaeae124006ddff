//! Commands on the payment server's ledger: thin front ends of its API, carried out in this process.

pub(crate) mod api_keys;
pub(crate) mod merchants;
pub(crate) mod schema;
mod table;
pub(crate) mod upkeep;
pub(crate) mod webhooks;

use crate::{Failure, args, failure::Kind, output, serve::start_failure, server_settings};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use wxpay_server::{Console, Reply, Settings};

/// The largest page of the API.
const MAX_PAGE: usize = 200;

/// An open ledger, and the format of results.
pub(crate) struct Session {
    console: Console,
    pub(crate) in_json: bool,
}

impl Session {
    /// Opens the ledger. A file that does not exist is created.
    pub(crate) async fn open(args: &args::Ledger) -> Result<Self, Failure> {
        let console = Console::open(settings(args)?).await.map_err(|error| start_failure(&error))?;
        Ok(Self { console, in_json: args.json })
    }

    /// Opens the ledger, which must exist.
    pub(crate) async fn open_existing(args: &args::Ledger) -> Result<Self, Failure> {
        let console = Console::open_existing(settings(args)?).await.map_err(|error| start_failure(&error))?;
        Ok(Self { console, in_json: args.json })
    }

    pub(crate) fn console(&self) -> &Console {
        &self.console
    }

    /// Closes the ledger, and returns the result of the command.
    pub(crate) async fn close<T>(self, result: Result<T, Failure>) -> Result<T, Failure> {
        self.console.close().await;
        result
    }

    /// Carries out a request of the API.
    pub(crate) async fn request(
        &self,
        method: &str,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let Reply { status, body, .. } = Box::pin(self.console.request(method, path_and_query, body)).await;
        if (200..300).contains(&status) { Ok(body) } else { Err(problem(status, &body)) }
    }

    /// Carries out a request, and shows the object that it returns.
    pub(crate) async fn show(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(), Failure> {
        let object = self.request(method, path, body).await?;
        self.print(&object)
    }

    /// Shows an object: a line of JSON, or a line for each member.
    pub(crate) fn print(&self, object: &Value) -> Result<(), Failure> {
        if self.in_json { output::json(object) } else { output::bytes(table::object(object).as_bytes()) }
    }

    /// Carries out a request. Its result has a secret, which is shown this once: in text, the secret alone is on
    /// standard output, and `note` on standard error.
    pub(crate) fn print_secret(&self, object: &Value, secret: &str, note: &str) -> Result<(), Failure> {
        if self.in_json {
            return output::json(object);
        }
        output::note(note);
        output::line(object.get(secret).and_then(Value::as_str).unwrap_or_default())
    }

    /// Lists up to `limit` objects with these columns, page by page.
    pub(crate) async fn list(
        &self,
        path: &str,
        filters: &[(&str, Option<&str>)],
        columns: &[&str],
        limit: u32,
    ) -> Result<(), Failure> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut rows: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        let has_more = loop {
            let page = limit.saturating_sub(rows.len()).min(MAX_PAGE);
            let page_size = page.to_string();
            let paging = [("limit", Some(page_size.as_str())), ("cursor", cursor.as_deref())];
            let query = query(filters.iter().copied().chain(paging));
            let mut list = self.request("GET", &format!("{path}?{query}"), None).await?;
            let data = list.get_mut("data").map(Value::take).unwrap_or_default();
            rows.extend(data.as_array().cloned().unwrap_or_default());
            cursor = list.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            let has_more = list.get("has_more") == Some(&json!(true)) && cursor.is_some();
            if !has_more || rows.len() >= limit {
                break has_more;
            }
        };
        if self.in_json {
            return output::json(&json!({ "data": rows, "has_more": has_more }));
        }
        output::bytes(table::list(&rows, columns).as_bytes())?;
        if has_more {
            output::note(format_args!("there are more than {limit} rows: set --limit"));
        }
        Ok(())
    }
}

fn settings(args: &args::Ledger) -> Result<Settings, Failure> {
    let settings = server_settings::of_ledger(&args.sources)?;
    for warning in settings.warnings() {
        output::note(format_args!("warning: {warning}"));
    }
    Ok(settings)
}

/// Returns the failure of a request, with field, rule and remedy, by the fate of the request to WeChat Pay.
fn problem(status: u16, problem: &Value) -> Failure {
    let text = |name: &str| problem.get(name).and_then(Value::as_str);
    let kind = match (text("fate"), status) {
        (Some("unknown"), _) => Kind::Unknown,
        (Some("refused"), _) => Kind::Refused,
        (Some("not_sent"), _) => Kind::NotSent,
        (_, 400..=499) => Kind::Usage,
        _ => Kind::Failed,
    };
    let message =
        text("detail").or_else(|| text("title")).map_or_else(|| format!("status {status}"), str::to_owned);
    let detail = |name: &'static str| (name, problem.get(name).cloned());
    Failure::new(kind, message).with(["code", "field", "rule", "refusal", "wechat_request_id"].map(detail))
}

/// Returns a query of those values that are given, percent-encoded.
fn query<'a>(values: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let pairs = values.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value?))));
    pairs.collect::<Vec<_>>().join("&")
}

/// Percent-encodes a text for a path segment or a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _written = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Returns an object of the members that are given.
pub(crate) fn members(given: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_the_values_that_are_given_percent_encoded() {
        let query = query([("limit", Some("5")), ("cursor", None), ("subject", Some("refund:shop:R 1&é"))]);
        assert_eq!(query, "limit=5&subject=refund%3Ashop%3AR%201%26%C3%A9");
    }

    #[test]
    fn a_problem_fails_with_field_and_rule_by_the_fate_of_its_request() {
        let of = |status, body: Value| problem(status, &body).json();
        let invalid =
            of(422, json!({"detail": "url must be https", "field": "url", "rule": "must be https"}));
        assert_eq!((&invalid["exit_status"], &invalid["field"]), (&json!(2), &json!("url")));
        assert_eq!(of(422, json!({"fate": "refused"}))["exit_status"], 4);
        assert_eq!(of(503, json!({"fate": "not_sent"}))["exit_status"], 3);
        assert_eq!(of(504, json!({"fate": "unknown"}))["exit_status"], 5);
        assert_eq!(of(503, json!(null))["error"], "status 503");
        assert_eq!(of(503, json!(null))["exit_status"], 1);
    }
}
