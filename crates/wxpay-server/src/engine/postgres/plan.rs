//! Plans: in which order an operation's rows are loaded, and which of them are locked, so that it is as if the
//! operations had run one after another.
//!
//! With READ COMMITTED, each statement sees what was committed before it. So the root is locked first: while it is
//! locked, nobody else changes what hangs on it, and all statements after it see one state. The rules:
//!
//! 1. A row of a versioned table, by its whole key, is a *root*: it is locked, before everything else.
//! 2. Rows whose key begins with the key of a loaded root are covered by its lock. Every operation that writes them loads
//!    the root.
//! 3. Other rows are locked each.
//! 4. No lock covers rows that do not exist yet. If rows are selected by a part of the key that no root covers, only
//!    SERIALIZABLE notices rows that others add. Such an operation runs with it; its rivals are its own kind.
//! 5. Locks are taken in one order, by table and key, so that two operations do not wait for each other.
//! 6. With SERIALIZABLE, the locks are the same, so that processes with either isolation may work side by side.
//!
//! A row that is absent cannot be locked: [`super::transaction`] says what is done then.

use super::url::Isolation;
use crate::ledger::Load;

/// The lock of the rows of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    None,
    /// Against deletion.
    Parent,
    /// Against every change, and every other lock.
    Update,
}

/// The plan of one operation.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) isolation: Isolation,
    /// The loads by their positions in the operation, in the order in which they are sent.
    pub(super) steps: Vec<(usize, Lock)>,
}

impl Plan {
    pub(super) fn new(loads: &[Load], configured: Isolation) -> Self {
        let needs_serializable = loads.iter().any(|load| is_open(load, loads));
        let isolation = if needs_serializable { Isolation::Serializable } else { configured };
        let mut steps: Vec<(usize, Lock)> = loads.iter().map(|load| lock(load, loads)).enumerate().collect();
        steps.sort_by_key(|(position, lock)| {
            let load = loads.get(*position);
            let is_locked_root = load.is_some_and(is_root) && *lock != Lock::None;
            (!is_locked_root, load.map(|load| (load.table.name, &load.prefix)))
        });
        Self { isolation, steps }
    }

    /// Returns whether the row of a load, by its lock, makes the other loads those of one moment.
    pub(super) fn needs(&self, load: &Load) -> bool {
        self.isolation == Isolation::ReadCommitted && self.steps.len() > 1 && is_root(load)
    }
}

fn lock(load: &Load, loads: &[Load]) -> Lock {
    if load.is_first_only || is_open(load, loads) {
        // It would be no lock: rows may be added.
        Lock::None
    } else if load.is_parent {
        Lock::Parent
    } else if is_covered(load, loads) {
        Lock::None
    } else {
        Lock::Update
    }
}

/// Returns whether a load is of rows that others may add.
fn is_open(load: &Load, loads: &[Load]) -> bool {
    load.prefix.len() < load.table.key && !load.is_first_only && !is_covered(load, loads)
}

/// Returns whether a load is of one versioned row.
fn is_root(load: &Load) -> bool {
    load.prefix.len() == load.table.key && load.table.position("version").is_some()
}

/// Returns whether the rows of a load hang on a root that is loaded, and locked.
fn is_covered(load: &Load, loads: &[Load]) -> bool {
    let covers = |root: &&Load| {
        let columns = root.table.key_columns().iter().map(|column| column.name);
        let own = load.table.key_columns().iter().map(|column| column.name);
        is_root(root)
            && !root.is_parent
            && root.table.name != load.table.name
            && load.prefix.starts_with(&root.prefix)
            && columns.eq(own.take(root.table.key))
    };
    loads.iter().any(|root| covers(&root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{
        Operation as _, OrderKey, Prefix, Table as _,
        lease::{LeaseClaim, RenewLeases},
        merchants::DeleteMerchant,
        order::OrderState,
        rows::{
            inbox::InboxRow, merchant::MerchantRow, payment::EvidenceRow, task::TaskRow, webhook::EndpointRow,
        },
    };

    fn order() -> OrderKey {
        OrderKey::new("shop1".parse().unwrap(), "A1".parse().unwrap())
    }

    /// Returns the tables in the order of their loads, with their locks.
    fn plan(loads: &[Load], isolation: Isolation) -> Vec<(&'static str, Lock)> {
        let steps = Plan::new(loads, isolation).steps.into_iter();
        steps.map(|(position, lock)| (loads[position].table.name, lock)).collect()
    }

    #[test]
    fn the_root_is_locked_first_and_covers_what_hangs_on_it() {
        let key = order();
        let mut loads = vec![
            EvidenceRow::of(&key).load(),
            Prefix::<TaskRow>::all().and(&key.shard()).and(&"poll".to_owned()).and(&key.subject()).load(),
            MerchantRow::of(&key.merchant).load_parent(),
        ];
        loads.extend(OrderState::loads(&key));
        assert_eq!(
            plan(&loads, Isolation::ReadCommitted),
            [
                ("merchants", Lock::Parent),
                ("orders", Lock::Update),
                ("payment_evidence", Lock::None),
                ("payments", Lock::None),
                ("refunds", Lock::None),
                ("tasks", Lock::Update),
            ]
        );
        assert_eq!(plan(&loads, Isolation::Serializable), plan(&loads, Isolation::ReadCommitted));
    }

    #[test]
    fn locks_of_one_table_are_taken_in_the_order_of_its_key() {
        let claim = |name: &str| LeaseClaim { name: name.into(), owner: "me".into(), version: 1 };
        let claims = vec![claim("shard:2"), claim("shard:1"), claim("shard:3")];
        let renew = RenewLeases {
            process: "me".into(),
            schema_version: 1,
            claims,
            duration: std::time::Duration::ZERO,
            forgotten: vec!["other".into()],
        };
        let plan = Plan::new(&renew.loads(), Isolation::ReadCommitted);
        assert_eq!(plan.steps, [1, 0, 2, 4, 3].map(|position| (position, Lock::Update)));
    }

    #[test]
    fn the_first_of_several_rows_is_read_after_the_root_and_not_locked() {
        let delete = DeleteMerchant { merchant: "shop1".parse().unwrap(), actor: String::new() };
        let plan = plan(&delete.loads(), Isolation::ReadCommitted);
        assert_eq!(plan.first(), Some(&("merchants", Lock::Update)));
        assert!(plan.iter().skip(1).all(|step| *step == ("orders", Lock::None)));
    }

    #[test]
    fn rows_that_no_root_covers_and_that_may_be_added_need_serializable() {
        let all = Plan::new(&[Prefix::<MerchantRow>::all().load()], Isolation::ReadCommitted);
        assert_eq!((all.isolation, &all.steps[..]), (Isolation::Serializable, &[(0, Lock::None)][..]));
        let of_month = [Prefix::<InboxRow>::all().and(&202_611_u64).load()];
        assert_eq!(Plan::new(&of_month, Isolation::ReadCommitted).isolation, Isolation::Serializable);
        let one = [EndpointRow::of("we_1").load()];
        assert_eq!(Plan::new(&one, Isolation::ReadCommitted).isolation, Isolation::ReadCommitted);
        assert_eq!(EndpointRow::INFO.key, 1);
    }
}
