//! The parameters with which a client starts a payment.

use crate::{
    cause::CauseId,
    detail::{Detail, Names},
    header::{self, SignatureValues},
    ordered::Json,
};

/// The parameters as received.
pub(crate) struct ClientParams {
    /// Timestamp, nonce and signature.
    pub(crate) values: SignatureValues,
    pub(crate) appid: Option<String>,
    /// The line that must be signed: `prepay_id=…`, for apps the bare id.
    pub(crate) package: String,
    pub(crate) prepay_id: String,
    /// Other values that may have been signed as the last line.
    pub(crate) others: Vec<String>,
    /// The faults of the parameters themselves.
    pub(crate) faults: Vec<(CauseId, Detail)>,
}

/// Reads the parameters from their JSON. Those of apps have `prepayid`.
pub(crate) fn read(json: &[u8]) -> ClientParams {
    let json = Json::parse(json).unwrap_or(Json::Object(Vec::new()));
    let text = |names: &[&str]| names.iter().find_map(|name| json.text(name)).map(String::from);
    let mut faults = Vec::new();
    let mut fault = |cause, detail| faults.push((cause, detail));
    let mut timestamp = text(&["timeStamp", "timestamp"]);
    for name in ["timeStamp", "timestamp"] {
        if let Some(Json::Plain(number)) = json.member(name) {
            fault(CauseId::ClientTimestamp, Detail::TimestampIsNumber);
            timestamp.get_or_insert_with(|| number.clone());
        }
    }
    if timestamp.as_deref().is_some_and(|text| header::whole_seconds(text).is_some()) {
        fault(CauseId::ClientTimestamp, Detail::SecondsWithFraction);
    }
    match text(&["signType", "sign_type"]).as_deref() {
        Some("RSA") => {}
        Some("MD5") => fault(CauseId::ClientSignType, Detail::SignTypeIsMd5),
        Some(_) => fault(CauseId::ClientSignType, Detail::SignTypeIsOther),
        // Apps have none.
        None if json.member("paySign").is_some() => {
            fault(CauseId::ClientSignType, Detail::SignTypeIsMissing);
        }
        None => {}
    }
    let app = text(&["prepayid"]);
    let is_app = app.is_some();
    let sent = app.or_else(|| text(&["package", "packageVal", "packageValue"])).unwrap_or_default();
    let prepay_id = sent.trim_start_matches("prepay_id=").to_owned();
    let package = if is_app { prepay_id.clone() } else { format!("prepay_id={prepay_id}") };
    if sent != package && !sent.is_empty() {
        let rule = match sent.strip_prefix("prepay_id=") {
            Some(_) if is_app => Detail::PrepayidWithPrefix,
            Some(_) => Detail::PackageWithPrefixTwice,
            None => Detail::PackageWithoutPrefix,
        };
        fault(CauseId::PrepayIdPrefix, rule);
    }
    let others = text(&["package"]).into_iter().chain(text(&["partnerid"])).chain([sent]).collect();
    let mut values = SignatureValues {
        timestamp,
        nonce: text(&["nonceStr", "noncestr", "nonce_str"]),
        signature: text(&["paySign", "sign"]),
        ..SignatureValues::default()
    };
    let required = [
        ("timeStamp", values.timestamp.is_some()),
        ("nonceStr", values.nonce.is_some()),
        (if is_app { "prepayid" } else { "package" }, !prepay_id.is_empty()),
        (if is_app { "sign" } else { "paySign" }, values.signature.is_some()),
    ];
    let missing: Vec<&str> =
        required.iter().filter(|(_, is_there)| !is_there).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        values.fault = Some(Detail::MissingParameters { names: Names(missing) });
    }
    ClientParams { values, appid: text(&["appId", "appid"]), package, prepay_id, others, faults }
}
