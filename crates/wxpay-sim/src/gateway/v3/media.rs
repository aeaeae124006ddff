//! Uploads of images and videos, which other requests refer to.

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, must, text},
    operation::Operation,
    reply::Reply,
};
use crate::{chance::URL_SAFE, gateway::Gateway};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::upload("v3.media.upload", "/v3/merchant/media/upload", META, picture),
    Operation::upload("v3.media.video_upload", "/v3/merchant/media/video_upload", META, film),
];

const META: &[Field] = &[must("filename", text(128)), must("sha256", Kind::Text(64, 64, Alphabet::Any))];

const MIB: usize = 1024 * 1024;
const MOST: usize = 5 * MIB;
const MOST_OF_PDF: usize = 7 * MIB + MIB / 2;
const PICTURES: &[&str] = &["jpg", "jpeg", "bmp", "png"];
const FILMS: &[&str] = &["avi", "wmv", "mpeg", "mp4", "mov", "mkv", "flv", "f4v", "m4v", "rmvb"];

fn picture(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let most = if ending(call) == "pdf" { MOST_OF_PDF } else { MOST };
    keep(gateway, call, &[PICTURES, &["pdf"]].concat(), most)
}

fn film(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    keep(gateway, call, FILMS, MOST)
}

fn ending(call: &Call) -> String {
    let name = call.text("/filename").unwrap_or_default();
    name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}

/// Accepts an upload. Only its `media_id` is generated and nothing is stored, since no other operation uses uploads
/// yet.
fn keep(gateway: &mut Gateway, call: &Call, endings: &[&str], most: usize) -> Result<Reply, Refusal> {
    let wrong = |field: &str, issue: &str| errors::PARAM_ERROR.at("body", field, "".into(), issue);
    if !endings.contains(&ending(call).as_str()) {
        return Err(wrong("/filename", "文件类型不支持"));
    }
    if call.file.is_empty() || call.file.len() > most {
        return Err(wrong("/file", "文件大小不符合要求"));
    }
    let digest = hex::encode(digest(&SHA256, &call.file));
    if !call.text("/sha256").is_some_and(|said| said.eq_ignore_ascii_case(&digest)) {
        return Err(wrong("/sha256", "文件摘要不匹配"));
    }
    Ok(Reply::json(&json!({ "media_id": gateway.v3.chance.text(URL_SAFE, 107) })))
}
