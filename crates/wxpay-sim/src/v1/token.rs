//! `GET /cgi-bin/token`: issues an access token for an app secret.

use super::{
    codes::{self, Refusal},
    exchange::json,
    route::Target,
    sign,
};
use crate::{front_end::Draft, gateway::Gateway, rng::URL_SAFE};
use serde::Serialize;
use wxpay_proto::{UnixTime, http::Method};

/// The success reply. It has no errcode.
#[derive(Serialize)]
struct TokenReply<'a> {
    access_token: &'a str,
    expires_in: u64,
}

pub(super) fn answer(gateway: &mut Gateway, target: &Target<'_>, now: UnixTime) -> Result<Draft, Refusal> {
    if target.method != Method::Get {
        return Err(codes::REQUIRE_GET.with_reason("the method is not GET"));
    }
    super::require_https(gateway, target)?;
    let appid = target.parameter("appid");
    let appid = appid.ok_or_else(|| codes::APPID_MISSING.with_reason("appid is required in the query"))?;
    let secret = target.parameter("secret");
    let secret =
        secret.ok_or_else(|| codes::SECRET_MISSING.with_reason("secret is required in the query"))?;
    if target.parameter("grant_type").as_deref() != Some("client_credential") {
        return Err(codes::INVALID_GRANT_TYPE.with_reason("grant_type must be client_credential"));
    }
    let directory = gateway.directory();
    let settings = &directory.settings;
    let Gateway { v1, rng, .. } = gateway;
    let account = v1.apps.account(&appid);
    let account = account.ok_or_else(|| codes::INVALID_APPID.with_reason("no such app is registered"))?;
    if !sign::constant_time_eq(&secret, account.app.credentials().app_secret().expose()) {
        return Err(settings.v1.wrong_secret().with_reason("secret is not the app's"));
    }
    if !account.try_count_token(settings.v1.token_daily_quota, now) {
        return Err(codes::QUOTA.with_reason("the daily quota of tokens is used up"));
    }
    let token = rng.text(URL_SAFE, 64);
    account.issue_token(
        token.clone(),
        now.after(settings.v1.token_ttl),
        now.after(settings.v1.token_overlap),
    );
    Ok(json(&TokenReply { access_token: &token, expires_in: settings.v1.token_ttl.as_secs() }))
}
