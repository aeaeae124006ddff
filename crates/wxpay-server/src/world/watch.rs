//! The rules that must hold at every moment. The end of a world cannot show that one was broken on the way.

use super::{World, audit::shown};
use crate::ledger::{
    Change, Changes, OrderKey, Table as _,
    rows::order::{OrderRow, OrderStatus},
};
use std::{fmt, sync::Arc};
use wxpay_proto::exchange::Transmit;
use wxpay_sim::gateway::OrderRef;

/// The labels of the calls that create an order.
const PREPAYS: [&str; 3] = ["v3.pay.native", "v1.genprepay", CHARGE];
/// The label of the call that charges a code.
const CHARGE: &str = "v3.pay.codepay";
/// The label of the call that reverses a charge.
const REVERSAL: &str = "v3.pay.reverse";

impl World {
    /// Checks an operation as it is committed: a status never goes back; an order that is on its way is never known not to
    /// exist; and while a decision to close is not resolved, no payment is applied, so that no `order.paid` is emitted.
    pub(super) fn watch(&self, operation: &dyn fmt::Debug, changes: &Changes) {
        for root in roots(changes) {
            let (key, status, may_exist) = (root.key(), root.status, root.may_exist_upstream);
            let before = self.roots().insert(key.clone(), root);
            let was_possible = before.as_ref().is_some_and(|before| before.may_exist_upstream);
            let before = before.map_or(OrderStatus::Unplaced, |before| before.status);
            assert!(before.can_become(status), "{}: {before} becomes {status}", shown(&key));
            // Printed only where it matters: most operations are of no interest.
            let is = |name: &str| format!("{operation:?}").starts_with(name);
            let is_freed = was_possible && !may_exist && (is("RecordQuery") || is("EndClose"));
            assert!(
                !is_freed || !self.on_the_way.lock().unwrap().contains_key(&key),
                "{}: the ledger says that it cannot exist, and it is on its way",
                shown(&key)
            );
            if matches!(before, OrderStatus::Closing | OrderStatus::Reversing) {
                let learns = is("LearnPayment");
                assert!(
                    !learns || status == before,
                    "{}: a payment is applied while it is {before}",
                    shown(&key)
                );
                if learns && before == OrderStatus::Reversing {
                    self.count("payments that raced a reversal");
                } else if learns {
                    self.count("payments that raced a close");
                }
            }
        }
    }

    /// Checks the arrival of a prepay call at the gateway: an order that is created there may exist, as the ledger knows.
    /// Otherwise the number could get another price.
    pub(super) fn check_arrival(&self, transmit: &Transmit) {
        if transmit.label == REVERSAL {
            self.check_reversal(transmit);
        }
        let Some(key) = self.prepaid_order(transmit) else { return };
        let account = self.accounts.iter().find(|account| account.name == key.merchant).unwrap();
        let order = OrderRef::OfMerchant(account.mchid.clone(), key.out_trade_no.clone());
        let exists = self.gateway(|gateway| gateway.order(&order, self.now())).is_some();
        let may_exist = self.roots().get(&key).is_some_and(|root| root.may_exist_upstream);
        assert!(
            may_exist || !exists,
            "{}: it was created, and the ledger says that it cannot exist",
            shown(&key)
        );
        if transmit.label == CHARGE && exists {
            self.check_charge(&key, transmit);
        }
    }

    /// Checks the arrival of a charge: while one exists, no other one is sent. WeChat Pay need not know both as one.
    fn check_charge(&self, key: &OrderKey, transmit: &Transmit) {
        let body = String::from_utf8_lossy(transmit.request.body()).into_owned();
        let code = body.split("auth_code").nth(1).unwrap().trim_start_matches(['"', ':']);
        let code: String = code.chars().take_while(char::is_ascii_digit).collect();
        let mut records = self.records();
        let first = records.charged.entry(key.clone()).or_insert_with(|| code.clone());
        assert_eq!(*first, code, "{}: a second code is charged while the first charge exists", shown(key));
    }

    /// Checks the arrival of a reversal: its decision was written before, so no payment is announced meanwhile.
    fn check_reversal(&self, transmit: &Transmit) {
        let url = transmit.request.url().to_string();
        let number = url.split("/out-trade-no/").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
        let body = String::from_utf8_lossy(transmit.request.body()).into_owned();
        let account = self.accounts.iter().find(|account| body.contains(account.mchid.as_str())).unwrap();
        let key = OrderKey::new(account.name.clone(), number);
        let status = self.roots().get(&key).map(|root| root.status);
        assert!(
            !matches!(status, None | Some(OrderStatus::Unplaced | OrderStatus::Open | OrderStatus::Paid)),
            "{}: it is reversed, and the ledger says {status:?}",
            shown(&key)
        );
    }

    /// Returns the order that a request creates.
    pub(super) fn prepaid_order(&self, transmit: &Transmit) -> Option<OrderKey> {
        if !PREPAYS.contains(&transmit.label) {
            return None;
        }
        let body = String::from_utf8_lossy(transmit.request.body());
        let number = body.split("out_trade_no").nth(1)?.trim_start_matches(['"', ':', '=']);
        let number: String = number.chars().take_while(char::is_ascii_alphanumeric).collect();
        // In APIv1, the body does not name the merchant: it is the first one.
        let account = self.accounts.iter().find(|account| body.contains(account.mchid.as_str()));
        let account = account.unwrap_or(&self.accounts[0]);
        Some(OrderKey::new(account.name.clone(), number.parse().ok()?))
    }
}

/// A request on its way to the gateway that creates an order.
#[derive(Debug)]
pub(super) struct OnTheWay(Arc<World>, OrderKey);

impl OnTheWay {
    /// Returns `None` for a request that creates no order.
    pub(super) fn begin(world: &Arc<World>, transmit: &Transmit) -> Option<Self> {
        let key = world.prepaid_order(transmit)?;
        *world.on_the_way.lock().unwrap().entry(key.clone()).or_default() += 1;
        Some(Self(Arc::clone(world), key))
    }
}

impl Drop for OnTheWay {
    fn drop(&mut self) {
        let mut on_the_way = self.0.on_the_way.lock().unwrap();
        let count = on_the_way.remove(&self.1).unwrap_or_default();
        if count > 1 {
            on_the_way.insert(self.1.clone(), count - 1);
        }
    }
}

fn roots(changes: &Changes) -> impl Iterator<Item = OrderRow> {
    changes.iter().filter_map(|change| match change {
        Change::Write { table, values, .. } if table.name == OrderRow::INFO.name => {
            Some(OrderRow::from_values(values.clone()).unwrap())
        }
        Change::Write { .. } | Change::Delete { .. } => None,
    })
}
