//! The selection of events: by merchant and by type.

use crate::{
    ledger::rows::{
        event::{EventRow, EventType},
        webhook::EndpointRow,
    },
    merchants::MerchantName,
};
use std::collections::BTreeSet;

/// The merchants whose events, or endpoints, may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Merchants {
    /// All merchants, also those that are added later.
    All,
    /// These merchants.
    Only(BTreeSet<MerchantName>),
}

impl Merchants {
    /// Returns whether something of a merchant may be seen. `None` is something of all merchants.
    pub(crate) fn allow(&self, merchant: Option<&MerchantName>) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => merchant.is_some_and(|merchant| names.contains(merchant)),
        }
    }
}

/// A filter of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventFilter {
    pub(crate) merchants: Merchants,
    /// The types. `None`: all, also those that are added later.
    pub(crate) types: Option<BTreeSet<EventType>>,
}

impl EventFilter {
    /// Creates a filter. No types are all types.
    pub(crate) fn new(merchants: Merchants, types: &[EventType]) -> Self {
        Self { merchants, types: (!types.is_empty()).then(|| types.iter().copied().collect()) }
    }

    /// Returns the filter of an endpoint.
    pub(crate) fn of(endpoint: &EndpointRow) -> Self {
        let merchants = match &endpoint.merchant {
            Some(merchant) => Merchants::Only(BTreeSet::from([merchant.clone()])),
            None => Merchants::All,
        };
        // A type that this version does not know selects no event. It must not turn into "all types".
        let known = || types_of(endpoint).filter_map(|name| name.parse().ok()).collect();
        Self { merchants, types: (!endpoint.types.is_empty()).then(known) }
    }

    /// Returns whether an event is selected.
    pub(crate) fn matches(&self, event: &EventRow) -> bool {
        self.merchants.allow(Some(&event.merchant))
            && self.types.as_ref().is_none_or(|types| types.contains(&event.event_type))
    }
}

/// Returns the names of the types of an endpoint. None are all.
pub(super) fn types_of(endpoint: &EndpointRow) -> impl Iterator<Item = &str> {
    endpoint.types.split(',').filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::testing::{endpoint_row, event};

    #[test]
    fn endpoint_selects_by_merchant_and_type() {
        let paid = event("A1", 1, 1);
        let mut row = endpoint_row("we_1");
        assert!(EventFilter::of(&row).matches(&paid));
        row.types = "order.closed,order.paid".into();
        assert!(EventFilter::of(&row).matches(&paid));
        row.types = "order.closed,of.the.future".into();
        assert!(!EventFilter::of(&row).matches(&paid));
        row.types = "of.the.future".into();
        assert!(!EventFilter::of(&row).matches(&paid), "an unknown type is not all types");
        row.types = String::new();
        row.merchant = Some("other".parse().unwrap());
        assert!(!EventFilter::of(&row).matches(&paid));
        row.merchant = Some(paid.merchant.clone());
        assert!(EventFilter::of(&row).matches(&paid));
    }

    #[test]
    fn what_is_of_all_merchants_is_hidden_from_a_key_for_some() {
        let some = Merchants::Only(BTreeSet::from(["shop1".parse().unwrap()]));
        assert!(!some.allow(None) && Merchants::All.allow(None));
        assert!(some.allow(Some(&"shop1".parse().unwrap())) && !some.allow(Some(&"shop2".parse().unwrap())));
    }
}
