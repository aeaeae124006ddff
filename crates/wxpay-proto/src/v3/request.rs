//! The signed HTTP request of a draft.

use super::{
    endpoint::{Content, Draft},
    merchant::Merchant,
};
use crate::{
    error::Error,
    exchange::Transmit,
    http::Request,
    id::{KeyId, PublicKeyId},
    prelude::*,
    world::World,
};
use core::time::Duration;

/// The maximum length of a reply's body, in bytes. Bills are streamed, and have no limit.
const MAX_REPLY_BYTES: usize = 4 * 1024 * 1024;

const USER_AGENT: &str = concat!("wxpay-proto/", env!("CARGO_PKG_VERSION"));

/// Signs a draft, and builds the request to send.
pub(super) fn transmit(
    merchant: &Merchant,
    draft: &Draft,
    sealing_key: Option<&KeyId>,
    base_url: &str,
    timeout: Duration,
    world: &mut World<'_>,
) -> Result<Transmit, Error> {
    let nonce = world.entropy.nonce();
    let authorization = merchant.authorization_header(
        draft.method(),
        draft.target(),
        draft.signed_bytes(),
        world.now,
        &nonce,
    )?;
    let url = [base_url, draft.target()].concat();
    let (content_type, body) = match draft.content() {
        // WeChat Pay's own SDKs send the type even without a body.
        Content::Empty => (Cow::Borrowed("application/json"), Vec::new()),
        Content::Json(text) => (Cow::Borrowed("application/json"), text.clone()),
        Content::Upload(upload) => (Cow::Owned(upload.content_type()), upload.body()),
    };
    let request = Request::new(draft.method(), url, body)
        .with_header("accept", draft.accept())
        .with_header("user-agent", USER_AGENT)
        .with_header("content-type", content_type)
        .with_header("authorization", authorization);
    let requested = merchant.requested_signing_key().map(PublicKeyId::as_str);
    let request = match sealing_key.map(KeyId::as_str).or(requested) {
        Some(key) => request.with_header("wechatpay-serial", key.to_owned()),
        None => request,
    };
    Ok(Transmit {
        label: draft.label(),
        request,
        client_certificate: false,
        timeout,
        max_reply: MAX_REPLY_BYTES,
    })
}
