//! Uploads of images and videos, which other requests refer to.

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, bytes, required, text},
    operation::Operation,
    reply::Reply,
};
use crate::{gateway::Gateway, rng::URL_SAFE};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::upload("v3.media.upload", "/v3/merchant/media/upload", META, image),
    Operation::upload("v3.media.video_upload", "/v3/merchant/media/video_upload", META, video),
];

const META: &[Field] = &[
    required("filename", "文件名称", text(128)),
    required("sha256", "文件摘要", Kind::Text(bytes(64, 64), Alphabet::Any)),
];

const MIB: usize = 1024 * 1024;
const MAX_BYTES: usize = 5 * MIB;
const MAX_PDF_BYTES: usize = 7 * MIB + MIB / 2;
const IMAGE_EXTENSIONS: &[&str] = &["jpg", "jpeg", "bmp", "png"];
const VIDEO_EXTENSIONS: &[&str] = &["avi", "wmv", "mpeg", "mp4", "mov", "mkv", "flv", "f4v", "m4v", "rmvb"];

fn image(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let max_bytes = if extension(call) == "pdf" { MAX_PDF_BYTES } else { MAX_BYTES };
    accept_upload(gateway, call, &[IMAGE_EXTENSIONS, &["pdf"]].concat(), max_bytes)
}

fn video(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    accept_upload(gateway, call, VIDEO_EXTENSIONS, MAX_BYTES)
}

fn extension(call: &Call) -> String {
    let name = call.text("/filename").unwrap_or_default();
    name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

/// Accepts an upload. Only its `media_id` is generated and nothing is stored, since no other operation uses uploads
/// yet.
fn accept_upload(
    gateway: &mut Gateway,
    call: &Call,
    extensions: &[&str],
    max_bytes: usize,
) -> Result<Reply, Refusal> {
    let error = |message: &str| errors::PARAM_ERROR.with_message(message);
    if !extensions.contains(&extension(call).as_str()) {
        return Err(error("文件类型不支持"));
    }
    if call.file.is_empty() || call.file.len() > max_bytes {
        return Err(error("文件大小不符合要求"));
    }
    let digest = hex::encode(digest(&SHA256, &call.file));
    if !call.text("/sha256").is_some_and(|declared| declared.eq_ignore_ascii_case(&digest)) {
        return Err(error("文件摘要不匹配"));
    }
    Ok(Reply::json(&json!({ "media_id": gateway.rng.text(URL_SAFE, 107) })))
}
