//! Errcodes of `api.weixin.qq.com`, as far as the APIv1 payment interfaces use them. All are sent with HTTP status 200.

use crate::settings::{BadSignatureCode, ExpiredTokenCode, ReplacedTokenCode, V1, WrongSecretCode};
use serde::Serialize;

/// A refusal: the errcode that is sent, and the reason, which is only added to the warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Errcode,
    pub(crate) reason: String,
}

/// An error number and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Errcode {
    errcode: i64,
    errmsg: &'static str,
}

const fn code(errcode: i64, errmsg: &'static str) -> Errcode {
    Errcode { errcode, errmsg }
}

pub(crate) const SYSTEM_ERROR: Errcode = code(-1, "system error");
pub(crate) const OK: Errcode = code(0, "ok");
pub(crate) const INVALID_CREDENTIAL: Errcode = code(40001, "invalid credential");
pub(crate) const INVALID_GRANT_TYPE: Errcode = code(40002, "invalid grant_type");
pub(crate) const INVALID_APPID: Errcode = code(40013, "invalid appid");
pub(crate) const INVALID_TOKEN: Errcode = code(40014, "invalid access_token");
pub(crate) const INVALID_CHARSET: Errcode =
    code(40033, "invalid charset. please check your request, if include \\uxxxx will create fail!");
pub(crate) const INVALID_ARGS: Errcode = code(40035, "invalid args size");
pub(crate) const INVALID_SECRET: Errcode = code(40125, "invalid appsecret");
pub(crate) const TOKEN_MISSING: Errcode = code(41001, "access_token missing");
pub(crate) const APPID_MISSING: Errcode = code(41002, "appid missing");
pub(crate) const SECRET_MISSING: Errcode = code(41004, "appsecret missing");
pub(crate) const TOKEN_EXPIRED: Errcode = code(42001, "access_token expired");
pub(crate) const REQUIRE_GET: Errcode = code(43001, "require GET method");
pub(crate) const REQUIRE_POST: Errcode = code(43002, "require POST method");
pub(crate) const REQUIRE_HTTPS: Errcode = code(43003, "require https");
pub(crate) const REQUIRE_PAY_AUTH: Errcode = code(43008, "require biz pay auth");
pub(crate) const EMPTY_POST: Errcode = code(44002, "empty post data");
pub(crate) const QUOTA: Errcode = code(45009, "reach max api daily quota limit");
pub(crate) const DATA_FORMAT: Errcode = code(47001, "data format error");
pub(crate) const UNAUTHORIZED: Errcode = code(48001, "api unauthorized");
pub(crate) const OTHER_APPID: Errcode = code(49001, "not same appid with appid of access_token");
pub(crate) const EMPTY_OPENID: Errcode = code(49002, "empty openid or transid");
pub(crate) const OTHER_OPENID: Errcode = code(49003, "not match openid with appid");
pub(crate) const BAD_SIGNATURE: Errcode = code(49004, "not match signature");
pub(crate) const NO_TRANSID: Errcode = code(49005, "not existed transid");
pub(crate) const INVALID_PARTNER: Errcode = code(49010, "invalid partner id");
pub(crate) const BAD_SIGNATURE_LONG: Errcode = code(268_500_741, "not match signature");

impl Errcode {
    /// Builds a refusal with this code. `reason` is used in the gateway's warnings only.
    pub(crate) fn with_reason(self, reason: impl Into<String>) -> Refusal {
        Refusal { code: self, reason: reason.into() }
    }

    pub(crate) const fn number(self) -> i64 {
        self.errcode
    }
}

impl V1 {
    pub(crate) const fn expired_token(&self) -> Errcode {
        match self.expired_token_code {
            ExpiredTokenCode::Expired42001 => TOKEN_EXPIRED,
            ExpiredTokenCode::Invalid40001 => INVALID_CREDENTIAL,
        }
    }

    pub(crate) const fn replaced_token(&self) -> Errcode {
        match self.replaced_token_code {
            ReplacedTokenCode::Invalid40001 => INVALID_CREDENTIAL,
        }
    }

    pub(crate) const fn wrong_secret(&self) -> Errcode {
        match self.wrong_secret_code {
            WrongSecretCode::Invalid40001 => INVALID_CREDENTIAL,
            WrongSecretCode::Secret40125 => INVALID_SECRET,
        }
    }

    pub(crate) const fn bad_prepay_signature(&self) -> Errcode {
        match self.bad_signature_code {
            BadSignatureCode::Long268500741 => BAD_SIGNATURE_LONG,
            BadSignatureCode::Short49004 => BAD_SIGNATURE,
        }
    }
}
