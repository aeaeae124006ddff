//! The signatures of APIv3: SHA-256 with RSA over a string of lines.

use super::{KEY_FILE, Signed, Verification};
use crate::{
    Failure,
    args::{Scheme, Sign},
    input,
    parameters::Parameters,
};
use std::sync::Arc;
use wxpay_proto::{
    crypto::{PrivateKey, PublicKey},
    secret::Secret,
    v3::{Authorization, message},
    wire::base64,
};

pub(super) fn sign(args: &Sign, key: &Secret<Vec<u8>>, parameters: &Parameters) -> Result<Signed, Failure> {
    let key = input::private_key(KEY_FILE, key.expose())?;
    let sign_input = SignInput::of(args, parameters)?;
    let string = sign_input.string_to_sign()?;
    let signature = key.sign(&string).map_err(|error| Failure::error(&error))?;
    Ok(Signed {
        string_to_sign: String::from_utf8_lossy(&string).into_owned(),
        bytes: Some(string.len()),
        authorization: sign_input.authorization(&signature)?,
        sign: base64::encode(&signature),
        package: None,
    })
}

pub(super) fn verify(
    args: &Sign,
    key: &Secret<Vec<u8>>,
    parameters: &Parameters,
) -> Result<Verification, Failure> {
    let key = Key::read(key)?;
    let sign_input = SignInput::of(args, parameters)?;
    let string = sign_input.string_to_sign()?;
    let received = sign_input.signature()?;
    let sign = match &key {
        Key::Private(key) => Some(key.sign(&string).map_err(|error| Failure::error(&error))?),
        Key::Public(..) => None,
    };
    let reason = key.failure_reason(
        &string,
        &received,
        sign_input.one_of(&["Wechatpay-Serial", "serial", "serial_no"])?,
    );
    Ok(Verification {
        valid: reason.is_none(),
        reason,
        string_to_sign: String::from_utf8_lossy(&string).into_owned(),
        bytes: Some(string.len()),
        sign: sign.map(|sign| base64::encode(&sign)),
    })
}

/// A key that can check a signature.
enum Key {
    /// A public key, with the serial number of its certificate if it has one.
    Public(Arc<dyn PublicKey>, Option<String>),
    /// A private key. PKCS #1 v1.5 is deterministic, so signing again gives the expected signature.
    Private(Arc<dyn PrivateKey>),
}

impl Key {
    fn read(text: &Secret<Vec<u8>>) -> Result<Self, Failure> {
        if input::holds_certificate(text.expose()) {
            let (certificate, key) = input::certificate(KEY_FILE, text.expose())?;
            return Ok(Self::Public(key, Some(certificate.serial().to_owned())));
        }
        if input::holds_public_key(text.expose()) {
            return input::public_key(KEY_FILE, text.expose()).map(|(_, key)| Self::Public(key, None));
        }
        input::private_key(KEY_FILE, text.expose()).map(Self::Private)
    }

    /// Returns the reason why the signature is invalid, or `None` if it is valid.
    fn failure_reason(&self, string: &[u8], received: &str, serial: Option<&str>) -> Option<String> {
        if received.starts_with("WECHATPAY/SIGNTEST/") {
            return Some(
                "this is a probe by WeChat Pay (WECHATPAY/SIGNTEST/), invalid on purpose".to_owned(),
            );
        }
        if let (Self::Public(_, Some(certificate)), Some(named)) = (self, serial)
            && !certificate.eq_ignore_ascii_case(named)
        {
            return Some(format!(
                "signed by serial {named}, but --key-file is the certificate with serial {certificate}; \
                 use the key of serial {named}"
            ));
        }
        let Ok(signature) = base64::decode(received.as_bytes()) else {
            return Some("the signature must be Base64 with padding and without line breaks".to_owned());
        };
        let is_valid = match self {
            Self::Public(key, _) => key.verify(string, &signature).is_ok(),
            Self::Private(key) => key.sign(string).is_ok_and(|expected| expected == signature),
        };
        (!is_valid).then(|| {
            let reason = "the signature does not match this string and this key";
            match (self, serial) {
                (Self::Public(_, None), Some(named)) => format!("{reason}; the message names serial {named}"),
                _ => reason.to_owned(),
            }
        })
    }
}

/// The parameters of a message, read by its scheme.
struct SignInput<'a> {
    scheme: Scheme,
    parameters: &'a Parameters,
    /// The parsed `authorization` header, if it is given.
    authorization: Option<Authorization>,
    body: Option<Vec<u8>>,
}

impl<'a> SignInput<'a> {
    fn of(args: &Sign, parameters: &'a Parameters) -> Result<Self, Failure> {
        let header = parameters.value_ignoring_case("authorization").map_err(Failure::usage)?;
        let authorization = header.map(str::parse).transpose().map_err(Failure::usage)?;
        let body = match &args.body_file {
            Some(file) => Some(input::file("--body-file", file)?.expose().clone()),
            None => parameters
                .value_ignoring_case("body")
                .map_err(Failure::usage)?
                .map(|text| text.as_bytes().to_vec()),
        };
        Ok(Self { scheme: args.scheme, parameters, authorization, body })
    }

    fn one_of(&self, names: &[&str]) -> Result<Option<&'a str>, Failure> {
        for name in names {
            if let Some(value) = self.parameters.value_ignoring_case(name).map_err(Failure::usage)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn required(&self, names: &[&str]) -> Result<&'a str, Failure> {
        let value = self
            .one_of(names)?
            .ok_or_else(|| Failure::usage(format!("{} is required", names.join(" or "))))?;
        if value.contains(['\n', '\r']) {
            return Err(Failure::usage(format!("{} must not contain a line break", names.join(" or "))));
        }
        Ok(value)
    }

    fn string_to_sign(&self) -> Result<Vec<u8>, Failure> {
        match self.scheme {
            Scheme::V3Reply => {
                let timestamp = self.required(&["timestamp", "Wechatpay-Timestamp"])?;
                let nonce = self.required(&["nonce", "Wechatpay-Nonce"])?;
                let body = self.body.as_deref().ok_or_else(no_body)?;
                Ok(message::reply(timestamp, nonce, body))
            }
            Scheme::V3Jsapi => {
                let package = self.required(&["package"])?;
                if !package.starts_with("prepay_id=") {
                    return Err(Failure::usage("package must begin with prepay_id="));
                }
                let (appid, timestamp) = (self.required(&["appId"])?, self.required(&["timeStamp"])?);
                Ok(message::jsapi(appid, timestamp, self.required(&["nonceStr"])?, package))
            }
            Scheme::V3App => {
                let prepayid = self.required(&["prepayid"])?;
                if prepayid.starts_with("prepay_id=") {
                    return Err(Failure::usage("prepayid must be the bare id, without prepay_id="));
                }
                let (appid, timestamp) = (self.required(&["appid"])?, self.required(&["timestamp"])?);
                Ok(message::app(appid, timestamp, self.required(&["noncestr"])?, prepayid))
            }
            Scheme::V3Request | Scheme::V1Package | Scheme::V1Sha1 => self.request(),
        }
    }

    fn request(&self) -> Result<Vec<u8>, Failure> {
        let method = self.required(&["method"])?;
        let path = self.required(&["path", "url"])?;
        if !path.starts_with('/') {
            return Err(Failure::usage(
                "path must begin with a slash: path and query as sent, without scheme and host",
            ));
        }
        let (nonce, timestamp) = (self.nonce()?, self.timestamp()?);
        let body = match &self.body {
            Some(body) => body.as_slice(),
            None if matches!(method, "GET" | "DELETE") => b"",
            None => return Err(no_body()),
        };
        Ok(message::request(input::method(method)?, path, timestamp, &nonce, body))
    }

    fn nonce(&self) -> Result<String, Failure> {
        match &self.authorization {
            Some(authorization) => Ok(authorization.nonce_str.clone()),
            None => self.required(&["nonce", "nonce_str"]).map(str::to_owned),
        }
    }

    fn timestamp(&self) -> Result<u64, Failure> {
        if let Some(authorization) = &self.authorization {
            return Ok(authorization.timestamp);
        }
        let text = self.required(&["timestamp"])?;
        let digits =
            text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        let seconds = digits.then(|| text.parse().ok()).flatten();
        seconds.ok_or_else(|| Failure::usage("timestamp must be whole seconds since 1970"))
    }

    fn signature(&self) -> Result<String, Failure> {
        if let Some(authorization) = &self.authorization {
            return Ok(base64::encode(&authorization.signature));
        }
        let names: &[&str] = match self.scheme {
            Scheme::V3Jsapi | Scheme::V3App => &["paySign", "sign"],
            Scheme::V3Reply => &["signature", "Wechatpay-Signature"],
            Scheme::V3Request | Scheme::V1Package | Scheme::V1Sha1 => &["signature", "sign"],
        };
        self.required(names).map(str::to_owned)
    }

    /// Builds the Authorization header of a request whose `mchid` and `serial_no` are given.
    fn authorization(&self, signature: &[u8]) -> Result<Option<String>, Failure> {
        let (mchid, serial_no) = (self.one_of(&["mchid"])?, self.one_of(&["serial_no", "serial"])?);
        let (Scheme::V3Request, Some(mchid), Some(serial_no)) = (self.scheme, mchid, serial_no) else {
            return Ok(None);
        };
        let header = Authorization {
            mchid: mchid.parse().map_err(Failure::usage)?,
            nonce_str: self.nonce()?,
            signature: signature.to_vec(),
            timestamp: self.timestamp()?,
            serial_no: serial_no.parse().map_err(Failure::usage)?,
        };
        Ok(Some(header.to_string()))
    }
}

fn no_body() -> Failure {
    Failure::usage(
        "body is required, byte for byte, or use --body-file; without a body, set it to an empty string",
    )
}
