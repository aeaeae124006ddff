//! The details of causes, as messages show them.

use crate::language::{In, Language};
use std::fmt;

/// Declares the details with their values and with their texts in both languages.
macro_rules! details {
    ($($name:ident $({ $($value:ident: $kind:ty),+ })?: $english:literal, $chinese:literal;)*) => {
        /// A detail of a cause. Values of the message are in it as [`shown`](crate::visible::shown) renders them.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum Detail {
            $($name $({ $($value: $kind),+ })?,)*
        }

        impl fmt::Display for In<'_, Detail> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let In(detail, language) = self;
                match (detail, language) {
                    $(
                        (Detail::$name $({ $($value),+ })?, Language::English) => write!(f, $english),
                        (Detail::$name $({ $($value),+ })?, Language::Chinese) => write!(f, $chinese),
                    )*
                }
            }
        }

        impl Detail {
            /// Returns one of each, with empty values.
            #[cfg(test)]
            fn all() -> Vec<Self> {
                vec![$(Self::$name $({ $($value: <$kind>::default()),+ })?,)*]
            }
        }
    };
}

details! {
    // The header of a signature.
    MissingHeaders { names: Names }: "the header {names} is missing", "缺少 HTTP 头 {names}";
    NoWechatpayHeaders: "there are no Wechatpay-* headers: downloads and refusals of the field check have none, and proxies may drop them", "没有 Wechatpay-* 头：下载文件与参数校验失败的应答没有这些头，代理也可能将其丢弃";
    WechatpayTimestampNotSeconds: "Wechatpay-Timestamp must be a number of seconds", "Wechatpay-Timestamp 必须为秒数";
    OtherScheme { scheme: &'static str }: "Authorization must begin with {scheme}", "Authorization 必须以 {scheme} 开头";
    NoSpaceAfterScheme: "Authorization must have one space after the scheme", "Authorization 的认证类型之后必须有一个空格";
    NoPairs: "Authorization must be name=\"value\" pairs, separated by commas", "Authorization 必须由 name=\"value\" 组成，以逗号分隔";
    WithoutQuotes { name: String }: "the value of {name} in Authorization must be in double quotes", "Authorization 中 {name} 的值必须使用双引号";
    UnknownName { name: String }: "Authorization has the unknown name {name}", "Authorization 含有未知的名称 {name}";
    NameTwice { name: String }: "Authorization has {name} twice", "Authorization 含有两个 {name}";
    MissingName { name: &'static str }: "{name} is missing in Authorization", "Authorization 缺少 {name}";
    TimestampNotSeconds: "timestamp in Authorization must be a number of seconds", "Authorization 中的 timestamp 必须为秒数";
    TimestampWithFraction: "timestamp in Authorization must be whole seconds, 10 digits, without a fraction", "Authorization 中的 timestamp 必须为整数秒，共 10 位数字，不带小数";

    // The parameters of a client.
    MissingParameters { names: Names }: "the client parameters have no {names}", "调起支付的参数缺少 {names}";
    TimestampIsNumber: "it is a JSON number; the client requires a text", "它是 JSON 数字；客户端要求字符串";
    SecondsWithFraction: "it must be whole seconds, 10 digits, without a fraction", "它必须为整数秒，共 10 位数字，不带小数";
    SignTypeIsMd5: "it is MD5", "它是 MD5";
    SignTypeIsOther: "it is another value", "它是其他值";
    SignTypeIsMissing: "it is missing", "缺少该字段";
    PrepayidWithPrefix: "prepayid was sent with prepay_id=", "发送的 prepayid 带有 prepay_id=";
    PackageWithoutPrefix: "package was sent without prepay_id=", "发送的 package 不带 prepay_id=";
    PackageWithPrefixTwice: "package was sent with prepay_id= twice", "发送的 package 带有两个 prepay_id=";
    UnknownAppid: "it is none of the configured ones", "它不是已配置的任何一个";

    // The text of a signature.
    Hexadecimal: "it is hexadecimal", "它是十六进制";
    EncodedTwice: "it is encoded twice", "它被编码了两次";
    Reversed: "its bytes are in reverse order", "它的字节顺序颠倒";
    WrongPadding: "its padding is missing or wrong", "它的填充缺失或有误";
    PythonBytes: "it is the text of Python's bytes, b'…'", "它是 Python 字节串的文本 b'…'";
    PercentEncoded: "it is percent-encoded", "它被百分号编码";
    LineBreaks: "it has line breaks", "它含有换行";
    PlusIsBlank: "its + are blanks: it was decoded as a form", "它的 + 变成了空格：被当作表单解码";
    UrlSafe: "it is URL-safe Base64, with - and _", "它是 URL 安全的 Base64，含 - 与 _";
    OtherLength { bytes: usize }: "{bytes} bytes; a key of 2048 bits signs with 256", "{bytes} 字节；2048 位密钥的签名为 256 字节";
    Undecodable: "it cannot be decoded", "它无法解码";
    OtherSignatureType { sent: String }: "it is {sent}", "它是 {sent}";

    // The key, and who it belongs to.
    NotTheNamedKey: "not the one that the serial number names, nor another of the given keys; or the signature was altered", "既不是序列号所指的密钥，也不是给定的其他密钥；或者签名被篡改";
    NoKeyOfThatSerial: "none of the given keys; the serial number names none of them", "不是给定的任何密钥；序列号也不对应其中任何一把";
    NoGivenKey: "none of the given keys", "不是给定的任何密钥";
    NoGivenKeyForClient: "none of the given keys; or the signature was altered", "不是给定的任何密钥；或者签名已损坏";
    PlatformSigned: "the key of WeChat Pay signed", "签名使用的是微信支付的密钥";
    MerchantSigned: "the key of the merchant signed", "签名使用的是商户的密钥";
    DocumentedSerial { serial: String }: "the documented form is {serial}", "文档规定的格式为 {serial}";
    SerialOfSigner { serial: String }: "the key that signed has {serial}", "签名所用密钥的序列号为 {serial}";
    SerialOfOtherKey: "the serial number names another of the given keys", "序列号所指的是给定的另一把密钥";
    OtherMchid { sent: String, expected: Alternatives }: "sent {sent}, expected {expected}", "发送的是 {sent}，应为 {expected:#}";
    MchidOfRequest { sent: String, named: String }: "sent {sent}, but the request is about {named}", "发送的是 {sent}，而请求针对的是 {named}";

    // The time, and the signed string.
    ThirteenDigits: "13 digits", "13 位数字";
    Behind { seconds: u64 }: "{seconds} s behind the clock", "比时钟慢 {seconds} 秒";
    Ahead { seconds: u64 }: "{seconds} s ahead of the clock", "比时钟快 {seconds} 秒";
    BehindByHours { hours: u64 }: "{hours} h behind the clock: a time zone, not a wrong clock; local time was taken for UTC, or the reverse", "比时钟慢 {hours} 小时：是时区问题，而不是时钟不准；本地时间被当作 UTC，或者相反";
    AheadByHours { hours: u64 }: "{hours} h ahead of the clock: a time zone, not a wrong clock; local time was taken for UTC, or the reverse", "比时钟快 {hours} 小时：是时区问题，而不是时钟不准；本地时间被当作 UTC，或者相反";
    SameString: "or this one: both make the same string", "或为此原因：两者的签名串相同";
    NoUsualString: "the key is right, but none of the usual strings was signed", "密钥正确，但签名的不是任何常见的签名串";
    Trace: "the message looks like it", "报文有此迹象";
}

impl Detail {
    /// Returns the remedy, if it is another one than that of the cause.
    pub(crate) const fn remedy(&self, language: Language) -> Option<&'static str> {
        if matches!(self, Self::BehindByHours { .. } | Self::AheadByHours { .. }) {
            return Some(language.pick(
                "take the seconds since 1970 as they are (time.time(), Date.now() / 1000, date +%s), without converting a local time; a recorded message is judged by the time at which it was received",
                "直接取自 1970 年起的秒数（time.time()、Date.now() / 1000、date +%s），不要由本地时间换算；历史报文以其接收时间为准",
            ));
        }
        if matches!(self, Self::NoGivenKeyForClient) {
            return Some(language.pick(
                "sign on the server with the private key of the merchant API certificate, which also signs requests, and pass the client the signature unchanged",
                "在服务端使用商户API证书的私钥签名，与请求所用的私钥相同，并将签名值原样传给客户端",
            ));
        }
        None
    }
}

/// Names of the protocol, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names(pub(crate) Vec<&'static str>);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// Values of which one is expected: joined in English, and with `#` in Chinese.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alternatives(pub(crate) Vec<String>);

impl fmt::Display for Alternatives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(if f.alternate() { " 或 " } else { " or " }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::tests::{assert_chinese, assert_english};

    #[test]
    fn every_detail_has_a_text_in_both_languages() {
        for detail in Detail::all() {
            assert_english(&In(&detail, Language::English).to_string());
            assert_chinese(&In(&detail, Language::Chinese).to_string());
            if let Some(remedy) = detail.remedy(Language::English) {
                assert_english(remedy);
                assert_chinese(detail.remedy(Language::Chinese).unwrap());
            }
        }
    }

    #[test]
    fn expected_values_are_alternatives_in_both_languages() {
        let expected = Alternatives(vec!["1900000001".into(), "1900000002".into()]);
        let detail = Detail::OtherMchid { sent: "1".into(), expected };
        let english = In(&detail, Language::English).to_string();
        assert_eq!(english, "sent 1, expected 1900000001 or 1900000002");
        let chinese = In(&detail, Language::Chinese).to_string();
        assert_eq!(chinese, "发送的是 1，应为 1900000001 或 1900000002");
    }
}
