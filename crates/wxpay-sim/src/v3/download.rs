//! Downloads: `GET /v3/billdownload/file?token=…` and similar. The request is signed, the reply is not.

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Field, Kind, optional, required, text},
    reply::Reply,
};
use crate::{gateway::Gateway, rng::URL_SAFE};
use std::{collections::VecDeque, fmt, time::Duration};
use wxpay_proto::{UnixTime, id::MchId};

/// The maximum number of stored files. The oldest is removed first.
const MAX_FILES: usize = 64;

pub(super) const QUERY: &[Field] =
    &[required("token", "token", text(256)), optional("tartype", "tartype", Kind::OneOf(&["gzip"]))];

/// The files that can be downloaded, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Downloads(VecDeque<File>);

#[derive(Clone)]
struct File {
    path: &'static str,
    token: String,
    mchid: MchId,
    expires_at: UnixTime,
    bytes: Vec<u8>,
    kind: FileKind,
}

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A file as it is.
    Plain,
    /// A file compressed with gzip, which its download URL says.
    Gzip,
}

impl FileKind {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "application/octet-stream",
            Self::Gzip => "application/x-gzip",
        }
    }

    /// Returns the end of the download URL, which the request's signature covers.
    const fn url_suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => "&tartype=gzip",
        }
    }
}

// The token gives access to the file, and the file may contain personal data: neither is shown.
impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, mchid, expires_at, bytes, .. } = self;
        write!(f, "[{} bytes for {mchid} at {path} until {expires_at}]", bytes.len())
    }
}

/// Stores a bill for the caller. Returns its download URL, on the host of the request.
pub(super) fn publish_bill(gateway: &mut Gateway, call: &Call, file: (Vec<u8>, FileKind)) -> String {
    let ttl = gateway.settings().v3.download_ttl;
    publish_file(gateway, call, ("/v3/billdownload/file", ttl), file)
}

/// Stores a file for the caller for a limited time. Returns its download URL: `path` on the host of the request.
pub(super) fn publish_file(
    gateway: &mut Gateway,
    call: &Call,
    (path, ttl): (&'static str, Duration),
    (bytes, kind): (Vec<u8>, FileKind),
) -> String {
    let token = gateway.rng.text(URL_SAFE, 64);
    let expires_at = call.now.after(ttl);
    let files = &mut gateway.v3.downloads.0;
    if files.len() >= MAX_FILES {
        files.pop_front();
    }
    files.push_back(File { path, token: token.clone(), mchid: call.mchid.clone(), expires_at, bytes, kind });
    format!("{}{path}?token={token}{}", call.base_url, kind.url_suffix())
}

pub(super) fn fetch(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let token = call.query("token").unwrap_or_default();
    let matches = |file: &&File| file.token == token && file.path == call.path_template;
    let file = gateway.v3.downloads.0.iter().find(matches);
    let expired = || errors::INVALID_REQUEST.with_message("下载链接无效或已过期，请重新申请");
    let file = file.ok_or_else(expired)?;
    if file.mchid != call.mchid {
        return Err(errors::NO_AUTH.with_message("没有权限下载他人申请的文件"));
    }
    if file.expires_at <= call.now {
        return Err(expired());
    }
    Ok(Reply::file(file.bytes.clone(), file.kind.content_type()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_debug_shows_neither_token_nor_contents() {
        let (mchid, expires_at) = ("1900000109".parse().unwrap(), UnixTime::from_secs(7));
        let (path, bytes) = ("/v3/billdownload/file", b"planted".to_vec());
        let file = File { path, token: "secret".into(), mchid, expires_at, bytes, kind: FileKind::Plain };
        let debug = format!("{file:?}");
        assert_eq!(debug, "[7 bytes for 1900000109 at /v3/billdownload/file until 7]");
    }
}
