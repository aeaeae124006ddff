//! The apps of a merchant, and the sub-merchants of a partner.

use super::settings::{AppSettings, SubMerchantSettings};
use crate::{
    channels::{ApiVersion, Channel},
    invalid::Invalid,
};
use std::collections::BTreeSet;
use wxpay_proto::id::{AppId, InvalidField, MchId};

/// An app of a merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct App {
    pub(crate) appid: AppId,
    pub(crate) name: Option<String>,
    /// The channels that it is for.
    pub(crate) channels: BTreeSet<Channel>,
    pub(crate) api_version: ApiVersion,
}

impl App {
    /// Returns the app of APIv1, which has one channel.
    pub(super) fn of_v1(appid: AppId) -> Self {
        Self { appid, name: None, channels: BTreeSet::from([Channel::App]), api_version: ApiVersion::V1 }
    }

    /// Returns whether an order means this app by `text`: its id or its name.
    pub(super) fn is_called(&self, text: &str) -> bool {
        self.appid.as_str() == text || self.name.as_deref() == Some(text)
    }

    /// Validates one app of the settings.
    pub(super) fn parse(settings: &AppSettings, index: usize, faults: &mut Vec<Invalid>) -> Option<Self> {
        let at = |field: &str| format!("apps[{index}].{field}");
        let appid = settings.appid.parse::<AppId>();
        let appid = appid.map_err(|error| faults.push(Invalid::from(error).at(at("appid")))).ok();
        if let Some(name) = &settings.name
            && (name.is_empty() || name.len() > 64 || name.chars().any(char::is_control))
        {
            faults.push(Invalid::new(at("name"), "must be 1 to 64 bytes without control characters"));
        }
        let mut channels = BTreeSet::new();
        for text in &settings.channels {
            match text.parse() {
                Ok(channel) => drop(channels.insert(channel)),
                Err(error) => {
                    let error: InvalidField = error;
                    faults.push(Invalid::from(error).at(at("channels")));
                }
            }
        }
        if settings.channels.is_empty() {
            channels.extend(Channel::ALL);
        }
        Some(Self { appid: appid?, name: settings.name.clone(), channels, api_version: ApiVersion::V3 })
    }
}

/// A sub-merchant of a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SubMerchant {
    pub(crate) sub_mchid: MchId,
    pub(crate) sub_appid: Option<AppId>,
}

impl SubMerchant {
    /// Validates one sub-merchant of the settings.
    pub(super) fn parse(
        settings: &SubMerchantSettings,
        index: usize,
        faults: &mut Vec<Invalid>,
    ) -> Option<Self> {
        let at = |field: &str| format!("sub_merchants[{index}].{field}");
        let sub_mchid = settings.sub_mchid.parse::<MchId>();
        let sub_mchid = sub_mchid.map_err(|error| faults.push(Invalid::from(error).at(at("sub_mchid")))).ok();
        let sub_appid = settings.sub_appid.as_deref().map(str::parse::<AppId>).transpose();
        let sub_appid = sub_appid.map_err(|error| faults.push(Invalid::from(error).at(at("sub_appid")))).ok();
        Some(Self { sub_mchid: sub_mchid?, sub_appid: sub_appid? })
    }
}
