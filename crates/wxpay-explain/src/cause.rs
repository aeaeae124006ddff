//! The causes of a wrong signature: ids, descriptions and remedies.

use crate::language::Language;
use serde::{Serialize, Serializer};
use std::fmt;

/// The certainty of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Certainty {
    /// Proved: by the signed digest, or by the message itself.
    Exact,
    /// The best of several possibilities, none of which can be proved.
    Likely,
}

/// The texts of a cause in one language.
struct Texts {
    description: &'static str,
    remedy: &'static str,
}

/// Declares the causes with their ids and with their descriptions and remedies in both languages.
macro_rules! causes {
    ($($name:ident = $id:literal {
        English: $description:literal, $remedy:literal;
        Chinese: $chinese_description:literal, $chinese_remedy:literal;
    })*) => {
        /// A cause of a wrong signature, or of the refusal of a right one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[allow(clippy::doc_markdown, reason = "the texts are shown as they are")]
        pub enum CauseId {
            $(#[doc = $description] $name,)*
        }

        impl CauseId {
            /// All causes.
            pub const ALL: [Self; [$($id),*].len()] = [$(Self::$name),*];

            /// Returns the id: a stable name in snake case.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }

            const fn texts(self, language: Language) -> Texts {
                match (self, language) {
                    $(
                        (Self::$name, Language::English) => Texts { description: $description, remedy: $remedy },
                        (Self::$name, Language::Chinese) => {
                            Texts { description: $chinese_description, remedy: $chinese_remedy }
                        }
                    )*
                }
            }
        }
    };
}

causes! {
    MissingFinalLineFeed = "missing_final_line_feed" {
        English: "the signed string does not end with a line feed",
            "end every line with \\n, the last one too; do not join the lines with \\n";
        Chinese: "签名串末尾缺少换行符",
            "每一行都以 \\n 结尾，包括最后一行；请勿用 \\n 拼接各行";
    }
    MissingBodyLineFeed = "missing_body_line_feed" {
        English: "the line of the body is missing in the signed string",
            "sign the body as a line of its own; without a body, an empty line: the string ends with NONCE\\n\\n";
        Chinese: "签名串缺少报文主体所在的行",
            "报文主体单独成行参与签名；没有报文主体时该行为空行，即签名串以 随机串\\n\\n 结尾";
    }
    ExtraLineFeed = "extra_line_feed" {
        English: "the signed string has a line feed too many",
            "end every line with exactly one \\n, and trim nothing else";
        Chinese: "签名串多了一个换行符",
            "每行恰好以一个 \\n 结尾，此外不做任何裁剪";
    }
    Crlf = "crlf" {
        English: "line feeds were signed as CR LF",
            "sign \\n (0x0A) alone; do not use the platform's line separator or println";
        Chinese: "签名时换行符使用了 CR LF",
            "只使用 \\n（0x0A）；请勿使用操作系统的换行符或 println";
    }
    LiteralBackslashN = "literal_backslash_n" {
        English: "the two characters \\ and n were signed in place of a line feed",
            "write \"\\n\" where the language makes it a line feed: in PHP, Ruby and shells, single quotes do not";
        Chinese: "签名串中写入了反斜杠与字母 n 两个字符，而不是换行符",
            "请将 \"\\n\" 写在会转义为换行符的字符串中：PHP、Ruby 与 Shell 的单引号字符串不会转义";
    }
    LineSeparator = "line_separator" {
        English: "the lines of the signed string are separated by something else than a line feed",
            "end every line with \\n (0x0A)";
        Chinese: "签名串各行的分隔符不是换行符",
            "每行以 \\n（0x0A）结尾";
    }
    LineOrder = "line_order" {
        English: "the lines were signed in another order",
            "sign method, URL, timestamp, nonce, body; of replies timestamp, nonce, body; for clients appid, timestamp, nonce, package";
        Chinese: "签名串各行的顺序有误",
            "请求依次为请求方法、URL、时间戳、随机串、报文主体；应答与回调通知依次为时间戳、随机串、报文主体；调起支付依次为 appid、时间戳、随机串、package";
    }
    HostInUrl = "host_in_url" {
        English: "the URL was signed with its host",
            "sign path and query only, from the first / after the host";
        Chinese: "签名的 URL 包含了域名",
            "只对路径与查询参数签名，即域名之后从第一个 / 开始的部分";
    }
    PathPrefix = "path_prefix" {
        English: "the path was signed with another beginning than it was sent with",
            "sign the whole path as sent, from its single / with /v3";
        Chinese: "签名的路径与实际发送的路径开头不同",
            "对实际发送的完整路径签名，从单个 / 开始，包括 /v3";
    }
    PathEncoding = "path_encoding" {
        English: "the path was signed with other percent-encoding than it was sent with",
            "sign the bytes of the path that are sent";
        Chinese: "签名与发送的路径使用了不同的百分号编码",
            "对实际发送的路径字节签名";
    }
    TrailingSlash = "trailing_slash" {
        English: "the signed path and the sent path differ by a slash at the end",
            "build the path once, and sign and send the same";
        Chinese: "签名与发送的路径相差末尾的一个斜杠",
            "路径只构造一次，签名与发送使用同一路径";
    }
    QueryMissing = "query_missing" {
        English: "the query, or a part of it, was not signed",
            "sign path?query exactly as sent";
        Chinese: "查询参数全部或部分未参与签名",
            "按实际发送的原样对“路径?查询参数”签名";
    }
    QueryReordered = "query_reordered" {
        English: "the parameters of the query were signed in another order than sent",
            "build the query once, and sign and send the same; it is not sorted";
        Chinese: "签名时查询参数的顺序与发送时不同",
            "查询参数只构造一次，签名与发送使用同一内容；无需排序";
    }
    QueryDecoded = "query_decoded" {
        English: "the query was signed before its percent-encoding",
            "encode first, then sign what is sent";
        Chinese: "签名时查询参数尚未进行百分号编码",
            "先编码，再对实际发送的内容签名";
    }
    QueryDoubleEncoded = "query_double_encoded" {
        English: "the query was percent-encoded twice, in what was signed or in what was sent",
            "encode once; pass the HTTP client a URL that it does not encode again";
        Chinese: "签名或发送的查询参数被百分号编码了两次",
            "只编码一次；传给 HTTP 客户端的 URL 不应再次被编码";
    }
    QueryReencoded = "query_reencoded" {
        English: "the query was signed with other percent-encoding than it was sent with",
            "sign the bytes of the query that are sent, with the same characters encoded and the same case of %XX";
        Chinese: "签名与发送的查询参数使用了不同的百分号编码",
            "对实际发送的查询参数字节签名：编码的字符须相同，%XX 的大小写也须相同";
    }
    MethodCase = "method_case" {
        English: "the method was not signed in upper case",
            "sign and send the method in upper case";
        Chinese: "签名的请求方法不是大写",
            "签名与发送都使用大写的请求方法";
    }
    MethodDiffers = "method_differs" {
        English: "another method was signed than sent",
            "sign the method that is sent";
        Chinese: "签名与发送的请求方法不同",
            "对实际发送的请求方法签名";
    }
    TimestampMilliseconds = "timestamp_milliseconds" {
        English: "the timestamp is in milliseconds",
            "use seconds since 1970, 10 digits, for the signed string and for the header";
        Chinese: "时间戳以毫秒为单位",
            "签名串与请求头都使用自 1970 年起的秒数，共 10 位数字";
    }
    TimestampDiffers = "timestamp_differs" {
        English: "another timestamp was signed than sent",
            "take the time once, and use it for the signed string and for the header";
        Chinese: "签名与发送的时间戳不同",
            "时间戳只取一次，同时用于签名串与请求头";
    }
    ClockSkew = "clock_skew" {
        English: "the timestamp is more than 5 minutes off",
            "synchronise the clock (NTP); sign each attempt anew; a recorded message is judged by the time at which it was received";
        Chinese: "时间戳与当前时间相差超过 5 分钟",
            "同步时钟（NTP）；每次重试都重新签名；历史报文以其接收时间为准";
    }
    NonceDiffers = "nonce_differs" {
        English: "another nonce was signed than sent",
            "generate the nonce once, and use it for the signed string and for the header";
        Chinese: "签名与发送的随机串不同",
            "随机串只生成一次，同时用于签名串与请求头";
    }
    BodyReserialized = "body_reserialized" {
        English: "the body was serialised again between signing and sending",
            "serialise once to bytes, and sign and send these bytes; verify the bytes that were received, before any JSON parser";
        Chinese: "报文主体在签名与发送之间被重新序列化",
            "只序列化一次，签名与发送使用同一份字节；验签使用收到的原始字节，先于任何 JSON 解析";
    }
    BodyTrimmed = "body_trimmed" {
        English: "blanks or line feeds at the ends of the body were removed or added after signing",
            "sign the bytes that are sent; verify the bytes that were received";
        Chinese: "签名之后报文主体首尾的空白或换行符有增删",
            "对实际发送的字节签名；使用收到的原始字节验签";
    }
    BodyBom = "body_bom" {
        English: "the signed body and the sent body differ by a byte order mark",
            "send UTF-8 without a byte order mark";
        Chinese: "签名与发送的报文主体相差一个字节顺序标记（BOM）",
            "发送不带 BOM 的 UTF-8";
    }
    BodyGbk = "body_gbk" {
        English: "the body was signed in GBK and sent in UTF-8, or the reverse",
            "convert texts to bytes as UTF-8 everywhere; in Java getBytes(StandardCharsets.UTF_8)";
        Chinese: "报文主体以 GBK 签名而以 UTF-8 发送，或者相反",
            "文本一律按 UTF-8 转换为字节；Java 中使用 getBytes(StandardCharsets.UTF_8)";
    }
    BodyCharset = "body_charset" {
        English: "the body was signed in another charset than it was sent in",
            "convert texts to bytes as UTF-8 everywhere";
        Chinese: "签名与发送的报文主体使用了不同的字符集",
            "文本一律按 UTF-8 转换为字节";
    }
    BodyHashed = "body_hashed" {
        English: "a hash of the body was signed in place of the body",
            "sign the body itself";
        Chinese: "签名的是报文主体的摘要，而不是报文主体",
            "对报文主体本身签名";
    }
    BodyNotSigned = "body_not_signed" {
        English: "the string was signed without the body",
            "sign the body that is sent";
        Chinese: "签名串不含报文主体",
            "对实际发送的报文主体签名";
    }
    MultipartWhole = "multipart_whole" {
        English: "the whole multipart body was signed",
            "of an upload, sign the text of the part `meta` only";
        Chinese: "对整个 multipart 报文主体进行了签名",
            "上传文件时，只对 `meta` 部分的文本签名";
    }
    BracesForEmptyBody = "braces_for_empty_body" {
        English: "the signed body and the sent body differ: one is empty, the other an empty JSON value such as {}",
            "without a body (GET, DELETE, empty POST), sign an empty line";
        Chinese: "签名与发送的报文主体不同：一个为空，另一个是 {} 之类的空 JSON",
            "没有报文主体时（GET、DELETE、空的 POST），对空行签名";
    }
    WrongKey = "wrong_key" {
        English: "the signature was made with another private key",
            "sign with the private key of the certificate that serial_no names; verify with the key that Wechatpay-Serial names";
        Chinese: "签名使用了另一把私钥",
            "使用 serial_no 所指商户API证书的私钥签名；使用 Wechatpay-Serial 所指的公钥验签";
    }
    SerialOfAnotherCertificate = "serial_of_another_certificate" {
        English: "the serial number does not belong to the key that signed",
            "send the serial number of the merchant API certificate whose private key signs (openssl x509 -serial)";
        Chinese: "序列号与签名所用的私钥不对应",
            "发送签名私钥所属商户API证书的序列号（openssl x509 -serial）";
    }
    SerialFormat = "serial_format" {
        English: "the serial number is not in the documented form",
            "send upper-case hexadecimal digits without separators, leading zeros kept, as openssl x509 -serial prints; the whole PUB_KEY_ID_… of a public key";
        Chinese: "序列号的格式与文档不符",
            "发送不含分隔符的大写十六进制数字，保留前导零，与 openssl x509 -serial 的输出一致；微信支付公钥须发送完整的 PUB_KEY_ID_…";
    }
    Sha1 = "sha1" {
        English: "the signature uses SHA-1",
            "sign with SHA-256 (SHA256withRSA)";
        Chinese: "签名使用了 SHA-1",
            "使用 SHA-256 签名（SHA256withRSA）";
    }
    OtherDigest = "other_digest" {
        English: "the signature uses another hash than SHA-256",
            "sign with SHA-256 (SHA256withRSA)";
        Chinese: "签名使用的摘要算法不是 SHA-256",
            "使用 SHA-256 签名（SHA256withRSA）";
    }
    MissingDigestInfo = "missing_digest_info" {
        English: "the signature contains the bare hash or text without its DigestInfo",
            "use the signature function of the library (SHA256withRSA), not RSA encryption with the private key";
        Chinese: "签名中只有摘要或原文，缺少 DigestInfo",
            "使用密码库的签名函数（SHA256withRSA），而不是用私钥做 RSA 加密";
    }
    HashedTwice = "hashed_twice" {
        English: "the string was hashed before it was passed to a function that hashes",
            "pass the string itself to the signature function";
        Chinese: "签名串在传给会计算摘要的函数之前，已被计算过一次摘要",
            "将签名串本身传给签名函数";
    }
    Pss = "pss" {
        English: "the signature uses the padding PSS",
            "sign with RSASSA-PKCS1-v1_5";
        Chinese: "签名使用了 PSS 填充",
            "使用 RSASSA-PKCS1-v1_5 签名";
    }
    SignatureEncoding = "signature_encoding" {
        English: "the signature is not standard Base64",
            "encode the bytes of the signature once, as Base64 with + / and padding, without line breaks";
        Chinese: "签名值不是标准的 Base64",
            "将签名的字节编码一次：含 + / 与填充的 Base64，不带换行";
    }
    SignatureType = "signature_type" {
        English: "the signature is declared to be of another type",
            "expect WECHATPAY2-SHA256-RSA2048 in Wechatpay-Signature-Type";
        Chinese: "声明的签名类型不符",
            "Wechatpay-Signature-Type 应为 WECHATPAY2-SHA256-RSA2048";
    }
    SignatureProbe = "signature_probe" {
        English: "this is a probe of WeChat Pay, with a signature that is wrong on purpose",
            "treat it as every wrong signature: refuse it; WeChat Pay repeats the message with a right one";
        Chinese: "这是微信支付的签名探测流量，其签名是故意错误的",
            "与其他错误签名同样处理：拒绝即可；微信支付会以正确的签名重新发送";
    }
    Apiv2Signature = "apiv2_signature" {
        English: "the signature is the MD5 or HMAC-SHA256 of APIv2",
            "sign with the private key (SHA256withRSA), and set signType to RSA";
        Chinese: "签名是 APIv2 的 MD5 或 HMAC-SHA256",
            "使用私钥签名（SHA256withRSA），并将 signType 设为 RSA";
    }
    HeaderGrammar = "header_grammar" {
        English: "a header is missing or malformed",
            "send Authorization: WECHATPAY2-SHA256-RSA2048 mchid=\"…\",nonce_str=\"…\",signature=\"…\",timestamp=\"…\",serial_no=\"…\"; pass on all Wechatpay-* headers";
        Chinese: "HTTP 头缺失或格式有误",
            "发送 Authorization: WECHATPAY2-SHA256-RSA2048 mchid=\"…\",nonce_str=\"…\",signature=\"…\",timestamp=\"…\",serial_no=\"…\"；原样传递所有 Wechatpay-* 头";
    }
    WrongMchid = "wrong_mchid" {
        English: "the mchid is not that of the signing merchant",
            "send the mchid of the merchant that the certificate belongs to; a partner sends its own, not that of the sub-merchant";
        Chinese: "mchid 不是签名商户的商户号",
            "发送证书所属商户的 mchid；服务商发送自己的商户号，而不是子商户的";
    }
    PrepayIdPrefix = "prepay_id_prefix" {
        English: "the last line must be prepay_id=… for JSAPI and mini programs, and the bare id for apps",
            "sign and send package (prepay_id=…) for JSAPI and mini programs, prepayid for apps";
        Chinese: "最后一行在 JSAPI 与小程序中应为 prepay_id=…，在 App 中应为不带前缀的值",
            "签名与发送使用同一个值：JSAPI 与小程序为 package（prepay_id=…），App 为 prepayid";
    }
    PackageDiffers = "package_differs" {
        English: "another value was signed as the last line",
            "sign package (prepay_id=…) for JSAPI and mini programs, prepayid for apps";
        Chinese: "签名的最后一行是另一个值",
            "JSAPI 与小程序对 package（prepay_id=…）签名，App 对 prepayid 签名";
    }
    WrongAppid = "wrong_appid" {
        English: "another appid was signed than the client uses",
            "sign the appid of the order, which the client runs under; a partner signs sub_appid if the order has sub_openid";
        Chinese: "签名的 appid 与客户端使用的不同",
            "对下单时的 appid 签名，它也是客户端运行所用的 appid；订单含 sub_openid 时，服务商对 sub_appid 签名";
    }
    ClientTimestamp = "client_timestamp" {
        English: "the timestamp for the client is not the signed one, or not a text of seconds",
            "take the time once, in seconds, as a text, and pass the client the signed value";
        Chinese: "传给客户端的时间戳不是签名的时间戳，或不是以秒为单位的字符串",
            "时间戳只取一次，为以秒为单位的字符串，并将签名的值传给客户端";
    }
    ClientSignType = "client_sign_type" {
        English: "signType is not RSA",
            "set signType to RSA";
        Chinese: "signType 不是 RSA",
            "将 signType 设为 RSA";
    }
    WrongApiV3Key = "wrong_api_v3_key" {
        English: "the resource is not encrypted with this APIv3 key",
            "configure the APIv3 key of this merchant (32 characters); it may have been changed in the merchant platform";
        Chinese: "resource 不是用此 APIv3密钥加密的",
            "配置该商户的 APIv3密钥（32 个字符）；它可能已在商户平台上被修改";
    }
    WrongNotificationSerial = "wrong_notification_serial" {
        English: "Wechatpay-Serial does not name the key that signed",
            "choose the key by Wechatpay-Serial, and pass the header on as received; a forged notification looks like this too";
        Chinese: "Wechatpay-Serial 所指的不是签名所用的密钥",
            "按 Wechatpay-Serial 选择验签的公钥，并原样传递该 HTTP 头；伪造的回调通知也会如此";
    }
}

impl CauseId {
    /// Returns a sentence about the cause, without anything of the message.
    pub const fn description(self, language: Language) -> &'static str {
        self.texts(language).description
    }

    /// Returns a sentence that names the change to make.
    pub const fn remedy(self, language: Language) -> &'static str {
        self.texts(language).remedy
    }
}

impl fmt::Display for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for CauseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::tests::{assert_chinese, assert_english};
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_in_snake_case() {
        let ids: BTreeSet<_> = CauseId::ALL.iter().map(|cause| cause.as_str()).collect();
        assert_eq!(ids.len(), CauseId::ALL.len());
        let is_snake = |id: &str| {
            id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        assert!(ids.iter().all(|id| is_snake(id)));
    }

    #[test]
    fn every_cause_has_a_description_and_a_remedy_in_both_languages() {
        for cause in CauseId::ALL {
            for text in [CauseId::description, CauseId::remedy] {
                assert_english(text(cause, Language::English));
                assert_chinese(text(cause, Language::Chinese));
            }
        }
        assert_eq!(CauseId::ALL.len(), 52);
    }
}
