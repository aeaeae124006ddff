//! `wxpay call`: any APIv3 operation.

use crate::{Failure, args, environment::Environment, input};
use std::{
    error::Error as _,
    fmt,
    io::{self, Write as _},
    sync::Arc,
};
use wxpay_aws_lc::AwsLc;
use wxpay_hyper::Client;
use wxpay_proto::{
    Error, Fate,
    crypto::Certificate,
    refusal::Refusal,
    v3::{ApiV3Key, Merchant, Raw, VerifiedBy},
};

pub(crate) async fn run(args: args::Call) -> Result<(), Failure> {
    let method = input::method(&args.method.to_ascii_uppercase())?;
    let mut raw = Raw::new(method, &args.path).map_err(Failure::input)?;
    raw = match args.json.as_deref() {
        None => raw,
        Some("-") => raw.json(&input::standard()?).map_err(Failure::input)?,
        Some(text) => raw.json(text.as_bytes()).map_err(Failure::input)?,
    };
    if args.once {
        raw = raw.without_retry();
    }
    let environment = Environment::read(args.env_file.as_deref())?;
    let (client, merchant) = (client(&environment)?, merchant(&environment)?);
    let reply = client.run(merchant.call(raw)).await.map_err(|error| Failure::failed(error_text(&error)))?;

    if reply.verified_by() == VerifiedBy::TlsOnly {
        writeln!(io::stderr(), "wxpay: WeChat Pay does not sign this reply; only TLS authenticates it")?;
    }
    let mut out = io::stdout().lock();
    out.write_all(reply.bytes())?;
    if !reply.bytes().is_empty() && !reply.bytes().ends_with(b"\n") {
        writeln!(out)?;
    }
    Ok(())
}

fn client(environment: &Environment) -> Result<Client, Failure> {
    let builder = Client::builder();
    let builder = match environment.file("WXPAY_TLS_CA_FILE")? {
        Some(pem) => builder.root_ca(pem.expose().clone()),
        None => builder,
    };
    let bad = |error| Failure::input(format!("WXPAY_TLS_CA_FILE: {}", Failure::error(&error)));
    builder.build().map_err(bad)
}

/// Returns a function that names the variable in front of the rule that its value breaks.
fn invalid<E: fmt::Display>(name: &'static str) -> impl Fn(E) -> Failure {
    move |rule| Failure::input(format!("{name}: {rule}"))
}

/// Builds the merchant. It trusts the WeChat Pay public key, the platform certificate, or both, if they are set;
/// otherwise it downloads the platform certificates.
fn merchant(environment: &Environment) -> Result<Merchant, Failure> {
    let file_of = |name: &str| -> Result<_, Failure> {
        environment.required(name)?;
        environment.file(name)?.ok_or_else(|| Failure::input(format!("{name} is required")))
    };
    let key = input::private_key("WXPAY_PRIVATE_KEY_FILE", file_of("WXPAY_PRIVATE_KEY_FILE")?.expose())?;
    let api_v3_key = ApiV3Key::new(environment.required("WXPAY_API_V3_KEY")?.to_owned())
        .map_err(invalid("WXPAY_API_V3_KEY"))?;
    let mchid = environment.required("WXPAY_MCHID")?.parse().map_err(invalid("WXPAY_MCHID"))?;
    let serial = environment.required("WXPAY_SERIAL_NO")?.parse().map_err(invalid("WXPAY_SERIAL_NO"))?;
    let mut builder = Merchant::builder(Arc::new(AwsLc), mchid, serial, key, &api_v3_key);
    if let Some(base_url) = environment.value("WXPAY_BASE_URL") {
        builder = builder.base_url(base_url).map_err(invalid("WXPAY_BASE_URL"))?;
    }
    if let Some(id) = environment.value("WXPAY_PUBLIC_KEY_ID") {
        let (_, key) =
            input::public_key("WXPAY_PUBLIC_KEY_FILE", file_of("WXPAY_PUBLIC_KEY_FILE")?.expose())?;
        builder = builder.public_key(id.parse().map_err(invalid("WXPAY_PUBLIC_KEY_ID"))?, key);
    }
    if let Some(pem) = environment.file("WXPAY_PLATFORM_CERTIFICATE_FILE")? {
        let certificate =
            Certificate::parse_pem(pem.expose()).map_err(invalid("WXPAY_PLATFORM_CERTIFICATE_FILE"))?;
        builder =
            builder.platform_certificate(&certificate).map_err(invalid("WXPAY_PLATFORM_CERTIFICATE_FILE"))?;
    }
    Ok(builder.build())
}

/// Renders an error with the fate of the request and WeChat Pay's reply.
fn error_text(error: &Error) -> String {
    let fate = match error.fate() {
        None => "nothing was changed: the request is a read",
        Some(Fate::NotSent) => "not sent: nothing was carried out",
        Some(Fate::Refused) => "refused: nothing was carried out",
        Some(Fate::Unknown) => {
            "unknown: it may have been carried out; query before you retry under another number"
        }
    };
    let fate = crate::labelled([("fate", Some(fate.to_owned()))]);
    let refusal =
        error.refusal().map(|refusal| refusal_text(refusal, error.source().is_some())).unwrap_or_default();
    format!("{}{fate}{refusal}", Failure::error(error))
}

/// Renders the fields of a refusal. `is_unverified`: the reply was not verified.
fn refusal_text(refusal: &Refusal, is_unverified: bool) -> String {
    let Refusal { status, code, message, request_id, detail, .. } = refusal;
    let detail = detail.clone().unwrap_or_default();
    let doubt = is_unverified
        .then(|| "the signature of this reply was not verified; it may not come from WeChat Pay".to_owned());
    crate::labelled([
        ("not verified", doubt),
        ("status", Some(status.to_string())),
        ("code", Some(code.to_string())),
        ("message", Some(message.clone())),
        ("field", detail.field),
        ("issue", detail.issue),
        ("location", detail.location),
        ("gateway string", detail.truncated_sign_message),
        ("gateway bytes", detail.sign_message_length.map(|bytes| bytes.to_string())),
        ("request-id", request_id.clone()),
        ("result", refusal.internal_number().map(|number| number.to_string())),
    ])
}
