//! `wxpay encrypt` and `wxpay decrypt`: APIv3 resources and sensitive fields.

use crate::{
    Failure,
    args::{Decrypt, Encrypt, Sealing},
    input, output,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{path::Path, sync::Arc};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{CryptoProvider as _, PublicKey, SymmetricKey},
    secret::Secret,
    wire::base64,
};

const ALGORITHM: &str = "AEAD_AES_256_GCM";
const KEY_FILE: &str = "--key-file";

pub(crate) fn encrypt(args: &Encrypt) -> Result<(), Failure> {
    match args.scheme {
        Sealing::V3Resource => {
            let key = api_v3_key(&args.key_file)?;
            output::json(&seal(args, &*key, &input::standard()?)?)
        }
        Sealing::V3Field => {
            let text = input::file(KEY_FILE, &args.key_file)?;
            let key = recipient(text.expose())?;
            let input = Secret::new(input::standard()?);
            // `echo` and editors end the text with a line feed; a name or a number never ends with one.
            let plain = input.expose().strip_suffix(b"\n").unwrap_or(input.expose());
            let sealed = key.seal(plain).map_err(|_| {
                Failure::usage("the input is too long for this key: at most 214 bytes for 2048 bits")
            })?;
            output::line(base64::encode(&sealed))
        }
    }
}

pub(crate) fn decrypt(args: &Decrypt) -> Result<(), Failure> {
    let opened = match args.scheme {
        Sealing::V3Resource => {
            let key = api_v3_key(&args.key_file)?;
            let json: Value = serde_json::from_slice(&input::standard()?).map_err(|error| {
                Failure::usage(format!(
                    "the input must be JSON (line {}, column {})",
                    error.line(),
                    error.column()
                ))
            })?;
            let opened: Result<Vec<_>, Failure> =
                resources(&json).into_iter().map(|sealed| open(&*key, sealed)).collect();
            opened?
        }
        Sealing::V3Field => {
            let text = input::file(KEY_FILE, &args.key_file)?;
            let key = input::private_key(KEY_FILE, text.expose())?;
            let sealed = base64::decode(input::standard()?.trim_ascii())
                .map_err(|fault| Failure::usage(format!("the input must be Base64 ({fault})")))?;
            let opened = key.open(&sealed);
            vec![opened.map_err(|_| {
                Failure::failed("cannot decrypt: the field was encrypted for another key, or it was changed")
            })?]
        }
    };
    opened.iter().try_for_each(|opened| output::with_line_break(opened.expose()))
}

/// Parses a certificate or a public key. The error is about the section that the text has.
fn recipient(text: &[u8]) -> Result<Arc<dyn PublicKey>, Failure> {
    let of_certificate = match input::certificate(KEY_FILE, text) {
        Ok((_, key)) => return Ok(key),
        Err(failure) => failure,
    };
    let key = input::public_key(KEY_FILE, text).map(|(_, key)| key);
    key.map_err(|of_key| if input::holds_certificate(text) { of_certificate } else { of_key })
}

fn api_v3_key(path: &Path) -> Result<Arc<dyn SymmetricKey>, Failure> {
    let text = input::key(KEY_FILE, path)?;
    let bytes = text.expose().as_bytes();
    match <[u8; 32]>::try_from(bytes) {
        Ok(key) if bytes.iter().all(u8::is_ascii_alphanumeric) => Ok(AwsLc.symmetric_key(&Secret::new(key))),
        _ => Err(Failure::usage("--key-file must hold an APIv3 key: 32 letters and digits")),
    }
}

/// Decrypts the `resource` of a notification.
pub(crate) fn open_with(api_v3_key: &Secret<String>, sealed: &Value) -> Result<Secret<Vec<u8>>, Failure> {
    let key = <[u8; 32]>::try_from(api_v3_key.expose().as_bytes())
        .map_err(|_| Failure::usage("an APIv3 key must be 32 letters and digits"))?;
    open(&*AwsLc.symmetric_key(&Secret::new(key)), sealed)
}

/// An encrypted resource, as on the wire.
#[derive(Serialize, Deserialize)]
struct Resource {
    #[serde(skip_serializing_if = "Option::is_none")]
    original_type: Option<String>,
    algorithm: String,
    ciphertext: String,
    associated_data: Option<String>,
    nonce: String,
}

/// Returns the encrypted resources in the input: a resource itself, a notification, or the list of certificates.
fn resources(json: &Value) -> Vec<&Value> {
    if let Some(list) = json.get("data").and_then(Value::as_array) {
        return list.iter().flat_map(resources).collect();
    }
    vec![json.get("resource").or_else(|| json.get("encrypt_certificate")).unwrap_or(json)]
}

fn open(key: &dyn SymmetricKey, sealed: &Value) -> Result<Secret<Vec<u8>>, Failure> {
    const RULE: &str = "the input must be an object with algorithm, nonce, associated_data and ciphertext, or a \
                         notification or a list of certificates with such objects";
    let sealed = Resource::deserialize(sealed).map_err(|_| Failure::usage(RULE))?;
    if sealed.algorithm != ALGORITHM {
        return Err(Failure::usage(format!("algorithm must be {ALGORITHM}")));
    }
    let nonce = nonce(&sealed.nonce)?;
    let ciphertext = base64::decode(sealed.ciphertext.as_bytes())
        .map_err(|fault| Failure::usage(format!("ciphertext must be Base64 ({fault})")))?;
    let associated_data = sealed.associated_data.unwrap_or_default();
    let opened = key.open(&nonce, associated_data.as_bytes(), &ciphertext);
    opened.map(Secret::new).map_err(|_| {
        Failure::failed(
            "cannot decrypt: another key, nonce or associated_data was used, or the ciphertext was changed",
        )
    })
}

fn seal(args: &Encrypt, key: &dyn SymmetricKey, plain: &[u8]) -> Result<Resource, Failure> {
    let text = match &args.nonce {
        Some(text) => text.clone(),
        None => random_nonce()?,
    };
    let sealed = key.seal(&nonce(&text)?, args.associated_data.as_bytes(), plain);
    Ok(Resource {
        original_type: args.original_type.clone(),
        algorithm: ALGORITHM.to_owned(),
        ciphertext: base64::encode(&sealed),
        associated_data: Some(args.associated_data.clone()),
        nonce: text,
    })
}

fn nonce(text: &str) -> Result<[u8; 12], Failure> {
    text.as_bytes().try_into().map_err(|_| Failure::usage("nonce must be 12 bytes"))
}

/// Generates a nonce of 12 letters and digits from 9 random bytes.
fn random_nonce() -> Result<String, Failure> {
    let mut bytes = [0; 9];
    getrandom::fill(&mut bytes).map_err(Failure::doing("cannot get random numbers"))?;
    Ok(base64::encode(&bytes).replace('+', "p").replace('/', "s"))
}
