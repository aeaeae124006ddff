//! The `package` of a request: `name=value` pairs with percent escapes, in one charset, with their MD5 signature.

use super::{
    codes::{self, Refusal},
    sign,
};
use crate::{settings::PlusSign, time};
use encoding_rs::{Encoding, GBK, UTF_8};
use percent_encoding::percent_decode;
use wxpay_proto::{Fen, UnixTime, id::OutTradeNo};

/// The charset of an order. The MD5 signature and the percent escapes are over the bytes in this charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charset {
    Gbk,
    Utf8,
}

impl Charset {
    /// Finds a charset by its name, ignoring case. The name is signed as written.
    fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "GBK" => Some(Self::Gbk),
            "UTF-8" => Some(Self::Utf8),
            _ => None,
        }
    }

    const fn encoding(self) -> &'static Encoding {
        match self {
            Self::Gbk => GBK,
            Self::Utf8 => UTF_8,
        }
    }

    fn decode(self, bytes: &[u8]) -> Option<String> {
        self.encoding().decode_without_bom_handling_and_without_replacement(bytes).map(String::from)
    }
}

/// The pairs in the order received, with unescaped values.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pairs: Vec<(String, Vec<u8>)>,
    plus: bool,
}

impl Package {
    /// Splits and unescapes a package. Never fails: the later checks of signature and fields refuse a malformed one.
    pub(crate) fn parse(text: &str, plus: PlusSign) -> Self {
        let pairs = text
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                let value = match plus {
                    PlusSign::Literal => percent_decode(value.as_bytes()).collect(),
                    PlusSign::Space => percent_decode(value.replace('+', " ").as_bytes()).collect(),
                };
                (String::from(name), value)
            })
            .collect();
        Self { pairs, plus: text.contains('+') }
    }

    /// Returns `true` if the package contains an unescaped `+`.
    pub(crate) fn has_plus(&self) -> bool {
        self.plus
    }

    /// Returns the bytes of a value that is present and not empty.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.pairs.iter().find(|(key, _)| key == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// Returns a value that must be ASCII.
    fn ascii(&self, name: &str) -> Option<&str> {
        self.bytes(name).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// Returns `true` if `sign` is the MD5 signature of the other pairs.
    pub(crate) fn is_signed_by(&self, partner_key: &str) -> bool {
        let expected = sign::md5(&self.pairs, partner_key);
        self.ascii("sign").is_some_and(|sign| sign::constant_time_eq(sign, &expected))
    }

    /// Returns `partner`, the merchant.
    pub(crate) fn partner(&self) -> Option<&str> {
        self.ascii("partner")
    }

    /// Returns the merchant's order number, if it is valid.
    pub(crate) fn out_trade_no(&self) -> Result<OutTradeNo, Refusal> {
        self.required("out_trade_no")?.parse().map_err(|error: wxpay_proto::id::InvalidField| {
            codes::INVALID_ARGS.with_reason(error.to_string())
        })
    }

    pub(crate) fn refuse_repeated_names(&self) -> Result<(), Refusal> {
        for (index, (name, _)) in self.pairs.iter().enumerate() {
            if self.pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(codes::INVALID_ARGS.with_reason(format!("the package has {name} twice")));
            }
        }
        Ok(())
    }

    fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.ascii(name)
            .ok_or_else(|| codes::INVALID_ARGS.with_reason(format!("{name} is required in the package")))
    }

    fn require_literal(&self, name: &str, expected: &str) -> Result<(), Refusal> {
        match self.required(name)? {
            value if value == expected => Ok(()),
            _ => Err(field_error(name, &format!("must be {expected}"))),
        }
    }

    fn fen(&self, name: &str) -> Result<Option<Fen>, Refusal> {
        let Some(bytes) = self.bytes(name) else { return Ok(None) };
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        text.parse().map(Some).map_err(|_| field_error(name, "must be an integer number of fen, in digits"))
    }

    fn parse_time(&self, name: &str) -> Result<Option<UnixTime>, Refusal> {
        let Some(bytes) = self.bytes(name) else { return Ok(None) };
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        time::parse_yyyymmddhhmmss(text)
            .map(Some)
            .ok_or_else(|| field_error(name, "must be yyyyMMddHHmmss in GMT+8"))
    }

    fn text(&self, name: &str, charset: Charset, max_bytes: usize) -> Result<Option<Text>, Refusal> {
        let Some(bytes) = self.bytes(name) else { return Ok(None) };
        if bytes.len() > max_bytes {
            return Err(field_error(name, &format!("must be at most {max_bytes} bytes")));
        }
        let text = charset.decode(bytes).ok_or_else(|| {
            codes::INVALID_CHARSET.with_reason(format!("{name} is not in the input_charset"))
        })?;
        Ok(Some(Text { bytes: bytes.to_vec(), text }))
    }
}

fn field_error(name: &str, rule: &str) -> Refusal {
    codes::INVALID_ARGS.with_reason(format!("{name} {rule}"))
}

/// Text from the merchant: the original bytes, to be returned unchanged, and the decoded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    pub(crate) text: String,
}

/// The data of an order, read from a package whose signature is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderData {
    pub(crate) out_trade_no: OutTradeNo,
    pub(crate) total_fee: Fen,
    pub(crate) transport_fee: Fen,
    pub(crate) body: Text,
    pub(crate) attach: Option<Text>,
    pub(crate) notify_url: String,
    pub(crate) spbill_create_ip: String,
    pub(crate) time_expire: Option<UnixTime>,
    /// The charset as the merchant wrote it; `GBK` if it is not given.
    pub(crate) input_charset: String,
}

impl OrderData {
    /// Reads an order and applies the rules of the documents' table.
    pub(crate) fn read(package: &Package) -> Result<Self, Refusal> {
        package.refuse_repeated_names()?;
        let input_charset = match package.bytes("input_charset") {
            None => "GBK",
            Some(_) => package.required("input_charset")?,
        };
        let charset = Charset::from_name(input_charset)
            .ok_or_else(|| field_error("input_charset", "must be GBK or UTF-8"))?;
        package.require_literal("bank_type", "WX")?;
        package.require_literal("fee_type", "1")?;
        let body = package.text("body", charset, 128)?.ok_or_else(|| field_error("body", "is required"))?;
        let attach = package.text("attach", charset, 128)?;
        package.text("goods_tag", charset, 32)?;
        let out_trade_no = package.out_trade_no()?;
        let total_fee = package.fen("total_fee")?.ok_or_else(|| field_error("total_fee", "is required"))?;
        if total_fee < Fen::new(1) {
            return Err(field_error("total_fee", "must be at least 1"));
        }
        let transport_fee = Self::transport_fee(package, total_fee)?;
        let notify_url = String::from(package.required("notify_url")?);
        if !is_notify_url(&notify_url) {
            return Err(field_error(
                "notify_url",
                "must be an absolute http or https URL of at most 255 bytes",
            ));
        }
        let spbill_create_ip = String::from(package.required("spbill_create_ip")?);
        if spbill_create_ip.parse::<std::net::Ipv4Addr>().is_err() {
            return Err(field_error("spbill_create_ip", "must be an IPv4 address"));
        }
        let (start, time_expire) = (package.parse_time("time_start")?, package.parse_time("time_expire")?);
        if let (Some(start), Some(expire)) = (start, time_expire)
            && expire <= start
        {
            return Err(field_error("time_expire", "must be after time_start"));
        }
        Ok(Self {
            out_trade_no,
            total_fee,
            transport_fee,
            body,
            attach,
            notify_url,
            spbill_create_ip,
            time_expire,
            input_charset: String::from(input_charset),
        })
    }

    /// Checks that the transport fee and the product fee add up to `total_fee`, if either is given. Returns the
    /// transport fee.
    fn transport_fee(package: &Package, total_fee: Fen) -> Result<Fen, Refusal> {
        let (transport, product) = (package.fen("transport_fee")?, package.fen("product_fee")?);
        if transport.is_none() && product.is_none() {
            return Ok(Fen::ZERO);
        }
        let transport = transport.unwrap_or_default();
        if transport.checked_add(product.unwrap_or_default()) == Some(total_fee) {
            Ok(transport)
        } else {
            Err(field_error("total_fee", "must be the sum of transport_fee and product_fee"))
        }
    }
}

/// Returns `true` for a valid notify URL. A query is allowed: the gateway appends its own parameters to it.
fn is_notify_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    let visible = url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    !host.is_empty() && !host.starts_with(':') && visible && url.len() <= 255
}
