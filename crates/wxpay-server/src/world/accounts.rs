//! The shop's merchants: their accounts at the gateway, and their settings in the server.

use crate::merchants::{
    AppSettings, Merchant, MerchantKeys, MerchantName, MerchantSettings, Origin, Upstream, V1Settings,
};
use std::{collections::BTreeMap, sync::Arc, sync::Mutex};
use wxpay_proto::{crypto::CryptoProvider, id::MchId, retry::Policy, secret::Secret};
use wxpay_sim::{Gateway, environment::Environment, merchant::KeyMode};

/// The merchants. All use the same numbers.
pub(super) const NAMES: [&str; 3] = ["shop1", "shop2", "shop3"];

/// A merchant.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: MerchantName,
    pub(super) mchid: MchId,
    /// The sub-merchant of a partner.
    pub(super) sub_mchid: Option<MchId>,
    settings: MerchantSettings,
    keys: Keys,
    /// The APIv3 key that the server is configured with, and the one before.
    api_v3_key: Mutex<(String, Option<String>)>,
    provider: Arc<dyn CryptoProvider>,
}

/// The keys that never change.
#[derive(Debug, Default)]
struct Keys {
    private_key: Option<String>,
    app_secret: Option<String>,
    pay_sign_key: Option<String>,
    partner_key: Option<String>,
}

impl Account {
    /// Opens an account: `shop1` of both API versions, with the public key beside platform certificates; `shop2` with
    /// platform certificates only; and the partner `shop3`, likewise.
    pub(super) fn open(index: usize, gateway: &mut Gateway) -> Self {
        let registered = if index == 0 { gateway.merchant().clone() } else { gateway.new_merchant() };
        let mchid = registered.mchid().clone();
        let sub_mchid = registered.sub_merchants().keys().next().filter(|_| index == 2).cloned();
        let public_key = registered.platform().public_key().unwrap().clone();
        let mode = if index == 0 { KeyMode::Obtained } else { KeyMode::Certificates };
        gateway.merchant_mut(&mchid).unwrap().platform_mut().set_mode(mode);
        let api_key = registered.api_keys().last().unwrap();
        let mut settings = MerchantSettings {
            mchid: Some(mchid.to_string()),
            serial_no: Some(api_key.certificate.serial().to_string()),
            platform_certificates: true,
            partner: index == 2,
            apps: vec![AppSettings { appid: registered.appids()[0].to_string(), ..AppSettings::default() }],
            ..MerchantSettings::default()
        };
        let mut keys = Keys { private_key: Some(api_key.key_pair.private_pem()), ..Keys::default() };
        if index == 0 {
            settings.public_key_id = Some(public_key.id.to_string());
            settings.public_key = Some(public_key.key_pair.public().pem());
            let environment = Environment::of(gateway, "http://gateway.invalid", super::START);
            let values: BTreeMap<_, _> = environment.values().unwrap().into_iter().collect();
            let text = |name: &str| values.get(name).cloned();
            settings.v1 = Some(V1Settings {
                appid: text("WXPAY_V1_APPID").unwrap(),
                partner: text("WXPAY_V1_PARTNER").unwrap(),
                charset: None,
            });
            keys.app_secret = text("WXPAY_V1_APP_SECRET");
            keys.pay_sign_key = text("WXPAY_V1_PAY_SIGN_KEY");
            keys.partner_key = text("WXPAY_V1_PARTNER_KEY");
        }
        Self {
            name: NAMES[index].parse().unwrap(),
            mchid,
            sub_mchid,
            settings,
            keys,
            api_v3_key: Mutex::new((registered.api_v3_key().unwrap().expose().clone(), None)),
            provider: wxpay_testkit::network::v3::provider(gateway),
        }
    }

    /// Configures another APIv3 key.
    pub(super) fn set_api_v3_key(&self, key: String) {
        let mut known = self.api_v3_key.lock().unwrap();
        let previous = std::mem::replace(&mut known.0, key);
        known.1 = Some(previous);
    }

    /// Returns the settings of calls.
    pub(super) fn upstream(&self) -> Upstream {
        Upstream { provider: Arc::clone(&self.provider), gateway_base_url: None, policy: Policy::default() }
    }

    /// Returns the merchant as the server has it.
    pub(super) fn build(&self) -> Merchant {
        let secret = |text: &Option<String>| text.clone().map(Secret::new);
        let (api_v3_key, previous) = self.api_v3_key.lock().unwrap().clone();
        let keys = MerchantKeys {
            private_key: secret(&self.keys.private_key),
            api_v3_key: Some(Secret::new(api_v3_key)),
            previous_api_v3_key: previous.map(Secret::new),
            app_secret: secret(&self.keys.app_secret),
            pay_sign_key: secret(&self.keys.pay_sign_key),
            partner_key: secret(&self.keys.partner_key),
        };
        Merchant::build(self.name.clone(), Origin::Settings, self.settings.clone(), &keys, &self.upstream())
            .unwrap()
    }
}
