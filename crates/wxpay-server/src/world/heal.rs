//! The end of all faults: time goes on until nothing is left to do.

use super::World;
use crate::{
    actions::CaseDecision,
    engine::Ledger,
    ledger::{
        OrderKey, Prefix, Subject, Table,
        rows::{
            case::{CaseKind, CaseRow, Remedy},
            event::{EventLogRow, OutboxRow},
            refund::{RefundRow, RefundStatus},
            task::TaskRow,
            webhook::{CursorRow, DeferredRow, EndpointRow, EndpointStatus},
        },
    },
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::{advance, sleep};
use wxpay_proto::UnixTime;
use wxpay_sim::ledger::RefundStatus as RecordedStatus;

/// The time in which everything must settle.
const SETTLED_WITHIN: Duration = Duration::from_hours(24 * 12);
/// The time that passes as it does for a running server, before time jumps to what is due next.
const STEP: Duration = Duration::from_secs(12);

impl World {
    /// Ends all faults, and lets time pass until the ledger, the gateway and the shop have nothing left to do.
    pub(super) async fn heal(self: &Arc<Self>) {
        self.calm_down();
        self.count_gateway_faults();
        self.gateway(wxpay_sim::Gateway::clear_faults);
        self.model.fail_next(0);
        self.model.lose_next(0);
        self.kill_all();
        self.start_all();
        // Requests, deliveries and jumps of the weather that are on their way end first.
        sleep(Duration::from_mins(2)).await;
        self.running().iter().for_each(|running| running.process.set_ahead(0));
        let began = self.now();
        loop {
            self.enable_endpoints().await;
            sleep(STEP).await;
            let Some(next) = self.next_due().await else { return };
            let now = self.now();
            if now.since(began) > SETTLED_WITHIN {
                let tasks: Vec<TaskRow> = self.rows().await;
                let deferred: Vec<DeferredRow> = self.rows().await;
                panic!("it does not settle: {tasks:?} {deferred:?}");
            }
            if next > now.after(STEP) {
                advance(next.since(now)).await;
            }
        }
    }

    /// Returns the time at which something is due next.
    async fn next_due(&self) -> Option<UnixTime> {
        // An abnormal refund is polled until somebody names another account.
        let records = self.recorded();
        let is_abnormal = |refund: &RefundRow| {
            let key = OrderKey::new(refund.merchant.clone(), refund.out_trade_no.clone());
            let record = records.get(&key).into_iter().flat_map(|record| &record.refunds);
            let mut record = record.filter(|recorded| recorded.out_refund_no == refund.out_refund_no);
            record.any(|recorded| recorded.status == RecordedStatus::Abnormal)
        };
        let refunds = self.rows::<RefundRow>().await.into_iter();
        let abnormal: BTreeSet<_> = refunds
            .filter(|refund| refund.status == RefundStatus::Abnormal && is_abnormal(refund))
            .map(|refund| Subject::refund(refund.merchant, &refund.out_refund_no))
            .collect();
        let tasks = self.rows::<TaskRow>().await.into_iter();
        let tasks = tasks.filter(|task| !abnormal.contains(&task.subject)).map(|task| task.due_at);
        let deferred = self.rows::<DeferredRow>().await.into_iter().filter(|row| !row.gave_up);
        let deferred = deferred.map(|row| row.next_at);
        let last = self.rows::<EventLogRow>().await.first().map_or(0, |log| log.last);
        let cursor = self.rows::<CursorRow>().await.first().map_or(0, |cursor| cursor.position);
        let is_behind = cursor < last || !self.rows::<OutboxRow>().await.is_empty();
        let gateway = self.gateway(|gateway| gateway.next_due());
        tasks.chain(deferred).chain(gateway).chain(is_behind.then(|| self.now())).min()
    }

    /// Enables an endpoint that was disabled, by the remedy of its case.
    pub(super) async fn enable_endpoints(self: &Arc<Self>) {
        let endpoints: Vec<EndpointRow> = self.rows().await;
        if endpoints.iter().all(|endpoint| endpoint.status == EndpointStatus::Enabled) {
            return;
        }
        let cases: Vec<CaseRow> = self.rows().await;
        let is_of_endpoint = |case: &CaseRow| case.kind == CaseKind::EndpointDisabled && case.is_open();
        for case in cases.into_iter().filter(is_of_endpoint) {
            let remedy = Some(Remedy::Retry);
            let decision = CaseDecision { case, remedy, card: None, actor: "key_1".into(), note: None };
            drop(self.ask(|app| async move { app.resolve_case(decision).await }).await);
        }
    }

    /// Returns all rows of a table, without the server.
    pub(super) async fn rows<T: Table>(&self) -> Vec<T> {
        Ledger::from(self.model.clone()).load(Prefix::all()).await.unwrap()
    }
}
