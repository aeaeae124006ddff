use super::*;
use crate::merchants::{AppSettings, SubMerchantSettings};
use std::{collections::BTreeMap, sync::OnceLock};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::UnixTime;
use wxpay_sim::{Gateway, Settings, environment::Environment};

pub(crate) const APPID: &str = "wxd678efh567hg6787";
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_795_968_000);

/// Returns keys and certificates of the simulator, by the names of its variables.
fn material() -> &'static BTreeMap<&'static str, String> {
    static MATERIAL: OnceLock<BTreeMap<&'static str, String>> = OnceLock::new();
    MATERIAL.get_or_init(|| {
        let gateway = Gateway::new(Settings::default(), 7);
        let environment = Environment::of(&gateway, "http://127.0.0.1:1", NOW);
        environment.values().unwrap().into_iter().collect()
    })
}

pub(crate) fn upstream() -> Upstream {
    Upstream { provider: Arc::new(AwsLc), gateway_base_url: None, policy: Policy::default() }
}

/// Returns the settings of a direct merchant of APIv3 with one app.
pub(crate) fn settings() -> MerchantSettings {
    let text = |name: &str| material().get(name).cloned();
    MerchantSettings {
        mchid: text("WXPAY_MCHID"),
        certificate: text("WXPAY_CERTIFICATE_FILE"),
        public_key_id: text("WXPAY_PUBLIC_KEY_ID"),
        public_key: text("WXPAY_PUBLIC_KEY_FILE"),
        apps: vec![app(APPID, None, &[])],
        ..MerchantSettings::default()
    }
}

pub(crate) fn app(appid: &str, name: Option<&str>, channels: &[&str]) -> AppSettings {
    AppSettings {
        appid: appid.into(),
        name: name.map(Into::into),
        channels: channels.iter().map(|channel| (*channel).into()).collect(),
    }
}

pub(crate) fn keys() -> MerchantKeys {
    let secret = |name: &str| Some(Secret::new(material()[name].clone()));
    MerchantKeys {
        private_key: secret("WXPAY_PRIVATE_KEY_FILE"),
        api_v3_key: secret("WXPAY_API_V3_KEY"),
        ..MerchantKeys::default()
    }
}

/// Adds the app of APIv1.
pub(crate) fn with_v1(
    mut settings: MerchantSettings,
    mut keys: MerchantKeys,
) -> (MerchantSettings, MerchantKeys) {
    let text = |name: &str| material()[name].clone();
    settings.v1 =
        Some(V1Settings { appid: text("WXPAY_V1_APPID"), partner: text("WXPAY_V1_PARTNER"), charset: None });
    keys.app_secret = Some(Secret::new(text("WXPAY_V1_APP_SECRET")));
    keys.pay_sign_key = Some(Secret::new(text("WXPAY_V1_PAY_SIGN_KEY")));
    keys.partner_key = Some(Secret::new(text("WXPAY_V1_PARTNER_KEY")));
    (settings, keys)
}

pub(crate) fn build(settings: MerchantSettings, keys: &MerchantKeys) -> Result<Merchant, Vec<Invalid>> {
    Merchant::build("shop1".parse().unwrap(), Origin::Settings, settings, keys, &upstream())
}

/// Returns a merchant of both API versions, under this name and number.
pub(crate) fn named(name: &str, mchid: &str, origin: Origin) -> Merchant {
    let settings = MerchantSettings { mchid: Some(mchid.into()), ..settings() };
    Merchant::build(name.parse().unwrap(), origin, settings, &keys(), &upstream()).unwrap()
}

pub(crate) fn sub_merchant(sub_mchid: &str, sub_appid: Option<&str>) -> SubMerchantSettings {
    SubMerchantSettings { sub_mchid: sub_mchid.into(), sub_appid: sub_appid.map(Into::into) }
}

fn fields(faults: &[Invalid]) -> Vec<&str> {
    faults.iter().map(Invalid::field).collect()
}

fn faults(settings: MerchantSettings, keys: &MerchantKeys) -> Vec<Invalid> {
    build(settings, keys).unwrap_err()
}

#[test]
fn a_merchant_of_both_api_versions_is_built() {
    let (settings, keys) = with_v1(settings(), keys());
    let merchant = build(settings, &keys).unwrap();
    assert_eq!(merchant.mchid(), material()["WXPAY_MCHID"]);
    assert_eq!(merchant.numbers().count(), 2);
    assert_eq!(merchant.v3().unwrap().serial_no().as_str(), material()["WXPAY_SERIAL_NO"]);
    assert_eq!(merchant.v1().unwrap().partner().as_str(), material()["WXPAY_V1_PARTNER"]);
    let versions: Vec<_> = merchant.apps().iter().map(|app| app.api_version).collect();
    assert_eq!(versions, [ApiVersion::V3, ApiVersion::V1]);
}

#[test]
fn a_merchant_of_apiv1_only_needs_nothing_of_apiv3() {
    let (settings, keys) = with_v1(MerchantSettings::default(), MerchantKeys::default());
    let merchant = build(settings, &keys).unwrap();
    assert!(merchant.v3().is_none());
    assert_eq!(merchant.mchid(), material()["WXPAY_V1_PARTNER"]);
}

#[test]
fn everything_that_is_missing_is_reported_at_once() {
    let found = faults(MerchantSettings::default(), &MerchantKeys::default());
    assert_eq!(fields(&found), ["mchid"]);
    let only_mchid = MerchantSettings { mchid: Some("1900000001".into()), ..MerchantSettings::default() };
    let found = faults(only_mchid, &MerchantKeys::default());
    assert_eq!(fields(&found), ["private_key", "serial_no", "api_v3_key", "apps"]);
    let v1 = MerchantSettings { v1: Some(V1Settings::default()), ..MerchantSettings::default() };
    let found = faults(v1, &MerchantKeys::default());
    assert_eq!(
        fields(&found),
        ["v1.appid", "v1.partner", "v1.app_secret", "v1.pay_sign_key", "v1.partner_key"]
    );
    let orphan = MerchantKeys { partner_key: Some(Secret::new("x".into())), ..keys() };
    assert_eq!(fields(&faults(settings(), &orphan)), ["v1"]);
}

#[test]
fn everything_that_is_invalid_is_reported_at_once_and_not_printed() {
    let invalid = MerchantSettings {
        mchid: Some("planted".into()),
        serial_no: Some("planted".into()),
        certificate: Some("planted".into()),
        public_key_id: Some("planted".into()),
        public_key: Some("planted".into()),
        trusted_certificates: vec!["planted".into()],
        partner: false,
        sub_merchants: vec![sub_merchant("planted", Some("planted"))],
        apps: vec![app("planted", Some(""), &["planted"])],
        v1: Some(V1Settings { charset: Some("planted".into()), ..V1Settings::default() }),
        platform_certificates: false,
    };
    let secret = || Some(Secret::new("planted".to_owned()));
    let keys = MerchantKeys {
        private_key: secret(),
        api_v3_key: secret(),
        previous_api_v3_key: secret(),
        app_secret: secret(),
        pay_sign_key: secret(),
        partner_key: secret(),
    };
    let found = faults(invalid, &keys);
    for field in [
        "mchid",
        "serial_no",
        "certificate",
        "public_key_id",
        "public_key",
        "trusted_certificates[0]",
        "private_key",
        "api_v3_key",
        "previous_api_v3_key",
        "apps[0].appid",
        "apps[0].name",
        "apps[0].channels",
        "sub_merchants[0].sub_mchid",
        "sub_merchants[0].sub_appid",
        "sub_merchants",
        "v1.charset",
        "v1.app_secret",
        "v1.pay_sign_key",
        "v1.partner_key",
    ] {
        assert!(found.iter().any(|fault| fault.field() == field), "{field} in {found:?}");
    }
    assert!(!format!("{found:?}").contains("planted"), "{found:?}");
}

#[test]
fn a_private_key_of_another_certificate_is_named_with_a_remedy() {
    let certificate = material().get("WXPAY_PLATFORM_CERTIFICATE_FILE").cloned();
    let other = MerchantSettings { certificate, ..settings() };
    let found = faults(other, &keys());
    assert_eq!(
        found.first().unwrap().to_string(),
        "private_key must be the private key of certificate: use apiclient_key.pem and apiclient_cert.pem of one \
         application for a certificate"
    );
}

#[test]
fn a_serial_number_must_be_that_of_the_certificate() {
    let wrong = MerchantSettings { serial_no: Some("00AA".into()), ..settings() };
    let found = faults(wrong, &keys());
    assert_eq!(fields(&found), ["serial_no"]);
    assert!(found[0].to_string().contains(&material()["WXPAY_SERIAL_NO"]), "{found:?}");
    let alone = MerchantSettings { serial_no: Some("00AA".into()), certificate: None, ..settings() };
    assert_eq!(build(alone, &keys()).unwrap().v3().unwrap().serial_no().as_str(), "00AA");
}

#[test]
fn a_public_key_and_its_id_are_required_together() {
    let found = faults(MerchantSettings { public_key_id: None, ..settings() }, &keys());
    assert_eq!(fields(&found), ["public_key_id"]);
    let found = faults(MerchantSettings { public_key: None, ..settings() }, &keys());
    assert_eq!(fields(&found), ["public_key"]);
    let certificates = MerchantSettings {
        trusted_certificates: vec![material()["WXPAY_PLATFORM_CERTIFICATE_FILE"].clone()],
        platform_certificates: true,
        ..settings()
    };
    build(certificates, &keys()).unwrap();
}

#[test]
fn an_app_is_found_by_id_by_name_or_as_the_only_one_that_fits() {
    let (mut settings, keys) = with_v1(settings(), keys());
    settings.apps = vec![
        app(APPID, Some("mini"), &["mini_program", "jsapi"]),
        app("wx0000000000000002", Some("web"), &["native", "h5", "jsapi"]),
    ];
    let merchant = build(settings, &keys).unwrap();
    let appid = |app: Option<&str>, channel| merchant.app(app, channel).map(|app| app.appid.to_string());
    assert_eq!(appid(None, Channel::MiniProgram).unwrap(), APPID);
    assert_eq!(appid(Some("web"), Channel::Jsapi).unwrap(), "wx0000000000000002");
    assert_eq!(appid(Some("wx0000000000000002"), Channel::H5).unwrap(), "wx0000000000000002");
    assert_eq!(merchant.app(None, Channel::App).unwrap().api_version, ApiVersion::V1);
    let error = appid(None, Channel::Jsapi).unwrap_err();
    assert_eq!(error.to_string(), "app is required: several apps are for the channel jsapi");
    assert_eq!(appid(Some("mini"), Channel::Native).unwrap_err().field(), "app");
    assert_eq!(appid(Some("unknown"), Channel::Native).unwrap_err().field(), "app");
    assert!(merchant.has_app(&APPID.parse().unwrap(), ApiVersion::V3));
    assert!(!merchant.has_app(&APPID.parse().unwrap(), ApiVersion::V1));
}

#[test]
fn a_channel_without_an_app_is_an_error_of_the_channel() {
    let settings = MerchantSettings { apps: vec![app(APPID, None, &["native"])], ..settings() };
    let merchant = build(settings, &keys()).unwrap();
    assert_eq!(merchant.app(None, Channel::H5).unwrap_err().field(), "channel");
}

#[test]
fn one_app_of_both_api_versions_uses_apiv3() {
    let (mut settings, keys) = with_v1(settings(), keys());
    let appid = material()["WXPAY_V1_APPID"].clone();
    settings.apps = vec![app(&appid, None, &[])];
    let merchant = build(settings.clone(), &keys).unwrap();
    assert_eq!(merchant.app(None, Channel::App).unwrap().api_version, ApiVersion::V3);
    assert_eq!(merchant.app(Some(&appid), Channel::App).unwrap().api_version, ApiVersion::V3);
    settings.apps = vec![app(&appid, None, &["native"])];
    let merchant = build(settings, &keys).unwrap();
    assert_eq!(merchant.app(Some(&appid), Channel::App).unwrap().api_version, ApiVersion::V1);
}

#[test]
fn two_apps_of_one_name_are_an_error() {
    let twice = vec![app(APPID, Some("a"), &[]), app("wx0000000000000002", Some("a"), &[])];
    let found = faults(MerchantSettings { apps: twice, ..settings() }, &keys());
    assert_eq!(found[0].to_string(), "apps must not have a twice");
}

#[test]
fn a_sub_merchant_is_required_of_a_partner_only() {
    let number: MchId = "1900000109".parse().unwrap();
    let direct = build(settings(), &keys()).unwrap();
    assert_eq!(direct.sub_merchant(None).unwrap(), None);
    assert_eq!(direct.sub_merchant(Some(&number)).unwrap_err().field(), "sub_mchid");
    let any = build(MerchantSettings { partner: true, ..settings() }, &keys()).unwrap();
    assert_eq!(any.sub_merchant(Some(&number)).unwrap().unwrap().sub_appid, None);
    assert_eq!(any.sub_merchant(None).unwrap_err().field(), "sub_mchid");
    let listed = vec![sub_merchant("1900000108", Some(APPID))];
    let listed =
        build(MerchantSettings { partner: true, sub_merchants: listed, ..settings() }, &keys()).unwrap();
    assert_eq!(listed.sub_merchant(Some(&number)).unwrap_err().field(), "sub_mchid");
    let known = listed.sub_merchant(Some(&"1900000108".parse().unwrap())).unwrap().unwrap();
    assert_eq!(known.sub_appid.unwrap().as_str(), APPID);
}

#[test]
fn debug_output_of_a_merchant_has_no_key() {
    let (settings, keys) = with_v1(settings(), keys());
    let printed = format!("{:?}", build(settings, &keys).unwrap());
    for name in ["WXPAY_API_V3_KEY", "WXPAY_V1_APP_SECRET", "WXPAY_V1_PARTNER_KEY", "WXPAY_V1_PAY_SIGN_KEY"] {
        assert!(!printed.contains(&material()[name]), "{name}");
    }
    assert!(!printed.contains("PRIVATE KEY"), "{printed}");
}

#[test]
fn the_reserved_name_is_refused() {
    let name = MerchantName::RESERVED.parse().unwrap();
    let faults = Merchant::build(name, Origin::Settings, settings(), &keys(), &upstream()).unwrap_err();
    assert_eq!(faults.iter().map(Invalid::field).collect::<Vec<_>>(), ["merchant"]);
}
