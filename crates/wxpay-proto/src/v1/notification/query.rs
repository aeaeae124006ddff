//! The signed query of a notification, which describes the payment.

use super::{
    body::SignedBody,
    error::{Reason, invalid},
};
use crate::{
    id::InvalidField,
    prelude::*,
    v1::{
        merchant::Merchant,
        signature::{self, StringToSign},
    },
    wire::{charset::Charset, form::Form},
};
use core::{fmt, str::FromStr};
use sha2::{Digest as _, Sha256};

/// Declares the parameters of a notification, by the names of the document's table.
macro_rules! parameters {
    ($($name:ident)*) => {
        /// The names of the parameters, as constants for patterns.
        #[allow(non_upper_case_globals, reason = "the names of the protocol")]
        mod names {
            $(pub(super) const $name: &[u8] = stringify!($name).as_bytes();)*
        }

        /// All documented parameters. Absent and empty ones are equal, as in the signed string.
        pub(super) struct Parameters<'a> {
            $(pub(super) $name: Parameter<'a>,)*
        }

        impl<'a> Parameters<'a> {
            /// Reads a form that has only documented parameters, and only values that leave its string to sign with one
            /// reading.
            fn read(form: &'a Form<'_>) -> Result<Self, Reason> {
                let mut parameters =
                    Self { $($name: Parameter { name: stringify!($name), value: b"" },)* };
                for (name, value) in form.iter() {
                    let parameter = match name {
                        $(names::$name => &mut parameters.$name,)*
                        _ => return Err(invalid("query", "must have only the documented parameters")),
                    };
                    if !signature::has_one_reading(value) {
                        return Err(invalid(
                            parameter.name,
                            "must have no &, which separates the signed fields: query the order instead",
                        ));
                    }
                    parameter.value = value;
                }
                Ok(parameters)
            }
        }
    };
}

parameters! {
    attach bank_billno bank_type buyer_alias discount fee_type input_charset notify_id out_trade_no partner pay_info
    product_fee service_version sign sign_key_index sign_type time_end total_fee trade_mode trade_state
    transaction_id transport_fee
}

/// A query whose signature was verified. Only [`verify`](Self::verify) creates it.
pub(super) struct SignedQuery<'a> {
    pub(super) parameters: Parameters<'a>,
    /// The charset of the texts.
    pub(super) charset: Charset,
    string: StringToSign,
}

impl<'a> SignedQuery<'a> {
    /// Verifies the MD5 signature over the unescaped bytes, in any charset.
    pub(super) fn verify(merchant: &Merchant, form: &'a Form<'_>) -> Result<Self, Reason> {
        let parameters = Parameters::read(form)?;
        // GBK is the document's default when no charset is declared. The charset is signed like every parameter, so that
        // the bytes of a text cannot be read in another one.
        let charset = match parameters.input_charset.value {
            b"" => Charset::Gbk,
            name => Charset::from_name(name).ok_or(invalid("input_charset", "must be UTF-8 or GBK"))?,
        };
        let claimed = parameters.sign.required()?;
        let string = signature::md5_string_of(form, charset, merchant.partner_key());
        if signature::md5_of(&string).matches(claimed.as_bytes()) {
            Ok(Self { parameters, charset, string })
        } else {
            Err(Reason::QuerySignature)
        }
    }

    /// Returns the content of both halves.
    ///
    /// The time and the random string of the body are left out, because they differ in every delivery of one
    /// notification.
    pub(super) fn into_content(self, body: &SignedBody<'_>) -> Content {
        // The signed fields end with `key=`, which no query has as a field, and no element has a `&`: the parts cannot be
        // confused.
        let mut content = self.string.into_fields();
        for part in [body.appid, "&", body.is_subscribe, "&", body.openid] {
            content.extend_from_slice(part.as_bytes());
        }
        Content(content)
    }
}

/// The content of a notification, in one unambiguous text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Content(Vec<u8>);

impl Content {
    /// Returns the digest of the content. `sign` would not do: MD5 resists no collisions, and it says nothing of the
    /// body.
    pub(super) fn digest(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }
}

/// Omits the content, which is about a person.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

/// A parameter by its name, in the bytes of the query's charset.
pub(super) struct Parameter<'a> {
    name: &'static str,
    value: &'a [u8],
}

impl<'a> Parameter<'a> {
    /// Returns an ASCII value; `None` if it is absent or empty. A value that is not UTF-8 becomes U+FFFD, which no
    /// rule accepts.
    pub(super) fn optional(&self) -> Option<&'a str> {
        (!self.value.is_empty()).then(|| core::str::from_utf8(self.value).unwrap_or("\u{FFFD}"))
    }

    pub(super) fn required(&self) -> Result<&'a str, Reason> {
        self.optional().ok_or_else(|| invalid(self.name, "is required"))
    }

    pub(super) fn text(&self, charset: Charset) -> Result<Option<String>, Reason> {
        if self.value.is_empty() {
            return Ok(None);
        }
        match charset.decode(self.value) {
            Ok(text) => Ok(Some(text.into_owned())),
            Err(_) => Err(invalid(self.name, "must be in the declared charset")),
        }
    }

    pub(super) fn require(&self, value: &str, rule: &'static str) -> Result<(), Reason> {
        if self.value == value.as_bytes() { Ok(()) } else { Err(invalid(self.name, rule)) }
    }

    pub(super) fn require_if_given(&self, value: &str, rule: &'static str) -> Result<(), Reason> {
        if self.value.is_empty() { Ok(()) } else { self.require(value, rule) }
    }

    pub(super) fn parsed<T: FromStr>(&self, rule: &'static str) -> Result<T, Reason> {
        self.optional().and_then(|value| value.parse().ok()).ok_or_else(|| invalid(self.name, rule))
    }

    pub(super) fn id<T: FromStr<Err = InvalidField>>(&self) -> Result<T, Reason> {
        self.required()?.parse().map_err(Reason::Field)
    }
}
