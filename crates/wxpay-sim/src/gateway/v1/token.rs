//! `GET /cgi-bin/token`: issues an access token for an app secret.

use super::{
    codes::{self, Refusal},
    json,
    route::Target,
    sign,
};
use crate::{chance::URL_SAFE, gateway::Gateway};
use serde::Serialize;
use wxpay_proto::{
    UnixTime,
    http::{Method, Response},
};

/// The success reply. It has no errcode.
#[derive(Serialize)]
struct Issued<'a> {
    access_token: &'a str,
    expires_in: u64,
}

pub(super) fn answer(gateway: &mut Gateway, target: &Target<'_>, now: UnixTime) -> Result<Response, Refusal> {
    if target.method != Method::Get {
        return Err(codes::REQUIRE_GET.because("the method is not GET"));
    }
    super::secured(gateway, target)?;
    let appid = target.parameter("appid");
    let appid = appid.ok_or_else(|| codes::APPID_MISSING.because("appid is required in the query"))?;
    let secret = target.parameter("secret");
    let secret = secret.ok_or_else(|| codes::SECRET_MISSING.because("secret is required in the query"))?;
    if target.parameter("grant_type").as_deref() != Some("client_credential") {
        return Err(codes::INVALID_GRANT_TYPE.because("grant_type must be client_credential"));
    }
    let Gateway { settings, ledger, ids, .. } = gateway;
    let account = ledger.account(&appid);
    let account = account.ok_or_else(|| codes::INVALID_APPID.because("no such app is registered"))?;
    if !sign::same(&secret, account.app.credentials().app_secret().expose()) {
        return Err(settings.wrong_secret().because("secret is not the app's"));
    }
    if !account.count(settings.token_daily_quota, now) {
        return Err(codes::QUOTA.because("the daily quota of tokens is used up"));
    }
    let value = ids.text(URL_SAFE, 64);
    account.issue(value.clone(), now.after(settings.token_ttl), now.after(settings.token_overlap));
    Ok(json(&Issued { access_token: &value, expires_in: settings.token_ttl.as_secs() }))
}
