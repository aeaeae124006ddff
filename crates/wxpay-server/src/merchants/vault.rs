//! Opening the merchants that are stored.

use super::{Merchant, Registry, Upstream, seal::SealingKeys};
use crate::{
    engine::{Ledger, LedgerError},
    ledger::{Prefix, rows::merchant::MerchantRow},
    merchants::MerchantName,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The keys and the settings that open stored merchants.
#[derive(Debug)]
pub(crate) struct Vault {
    /// The sealing keys.
    pub(crate) sealing: SealingKeys,
    /// The settings of calls.
    pub(crate) upstream: Upstream,
    /// The versions of the merchants that are in the registry.
    loaded: Mutex<BTreeMap<MerchantName, u64>>,
}

impl Vault {
    /// Creates the vault.
    pub(crate) fn new(sealing: SealingKeys, upstream: Upstream) -> Self {
        Self { sealing, upstream, loaded: Mutex::default() }
    }

    /// Replaces the merchants of the API in the registry by those of the ledger, if they changed. One that cannot be
    /// opened is left out, and logged: the others go on.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read. The registry is unchanged.
    pub(crate) async fn reload(&self, ledger: &Ledger, registry: &Registry) -> Result<(), LedgerError> {
        let rows = ledger.load(Prefix::<MerchantRow>::all()).await?;
        let stored = rows.iter().map(|row| (row.merchant.clone(), row.version)).collect();
        if *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) == stored {
            return Ok(());
        }
        let mut merchants: Vec<Merchant> = Vec::new();
        for row in rows {
            match row.build(&self.sealing, &self.upstream) {
                Ok(merchant) => merchants.push(merchant),
                Err(error) => {
                    tracing::error!(merchant = %row.merchant, %error, "a stored merchant cannot be used");
                }
            }
        }
        if let Err(faults) = registry.reload_api(merchants) {
            for fault in faults {
                tracing::error!(%fault, "a stored merchant conflicts with another one");
            }
        }
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = stored;
        Ok(())
    }
}
