//! The body of the fuzz target `server_request`. It is here because the parsers are private; it exists in tests and under
//! the fuzzer only.
#![allow(clippy::indexing_slicing, reason = "a fuzz body fails by panicking")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a property fails by panicking"
)]

use super::{
    fields::Fields,
    orders::{report, terms},
};
use crate::problem::Problem;
use serde_json::Value;
use wxpay_proto::wire::{charset::Charset, time::parse_rfc3339};

/// Checks a body as the request of an order and as the report of a delivery: whatever is accepted has the value that an
/// independent reading of the JSON finds, and no problem repeats what was sent.
pub fn server_request(data: &[u8]) {
    let fields = match Fields::parse(data) {
        Ok(fields) => fields,
        Err(problem) => return check_problem(&problem, data),
    };
    let json: Value = serde_json::from_slice(data).unwrap();
    let members = json.as_object().unwrap();
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    match terms(fields) {
        Ok(terms) => {
            let known = [
                "out_trade_no",
                "total_fee",
                "body",
                "spbill_create_ip",
                "attach",
                "traceid",
                "time_expire",
                "charset",
            ];
            assert!(
                members.keys().all(|name| known.contains(&name.as_str())),
                "an unknown field was accepted"
            );
            assert_eq!(text("out_trade_no"), Some(terms.out_trade_no.as_str()));
            assert_eq!(members.get("total_fee").and_then(Value::as_u64), Some(terms.total_fee.get()));
            assert_eq!(text("body"), Some(terms.body.as_str()));
            assert_eq!(text("spbill_create_ip"), Some(terms.spbill_create_ip.to_string().as_str()));
            assert_eq!(text("attach").filter(|attach| !attach.is_empty()), terms.attach.as_deref());
            assert_eq!(text("traceid"), terms.traceid.as_deref());
            let time = text("time_expire").map(|text| parse_rfc3339(text).unwrap().as_secs());
            assert_eq!(time, terms.time_expire.map(wxpay_proto::UnixTime::as_secs));
            let charset =
                text("charset").map_or(Some(Charset::Utf8), |name| Charset::from_name(name.as_bytes()));
            assert_eq!(charset, Some(terms.charset));
        }
        Err(problem) => check_problem(&problem, data),
    }
    match Fields::parse(data).and_then(report) {
        Ok(report) => {
            assert_eq!(text("status"), Some(if report.delivered { "ok" } else { "failed" }));
            assert_eq!(text("message"), (!report.delivered).then_some(report.message.as_str()));
            assert_eq!(text("openid"), report.openid.as_ref().map(wxpay_proto::id::OpenId::as_str));
        }
        Err(problem) => check_problem(&problem, data),
    }
}

/// Checks that a problem is short, and shows nothing of the request but the name of an unknown field.
fn check_problem(problem: &Problem, data: &[u8]) {
    let json = serde_json::to_value(problem).unwrap();
    assert!([400, 422].contains(&json["status"].as_u64().unwrap()), "{json}");
    let text = json.to_string();
    assert!(text.is_ascii() && text.len() < 1024, "{text}");
    if let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(data) {
        let values = members.values().filter_map(Value::as_str).filter(|value| value.len() >= 12);
        for value in values.filter(|value| !members.contains_key(*value)) {
            assert!(!json["detail"].as_str().unwrap().contains(value), "a problem repeats a value");
        }
    }
}

#[cfg(test)]
#[allow(clippy::print_stdout, reason = "a test; its output is shown when it fails")]
mod tests {
    #[test]
    fn every_corpus_file_passes() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/server_request");
        let files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty());
        for file in files {
            println!("{}", file.display());
            super::server_request(&std::fs::read(file).unwrap());
        }
    }
}
