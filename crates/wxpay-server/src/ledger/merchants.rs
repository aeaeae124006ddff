//! Merchants that are configured by API.

use super::{
    Changes, Context, Corrupt, Decision, Load, Operation, Prefix, Rows, Shard,
    access::AuditEntry,
    order::place::{PlaceOrder, Placed},
    rows::{merchant::MerchantRow, order::OrderRow},
};
use crate::merchants::MerchantName;
use serde_json::json;

/// Saves a merchant.
#[derive(Clone, Debug)]
pub(crate) struct SaveMerchant {
    /// The merchant. Its version and time are set by the operation.
    pub(crate) row: MerchantRow,
    /// The version that was read. `None` creates the merchant.
    pub(crate) seen: Option<u64>,
    /// The actor.
    pub(crate) actor: String,
}

/// The result of [`SaveMerchant`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SavedMerchant {
    /// Saved.
    Saved(MerchantRow),
    /// The stored version is another, or there is none.
    Stale(Option<MerchantRow>),
    /// The merchant's number belongs to this merchant.
    MchidTaken(MerchantName),
}

impl Operation for SaveMerchant {
    type Output = SavedMerchant;

    fn loads(&self) -> Vec<Load> {
        // All: the merchant's number must belong to one of them. There are few.
        vec![Prefix::<MerchantRow>::all().load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<SavedMerchant>, Corrupt> {
        let merchants: Vec<MerchantRow> = rows.all()?;
        let known = merchants.iter().find(|known| known.merchant == self.row.merchant);
        if known.map(|known| known.version) != self.seen {
            return Ok(Decision::unchanged(SavedMerchant::Stale(known.cloned())));
        }
        let is_other =
            |other: &&MerchantRow| other.merchant != self.row.merchant && other.mchid == self.row.mchid;
        if let Some(other) = merchants.iter().find(is_other) {
            return Ok(Decision::unchanged(SavedMerchant::MchidTaken(other.merchant.clone())));
        }
        // Not counted from 1: processes that poll the versions would not notice a merchant that was deleted and created.
        let next = self.seen.map_or(0, |seen| seen.saturating_add(1));
        let version = next.max(context.now.as_millis());
        let row = MerchantRow { version, updated_at: context.now, ..self.row.clone() };
        let mut changes = Changes::default();
        changes.root(&row, self.seen);
        AuditEntry {
            actor: &self.actor,
            action: if known.is_some() { "merchant.update" } else { "merchant.create" },
            subject: row.merchant.as_str(),
            detail: json!({
                "mchid": row.mchid,
                "settings_changed": known.is_none_or(|known| known.settings != row.settings),
                "keys_changed": known.is_none_or(|known| known.sealed_keys != row.sealed_keys),
            }),
        }
        .write(&mut changes, context);
        Ok(Decision { changes, output: SavedMerchant::Saved(row) })
    }
}

/// Deletes a merchant's configuration, unless it has orders.
#[derive(Clone, Debug)]
pub(crate) struct DeleteMerchant {
    /// The merchant.
    pub(crate) merchant: MerchantName,
    /// The actor.
    pub(crate) actor: String,
}

/// The result of [`DeleteMerchant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeletedMerchant {
    /// Deleted.
    Deleted,
    /// The merchant has orders, and stays.
    HasOrders,
    /// There is no such merchant.
    NotFound,
}

impl Operation for DeleteMerchant {
    type Output = DeletedMerchant;

    fn loads(&self) -> Vec<Load> {
        let orders =
            Shard::all().map(|shard| Prefix::<OrderRow>::all().and(&shard).and(&self.merchant).load_first());
        [MerchantRow::of(&self.merchant).load()].into_iter().chain(orders).collect()
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<DeletedMerchant>, Corrupt> {
        let Some(known) = rows.one::<MerchantRow>()? else {
            return Ok(Decision::unchanged(DeletedMerchant::NotFound));
        };
        if rows.one::<OrderRow>()?.is_some() {
            return Ok(Decision::unchanged(DeletedMerchant::HasOrders));
        }
        let mut changes = Changes::default();
        changes.delete(MerchantRow::of(&self.merchant));
        AuditEntry {
            actor: &self.actor,
            action: "merchant.delete",
            subject: self.merchant.as_str(),
            detail: json!({ "mchid": known.mchid }),
        }
        .write(&mut changes, context);
        Ok(Decision { changes, output: DeletedMerchant::Deleted })
    }
}

/// Places an order of a merchant that is configured by API, unless the merchant was deleted: this process may not know
/// it yet, and nobody would receive the order's notification.
#[derive(Clone, Debug)]
pub(crate) struct PlaceStoredMerchantsOrder(pub(crate) PlaceOrder);

impl Operation for PlaceStoredMerchantsOrder {
    /// `None` if there is no such merchant.
    type Output = Option<Placed>;

    fn loads(&self) -> Vec<Load> {
        let mut loads = self.0.loads();
        loads.push(MerchantRow::of(&self.0.key.merchant).load_parent());
        loads
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Option<Placed>>, Corrupt> {
        if rows.one::<MerchantRow>()?.is_none() {
            return Ok(Decision::unchanged(None));
        }
        let Decision { changes, output } = self.0.decide(rows, context)?;
        Ok(Decision { changes, output: Some(output) })
    }
}

#[cfg(test)]
mod tests;
