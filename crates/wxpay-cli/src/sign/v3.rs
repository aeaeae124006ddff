//! The signatures of APIv3: SHA-256 with RSA over a string of lines.

use super::{KEY_FILE, Signed, Verification};
use crate::{
    Failure,
    args::{Scheme, Sign},
    input,
    parameters::{Parameters, is_any_of, printable},
};
use std::sync::Arc;
use wxpay_proto::{
    crypto::{PrivateKey, PublicKey},
    secret::Secret,
    v3::{Authorization, message},
    wire::base64,
};

const METHOD: &[&str] = &["method"];
const PATH: &[&str] = &["path", "url"];
const BODY: &[&str] = &["body"];
const MCHID: &[&str] = &["mchid"];
const AUTHORIZATION: &[&str] = &["authorization"];

/// The names of a scheme's parameters. Each parameter may have several, of which one must be given; the first is the
/// usual one. Case is ignored.
struct Names {
    timestamp: &'static [&'static str],
    nonce: &'static [&'static str],
    serial: &'static [&'static str],
    signature: &'static [&'static str],
    others: &'static [&'static [&'static str]],
}

impl Names {
    fn of(scheme: Scheme) -> Self {
        match scheme {
            Scheme::V3Reply => Self {
                timestamp: &["Wechatpay-Timestamp", "timestamp"],
                nonce: &["Wechatpay-Nonce", "nonce"],
                serial: &["Wechatpay-Serial", "serial", "serial_no"],
                signature: &["Wechatpay-Signature", "signature"],
                others: &[BODY, &["Wechatpay-Signature-Type"]],
            },
            Scheme::V3Jsapi => Self {
                timestamp: &["timeStamp"],
                nonce: &["nonceStr"],
                serial: &[],
                signature: &["paySign", "sign"],
                others: &[&["appId"], &["package"], &["signType"]],
            },
            Scheme::V3App => Self {
                timestamp: &["timestamp"],
                nonce: &["noncestr"],
                serial: &[],
                signature: &["sign", "paySign"],
                others: &[&["appid"], &["prepayid"], &["partnerid"], &["package"]],
            },
            Scheme::V3Request | Scheme::V1Package | Scheme::V1Sha1 => Self {
                timestamp: &["timestamp"],
                nonce: &["nonce", "nonce_str"],
                serial: &["serial_no", "serial"],
                signature: &["signature", "sign"],
                others: &[METHOD, PATH, BODY, MCHID, AUTHORIZATION],
            },
        }
    }

    /// Returns the parameters that may be given. An Authorization header has its own timestamp, nonce and signature.
    fn known(&self, has_authorization: bool) -> Vec<&'static [&'static str]> {
        if has_authorization {
            return vec![METHOD, PATH, BODY, AUTHORIZATION];
        }
        let signed = [self.timestamp, self.nonce, self.serial, self.signature];
        self.others.iter().copied().chain(signed).filter(|names| !names.is_empty()).collect()
    }

    /// Checks that each parameter is known and given once.
    fn check(&self, parameters: &Parameters) -> Result<(), Failure> {
        let takes_authorization = self.others.contains(&AUTHORIZATION);
        let known = self.known(takes_authorization && parameters.value_of_any(AUTHORIZATION).is_some());
        let names: Vec<&str> = parameters.fields().into_iter().map(|(name, _)| name).collect();
        let unknown: Vec<String> = names
            .iter()
            .filter(|name| !known.iter().any(|aliases| is_any_of(aliases, name)))
            .map(|name| printable(name))
            .collect();
        if !unknown.is_empty() {
            let known: Vec<String> = known.iter().map(|aliases| aliases.join(" or ")).collect();
            return Err(Failure::usage(format_args!(
                "unknown parameter {}; the parameters of this scheme are: {}",
                unknown.join(", "),
                known.join(", ")
            )));
        }
        for aliases in known {
            let given: Vec<&str> = names.iter().copied().filter(|name| is_any_of(aliases, name)).collect();
            if given.len() > 1 {
                let rule = "is given more than once, under different names or in different case";
                return Err(Failure::usage(format_args!(
                    "{} {rule}: {}",
                    aliases.join(" or "),
                    given.join(", ")
                )));
            }
        }
        Ok(())
    }
}

pub(super) fn sign(args: &Sign, key: &Secret<Vec<u8>>, parameters: Parameters) -> Result<Signed, Failure> {
    let key = input::private_key(KEY_FILE, key.expose())?;
    let sign_input = SignInput::of(args, &parameters)?;
    let string = sign_input.string_to_sign()?;
    let signature = key.sign(&string).map_err(|error| Failure::error(&error))?;
    let (sign, authorization) = (base64::encode(&signature), sign_input.authorization(&signature)?);
    let (names, value) = match (&sign_input.authorization, &authorization) {
        (Some(_), Some(header)) => (AUTHORIZATION, header.as_str()),
        (Some(_) | None, _) => (sign_input.names.signature, sign.as_str()),
    };
    let parameters = match sign_input.body.filter(|_| args.body_file.is_some()).map(String::from_utf8) {
        None => parameters,
        Some(Ok(body)) => parameters.replacing(BODY, body),
        // A body that is not UTF-8 has no place in JSON: `verify` needs the file too.
        Some(Err(_)) => parameters.without(|name| is_any_of(BODY, name)),
    };
    let parameters = parameters.replacing(names, value);
    Ok(Signed {
        parameters,
        string_to_sign: String::from_utf8_lossy(&string).into_owned(),
        bytes: Some(string.len()),
        authorization,
        sign,
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
    let reason = key.failure_reason(&string, &received, sign_input.serial());
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
                (Self::Public(_, None), Some(named)) => format!(
                    "{reason}; the message names serial {named}: is --key-file the key of that serial?"
                ),
                (Self::Public(_, Some(certificate)), None) => format!(
                    "{reason}; --key-file is the certificate with serial {certificate}, and the message names no serial"
                ),
                _ => reason.to_owned(),
            }
        })
    }
}

/// The parameters of a message, read by its scheme.
struct SignInput<'a> {
    scheme: Scheme,
    names: Names,
    parameters: &'a Parameters,
    /// The parsed `authorization` header, if it is given.
    authorization: Option<Authorization>,
    body: Option<Vec<u8>>,
}

impl<'a> SignInput<'a> {
    fn of(args: &Sign, parameters: &'a Parameters) -> Result<Self, Failure> {
        let names = Names::of(args.scheme);
        names.check(parameters)?;
        let authorization = parameters.value_of_any(AUTHORIZATION).map(str::parse).transpose();
        let body = match &args.body_file {
            Some(file) => Some(input::file("--body-file", file)?.expose().clone()),
            None => parameters.value_of_any(BODY).map(|text| text.as_bytes().to_vec()),
        };
        let authorization = authorization.map_err(Failure::usage)?;
        Ok(Self { scheme: args.scheme, names, parameters, authorization, body })
    }

    fn required(&self, names: &[&str]) -> Result<&'a str, Failure> {
        let value = self
            .parameters
            .value_of_any(names)
            .ok_or_else(|| Failure::usage(format!("{} is required", names.join(" or "))))?;
        if value.contains(['\n', '\r']) {
            return Err(Failure::usage(format!("{} must not contain a line break", names.join(" or "))));
        }
        Ok(value)
    }

    fn string_to_sign(&self) -> Result<Vec<u8>, Failure> {
        let Names { timestamp, nonce, .. } = self.names;
        match self.scheme {
            Scheme::V3Reply => {
                let (timestamp, nonce) = (self.required(timestamp)?, self.required(nonce)?);
                Ok(message::reply(timestamp, nonce, self.body.as_deref().ok_or_else(no_body)?))
            }
            Scheme::V3Jsapi => {
                let package = self.required(&["package"])?;
                if !package.starts_with("prepay_id=") {
                    return Err(Failure::usage("package must begin with prepay_id="));
                }
                let (appid, timestamp) = (self.required(&["appId"])?, self.required(timestamp)?);
                Ok(message::jsapi(appid, timestamp, self.required(nonce)?, package))
            }
            Scheme::V3App => {
                let prepayid = self.required(&["prepayid"])?;
                if prepayid.starts_with("prepay_id=") {
                    return Err(Failure::usage("prepayid must be the bare id, without prepay_id="));
                }
                let (appid, timestamp) = (self.required(&["appid"])?, self.required(timestamp)?);
                Ok(message::app(appid, timestamp, self.required(nonce)?, prepayid))
            }
            Scheme::V3Request | Scheme::V1Package | Scheme::V1Sha1 => self.request(),
        }
    }

    fn request(&self) -> Result<Vec<u8>, Failure> {
        let method = self.required(METHOD)?;
        let path = self.required(PATH)?;
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
            None => self.required(self.names.nonce).map(str::to_owned),
        }
    }

    fn timestamp(&self) -> Result<u64, Failure> {
        if let Some(authorization) = &self.authorization {
            return Ok(authorization.timestamp);
        }
        let text = self.required(self.names.timestamp)?;
        let digits =
            text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        let seconds = digits.then(|| text.parse().ok()).flatten();
        seconds.ok_or_else(|| Failure::usage("timestamp must be whole seconds since 1970"))
    }

    fn signature(&self) -> Result<String, Failure> {
        if let Some(authorization) = &self.authorization {
            return Ok(base64::encode(&authorization.signature));
        }
        self.required(self.names.signature).map(str::to_owned)
    }

    /// Returns the serial number of the key that the message names.
    fn serial(&self) -> Option<&str> {
        match &self.authorization {
            Some(authorization) => Some(authorization.serial_no.as_str()),
            None => self.parameters.value_of_any(self.names.serial),
        }
    }

    /// Builds the Authorization header of a request whose merchant and serial number are given.
    fn authorization(&self, signature: &[u8]) -> Result<Option<String>, Failure> {
        let (mchid, serial_no) = match &self.authorization {
            Some(given) => (given.mchid.clone(), given.serial_no.clone()),
            None => match (self.parameters.value_of_any(MCHID), self.serial()) {
                (Some(mchid), Some(serial_no)) if matches!(self.scheme, Scheme::V3Request) => {
                    (mchid.parse().map_err(Failure::usage)?, serial_no.parse().map_err(Failure::usage)?)
                }
                _ => return Ok(None),
            },
        };
        let (nonce_str, timestamp) = (self.nonce()?, self.timestamp()?);
        let signature = signature.to_vec();
        Ok(Some(Authorization { mchid, nonce_str, signature, timestamp, serial_no }.to_string()))
    }
}

fn no_body() -> Failure {
    Failure::usage(
        "body is required, byte for byte, or use --body-file; without a body, set it to an empty string",
    )
}
