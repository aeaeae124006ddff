//! The public part of a merchant.

use serde::{Deserialize, Serialize};

/// The public part of a merchant, as stored and as in the API. Texts are validated together when the merchant is
/// [built](super::Merchant::build), so that one error names all that are invalid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MerchantSettings {
    /// The merchant's number in APIv3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mchid: Option<String>,
    /// The serial number of the API certificate; required without `certificate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) serial_no: Option<String>,
    /// The API certificate, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
    /// The id of the WeChat Pay public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_key_id: Option<String>,
    /// The WeChat Pay public key, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<String>,
    /// Platform certificates are fetched and trusted, besides the public key.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) platform_certificates: bool,
    /// Platform certificates to trust, in PEM.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) trusted_certificates: Vec<String>,
    /// The merchant is a partner (service provider): each order names a sub-merchant.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) partner: bool,
    /// The sub-merchants of a partner. Empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sub_merchants: Vec<SubMerchantSettings>,
    /// The apps of APIv3.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) apps: Vec<AppSettings>,
    /// The app of APIv1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) v1: Option<V1Settings>,
}

/// A sub-merchant of a partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubMerchantSettings {
    /// The sub-merchant's number.
    pub(crate) sub_mchid: String,
    /// The sub-merchant's own app, if its payers use that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sub_appid: Option<String>,
}

/// An app of APIv3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppSettings {
    /// The app's id.
    pub(crate) appid: String,
    /// The name under which orders may call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// The channels that it is for. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) channels: Vec<String>,
}

/// The app of APIv1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct V1Settings {
    /// The app's id.
    pub(crate) appid: String,
    /// The merchant's number in APIv1.
    pub(crate) partner: String,
    /// The charset of its orders, `UTF-8` or `GBK`; by default `UTF-8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) charset: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde requires")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_json_and_refuse_unknown_fields() {
        let settings = MerchantSettings {
            mchid: Some("1900000001".into()),
            partner: true,
            apps: vec![AppSettings { appid: "wxd930ea5d5a258f4f".into(), ..AppSettings::default() }],
            ..MerchantSettings::default()
        };
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(json, r#"{"mchid":"1900000001","partner":true,"apps":[{"appid":"wxd930ea5d5a258f4f"}]}"#);
        assert_eq!(serde_json::from_str::<MerchantSettings>(&json).unwrap(), settings);
        assert!(serde_json::from_str::<MerchantSettings>(r#"{"mchId":"1"}"#).is_err());
        assert!(serde_json::from_str::<MerchantSettings>(r#"{"private_key":"secret"}"#).is_err());
    }
}
