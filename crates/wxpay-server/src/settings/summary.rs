//! A summary of the settings for commands that show or check them.

use super::{Database, LogFormat, Settings};
use crate::merchants::Merchant;
use serde::Serialize;
use std::{net::SocketAddr, path::PathBuf};

/// The public part of the settings. It contains no secret.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// The address and port of the metrics, if they have their own.
    pub metrics_listen: Option<SocketAddr>,
    /// The file of the ledger, or the URL of its database without user and password.
    pub database: String,
    /// The file of the ledger, if it is one.
    #[serde(skip)]
    pub database_file: Option<PathBuf>,
    /// The URL of Redis without user and password, if access tokens are shared there.
    pub redis: Option<String>,
    /// The URL under which WeChat Pay reaches the server.
    pub public_base_url: Option<String>,
    /// The gateway that is called in place of WeChat Pay's.
    pub gateway_base_url: Option<String>,
    /// Whether logs are lines of JSON.
    pub logs_as_json: bool,
    /// Whether secrets can be stored, so that merchants and webhook endpoints can be added.
    pub has_sealing_key: bool,
    /// The merchants of the settings.
    pub merchants: Vec<MerchantSummary>,
}

/// The public part of a merchant.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MerchantSummary {
    /// The name.
    pub merchant: String,
    /// The merchant's number of APIv3.
    pub mchid: Option<String>,
    /// The serial number of its API certificate.
    pub serial_no: Option<String>,
    /// The appids of APIv3.
    pub apps: Vec<String>,
    /// Whether orders name a sub-merchant.
    pub partner: bool,
    /// The id of the WeChat Pay public key.
    pub public_key_id: Option<String>,
    /// Whether platform certificates are fetched and trusted.
    pub platform_certificates: bool,
    /// The app of APIv1.
    pub v1_appid: Option<String>,
    /// The merchant's number of APIv1.
    pub v1_partner: Option<String>,
    /// The API certificate, in PEM.
    #[serde(skip)]
    pub certificate: Option<String>,
    /// The WeChat Pay public key, in PEM.
    #[serde(skip)]
    pub public_key: Option<String>,
    /// The trusted platform certificates, in PEM.
    #[serde(skip)]
    pub trusted_certificates: Vec<String>,
}

impl Settings {
    /// Returns the public part of the settings.
    pub fn summary(&self) -> Summary {
        let values = &self.values;
        let database_file = match &values.database {
            Database::Sqlite(path) => Some(path.clone()),
            Database::Postgres(_) => None,
        };
        Summary {
            listen: values.listen,
            metrics_listen: values.metrics_listen,
            database: values.database.to_string(),
            database_file,
            redis: values.redis.as_ref().map(ToString::to_string),
            public_base_url: values.public_base_url.clone(),
            gateway_base_url: values.gateway_base_url.clone(),
            logs_as_json: matches!(values.log_format, LogFormat::Json),
            has_sealing_key: values.sealing_key.is_some(),
            merchants: self.merchants.iter().map(MerchantSummary::of).collect(),
        }
    }
}

impl MerchantSummary {
    fn of(merchant: &Merchant) -> Self {
        let settings = merchant.settings();
        Self {
            merchant: merchant.name().to_string(),
            mchid: settings.mchid.clone(),
            serial_no: merchant.v3().map(|v3| v3.serial_no().to_string()),
            apps: settings.apps.iter().map(|app| app.appid.clone()).collect(),
            partner: settings.partner,
            public_key_id: settings.public_key_id.clone(),
            platform_certificates: settings.platform_certificates,
            v1_appid: settings.v1.as_ref().map(|v1| v1.appid.clone()),
            v1_partner: settings.v1.as_ref().map(|v1| v1.partner.clone()),
            certificate: settings.certificate.clone(),
            public_key: settings.public_key.clone(),
            trusted_certificates: settings.trusted_certificates.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use crate::settings::Sources;
    use wxpay_sim::{Gateway, environment::Environment};

    #[test]
    fn the_summary_of_a_merchant_contains_no_secret() {
        let gateway = Gateway::new(wxpay_sim::Settings::default(), 1);
        let exported = Environment::of(&gateway, "http://127.0.0.1:1", wxpay_proto::UnixTime::EPOCH);
        let values = exported.values().unwrap();
        let texts = values.iter().filter(|(name, _)| !name.starts_with("WXPAY_PLATFORM"));
        let texts = texts.map(|(name, value)| (name.trim_end_matches("_FILE").to_owned(), value.clone()));
        let settings = Sources::default().dev().environment(texts).check().unwrap();
        let summary = settings.summary();
        let [merchant] = &summary.merchants[..] else { panic!("{summary:?}") };
        assert!(merchant.mchid.is_some() && merchant.v1_appid.is_some() && merchant.certificate.is_some());
        let shown = serde_json::to_string(&summary).unwrap() + &format!("{summary:?}");
        for (name, value) in &values {
            let is_secret =
                ["KEY", "SECRET"].iter().any(|part| name.contains(part)) && !name.contains("PUBLIC");
            assert!(!is_secret || !shown.contains(value.as_str()), "{name}");
        }
    }
}
