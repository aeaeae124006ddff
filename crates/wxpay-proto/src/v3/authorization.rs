//! The `Authorization` header: formatting and parsing.
//!
//! `WECHATPAY2-SHA256-RSA2048 mchid="…",nonce_str="…",signature="…",timestamp="…",serial_no="…"`. The five values may
//! have any order: parse headers, and never compare them as text. Source:
//! [the rules](crate::manual::protocol#request-signature).

use crate::{
    id::{InvalidField, MchId, SerialNo},
    prelude::*,
    wire::base64,
};
use core::{fmt, str::FromStr};

/// The name of the signature scheme: RSASSA-PKCS1-v1_5 with SHA-256 and a 2048-bit key.
pub const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// The parsed header: signer, certificate, time, nonce and signature. `Debug` omits nonce and signature.
///
/// ```
/// use wxpay_proto::v3::Authorization;
///
/// let header = r#"WECHATPAY2-SHA256-RSA2048 mchid="1900007291",nonce_str="593BEC0C930BF1AF",signature="c2ln",timestamp="1554208460",serial_no="408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB""#;
/// let parsed: Authorization = header.parse()?;
/// assert_eq!(parsed.mchid.as_str(), "1900007291");
/// assert_eq!(parsed.to_string(), header);
/// # Ok::<(), wxpay_proto::id::InvalidField>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the header's five values, all required")]
pub struct Authorization {
    /// The merchant that signed. In partner mode it is the partner.
    pub mchid: MchId,
    /// The nonce in the signed message: 1 to 32 visible ASCII characters.
    pub nonce_str: String,
    /// The signature's bytes.
    pub signature: Vec<u8>,
    /// The time of signing, in seconds since 1970.
    pub timestamp: u64,
    /// The serial number of the merchant certificate whose key signed.
    pub serial_no: SerialNo,
}

/// Writes the header's value.
impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mchid, nonce_str, signature, timestamp, serial_no } = self;
        HeaderValue { mchid, nonce_str, signature, timestamp: *timestamp, serial_no }.write(f)
    }
}

/// The values of the header, borrowed.
pub(super) struct HeaderValue<'a> {
    pub(super) mchid: &'a MchId,
    pub(super) nonce_str: &'a str,
    pub(super) signature: &'a [u8],
    pub(super) timestamp: u64,
    pub(super) serial_no: &'a SerialNo,
}

impl HeaderValue<'_> {
    fn write(&self, to: &mut impl fmt::Write) -> fmt::Result {
        let Self { mchid, nonce_str, signature, timestamp, serial_no } = self;
        let signature = base64::display(signature);
        write!(
            to,
            "{SCHEME} mchid=\"{mchid}\",nonce_str=\"{nonce_str}\",signature=\"{signature}\",\
             timestamp=\"{timestamp}\",serial_no=\"{serial_no}\""
        )
    }

    /// Returns the header's value in one allocation.
    pub(super) fn into_string(self) -> String {
        // A signature of 2048 bits takes 344 bytes, the other values and their names at most 230.
        let mut value = String::with_capacity(576);
        // Writing to a text cannot fail.
        let _written = self.write(&mut value);
        value
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("mchid", &self.mchid)
            .field("timestamp", &self.timestamp)
            .field("serial_no", &self.serial_no)
            .finish_non_exhaustive()
    }
}

/// Parses the header's value: the five values in any order, blanks around the commas allowed, other names ignored.
///
/// # Errors
///
/// Returns [`InvalidField`] if the scheme is another one, or a value is missing, duplicated or invalid.
impl FromStr for Authorization {
    type Err = InvalidField;

    fn from_str(header: &str) -> Result<Self, InvalidField> {
        let rest = header.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix(' '));
        let values = Values(rest.ok_or(InvalidField::new(
            "authorization",
            "must begin with WECHATPAY2-SHA256-RSA2048 and a space",
        ))?);
        let nonce_str = values.get("nonce_str")?;
        if !(1..=32).contains(&nonce_str.len()) || !nonce_str.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidField::new("nonce_str", "must be 1 to 32 visible ASCII characters"));
        }
        let timestamp = values.get("timestamp")?;
        let is_number =
            (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        Ok(Self {
            mchid: values.get("mchid")?.parse()?,
            nonce_str: nonce_str.into(),
            signature: base64::decode(values.get("signature")?.as_bytes())
                .map_err(|_| InvalidField::new("signature", "must be base64"))?,
            timestamp: is_number
                .then(|| timestamp.parse().ok())
                .flatten()
                .ok_or(InvalidField::new("timestamp", "must be whole seconds"))?,
            serial_no: values.get("serial_no")?.parse()?,
        })
    }
}

/// The comma-separated `name="value"` pairs. No value that is read here may contain a quote or a comma.
struct Values<'a>(&'a str);

impl<'a> Values<'a> {
    fn get(&self, name: &'static str) -> Result<&'a str, InvalidField> {
        let mut found = self.0.split(',').filter_map(|pair| {
            let (key, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
            let value = value.strip_prefix('"')?.strip_suffix('"')?;
            (key == name && !value.contains('"')).then_some(value)
        });
        match (found.next(), found.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err(InvalidField::new(name, "is required, in quotes")),
            (Some(_), Some(_)) => Err(InvalidField::new(name, "must not be repeated")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: [&str; 5] = [
        r#"mchid="1900007291""#,
        r#"nonce_str="593BEC0C930BF1AF""#,
        r#"signature="c2ln""#,
        r#"timestamp="1554208460""#,
        r#"serial_no="408B07E79B8269FE""#,
    ];

    fn header(values: &[&str]) -> String {
        format!("{SCHEME} {}", values.join(","))
    }

    #[test]
    fn header_values_may_have_any_order() {
        let mut values = GOOD.to_vec();
        let parsed: Authorization = header(&values).parse().unwrap();
        values.reverse();
        assert_eq!(header(&values).parse(), Ok(parsed.clone()));
        values.insert(2, r#"extra="x""#);
        assert_eq!(header(&values).replace(',', ", ").parse(), Ok(parsed));
    }

    #[test]
    fn each_header_value_is_required_exactly_once_and_validated() {
        for missing in 0..GOOD.len() {
            let mut values = GOOD.to_vec();
            let taken = values.remove(missing);
            let error = header(&values).parse::<Authorization>().unwrap_err();
            assert!(taken.starts_with(error.field()), "{error}");
            values.extend([taken, taken]);
            let error = header(&values).parse::<Authorization>().unwrap_err();
            assert_eq!(error.rule(), "must not be repeated");
        }
        for (index, bad) in [
            r#"mchid="x""#,
            r#"nonce_str="""#,
            r#"signature="%""#,
            r#"timestamp="+155""#,
            r#"serial_no="40G""#,
        ]
        .into_iter()
        .enumerate()
        {
            let mut values = GOOD;
            values[index] = bad;
            assert!(header(&values).parse::<Authorization>().is_err(), "{bad}");
        }
        assert!("WECHATPAY2-SM2-WITH-SM3 mchid=\"1\"".parse::<Authorization>().is_err());
        assert!(header(&GOOD).to_lowercase().parse::<Authorization>().is_err());
    }

    proptest! {
        #[test]
        fn authorization_round_trips_and_parsing_never_panics(
            nonce_str in "[0-9A-Za-z]{1,32}", signature: Vec<u8>, timestamp in 0_u64..1_000_000_000_000, text: String,
        ) {
            let authorization = Authorization {
                mchid: "1900007291".parse().unwrap(),
                nonce_str,
                signature,
                timestamp,
                serial_no: "0A".parse().unwrap(),
            };
            prop_assert_eq!(authorization.to_string().parse(), Ok(authorization));
            drop(format!("{SCHEME} {text}").parse::<Authorization>());
        }
    }
}
