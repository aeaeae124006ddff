//! `wxpay call`: any APIv3 operation.

use crate::{
    Failure, args,
    environment::{Environment, invalid},
    failure::{Faults, Kind, with_causes},
    input, output,
};
use serde_json::Value;
use std::{error::Error as _, sync::Arc};
use wxpay_aws_lc::AwsLc;
use wxpay_hyper::Client;
use wxpay_proto::{
    Error, ErrorKind, Fate,
    crypto::{Certificate, PrivateKey, PublicKey},
    id::PublicKeyId,
    refusal::Refusal,
    v3::{ApiV3Key, Merchant, Raw, VerifiedBy},
};

pub(crate) async fn run(args: args::Call) -> Result<(), Failure> {
    let method = input::method(&args.method.to_ascii_uppercase())?;
    let mut raw = Raw::new(method, &args.path).map_err(Failure::usage)?;
    raw = match args.body.as_deref() {
        None => raw,
        Some("-") => raw.json(&input::standard()?).map_err(Failure::usage)?,
        Some(text) => raw.json(text.as_bytes()).map_err(Failure::usage)?,
    };
    if args.once {
        raw = raw.without_retry();
    }
    let environment = Environment::read(args.env_file.as_deref())?;
    let (client, merchant) = configured(&environment)?;
    let reply = client.run(merchant.call(raw)).await.map_err(|error| failure(&error))?;

    if reply.verified_by() == VerifiedBy::TlsOnly {
        output::note("WeChat Pay does not sign this reply; only TLS authenticates it");
    }
    output::with_line_break(reply.bytes())
}

/// Builds client and merchant, or reports all faults of their configuration.
fn configured(environment: &Environment) -> Result<(Client, Merchant), Failure> {
    let mut faults = Faults::default();
    let client = faults.accept(client(environment));
    let merchant = merchant(environment, &mut faults);
    match client.zip(merchant) {
        Some(configured) if faults.is_empty() => Ok(configured),
        Some(_) | None => Err(faults.into()),
    }
}

fn client(environment: &Environment) -> Result<Client, Failure> {
    let builder = Client::builder();
    let builder = match environment.file("WXPAY_TLS_CA_FILE")? {
        Some(pem) => builder.root_ca(pem.expose().clone()),
        None => builder,
    };
    let bad = |error| Failure::usage(format!("WXPAY_TLS_CA_FILE: {}", with_causes(&error)));
    builder.build().map_err(bad)
}

/// Builds the merchant. It trusts the WeChat Pay public key, the platform certificate, or both, if they are set;
/// otherwise it downloads the platform certificates.
fn merchant(environment: &Environment, faults: &mut Faults) -> Option<Merchant> {
    let mchid = faults.accept(environment.parsed("WXPAY_MCHID", str::parse));
    let serial = faults.accept(environment.parsed("WXPAY_SERIAL_NO", str::parse));
    let key = faults.accept(private_key(environment));
    let api_v3_key =
        faults.accept(environment.parsed("WXPAY_API_V3_KEY", |text| ApiV3Key::new(text.to_owned())));
    let public_key = public_key(environment, faults);
    let certificate = faults.accept(platform_certificate(environment)).flatten();
    let mut builder = Merchant::builder(Arc::new(AwsLc), mchid?, serial?, key?, &api_v3_key?);
    if let Some((id, key)) = public_key {
        builder = builder.public_key(id, key);
    }
    if let Some(base_url) = environment.value("WXPAY_BASE_URL") {
        builder = faults.accept(builder.base_url(base_url).map_err(invalid("WXPAY_BASE_URL")))?;
    }
    if let Some(certificate) = certificate {
        let trusting = builder.platform_certificate(&certificate);
        builder = faults.accept(trusting.map_err(invalid("WXPAY_PLATFORM_CERTIFICATE_FILE")))?;
    }
    Some(builder.build())
}

fn private_key(environment: &Environment) -> Result<Arc<dyn PrivateKey>, Failure> {
    const NAME: &str = "WXPAY_PRIVATE_KEY_FILE";
    input::private_key(NAME, environment.required_file(NAME)?.expose())
}

/// Reads the WeChat Pay public key with its id. One without the other is a fault.
fn public_key(environment: &Environment, faults: &mut Faults) -> Option<(PublicKeyId, Arc<dyn PublicKey>)> {
    const ID: &str = "WXPAY_PUBLIC_KEY_ID";
    const FILE: &str = "WXPAY_PUBLIC_KEY_FILE";
    if environment.value(ID).is_none() && environment.value(FILE).is_none() {
        return None;
    }
    let id = faults.accept(environment.parsed(ID, str::parse));
    let file = environment.required_file(FILE);
    let key = faults.accept(file.and_then(|pem| input::public_key(FILE, pem.expose())));
    id.zip(key).map(|(id, (_, key))| (id, key))
}

fn platform_certificate(environment: &Environment) -> Result<Option<Certificate>, Failure> {
    const NAME: &str = "WXPAY_PLATFORM_CERTIFICATE_FILE";
    let pem = environment.file(NAME)?;
    pem.map(|pem| Certificate::parse_pem(pem.expose()).map_err(invalid(NAME))).transpose()
}

/// Returns the failure with the fate of the request and WeChat Pay's reply.
fn failure(error: &Error) -> Failure {
    let (kind, fate) = match error.fate() {
        // A refusal is an answer; without one, it does not matter whether a read was sent.
        None if error.kind() == ErrorKind::Refused => (Kind::Refused, READ),
        None => (Kind::Failed, READ),
        Some(Fate::NotSent) => (Kind::NotSent, "not sent: nothing was carried out"),
        Some(Fate::Refused) => (Kind::Refused, "refused: nothing was carried out"),
        Some(Fate::Unknown) => (
            Kind::Unknown,
            "unknown: it may have been carried out; query before you retry under another number",
        ),
    };
    let failure = Failure::new(kind, with_causes(error)).with([("fate", Some(fate.into()))]);
    match error.refusal() {
        Some(refusal) => failure.with(refusal_details(refusal, error.source().is_some())),
        None => failure,
    }
}

const READ: &str = "nothing was changed: the request is a read";

/// Returns the fields of a refusal. `is_unverified`: the reply was not verified.
fn refusal_details(refusal: &Refusal, is_unverified: bool) -> [(&'static str, Option<Value>); 12] {
    let Refusal { status, code, message, request_id, detail, .. } = refusal;
    let detail = detail.clone().unwrap_or_default();
    let doubt = is_unverified
        .then_some("the signature of this reply was not verified; it may not come from WeChat Pay");
    [
        ("not verified", doubt.map(Into::into)),
        ("status", Some((*status).into())),
        ("code", Some(code.to_string().into())),
        ("message", Some(message.clone().into())),
        ("field", detail.field.map(Into::into)),
        ("issue", detail.issue.map(Into::into)),
        ("location", detail.location.map(Into::into)),
        ("value", detail.value.map(|value| value.to_string().into())),
        ("gateway string", detail.truncated_sign_message.map(Into::into)),
        ("gateway bytes", detail.sign_message_length.map(Into::into)),
        ("request-id", request_id.clone().map(Into::into)),
        ("result", refusal.internal_number().map(|number| number.to_string().into())),
    ]
}
