//! `wxpay merchant`: the payment server's merchants.

use super::{Session, encoded, members};
use crate::{Failure, args, failure::Faults, input, output};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const COLUMNS: [&str; 7] =
    ["merchant", "mchid", "serial_no", "public_key_id", "keys", "source", "updated_at"];

pub(crate) async fn run(command: args::Merchant) -> Result<(), Failure> {
    match command {
        args::Merchant::Add { name, settings, keys, ledger } => {
            let mut body = merchant_body(&settings, &keys)?;
            if let Some(members) = body.as_object_mut() {
                members.insert("merchant".to_owned(), json!(name));
            }
            show(&ledger, "POST", "/api/merchants", Some(&body)).await
        }
        args::Merchant::List(list) => {
            let session = Session::open_existing(&list.ledger).await?;
            let shown = session.list("/api/merchants", &[], &COLUMNS, list.limit).await;
            session.close(shown).await
        }
        args::Merchant::Show(args::One { id, ledger }) => show(&ledger, "GET", &path(&id), None).await,
        args::Merchant::Update { name, replace, settings, keys, ledger } => {
            let body = merchant_body(&settings, &keys)?;
            if body == json!({}) {
                return Err(Failure::usage("no change is given: see wxpay merchant update --help"));
            }
            show(&ledger, if replace { "PUT" } else { "PATCH" }, &path(&name), Some(&body)).await
        }
        args::Merchant::Remove(args::One { id, ledger }) => {
            let session = Session::open(&ledger).await?;
            let removed = session.request("DELETE", &path(&id), None).await;
            let shown = removed.and_then(|_| {
                if session.in_json {
                    output::json(&json!({ "removed": id }))
                } else {
                    output::line(format_args!("removed {id}"))
                }
            });
            session.close(shown).await
        }
        args::Merchant::Keys { name, keys, ledger } => {
            let body = keys_body(&keys)?;
            if body == json!({}) {
                return Err(Failure::usage("no key is given: see wxpay merchant keys --help"));
            }
            show(&ledger, "PUT", &format!("{}/keys", path(&name)), Some(&body)).await
        }
    }
}

async fn show(ledger: &args::Ledger, method: &str, path: &str, body: Option<&Value>) -> Result<(), Failure> {
    let session = Session::open(ledger).await?;
    let shown = session.show(method, path, body).await;
    session.close(shown).await
}

fn path(name: &str) -> String {
    format!("/api/merchants/{}", encoded(name))
}

/// Reads the files, and returns the body of both parts, without a member for what is not given.
fn merchant_body(settings: &args::MerchantSettings, keys: &args::MerchantKeys) -> Result<Value, Failure> {
    let mut body = settings_body(settings)?;
    let keys = keys_body(keys)?;
    if let Some(members) = body.as_object_mut()
        && keys != json!({})
    {
        members.insert("keys".to_owned(), keys);
    }
    Ok(body)
}

/// Reads the files, and returns the body of the public part. All files that cannot be read are reported.
fn settings_body(args: &args::MerchantSettings) -> Result<Value, Failure> {
    let mut files = Files::default();
    let certificate = files.read("--certificate-file", args.certificate_file.as_deref());
    let public_key = files.read("--public-key-file", args.public_key_file.as_deref());
    let platform: Vec<Value> = args
        .platform_certificate_file
        .iter()
        .filter_map(|path| files.read("--platform-certificate-file", Some(path)))
        .collect();
    files.finish()?;
    let v1 = args.v1_appid.as_ref().map(|appid| {
        members([
            ("appid", Some(json!(appid))),
            ("partner", args.v1_partner.clone().map(Value::from)),
            ("charset", args.v1_charset.clone().map(Value::from)),
        ])
    });
    let listed = |values: Vec<Value>| (!values.is_empty()).then(|| Value::from(values));
    Ok(members([
        ("mchid", args.mchid.clone().map(Value::from)),
        ("serial_no", args.serial_no.clone().map(Value::from)),
        ("certificate", certificate),
        ("public_key_id", args.public_key_id.clone().map(Value::from)),
        ("public_key", public_key),
        ("platform_certificates", args.platform_certificates.then_some(Value::Bool(true))),
        ("trusted_certificates", listed(platform)),
        ("partner", args.partner.then_some(Value::Bool(true))),
        ("sub_merchants", listed(args.sub_merchants.iter().map(|text| sub_merchant(text)).collect())),
        ("apps", listed(args.apps.iter().map(|text| app(text)).collect())),
        ("v1", v1),
    ]))
}

/// Returns a sub-merchant written as `SUB_MCHID[:SUB_APPID]`.
fn sub_merchant(text: &str) -> Value {
    let (sub_mchid, sub_appid) =
        text.split_once(':').map_or((text, None), |(mchid, appid)| (mchid, Some(appid)));
    members([("sub_mchid", Some(json!(sub_mchid))), ("sub_appid", sub_appid.map(Value::from))])
}

/// Returns an app written as `APPID[:NAME[:CHANNEL,CHANNEL]]`. An empty name is no name.
fn app(text: &str) -> Value {
    let mut parts = text.splitn(3, ':');
    let appid = parts.next().unwrap_or_default();
    let name = parts.next().filter(|name| !name.is_empty());
    let channels = parts.next().map(|channels| channels.split(',').collect::<Vec<_>>());
    members([
        ("appid", Some(json!(appid))),
        ("name", name.map(Value::from)),
        ("channels", channels.map(Value::from)),
    ])
}

/// Reads the files, and returns the body of the keys.
fn keys_body(args: &args::MerchantKeys) -> Result<Value, Failure> {
    let mut files = Files::default();
    let keys: [(&'static str, &'static str, &Option<PathBuf>); 6] = [
        ("private_key", "--private-key-file", &args.private_key_file),
        ("api_v3_key", "--api-v3-key-file", &args.api_v3_key_file),
        ("previous_api_v3_key", "--previous-api-v3-key-file", &args.previous_api_v3_key_file),
        ("app_secret", "--app-secret-file", &args.app_secret_file),
        ("pay_sign_key", "--pay-sign-key-file", &args.pay_sign_key_file),
        ("partner_key", "--partner-key-file", &args.partner_key_file),
    ];
    let body = members(keys.map(|(name, option, path)| (name, files.read(option, path.as_deref()))));
    files.finish()?;
    Ok(body)
}

/// Reads files, and collects the faults.
#[derive(Default)]
struct Files(Faults);

impl Files {
    fn read(&mut self, option: &str, path: Option<&Path>) -> Option<Value> {
        match input::key(option, path?) {
            Ok(text) => Some(json!(text.expose())),
            Err(fault) => {
                self.0.push(fault);
                None
            }
        }
    }

    fn finish(self) -> Result<(), Failure> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_and_sub_merchants_are_read_from_their_parts() {
        assert_eq!(app("wx1"), json!({"appid": "wx1"}));
        assert_eq!(app("wx1:mini"), json!({"appid": "wx1", "name": "mini"}));
        assert_eq!(app("wx1::jsapi,app"), json!({"appid": "wx1", "channels": ["jsapi", "app"]}));
        assert_eq!(sub_merchant("19"), json!({"sub_mchid": "19"}));
        assert_eq!(sub_merchant("19:wx2"), json!({"sub_mchid": "19", "sub_appid": "wx2"}));
    }

    #[test]
    fn all_files_that_cannot_be_read_are_reported_at_once() {
        let keys = args::MerchantKeys {
            private_key_file: Some("/nowhere/a".into()),
            api_v3_key_file: Some("/nowhere/b".into()),
            previous_api_v3_key_file: None,
            app_secret_file: None,
            pay_sign_key_file: None,
            partner_key_file: None,
        };
        let failure = keys_body(&keys).unwrap_err().to_string();
        assert!(failure.contains("--private-key-file") && failure.contains("--api-v3-key-file"), "{failure}");
    }
}
