//! The registry of all merchants, replaced without a restart.

use super::{
    merchant::{Merchant, Origin},
    name::MerchantName,
};
use std::{
    collections::BTreeMap,
    error, fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// The merchants by name. Who holds the [`Arc`] of a merchant keeps it while it is replaced.
#[derive(Debug, Default)]
pub(crate) struct Registry(RwLock<Arc<Table>>);

type Table = BTreeMap<MerchantName, Arc<Merchant>>;

/// The error for a change that the registry refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RegistryError {
    /// The merchant is configured in the settings.
    ReadOnly(MerchantName),
    /// The merchant's number belongs to another merchant.
    NumberTaken { merchant: MerchantName, number: String, owner: MerchantName },
    /// Two merchants have one name.
    NameTaken(MerchantName),
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly(name) => {
                write!(f, "the merchant {name} is configured in the settings: change it there and reload")
            }
            Self::NumberTaken { merchant, number, owner } => write!(
                f,
                "the merchants {merchant} and {owner} have the same merchant number {number}: remove one of them, or add its apps to the other"
            ),
            Self::NameTaken(name) => {
                write!(
                    f,
                    "two merchants are named {name}, in the settings and in the API: rename or remove one"
                )
            }
        }
    }
}

impl error::Error for RegistryError {}

impl Registry {
    /// Creates the registry.
    ///
    /// # Errors
    ///
    /// Returns every name and every number that two merchants have.
    pub(crate) fn new(merchants: impl IntoIterator<Item = Merchant>) -> Result<Self, Vec<RegistryError>> {
        let registry = Self::default();
        registry.change(|_| merchants.into_iter().map(Arc::new).collect())?;
        Ok(registry)
    }

    /// Returns all merchants, sorted by name.
    pub(crate) fn all(&self) -> Vec<Arc<Merchant>> {
        self.table().values().cloned().collect()
    }

    /// Returns a merchant by its name.
    pub(crate) fn get(&self, name: &MerchantName) -> Option<Arc<Merchant>> {
        self.table().get(name).cloned()
    }

    /// Checks whether the registry would accept the merchant: before its row is written.
    ///
    /// # Errors
    ///
    /// Returns [`RegistryError`] if the settings have the merchant, or its number belongs to another one.
    pub(crate) fn check(&self, merchant: &Merchant) -> Result<(), RegistryError> {
        if self.is_read_only(merchant.name()) {
            return Err(RegistryError::ReadOnly(merchant.name().clone()));
        }
        taken(merchant, &self.table()).map_or(Ok(()), Err)
    }

    /// Removes a merchant of the API. Returns it, if it existed.
    ///
    /// # Errors
    ///
    /// Returns [`RegistryError::ReadOnly`] if the settings have the merchant.
    pub(crate) fn remove(&self, name: &MerchantName) -> Result<Option<Arc<Merchant>>, RegistryError> {
        if self.is_read_only(name) {
            return Err(RegistryError::ReadOnly(name.clone()));
        }
        let mut guard = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut table = Table::clone(&guard);
        let removed = table.remove(name);
        *guard = Arc::new(table);
        Ok(removed)
    }

    /// Replaces all merchants of the settings; those of the API stay.
    ///
    /// # Errors
    ///
    /// Returns every name and every number that two merchants have; nothing is replaced then.
    pub(crate) fn reload_settings(&self, merchants: Vec<Merchant>) -> Result<(), Vec<RegistryError>> {
        self.reload(merchants, |origin| origin == Origin::Settings)
    }

    /// Replaces all merchants of the API; those of the settings stay.
    ///
    /// # Errors
    ///
    /// Returns every name and every number that two merchants have; nothing is replaced then.
    pub(crate) fn reload_api(&self, merchants: Vec<Merchant>) -> Result<(), Vec<RegistryError>> {
        self.reload(merchants, |origin| origin != Origin::Settings)
    }

    fn reload(
        &self,
        merchants: Vec<Merchant>,
        replaced: impl Fn(Origin) -> bool,
    ) -> Result<(), Vec<RegistryError>> {
        self.change(|table| {
            let kept = table.values().filter(|merchant| !replaced(merchant.origin())).cloned();
            kept.chain(merchants.into_iter().map(Arc::new)).collect()
        })
    }

    fn is_read_only(&self, name: &MerchantName) -> bool {
        self.get(name).is_some_and(|merchant| merchant.origin() == Origin::Settings)
    }

    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the table by the merchants that `change` returns, if they fit together.
    fn change(&self, change: impl FnOnce(&Table) -> Vec<Arc<Merchant>>) -> Result<(), Vec<RegistryError>> {
        let mut guard = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let merchants = change(&guard);
        let mut faults = Vec::new();
        let mut table = Table::new();
        for merchant in merchants {
            faults.extend(taken(&merchant, &table));
            let name = merchant.name().clone();
            if table.insert(name.clone(), merchant).is_some() {
                faults.push(RegistryError::NameTaken(name));
            }
        }
        if faults.is_empty() {
            *guard = Arc::new(table);
            Ok(())
        } else {
            Err(faults)
        }
    }
}

/// Returns the error if a number of the merchant belongs to another one.
fn taken(merchant: &Merchant, table: &Table) -> Option<RegistryError> {
    table.values().filter(|other| other.name() != merchant.name()).find_map(|other| {
        let number = merchant.numbers().find(|number| other.numbers().any(|taken| taken == *number))?;
        Some(RegistryError::NumberTaken {
            merchant: merchant.name().clone(),
            number: number.to_owned(),
            owner: other.name().clone(),
        })
    })
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
