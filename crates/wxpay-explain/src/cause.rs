//! The causes of a wrong signature: ids, descriptions and remedies.

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

/// A cause of a wrong signature, or of the refusal of a right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "`description` documents each, as the user reads it")]
pub enum CauseId {
    MissingFinalLineFeed,
    MissingBodyLineFeed,
    ExtraLineFeed,
    Crlf,
    LiteralBackslashN,
    LineSeparator,
    LineOrder,
    HostInUrl,
    PathPrefix,
    PathEncoding,
    TrailingSlash,
    QueryMissing,
    QueryReordered,
    QueryDecoded,
    QueryDoubleEncoded,
    QueryReencoded,
    MethodCase,
    MethodDiffers,
    TimestampMilliseconds,
    TimestampDiffers,
    ClockSkew,
    NonceDiffers,
    BodyReserialized,
    BodyTrimmed,
    BodyBom,
    BodyGbk,
    BodyCharset,
    BodyHashed,
    BodyNotSigned,
    MultipartWhole,
    BracesForEmptyBody,
    WrongKey,
    SerialOfAnotherCertificate,
    SerialFormat,
    Sha1,
    OtherDigest,
    MissingDigestInfo,
    HashedTwice,
    Pss,
    SignatureEncoding,
    SignatureType,
    SignatureProbe,
    Apiv2Signature,
    HeaderGrammar,
    WrongMchid,
    PrepayIdPrefix,
    PackageDiffers,
    WrongAppid,
    ClientTimestamp,
    ClientSignType,
    WrongApiV3Key,
    WrongNotificationSerial,
}

impl CauseId {
    /// All causes.
    pub const ALL: [Self; 52] = [
        Self::MissingFinalLineFeed,
        Self::MissingBodyLineFeed,
        Self::ExtraLineFeed,
        Self::Crlf,
        Self::LiteralBackslashN,
        Self::LineSeparator,
        Self::LineOrder,
        Self::HostInUrl,
        Self::PathPrefix,
        Self::PathEncoding,
        Self::TrailingSlash,
        Self::QueryMissing,
        Self::QueryReordered,
        Self::QueryDecoded,
        Self::QueryDoubleEncoded,
        Self::QueryReencoded,
        Self::MethodCase,
        Self::MethodDiffers,
        Self::TimestampMilliseconds,
        Self::TimestampDiffers,
        Self::ClockSkew,
        Self::NonceDiffers,
        Self::BodyReserialized,
        Self::BodyTrimmed,
        Self::BodyBom,
        Self::BodyGbk,
        Self::BodyCharset,
        Self::BodyHashed,
        Self::BodyNotSigned,
        Self::MultipartWhole,
        Self::BracesForEmptyBody,
        Self::WrongKey,
        Self::SerialOfAnotherCertificate,
        Self::SerialFormat,
        Self::Sha1,
        Self::OtherDigest,
        Self::MissingDigestInfo,
        Self::HashedTwice,
        Self::Pss,
        Self::SignatureEncoding,
        Self::SignatureType,
        Self::SignatureProbe,
        Self::Apiv2Signature,
        Self::HeaderGrammar,
        Self::WrongMchid,
        Self::PrepayIdPrefix,
        Self::PackageDiffers,
        Self::WrongAppid,
        Self::ClientTimestamp,
        Self::ClientSignType,
        Self::WrongApiV3Key,
        Self::WrongNotificationSerial,
    ];

    /// Returns the id: a stable name in snake case.
    pub const fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// Returns a sentence about the cause, without anything of the message.
    pub const fn description(self) -> &'static str {
        self.entry().1
    }

    /// Returns a sentence that says what to change.
    pub const fn remedy(self) -> &'static str {
        self.entry().2
    }

    #[allow(clippy::too_many_lines, reason = "a table")]
    const fn entry(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::MissingFinalLineFeed => (
                "missing_final_line_feed",
                "the signed string does not end with a line feed",
                "end every line with \\n, the last one too; do not join the lines with \\n",
            ),
            Self::MissingBodyLineFeed => (
                "missing_body_line_feed",
                "the line of the body is missing in the signed string",
                "sign the body as a line of its own; without a body, an empty line: the string ends with NONCE\\n\\n",
            ),
            Self::ExtraLineFeed => (
                "extra_line_feed",
                "the signed string has a line feed too many",
                "end every line with exactly one \\n, and trim nothing else",
            ),
            Self::Crlf => (
                "crlf",
                "line feeds were signed as CR LF",
                "sign \\n (0x0A) alone; do not use the platform's line separator or println",
            ),
            Self::LiteralBackslashN => (
                "literal_backslash_n",
                "the two characters \\ and n were signed in place of a line feed",
                "write \"\\n\" where the language makes it a line feed: in PHP, Ruby and shells, single quotes do not",
            ),
            Self::LineSeparator => (
                "line_separator",
                "the lines of the signed string are separated by something else than a line feed",
                "end every line with \\n (0x0A)",
            ),
            Self::LineOrder => (
                "line_order",
                "the lines were signed in another order",
                "sign method, URL, timestamp, nonce, body; of replies timestamp, nonce, body; for clients appid, timestamp, nonce, package",
            ),
            Self::HostInUrl => (
                "host_in_url",
                "the URL was signed with its host",
                "sign path and query only, from the first / after the host",
            ),
            Self::PathPrefix => {
                ("path_prefix", "a part of the path was not signed", "sign the whole path as sent, with /v3")
            }
            Self::PathEncoding => (
                "path_encoding",
                "the path was signed with other percent-encoding than it was sent with",
                "sign the bytes of the path that are sent",
            ),
            Self::TrailingSlash => (
                "trailing_slash",
                "the signed path and the sent path differ by a slash at the end",
                "build the path once, and sign and send the same",
            ),
            Self::QueryMissing => (
                "query_missing",
                "the query, or a part of it, was not signed",
                "sign path?query exactly as sent",
            ),
            Self::QueryReordered => (
                "query_reordered",
                "the parameters of the query were signed in another order than sent",
                "build the query once, and sign and send the same; it is not sorted",
            ),
            Self::QueryDecoded => (
                "query_decoded",
                "the query was signed before its percent-encoding",
                "encode first, then sign what is sent",
            ),
            Self::QueryDoubleEncoded => (
                "query_double_encoded",
                "the query was percent-encoded twice, in what was signed or in what was sent",
                "encode once; pass the HTTP client a URL that it does not encode again",
            ),
            Self::QueryReencoded => (
                "query_reencoded",
                "the query was signed with other percent-encoding than it was sent with",
                "sign the bytes of the query that are sent, with the same characters encoded and the same case of %XX",
            ),
            Self::MethodCase => (
                "method_case",
                "the method was not signed in upper case",
                "sign and send the method in upper case",
            ),
            Self::MethodDiffers => {
                ("method_differs", "another method was signed than sent", "sign the method that is sent")
            }
            Self::TimestampMilliseconds => (
                "timestamp_milliseconds",
                "the timestamp is in milliseconds",
                "use seconds since 1970, 10 digits, for the signed string and for the header",
            ),
            Self::TimestampDiffers => (
                "timestamp_differs",
                "another timestamp was signed than sent",
                "take the time once, and use it for the signed string and for the header",
            ),
            Self::ClockSkew => (
                "clock_skew",
                "the timestamp is more than 5 minutes off",
                "synchronise the clock (NTP); sign each attempt anew; a recorded message is judged by the time at which it was received",
            ),
            Self::NonceDiffers => (
                "nonce_differs",
                "another nonce was signed than sent",
                "generate the nonce once, and use it for the signed string and for the header",
            ),
            Self::BodyReserialized => (
                "body_reserialized",
                "the body was serialised again between signing and sending",
                "serialise once to bytes, and sign and send these bytes; verify the bytes that were received, before any JSON parser",
            ),
            Self::BodyTrimmed => (
                "body_trimmed",
                "blanks or line feeds at the ends of the body were removed or added after signing",
                "sign the bytes that are sent; verify the bytes that were received",
            ),
            Self::BodyBom => (
                "body_bom",
                "the signed body and the sent body differ by a byte order mark",
                "send UTF-8 without a byte order mark",
            ),
            Self::BodyGbk => (
                "body_gbk",
                "the body was signed in GBK and sent in UTF-8, or the reverse",
                "convert texts to bytes as UTF-8 everywhere; in Java getBytes(StandardCharsets.UTF_8)",
            ),
            Self::BodyCharset => (
                "body_charset",
                "the body was signed in another charset than it was sent in",
                "convert texts to bytes as UTF-8 everywhere",
            ),
            Self::BodyHashed => {
                ("body_hashed", "a hash of the body was signed in place of the body", "sign the body itself")
            }
            Self::BodyNotSigned => {
                ("body_not_signed", "the string was signed without the body", "sign the body that is sent")
            }
            Self::MultipartWhole => (
                "multipart_whole",
                "the whole multipart body was signed",
                "of an upload, sign the text of the part `meta` only",
            ),
            Self::BracesForEmptyBody => (
                "braces_for_empty_body",
                "the signed body and the sent body differ: one is empty, the other an empty JSON value such as {}",
                "without a body (GET, DELETE, empty POST), sign an empty line",
            ),
            Self::WrongKey => (
                "wrong_key",
                "the signature was made with another private key",
                "sign with the private key of the certificate that serial_no names; verify with the key that Wechatpay-Serial names",
            ),
            Self::SerialOfAnotherCertificate => (
                "serial_of_another_certificate",
                "the serial number does not belong to the key that signed",
                "send the serial number of the merchant API certificate whose private key signs (openssl x509 -serial)",
            ),
            Self::SerialFormat => (
                "serial_format",
                "the serial number is not in the documented form",
                "send upper-case hexadecimal digits without separators, leading zeros kept, as openssl x509 -serial prints; the whole PUB_KEY_ID_… of a public key",
            ),
            Self::Sha1 => ("sha1", "the signature uses SHA-1", "sign with SHA-256 (SHA256withRSA)"),
            Self::OtherDigest => (
                "other_digest",
                "the signature uses another hash than SHA-256",
                "sign with SHA-256 (SHA256withRSA)",
            ),
            Self::MissingDigestInfo => (
                "missing_digest_info",
                "the signature contains the bare hash or text without its DigestInfo",
                "use the signature function of the library (SHA256withRSA), not RSA encryption with the private key",
            ),
            Self::HashedTwice => (
                "hashed_twice",
                "the string was hashed before it was passed to a function that hashes",
                "pass the string itself to the signature function",
            ),
            Self::Pss => ("pss", "the signature uses the padding PSS", "sign with RSASSA-PKCS1-v1_5"),
            Self::SignatureEncoding => (
                "signature_encoding",
                "the signature is not standard Base64",
                "encode the bytes of the signature once, as Base64 with + / and padding, without line breaks",
            ),
            Self::SignatureType => (
                "signature_type",
                "the signature is declared to be of another type",
                "expect WECHATPAY2-SHA256-RSA2048 in Wechatpay-Signature-Type",
            ),
            Self::SignatureProbe => (
                "signature_probe",
                "this is a probe of WeChat Pay, with a signature that is wrong on purpose",
                "treat it as every wrong signature: refuse it; WeChat Pay repeats the message with a right one",
            ),
            Self::Apiv2Signature => (
                "apiv2_signature",
                "the signature is the MD5 or HMAC-SHA256 of APIv2",
                "sign with the private key (SHA256withRSA), and set signType to RSA",
            ),
            Self::HeaderGrammar => (
                "header_grammar",
                "a header is missing or malformed",
                "send Authorization: WECHATPAY2-SHA256-RSA2048 mchid=\"…\",nonce_str=\"…\",signature=\"…\",timestamp=\"…\",serial_no=\"…\"; pass on all Wechatpay-* headers",
            ),
            Self::WrongMchid => (
                "wrong_mchid",
                "the mchid is not that of the signing merchant",
                "send the mchid of the merchant that the certificate belongs to; a partner sends its own, not that of the sub-merchant",
            ),
            Self::PrepayIdPrefix => (
                "prepay_id_prefix",
                "the last line must be prepay_id=… for JSAPI and mini programs, and the bare id for apps",
                "sign package (prepay_id=…) for JSAPI and mini programs, prepayid for apps",
            ),
            Self::PackageDiffers => (
                "package_differs",
                "another value was signed as the last line",
                "sign package (prepay_id=…) for JSAPI and mini programs, prepayid for apps",
            ),
            Self::WrongAppid => (
                "wrong_appid",
                "another appid was signed than the client uses",
                "sign the appid of the order, which the client runs under; a partner signs sub_appid if the order has sub_openid",
            ),
            Self::ClientTimestamp => (
                "client_timestamp",
                "the timestamp for the client is not the signed one, or not a text of seconds",
                "take the time once, in seconds, as a text, and pass the client the signed value",
            ),
            Self::ClientSignType => ("client_sign_type", "signType is not RSA", "set signType to RSA"),
            Self::WrongApiV3Key => (
                "wrong_api_v3_key",
                "the resource is not encrypted with this APIv3 key",
                "configure the APIv3 key of this merchant (32 characters); it may have been changed in the merchant platform",
            ),
            Self::WrongNotificationSerial => (
                "wrong_notification_serial",
                "Wechatpay-Serial does not name the key that signed",
                "choose the key by Wechatpay-Serial, and pass the header on as received; a forged notification looks like this too",
            ),
        }
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
}
