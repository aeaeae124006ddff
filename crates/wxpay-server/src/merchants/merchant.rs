//! A merchant that signs and verifies.

use super::{
    app::{App, SubMerchant},
    keys::MerchantKeys,
    material::{Material, Reader},
    name::MerchantName,
    settings::{MerchantSettings, V1Settings},
};
use crate::{
    channels::{ApiVersion, Channel},
    invalid::Invalid,
};
use std::{fmt, str::FromStr, sync::Arc};
use wxpay_proto::{
    crypto::CryptoProvider,
    id::{AppId, InvalidField, MchId},
    retry::Policy,
    secret::Secret,
    v1::{self, AppSecret, PartnerKey, PaySignKey},
    v3,
    wire::charset::Charset,
};

/// The settings of calls, which all merchants share.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) provider: Arc<dyn CryptoProvider>,
    /// The gateway to call in place of WeChat Pay's, such as the simulator. Valid as a base URL.
    pub(crate) gateway_base_url: Option<String>,
    pub(crate) policy: Policy,
}

/// The origin of a merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The settings: read-only in the API.
    Settings,
    /// The API, at this version of the row.
    Api { version: u64 },
}

/// A merchant: its apps, and the core's merchants of each API version that it has.
#[derive(Clone)]
pub(crate) struct Merchant {
    name: MerchantName,
    origin: Origin,
    settings: MerchantSettings,
    v3: Option<v3::Merchant>,
    v1: Option<v1::Merchant>,
    v1_charset: Charset,
    apps: Vec<App>,
    sub_merchants: Vec<SubMerchant>,
    key_names: Vec<&'static str>,
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merchant")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .field("v3", &self.v3)
            .field("v1", &self.v1)
            .finish_non_exhaustive()
    }
}

impl Merchant {
    /// Builds a merchant.
    ///
    /// # Errors
    ///
    /// Returns all fields that are missing or invalid, or do not fit together, by their names in [`MerchantSettings`]
    /// and [`MerchantKeys`]; those of APIv1 with the prefix `v1.`.
    pub(crate) fn build(
        name: MerchantName,
        origin: Origin,
        settings: MerchantSettings,
        keys: &MerchantKeys,
        upstream: &Upstream,
    ) -> Result<Self, Vec<Invalid>> {
        let mut faults = Vec::new();
        if name.as_str() == MerchantName::RESERVED {
            faults.push(
                Invalid::new("merchant", "must not be _, which is reserved").remedy("choose another name"),
            );
        }
        let v3 = has_v3(&settings, keys).then(|| build_v3(&settings, keys, upstream, &mut faults)).flatten();
        let v1 = settings.v1.as_ref().and_then(|v1| build_v1(v1, keys, upstream, &mut faults));
        let v1_charset = charset(settings.v1.as_ref(), &mut faults);
        if !has_v3(&settings, keys) && settings.v1.is_none() {
            let remedy = "set mchid and the keys of APIv3, or the app of APIv1";
            faults.push(Invalid::new("mchid", "is required").remedy(remedy));
        }
        if settings.v1.is_none()
            && (keys.app_secret.is_some() || keys.pay_sign_key.is_some() || keys.partner_key.is_some())
        {
            let remedy = "set appid and partner too, or remove the keys of APIv1";
            faults.push(Invalid::new("v1", "is required with a key of APIv1").remedy(remedy));
        }
        let mut apps = parse_all(&settings.apps, App::parse, &mut faults);
        if has_v3(&settings, keys) && settings.apps.is_empty() {
            let remedy = "add the appid of an app, official account or mini program that is bound to the merchant number";
            faults.push(Invalid::new("apps", "must have at least one entry").remedy(remedy));
        }
        if let Some(field) = repeated(&apps) {
            faults.push(Invalid::new("apps", format!("must not have {field} twice")));
        }
        let sub_merchants = parse_all(&settings.sub_merchants, SubMerchant::parse, &mut faults);
        if !settings.partner && !settings.sub_merchants.is_empty() {
            let remedy = "set partner = true, or remove them";
            faults.push(Invalid::new("sub_merchants", "must be empty for a direct merchant").remedy(remedy));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        apps.extend(v1.as_ref().map(|v1| App::of_v1(v1.appid().clone())));
        let key_names = keys.names();
        Ok(Self { name, origin, settings, v3, v1, v1_charset, apps, sub_merchants, key_names })
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &MerchantName {
        &self.name
    }

    /// Returns the names of the keys that are set.
    pub(crate) fn key_names(&self) -> &[&'static str] {
        &self.key_names
    }

    /// Returns the origin.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the public settings.
    pub(crate) fn settings(&self) -> &MerchantSettings {
        &self.settings
    }

    /// Returns the core's merchant of APIv3.
    pub(crate) fn v3(&self) -> Option<&v3::Merchant> {
        self.v3.as_ref()
    }

    /// Returns the core's merchant of APIv1.
    pub(crate) fn v1(&self) -> Option<&v1::Merchant> {
        self.v1.as_ref()
    }

    /// Returns the charset of orders of APIv1.
    pub(crate) fn v1_charset(&self) -> Charset {
        self.v1_charset
    }

    /// Returns the apps.
    #[cfg(test)]
    pub(crate) fn apps(&self) -> &[App] {
        &self.apps
    }

    /// Returns whether orders name a sub-merchant.
    pub(crate) fn is_partner(&self) -> bool {
        self.settings.partner
    }

    /// Returns the merchant's number: that of APIv3, or else that of APIv1.
    pub(crate) fn mchid(&self) -> &str {
        self.numbers().next().unwrap_or_default()
    }

    /// Returns the merchant's numbers, of both API versions.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = &str> {
        let v3 = self.v3.as_ref().map(|v3| v3.mchid().as_str());
        let v1 = self.v1.as_ref().map(|v1| v1.partner().as_str());
        v3.into_iter().chain(v1)
    }

    /// Finds the app of an order: the one that `app` calls by id or name, or the only one for the channel.
    ///
    /// # Errors
    ///
    /// Returns the field `app` if there is no such app, it is not for the channel, or several fit; the field `channel`
    /// if the merchant has no app for it.
    pub(crate) fn app(&self, app: Option<&str>, channel: Channel) -> Result<&App, Invalid> {
        let fits = |candidate: &&App| candidate.channels.contains(&channel);
        if let Some(text) = app {
            let called = || self.apps.iter().filter(|candidate| candidate.is_called(text));
            return match (called().find(fits), called().next()) {
                (Some(app), _) => Ok(app),
                (None, Some(_)) => {
                    Err(Invalid::new("app", format!("must be an app for the channel {channel}")))
                }
                (None, None) => {
                    Err(Invalid::new("app", "must be the appid or the name of an app of the merchant"))
                }
            };
        }
        let mut fitting = self.apps.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(app), None) => Ok(app),
            // The app of APIv1 does not make its appid ambiguous: APIv3 comes first.
            (Some(app), Some(_)) if self.apps.iter().filter(fits).all(|other| other.appid == app.appid) => {
                Ok(app)
            }
            (Some(_), Some(_)) => {
                Err(Invalid::new("app", format!("is required: several apps are for the channel {channel}")))
            }
            (None, _) => {
                let remedy = "add it to the channels of an app in the merchant's settings";
                Err(Invalid::new("channel", "must be one that an app of the merchant is for").remedy(remedy))
            }
        }
    }

    /// Returns whether the merchant has this app in an API version: whether a notification is for the merchant.
    pub(crate) fn has_app(&self, appid: &AppId, api_version: ApiVersion) -> bool {
        self.apps.iter().any(|app| app.appid == *appid && app.api_version == api_version)
    }

    /// Finds the sub-merchant of an order.
    ///
    /// # Errors
    ///
    /// Returns the field `sub_mchid` if the merchant is a partner and it is missing or none of those configured, or
    /// the merchant is direct and it is set.
    pub(crate) fn sub_merchant(&self, sub_mchid: Option<&MchId>) -> Result<Option<SubMerchant>, Invalid> {
        match (sub_mchid, self.is_partner()) {
            (None, false) => Ok(None),
            (None, true) => Err(Invalid::new("sub_mchid", "is required: the merchant is a partner")),
            (Some(_), false) => {
                let remedy = "omit it, or set partner = true in the merchant's settings";
                Err(Invalid::new("sub_mchid", "must not be set for a direct merchant").remedy(remedy))
            }
            (Some(sub_mchid), true) => {
                let known = self.sub_merchants.iter().find(|known| known.sub_mchid == *sub_mchid);
                match known {
                    Some(known) => Ok(Some(known.clone())),
                    None if self.sub_merchants.is_empty() => {
                        Ok(Some(SubMerchant { sub_mchid: sub_mchid.clone(), sub_appid: None }))
                    }
                    None => {
                        let remedy = "add it to sub_merchants in the merchant's settings";
                        Err(Invalid::new("sub_mchid", "must be a sub-merchant of the merchant")
                            .remedy(remedy))
                    }
                }
            }
        }
    }
}

/// Returns whether anything of APIv3 is set: the rest is required then.
fn has_v3(settings: &MerchantSettings, keys: &MerchantKeys) -> bool {
    settings.mchid.is_some()
        || settings.serial_no.is_some()
        || settings.certificate.is_some()
        || settings.public_key_id.is_some()
        || settings.public_key.is_some()
        || !settings.apps.is_empty()
        || keys.private_key.is_some()
        || keys.api_v3_key.is_some()
}

fn build_v3(
    settings: &MerchantSettings,
    keys: &MerchantKeys,
    upstream: &Upstream,
    faults: &mut Vec<Invalid>,
) -> Option<v3::Merchant> {
    let mchid = parsed::<MchId>("mchid", settings.mchid.as_deref(), faults);
    let material = Reader { provider: &*upstream.provider, settings, keys, faults }.read();
    let (mchid, material) = (mchid?, material?);
    let Material {
        private_key,
        serial_no,
        api_v3_key,
        previous_api_v3_key,
        public_key,
        trusted_certificates,
    } = material;
    let provider = Arc::clone(&upstream.provider);
    let mut builder =
        v3::Merchant::builder(provider, mchid, serial_no, private_key, &api_v3_key).retry(upstream.policy);
    if let Some(previous) = &previous_api_v3_key {
        builder = builder.previous_api_v3_key(previous);
    }
    if let Some((id, key)) = public_key {
        builder = builder.public_key(id, key);
    }
    if settings.platform_certificates {
        builder = builder.platform_certificates();
    }
    for certificate in &trusted_certificates {
        match builder.platform_certificate(certificate) {
            Ok(trusting) => builder = trusting,
            Err(error) => {
                faults.push(Invalid::new("trusted_certificates", format!("is invalid: {error}")));
                return None;
            }
        }
    }
    if let Some(base_url) = &upstream.gateway_base_url {
        let redirected = builder.base_url(base_url);
        builder =
            redirected.map_err(|error| faults.push(Invalid::from(error).at("gateway_base_url"))).ok()?;
    }
    Some(builder.build())
}

fn build_v1(
    settings: &V1Settings,
    keys: &MerchantKeys,
    upstream: &Upstream,
    faults: &mut Vec<Invalid>,
) -> Option<v1::Merchant> {
    let appid = parsed("v1.appid", Some(&settings.appid), faults);
    let partner = parsed("v1.partner", Some(&settings.partner), faults);
    let app_secret = key("v1.app_secret", keys.app_secret.as_ref(), AppSecret::new, faults);
    let pay_sign_key = key("v1.pay_sign_key", keys.pay_sign_key.as_ref(), PaySignKey::new, faults);
    let partner_key = key("v1.partner_key", keys.partner_key.as_ref(), PartnerKey::new, faults);
    let builder = v1::Merchant::builder(appid?, app_secret?, pay_sign_key?, partner?, partner_key?);
    let builder = builder.retry(upstream.policy);
    let Some(base_url) = &upstream.gateway_base_url else { return Some(builder.build()) };
    let redirected = builder.base_url(base_url);
    redirected
        .map_err(|error| faults.push(Invalid::from(error).at("gateway_base_url")))
        .ok()
        .map(v1::Builder::build)
}

fn charset(settings: Option<&V1Settings>, faults: &mut Vec<Invalid>) -> Charset {
    let Some(name) = settings.and_then(|settings| settings.charset.as_deref()) else {
        return Charset::default();
    };
    Charset::from_name(name.as_bytes()).unwrap_or_else(|| {
        faults.push(Invalid::new("v1.charset", "must be UTF-8 or GBK"));
        Charset::default()
    })
}

fn parsed<T: FromStr<Err = InvalidField>>(
    field: &'static str,
    text: Option<&str>,
    faults: &mut Vec<Invalid>,
) -> Option<T> {
    let Some(text) = text else {
        faults.push(Invalid::new(field, "is required"));
        return None;
    };
    text.parse().map_err(|error: InvalidField| faults.push(Invalid::from(error).at(field))).ok()
}

fn key<T>(
    field: &'static str,
    text: Option<&Secret<String>>,
    new: impl FnOnce(String) -> Result<T, InvalidField>,
    faults: &mut Vec<Invalid>,
) -> Option<T> {
    let Some(text) = text else {
        faults.push(Invalid::new(field, "is required"));
        return None;
    };
    new(text.expose().clone()).map_err(|error| faults.push(Invalid::from(error).at(field))).ok()
}

fn parse_all<S, T>(
    settings: &[S],
    parse: impl Fn(&S, usize, &mut Vec<Invalid>) -> Option<T>,
    faults: &mut Vec<Invalid>,
) -> Vec<T> {
    settings.iter().enumerate().filter_map(|(index, settings)| parse(settings, index, faults)).collect()
}

/// Returns a text by which two apps of APIv3 are called.
fn repeated(apps: &[App]) -> Option<&str> {
    apps.iter().enumerate().find_map(|(index, app)| {
        let later = apps.get(index.saturating_add(1)..).unwrap_or_default();
        let texts = std::iter::once(app.appid.as_str()).chain(app.name.as_deref());
        texts.into_iter().find(|text| later.iter().any(|other| other.is_called(text)))
    })
}

#[cfg(test)]
pub(crate) mod tests;
