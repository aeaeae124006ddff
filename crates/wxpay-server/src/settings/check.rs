//! The validation of all settings together.

use super::{Settings, Values, files, kinds::Database, notify_url, sources::Sources};
use crate::{
    invalid::Invalid,
    merchants::{Merchant, MerchantName, Registry, Upstream},
};
use std::{net::SocketAddr, path::Path, sync::Arc};
use wxpay_aws_lc::AwsLc;
use wxpay_hyper::{Builder, Client};
use wxpay_proto::retry::Policy;

/// Validates the settings, and builds the merchants.
pub(super) fn settings(mut sources: Sources) -> Result<Settings, Vec<Invalid>> {
    let values = Values::read(&mut sources);
    let mut ca = None;
    if let Some(values) = &values {
        check_database(values, &mut sources);
        check_redis(values, &mut sources);
        check_public_url(values, &mut sources);
        ca = values
            .ca_file
            .as_deref()
            .and_then(|path| files::read("ca_file", path).map_err(|fault| sources.reject(fault)).ok());
        check_client(values.proxy.as_deref(), ca.as_ref().map(|text| text.as_bytes()), &mut sources);
    }
    let ca = ca.map(|text| text.as_bytes().to_vec());
    let upstream = upstream(values.as_ref());
    let mut merchants = Vec::new();
    for (name, draft) in std::mem::take(&mut sources.drafts) {
        merchants.extend(draft.build(&name, &upstream, &mut sources.faults));
    }
    if let Err(conflicts) = Registry::new(merchants.iter().cloned()) {
        let conflict = |conflict| Invalid::new("merchants", format!("must differ: {conflict}"));
        sources.faults.extend(conflicts.into_iter().map(conflict));
    }
    let Sources { faults, mut warnings, .. } = sources;
    match values {
        Some(values) if faults.is_empty() => {
            if merchants.is_empty() && values.sealing_key.is_none() {
                let warning = "no merchant is configured, and without sealing_key the API cannot add one";
                warnings.push(warning.to_owned());
            }
            warnings.extend(warning_about_tokens(&values, &merchants));
            Ok(Settings { values, ca, upstream, merchants, warnings })
        }
        Some(_) | None => Err(faults),
    }
}

fn upstream(values: Option<&Values>) -> Upstream {
    let mut policy = Policy::default();
    if let Some(values) = values {
        policy.timeout = values.call_timeout;
        policy.max_attempts = values.call_attempts;
    }
    let gateway_base_url = values.and_then(|values| values.gateway_base_url.clone());
    Upstream { provider: Arc::new(AwsLc), gateway_base_url, policy }
}

/// The folder of the database is not created: a typo would go unnoticed, and the database be empty.
fn check_database(values: &Values, sources: &mut Sources) {
    let Database::Sqlite(path) = &values.database else { return };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !Path::is_dir(folder)) {
        let rule = format!("must be in a folder that exists: {}", files::shown(&folder.to_string_lossy()));
        sources.reject(Invalid::new("database", rule).remedy("create the folder, or correct the path"));
    }
}

/// What is in Redis can be read by whoever can read Redis.
fn check_redis(values: &Values, sources: &mut Sources) {
    if values.redis.is_some() && values.sealing_key.is_none() && sources.is_valid("sealing_key") {
        let remedy = "set sealing_key_file, or remove redis";
        sources.reject(
            Invalid::new("redis", "requires sealing_key, which seals the access tokens").remedy(remedy),
        );
    }
}

/// Processes that each fetch an access token invalidate each other's.
fn warning_about_tokens(values: &Values, merchants: &[Merchant]) -> Option<String> {
    let is_shared = matches!(values.database, Database::Postgres(_));
    let has_v1 = merchants.iter().any(|merchant| merchant.v1().is_some());
    let is_warned = is_shared && has_v1 && values.sealing_key.is_none();
    is_warned.then(|| {
        "without sealing_key, processes cannot share the access token of APIv1: run one process, or set it".to_owned()
    })
}

fn check_public_url(values: &Values, sources: &mut Sources) {
    if !sources.is_valid("public_base_url") || !sources.is_valid("gateway_base_url") {
        return;
    }
    let gateway_is_local = values.gateway_base_url.as_deref().is_some_and(is_loopback);
    let is_local = sources.is_dev || (values.listen.ip().is_loopback() && gateway_is_local);
    match values.public_base_url.as_deref() {
        None if is_local => {}
        None => {
            let rule = "is required: WeChat Pay sends notifications to it";
            let remedy = "set the https URL under which a proxy forwards /notify/ to this server";
            sources.reject(Invalid::new("public_base_url", rule).remedy(remedy));
        }
        Some(url) if !is_local && !url.starts_with("https://") => {
            let rule = "must be an https URL: WeChat Pay sends notifications over TLS only";
            sources.reject(
                Invalid::new("public_base_url", rule).remedy("put a TLS proxy in front of the server"),
            );
        }
        Some(url) => {
            // With the longest name and kind, so that no merchant added later makes it too long.
            let longest = "m".repeat(MerchantName::MAX_LENGTH);
            let checked = longest.parse().and_then(|name| notify_url(url, &name, "k".repeat(16).as_str()));
            if let Err(error) = checked {
                sources.reject(Invalid::new("public_base_url", error.rule()));
            }
        }
    }
}

/// Returns whether a URL has a loopback IP address and a port. Names, such as `localhost`, do not count.
fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

/// Returns the builder of a client.
pub(super) fn client(proxy: Option<&str>, ca: Option<&[u8]>) -> Builder {
    let mut builder = Client::builder();
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy);
    }
    if let Some(ca) = ca {
        builder = builder.root_ca(ca);
    }
    builder
}

fn check_client(proxy: Option<&str>, ca: Option<&[u8]>, sources: &mut Sources) {
    if proxy.is_none() && ca.is_none() {
        return;
    }
    if let Err(error) = client(proxy, ca).build() {
        for fault in error.faults() {
            let setting = if fault.setting() == "root_ca" { "ca_file" } else { fault.setting() };
            sources.reject(Invalid::new(setting, fault.rule().to_owned()));
        }
    }
}
