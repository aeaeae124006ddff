//! The merchants and the platform keys, as a test sets them up.

use super::Gateway;
use crate::{
    clock::Now,
    keys::CertificateAuthority,
    merchant::{
        ApiKey, KeyMode, Merchant, MerchantRegistry, MigrationError, PlatformKeys, PlatformPublicKey,
    },
    rng::{ALPHANUMERIC, DIGITS, HEX, Rng},
    settings::Settings,
};
use std::{ops::Bound, sync::Arc};
use wxpay_proto::{
    UnixTime,
    id::{AppId, InvalidField, MchId, SerialNo},
};

/// Generates a merchant with one sub-merchant. The mchid and the first appid are generated too, unless they are given.
pub(super) fn generate(
    settings: &Settings,
    authority: &CertificateAuthority,
    rng: &mut Rng,
    keys_used: &mut usize,
    ids: &(Option<MchId>, Option<AppId>),
) -> Merchant {
    loop {
        if let Ok(merchant) = try_generate(settings, authority, rng, keys_used, ids.clone()) {
            return merchant;
        }
    }
}

/// Generates a merchant with one sub-merchant. The values have the documented forms; the keys are the next ones of the
/// key source.
///
/// # Errors
///
/// Never in practice: the generated values follow the grammar they are parsed with.
fn try_generate(
    settings: &Settings,
    authority: &CertificateAuthority,
    rng: &mut Rng,
    keys_used: &mut usize,
    (mchid, appid): (Option<MchId>, Option<AppId>),
) -> Result<Merchant, InvalidField> {
    let key_source = &settings.v3.key_source;
    let valid_from = settings.v3.certificates_since;
    let mut next_key_pair = || {
        *keys_used = keys_used.saturating_add(1);
        key_source.key_pair(keys_used.saturating_sub(1))
    };
    let generated: MchId = format!("16{}", rng.text(DIGITS, 8)).parse()?;
    let mchid = mchid.unwrap_or(generated);
    let api_key_pair = next_key_pair();
    let api_key = ApiKey::new(
        authority.certificate(serial(rng)?, mchid.as_str(), api_key_pair.public(), valid_from),
        api_key_pair,
    );
    let platform_key_pair = next_key_pair();
    let name = "Tenpay.com sign";
    let certificate = authority.certificate(serial(rng)?, name, platform_key_pair.public(), valid_from);
    let key =
        PlatformPublicKey::new(format!("PUB_KEY_ID_0{}", rng.text(DIGITS, 33)).parse()?, next_key_pair());
    let platform = PlatformKeys::new(certificate, platform_key_pair, key, KeyMode::Either);
    let mut new_app = || format!("wx{}", rng.text(HEX, 16)).parse();
    let (own_app, sub_app) = (new_app()?, new_app()?);
    let own_app = appid.unwrap_or(own_app);
    let merchant = Merchant::new(mchid, own_app, api_key, rng.text(ALPHANUMERIC, 32), platform);
    Ok(merchant.with_sub_merchant(format!("17{}", rng.text(DIGITS, 8)).parse()?, vec![sub_app]))
}

/// Generates a certificate serial number: 40 hexadecimal digits in upper case, the first one not 0 and the number
/// positive.
fn serial(rng: &mut Rng) -> Result<SerialNo, InvalidField> {
    format!("5{}", rng.text(HEX, 39)).parse()
}

/// Merchants and platform keys, as set up by a test.
impl Gateway {
    /// Returns the APIv3 merchant that the gateway was created with, in its original state.
    pub fn merchant(&self) -> &Merchant {
        &self.default_merchant
    }

    /// Returns the current state of a merchant.
    pub fn merchant_by_mchid(&self, mchid: &MchId) -> Option<&Merchant> {
        self.directory.merchants.get(mchid)
    }

    /// Returns a merchant, to change it.
    pub fn merchant_mut(&mut self, mchid: &MchId) -> Option<&mut Merchant> {
        self.merchants_mut().0.get_mut(mchid)
    }

    /// Returns the merchants, to change them. Requests that are being read go on with their snapshot.
    fn merchants_mut(&mut self) -> &mut MerchantRegistry {
        Arc::make_mut(&mut self.directory.merchants)
    }

    pub(crate) fn registry(&self) -> &MerchantRegistry {
        &self.directory.merchants
    }

    /// Returns all APIv3 merchants.
    pub fn merchants(&self) -> impl Iterator<Item = &Merchant> {
        self.directory.merchants.0.values()
    }

    /// Returns the merchants after this number.
    pub(crate) fn merchants_after(&self, mchid: Option<&str>) -> impl Iterator<Item = &Merchant> {
        let from: Option<MchId> = mchid.and_then(|mchid| mchid.parse().ok());
        let from = from.map_or(Bound::Unbounded, Bound::Excluded);
        self.directory.merchants.0.range((from, Bound::Unbounded)).map(|(_, merchant)| merchant)
    }

    /// Adds a merchant, or replaces the one with the same mchid.
    pub fn add_merchant(&mut self, merchant: Merchant) {
        self.merchants_mut().0.insert(merchant.mchid().clone(), merchant);
    }

    /// Generates one more merchant and adds it.
    pub fn new_merchant(&mut self) -> Merchant {
        self.new_merchant_with(None, None)
    }

    /// Generates and adds a merchant. The mchid and the first appid are generated too, unless they are given.
    pub fn new_merchant_with(&mut self, mchid: Option<MchId>, appid: Option<AppId>) -> Merchant {
        let Self { directory, authority, rng, keys_used, .. } = self;
        let merchant = generate(&directory.settings, authority, rng, keys_used, &(mchid, appid));
        self.add_merchant(merchant.clone());
        merchant
    }

    /// Lists a new platform certificate for a merchant. It starts to sign one day later.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] for an unknown merchant, and while a switch to the public key is in progress.
    pub fn rotate_certificate(&mut self, mchid: &MchId, now: impl Into<Now>) -> Result<(), MigrationError> {
        let now = now.into();
        let platform_key_pair = self.settings().v3.key_source.key_pair(self.keys_used);
        // Stored on success only: a failed call must not change the values generated later.
        let mut rng = self.rng.clone();
        let serial = serial(&mut rng).map_err(|_| MigrationError)?;
        let certificate =
            self.authority.certificate(serial, "Tenpay.com sign", platform_key_pair.public(), now.wall);
        let merchant = self.merchant_mut(mchid).ok_or(MigrationError)?;
        merchant.platform_mut().rotate_certificate(certificate, platform_key_pair, now.business)?;
        (self.keys_used, self.rng) = (self.keys_used.saturating_add(1), rng);
        Ok(())
    }

    /// Issues one more API certificate to a merchant. The test must pass certificate and key to the merchant's program.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] for an unknown merchant.
    pub fn issue_api_key(&mut self, mchid: &MchId, now: UnixTime) -> Result<ApiKey, MigrationError> {
        let api_key_pair = self.settings().v3.key_source.key_pair(self.keys_used);
        // Stored on success only: a failed call must not change the values generated later.
        let mut rng = self.rng.clone();
        let serial = serial(&mut rng).map_err(|_| MigrationError)?;
        let certificate = self.authority.certificate(serial, mchid.as_str(), api_key_pair.public(), now);
        let merchant = self.merchant_mut(mchid).ok_or(MigrationError)?;
        let api_key = ApiKey::new(certificate, api_key_pair);
        merchant.add_api_key(api_key.clone());
        (self.keys_used, self.rng) = (self.keys_used.saturating_add(1), rng);
        Ok(api_key)
    }
}
