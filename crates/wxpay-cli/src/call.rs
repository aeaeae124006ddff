//! `wxpay call`: any APIv3 operation.

use crate::{
    Failure, args, catalogue,
    environment::Environment,
    failure::{Faults, Kind, with_causes},
    input, output,
};
use serde_json::Value;
use std::error::Error as _;
use wxpay_hyper::WxPay;
use wxpay_proto::{
    Error, ErrorKind, Fate,
    refusal::Refusal,
    v3::{Raw, VerifiedBy},
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
    if let Some(path) = &args.catalogue {
        catalogue::check(path, (raw.method().as_str(), raw.target()), raw.body(), args.strict)?;
    }
    let environment = Environment::read(args.env_file.as_deref())?;
    let reply = wxpay(&environment)?.call(raw).await.map_err(|error| failure(&error))?;

    if reply.verified_by() == VerifiedBy::TlsOnly {
        output::note("WeChat Pay does not sign this reply; only TLS authenticates it");
    }
    output::with_line_break(reply.bytes())
}

/// Builds the merchant and its client, or reports all faults of their configuration. Whether the private key belongs to
/// the certificate is not checked: the gateway's refusal shows more, such as the string that it verified.
fn wxpay(environment: &Environment) -> Result<WxPay, Failure> {
    let variable = |name: &str| environment.value(name).filter(|_| name != "WXPAY_CERTIFICATE_FILE");
    WxPay::builder().variables(|name| variable(name).map(str::to_owned)).build().map_err(|error| {
        let mut faults = Faults::default();
        error.faults().iter().for_each(|fault| faults.push(with_causes(fault)));
        faults.into()
    })
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
