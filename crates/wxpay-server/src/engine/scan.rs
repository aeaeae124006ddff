//! Scans without the type of their rows.

use crate::ledger::{Scan, Table, TableInfo, Value};

/// A scan of any table. See [`Scan`].
#[derive(Clone, Debug)]
pub(super) struct RawScan {
    pub(super) table: &'static TableInfo,
    pub(super) index: &'static str,
    pub(super) equal: Vec<Value>,
    pub(super) until: Option<Value>,
    /// Exclusive: rows whose position begins with these cells were seen.
    pub(super) after: Option<Vec<Value>>,
    pub(super) is_descending: bool,
    pub(super) limit: usize,
}

impl<T: Table> From<Scan<T>> for RawScan {
    fn from(scan: Scan<T>) -> Self {
        let rest = scan.order().len();
        // An empty position is none, and one of another index may be too long.
        let after = scan.after.map(|mut after| {
            after.truncate(rest);
            after
        });
        Self {
            table: T::INFO,
            index: scan.index,
            equal: scan.equal,
            until: scan.until,
            after: after.filter(|after| !after.is_empty()),
            is_descending: scan.is_descending,
            limit: scan.limit,
        }
    }
}
