//! `wxpay explain`: names the cause of a wrong signature.

use crate::{
    Failure,
    args::{Explain, ExplainLanguage},
    environment::Environment,
    failure::Faults,
    input, output,
};
use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};
use wxpay_explain::{Certainty, Explainer, Explanation, InvalidKey, Key, Keys, Language, Message, Owner};
use wxpay_proto::{crypto::pem, secret::Secret};

pub(crate) fn run(args: &Explain) -> Result<(), Failure> {
    let explainer = explainer(args)?;
    let message = Message::parse(input(args)?.expose()).map_err(Failure::usage)?;
    let explanation = explainer.explain(&message, Some(args.at.unwrap_or_else(now)));
    let language = match args.language {
        ExplainLanguage::En => Language::English,
        ExplainLanguage::Zh => Language::Chinese,
    };
    if args.json {
        output::json(&explanation.in_language(language))?;
    } else {
        output::line(text(&explanation, language))?;
    }
    if explanation.valid {
        return Ok(());
    }
    Err(Failure::failed(format_args!("the signature is not accepted: {}", explanation.summary())))
}

/// Reads the message from the file, or from standard input.
fn input(args: &Explain) -> Result<Secret<Vec<u8>>, Failure> {
    match args.file.as_deref().filter(|path| *path != Path::new("-")) {
        Some(path) => input::file("FILE", path),
        None => input::standard().map(Secret::new),
    }
}

/// Renders the causes, each with its remedy; of a valid signature, the key and the verified string.
fn text(explanation: &Explanation, language: Language) -> String {
    let (valid, likely, colon) =
        if language == Language::Chinese { ("有效", "可能 ", "：") } else { ("valid", "likely ", ": ") };
    if explanation.valid {
        let verified = explanation.verified.as_ref();
        return verified.map_or_else(
            || valid.to_owned(),
            |verified| format!("{valid}\n{}", verified.in_language(language)),
        );
    }
    let causes = explanation.causes.iter().map(|cause| {
        let certainty = if cause.certainty == Certainty::Exact { "" } else { likely };
        format!("{certainty}{}{colon}{}", cause.id, cause.message(language))
    });
    causes.collect::<Vec<_>>().join("\n")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Reads the keys of the options and of the environment, and what else is known about the merchant.
fn explainer(args: &Explain) -> Result<Explainer, Failure> {
    let environment = Environment::read(args.env_file.as_deref())?;
    let (mut keys, mut faults) = (Keys::default(), Faults::default());
    let options =
        [("--key", &args.key), ("--certificate", &args.certificate), ("--public-key", &args.public_key)];
    for (option, paths) in options {
        for path in paths {
            match from_file(option, path) {
                Ok(key) => keys.add(key),
                Err(fault) => faults.push(fault),
            }
        }
    }
    for (name, serial, owner) in [
        ("WXPAY_PRIVATE_KEY_FILE", Some("WXPAY_SERIAL_NO"), Owner::Merchant),
        ("WXPAY_CERTIFICATE_FILE", None, Owner::Merchant),
        ("WXPAY_PUBLIC_KEY_FILE", Some("WXPAY_PUBLIC_KEY_ID"), Owner::Platform),
        ("WXPAY_PLATFORM_CERTIFICATE_FILE", None, Owner::Platform),
        ("WXPAY_PLATFORM_PUBLIC_KEY_FILE", Some("WXPAY_PLATFORM_SERIAL_NO"), Owner::Platform),
    ] {
        let Some(path) = environment.value(name) else { continue };
        match from_file(name, Path::new(path)) {
            Ok(key) => {
                let serial = serial.and_then(|serial| environment.value(serial));
                let key = key.owned_by(owner);
                keys.add(match serial {
                    Some(serial) => key.with_serial(serial),
                    None => key,
                });
            }
            Err(fault) => faults.push(fault),
        }
    }
    let api_v3_key = environment.value("WXPAY_API_V3_KEY").map(|key| <&[u8; 32]>::try_from(key.as_bytes()));
    if matches!(api_v3_key, Some(Err(_))) {
        faults.push("WXPAY_API_V3_KEY must have 32 bytes");
    }
    if !faults.is_empty() {
        return Err(faults.into());
    }
    if keys.is_empty() {
        return Err(Failure::usage(
            "a key is required: --key, --certificate or --public-key, or WXPAY_… in the environment or in --env-file",
        ));
    }
    let mut explainer = Explainer::new(keys).thorough();
    if let Some(Ok(key)) = api_v3_key {
        explainer = explainer.with_api_v3_key(key);
    }
    if let Some(mchid) = environment.value("WXPAY_MCHID") {
        explainer = explainer.with_mchid(mchid);
    }
    if let Some(base_url) = environment.value("WXPAY_BASE_URL") {
        explainer = explainer.with_base_url(base_url);
    }
    if let Some(appid) = environment.value("WXPAY_APPID") {
        explainer = explainer.with_appid(appid);
    }
    Ok(explainer)
}

/// Reads a key of any kind from a file: a certificate, a public key or a private key.
fn from_file(name: &str, path: &Path) -> Result<Key, Failure> {
    let file = input::file(name, path)?;
    let invalid = |bad: &dyn std::fmt::Display| Failure::usage(format_args!("{name}: {bad}"));
    key(&file).map_err(|bad| invalid(&bad))
}

fn key(file: &Secret<Vec<u8>>) -> Result<Key, String> {
    let file = file.expose();
    let invalid = |bad: InvalidKey| bad.to_string();
    if input::holds_certificate(file) {
        let der = pem::certificate(file).map_err(|bad| bad.to_string())?;
        return Key::from_certificate(&der).map_err(invalid);
    }
    if input::holds_public_key(file) {
        let der = pem::public_key(file).map_err(|bad| bad.to_string())?;
        return Key::from_spki(&der).map_err(invalid);
    }
    let der = pem::private_key(file).map_err(|bad| bad.to_string())?;
    Key::from_private_key(der.expose()).map_err(invalid)
}
