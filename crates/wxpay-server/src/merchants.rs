//! Merchants: their settings and keys, the core's merchants made from them, and the registry of all.
//!
//! A merchant is configured in the settings (read-only in the API) or by the API (in the table `merchants`, its keys
//! sealed). Both are a [`MerchantSettings`] and [`MerchantKeys`], from which [`Merchant::build`] makes a merchant that
//! signs and verifies. Replacing a merchant in the [`Registry`] leaves calls in progress with the one they began with.

mod app;
mod keys;
mod material;
mod merchant;
mod name;
mod registry;
pub(crate) mod seal;
mod settings;
mod stored;
mod vault;

pub(crate) use app::{App, SubMerchant};
pub(crate) use keys::MerchantKeys;
pub(crate) use merchant::{Merchant, Origin, Upstream};
pub(crate) use name::MerchantName;
pub(crate) use registry::{Registry, RegistryError};
pub(crate) use settings::{AppSettings, MerchantSettings, SubMerchantSettings, V1Settings};
pub(crate) use vault::Vault;

#[cfg(test)]
pub(crate) use merchant::tests as merchant_tests;
