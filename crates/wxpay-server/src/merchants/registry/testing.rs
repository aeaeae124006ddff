//! Conveniences of tests.

use super::*;
use crate::{channels::Channel, invalid::Invalid, merchants::App};

impl Registry {
    /// Finds the merchant of a request, among those that `allowed` accepts: the named one, or the only one.
    ///
    /// # Errors
    ///
    /// Returns the field `merchant` if there is no such merchant, or several fit.
    pub(crate) fn merchant(
        &self,
        name: Option<&str>,
        allowed: impl Fn(&MerchantName) -> bool,
    ) -> Result<Arc<Merchant>, Invalid> {
        let table = self.table();
        let mut fitting = table.values().filter(|merchant| allowed(merchant.name()));
        if let Some(name) = name {
            let named = fitting.find(|merchant| merchant.name().as_str() == name);
            // The same answer for an unknown merchant and for one of another key: names must not leak.
            return named.cloned().ok_or_else(|| Invalid::new("merchant", "must be the name of a merchant"));
        }
        match (fitting.next(), fitting.next()) {
            (Some(merchant), None) => Ok(Arc::clone(merchant)),
            (Some(_), Some(_)) => Err(Invalid::new("merchant", "is required: there are several merchants")),
            (None, _) => {
                let remedy = "configure one in the settings or by POST /api/merchants";
                Err(Invalid::new("merchant", "must exist").remedy(remedy))
            }
        }
    }

    /// Finds the merchant and the app of an order.
    ///
    /// # Errors
    ///
    /// Returns the field `merchant`, `app` or `channel`, as [`merchant`](Self::merchant) and [`Merchant::app`] do.
    pub(crate) fn find(
        &self,
        name: Option<&str>,
        app: Option<&str>,
        channel: Channel,
        allowed: impl Fn(&MerchantName) -> bool,
    ) -> Result<(Arc<Merchant>, App), Invalid> {
        let merchant = self.merchant(name, allowed)?;
        let app = merchant.app(app, channel)?.clone();
        Ok((merchant, app))
    }

    /// Inserts or replaces a merchant of the API.
    ///
    /// # Errors
    ///
    /// Returns [`RegistryError`] if the settings have the merchant, or its number belongs to another one.
    pub(crate) fn put(&self, merchant: Merchant) -> Result<(), RegistryError> {
        let name = merchant.name().clone();
        if self.is_read_only(&name) {
            return Err(RegistryError::ReadOnly(name));
        }
        let merchant = Arc::new(merchant);
        let put = self.change(|table| {
            let others = table.values().filter(|other| *other.name() != name).cloned();
            others.chain([Arc::clone(&merchant)]).collect()
        });
        // One merchant has at most one owner per number; the first is reported.
        put.map_err(|faults| faults.into_iter().next().unwrap_or(RegistryError::NameTaken(name)))
    }
}
