//! APIv3 errors: HTTP status, code, message, detail, and the result code at the end of `Request-ID`.
//!
//! A code without a documented result code uses that of an invalid parameter or of a similar code.

use serde_json::{Value, json};

/// A documented error code, without detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ErrorCode {
    status: u16,
    code: &'static str,
    result_code: u64,
    message: &'static str,
}

const fn code(status: u16, code: &'static str, result_code: u64, message: &'static str) -> ErrorCode {
    ErrorCode { status, code, result_code, message }
}

pub(crate) const INVALID_REQUEST: ErrorCode = code(400, "INVALID_REQUEST", 268_435_461, "请求不符合规则");
pub(crate) const PARAM_ERROR: ErrorCode = code(400, "PARAM_ERROR", 268_435_461, "参数错误");
pub(crate) const OUT_OF_RANGE: ErrorCode = code(400, "PARAM_ERROR", 268_435_464, "参数超出范围");
pub(crate) const EXTRA_PARAMETER: ErrorCode =
    code(400, "PARAM_ERROR", 270_924_358, "请求中含有未在API文档中定义的参数");
pub(crate) const MCH_NOT_EXISTS: ErrorCode = code(400, "MCH_NOT_EXISTS", 268_443_715, "商户号不存在");
pub(crate) const MCHID_MISMATCH: ErrorCode = code(400, "INVALID_REQUEST", 268_447_843, "商户号与订单不匹配");
pub(crate) const SUB_MCHID_MISMATCH: ErrorCode =
    code(400, "INVALID_REQUEST", 268_447_845, "子商户号与订单不匹配");
pub(crate) const SUB_MCHID_IS_CALLER: ErrorCode =
    code(400, "INVALID_REQUEST", 268_443_705, "子商户号不能与服务商商户号相同");
pub(crate) const SUB_MCHID_MISSING: ErrorCode =
    code(400, "PARAM_ERROR", 268_443_704, "受理机构必须传入sub_mch_id");
pub(crate) const SERIAL_MISSING: ErrorCode =
    code(400, "PARAM_ERROR", 268_435_461, "HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)");
pub(crate) const SERIAL_UNKNOWN: ErrorCode =
    code(400, "PARAM_ERROR", 268_435_461, "平台证书序列号Wechatpay-Serial错误");
pub(crate) const NOT_ENCRYPTED: ErrorCode =
    code(400, "PARAM_ERROR", 268_435_461, "请确认待处理的消息是否为加密后的密文");
pub(crate) const OPENID_MISSING: ErrorCode = code(400, "PARAM_ERROR", 268_501_013, "缺少openid");
pub(crate) const APPID_MCHID_NOT_MATCH: ErrorCode =
    code(400, "APPID_MCHID_NOT_MATCH", 268_445_527, "appid和mchid不匹配");
pub(crate) const REENTRY_MISMATCH: ErrorCode =
    code(400, "INVALID_REQUEST", 268_498_688, "请求重入时，参数与首次请求不一致");
pub(crate) const ALREADY_PAID: ErrorCode = code(400, "INVALID_REQUEST", 268_449_538, "该订单已支付");
pub(crate) const CODE_ALREADY_PAID: ErrorCode = code(400, "INVALID_REQUEST", 268_498_689, "该订单已支付");
pub(crate) const ORDER_EXPIRED: ErrorCode = code(400, "INVALID_REQUEST", 268_447_914, "订单已过期");
pub(crate) const CLOSE_NOT_ALLOWED: ErrorCode =
    code(400, "INVALID_REQUEST", 268_449_641, "付款码支付的订单不能关闭，请调用撤销");
pub(crate) const ORDER_CLOSED: ErrorCode = code(400, "ORDER_CLOSED", 268_435_461, "订单已关闭");
pub(crate) const AUTH_CODE_EXPIRED: ErrorCode = code(400, "AUTH_CODE_EXPIRED", 268_435_461, "付款码已过期");
pub(crate) const AUTH_CODE_INVALID: ErrorCode = code(400, "AUTH_CODE_INVALID", 268_435_461, "付款码无效");
pub(crate) const SIGN_ERROR: ErrorCode = code(401, "SIGN_ERROR", 268_443_699, "错误的签名，验签失败");
pub(crate) const BAD_AUTHORIZATION: ErrorCode = code(
    401,
    "SIGN_ERROR",
    268_443_699,
    "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》",
);
pub(crate) const OUT_TRADE_NO_USED: ErrorCode = code(403, "OUT_TRADE_NO_USED", 268_498_688, "商户订单号重复");
pub(crate) const NO_AUTH: ErrorCode = code(403, "NO_AUTH", 268_435_461, "没有权限");
pub(crate) const NO_STATEMENT_EXIST: ErrorCode =
    code(400, "NO_STATEMENT_EXIST", 268_435_461, "账单文件不存在");
pub(crate) const STATEMENT_CREATING: ErrorCode = code(400, "STATEMENT_CREATING", 268_435_461, "账单生成中");
pub(crate) const NOT_SERVED: ErrorCode = code(403, "NO_AUTH", 268_443_701, "服务商与子商户没有受理关系");
pub(crate) const NOT_ENOUGH: ErrorCode = code(403, "NOT_ENOUGH", 268_435_461, "余额不足");
pub(crate) const RULE_LIMIT: ErrorCode = code(403, "RULE_LIMIT", 268_448_010, "业务规则限制");
pub(crate) const TRADE_ERROR: ErrorCode = code(403, "TRADE_ERROR", 268_435_461, "交易错误");
pub(crate) const ORDER_NOT_EXIST: ErrorCode = code(404, "ORDER_NOT_EXIST", 268_512_771, "订单不存在");
pub(crate) const NOT_FOUND: ErrorCode = code(404, "NOT_FOUND", 268_512_771, "记录不存在");
pub(crate) const RESOURCE_NOT_EXISTS: ErrorCode =
    code(404, "RESOURCE_NOT_EXISTS", 268_512_771, "请求的资源不存在");
pub(crate) const METHOD_NOT_ALLOWED: ErrorCode =
    code(405, "METHOD_NOT_ALLOWED", 268_435_461, "请求方法不支持");
pub(crate) const RATELIMIT_EXCEEDED: ErrorCode =
    code(429, "RATELIMIT_EXCEEDED", 268_447_840, "请求频率过高，请降低频率后重试");
pub(crate) const USERPAYING: ErrorCode = code(202, "USERPAYING", 0, "需要用户输入支付密码");
pub(crate) const SYSTEM_ERROR: ErrorCode = code(500, "SYSTEM_ERROR", 268_435_457, "系统错误，请稍后重试");

/// A refusal: the reply's content, and the reason, which is only added to the warnings.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) result_code: u64,
    message: String,
    detail: Option<Value>,
    /// False for refusals of the field check, which have no signature.
    pub(crate) is_signed: bool,
    pub(crate) reason: String,
}

impl ErrorCode {
    /// Builds a refusal with the documented message. `reason` is used in the warnings only.
    pub(crate) fn with_reason(self, reason: impl Into<String>) -> Refusal {
        let Self { status, code, result_code, message } = self;
        let (message, reason) = (message.into(), reason.into());
        Refusal { status, code, result_code, message, detail: None, is_signed: true, reason }
    }

    /// Builds a refusal with its own message.
    pub(crate) fn with_message(self, message: &str) -> Refusal {
        Refusal { message: message.into(), ..self.with_reason(message) }
    }
}

impl Refusal {
    pub(crate) fn with_detail(self, detail: Value) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Marks the refusal as one of the field check, whose replies have no signature.
    pub(crate) fn unsigned(self) -> Self {
        Self { is_signed: false, ..self }
    }

    /// Returns the body of the reply.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "code": self.code, "message": self.message });
        if let (Some(members), Some(detail)) = (body.as_object_mut(), &self.detail) {
            members.insert("detail".into(), detail.clone());
        }
        body
    }
}
