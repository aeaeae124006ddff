//! A draft, signed, as the request that carries it. `protocol/v3` sections 2 and 3.

use super::{
    endpoint::{Content, Draft},
    merchant::Merchant,
};
use crate::{
    error::Error,
    exchange::Hop,
    http::Request,
    id::{KeyId, PublicKeyId},
    world::World,
};
use alloc::{borrow::ToOwned as _, format, string::ToString as _};
use core::time::Duration;

/// How many bytes a reply may have. Bills are streamed and not counted here.
const MAX_REPLY: usize = 4 * 1024 * 1024;

const USER_AGENT: &str = concat!("wxpay-proto/", env!("CARGO_PKG_VERSION"));

/// Signs a draft, and makes the request that carries it.
pub(super) fn hop(
    me: &Merchant,
    draft: &Draft,
    sealed_with: Option<&KeyId>,
    base_url: &str,
    timeout: Duration,
    world: &mut World<'_>,
) -> Result<Hop, Error> {
    let nonce = world.entropy.nonce();
    let authorization = me.authorize(draft.method(), draft.target(), draft.signed(), world.now, nonce)?;
    let url = format!("{base_url}{}", draft.target());
    let (content_type, body) = match draft.content() {
        // Their own SDKs send the type even where there is no body.
        Content::Nothing => ("application/json".to_owned(), alloc::vec::Vec::new()),
        Content::Json(text) => ("application/json".to_owned(), text.clone()),
        Content::Upload(upload) => (upload.content_type(), upload.body()),
    };
    let request = Request::new(draft.method(), url, body)
        .with("accept", draft.accept().to_owned())
        .with("user-agent", USER_AGENT.to_owned())
        .with("content-type", content_type)
        .with("authorization", authorization.to_string());
    let announced = me.announced_key().map(PublicKeyId::as_str);
    let request = match sealed_with.map(KeyId::as_str).or(announced) {
        Some(key) => request.with("wechatpay-serial", key.to_owned()),
        None => request,
    };
    Ok(Hop { label: draft.label(), request, client_certificate: false, timeout, max_reply: MAX_REPLY })
}
