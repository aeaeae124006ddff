//! Validation of a request against the catalogue.

use super::super::{call::Opened, errors::Refusal, fields, multipart::Upload, serial};
use crate::{clock::Now, merchant::Merchant, settings::CatalogueCheck};
use serde_json::Value;
use std::fmt;
use wxpay_catalogue::{Body, Complaint, ComplaintKind, Found};
use wxpay_proto::{UnixTime, http::Request, id::MchId};

/// A valid request to an operation of the catalogue.
pub(in super::super) struct Call {
    /// The operation, and the parameters of the path.
    pub(super) found: Found,
    /// The calling merchant.
    pub(super) mchid: MchId,
    /// The business time.
    pub(super) now: UnixTime,
    /// The parameters of the query, unescaped.
    pub(super) query: Vec<(String, String)>,
    /// The body with the plaintexts of its sealed fields; null if there is none.
    pub(super) body: Value,
    /// The URL of the request up to the path.
    pub(super) base_url: String,
    /// The complaints of a request that is answered nevertheless.
    pub(super) complaints: Vec<Complaint>,
}

/// The body has plaintexts of sealed fields.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("path", &self.found.operation.path).finish_non_exhaustive()
    }
}

/// The parts of a request that was verified.
pub(in super::super) struct Verified<'a> {
    pub(in super::super) request: &'a Request,
    pub(in super::super) merchant: &'a Merchant,
    pub(in super::super) upload: Option<Upload<'a>>,
    pub(in super::super) query: Vec<(String, String)>,
    pub(in super::super) json: Option<Value>,
    pub(in super::super) base_url: String,
    pub(in super::super) now: Now,
    pub(in super::super) check: CatalogueCheck,
}

/// Checks a verified request against the description, and opens its sealed fields.
pub(in super::super) fn validate(found: Found, verified: Verified<'_>) -> Result<Call, Refusal> {
    let Verified { request, merchant, upload, query, json, base_url, now, check } = verified;
    let operation = &found.operation;
    let mut body = match &operation.body {
        Body::Json { .. } if request.body().is_empty() => None,
        Body::Json { .. } => Some(json.ok_or_else(fields::malformed_body)?),
        Body::Upload { .. } => {
            let upload = upload.ok_or_else(fields::not_multipart)?;
            let meta = serde_json::from_slice(upload.meta).ok();
            Some(meta.ok_or_else(fields::malformed_body)?)
        }
        Body::None | _ => None,
    };
    let mut report = operation.check(&found.parameters, &query, body.as_ref());
    // Whether a field is sealed shows when it is opened.
    report.complaints.retain(|complaint| complaint.kind != ComplaintKind::Unsealed);
    if check == CatalogueCheck::Refuse
        && let Some(refusal) = fields::described(&report.complaints)
    {
        return Err(refusal);
    }
    let serial = request.header("wechatpay-serial");
    if operation.requires_serial || !report.sealed.is_empty() {
        let key = serial::named_key(merchant, serial, now.wall)?;
        if let Some(body) = &mut body {
            Opened::of(body, report.sealed, key).put_into(body)?;
        }
    }
    Ok(Call {
        found,
        mchid: merchant.mchid().clone(),
        now: now.business,
        query,
        body: body.unwrap_or(Value::Null),
        base_url,
        complaints: report.complaints,
    })
}
