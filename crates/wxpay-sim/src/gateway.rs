//! The gateway: takes a request, returns a reply or a transport fault, and delivers notifications when they are due.

mod answer;
mod merchants;
mod payer;
mod snapshots;
pub(crate) mod tasks;

pub(crate) use answer::target;
pub use answer::{Outcome, ReadRequest};
pub use payer::{OrderRef, Paid, PayError, Payer};
pub use snapshots::{NoSnapshot, Snapshot};

pub use crate::{
    front_end::{Directory, Draft},
    requests::RequestRecord,
    v3::{PlatformRefundError, SupportedOperation},
};

use crate::{
    clock::Now,
    credentials::{App, Credentials},
    faults::{FaultRule, FaultRules},
    front_end::FrontEnd,
    keys::CertificateAuthority,
    ledger::{CombinedRecord, Ledger, NewOrder, NumberSource, Order, OrderId, OrderRecord},
    merchant::{Merchant, MerchantRegistry},
    notifications::{
        Alteration, Delivery, DeliveryContext, DeliveryId, DeliveryResult, Message, NotificationCopy,
        NotificationRecord, Notifications,
    },
    requests::RequestLog,
    rng::{Rng, URL_SAFE},
    settings::Settings,
    v1, v3,
    warnings::{Kind, Warning, Warnings},
};
use snapshots::Snapshots;
use std::sync::Arc;
use tasks::TaskQueue;
use wxpay_proto::{
    UnixTime,
    id::{NotifyId, OpenId},
};

/// The front ends, in the order in which they are asked for a path.
const FRONT_ENDS: [&dyn FrontEnd; 2] = [&v3::FrontEnd, &v1::FrontEnd];

/// The beginning of the event types of transfers and authorizations. They may have the same numbers as orders.
const TRANSFER_EVENTS: &str = "MCHTRANSFER.";
/// The beginning of the event types of authorizations.
const AUTHORIZATION_EVENTS: &str = "MCHTRANSFER.AUTHORIZATION.";

/// The simulated gateway, a plain value. The caller passes the time; random values are derived from the seed.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// The merchants, the settings and the front ends, by which requests are read.
    pub(crate) directory: Directory,
    pub(crate) ledger: Ledger,
    pub(crate) notifications: Notifications,
    pub(crate) tasks: TaskQueue,
    pub(crate) faults: FaultRules,
    pub(crate) requests: RequestLog,
    pub(crate) warnings: Warnings,
    pub(crate) rng: Rng,
    /// The seed, for what follows from a merchant's number alone.
    pub(crate) seed: u64,
    /// The last serial number of a payment, a refund or a transfer.
    pub(crate) serial: u64,
    /// The default payer.
    payer: OpenId,
    /// The credentials of the app that the gateway was created with.
    pub(crate) credentials: Credentials,
    /// The merchant that the gateway was created with, in its original state.
    default_merchant: Merchant,
    authority: CertificateAuthority,
    /// The number of keys taken from the key source.
    keys_used: usize,
    pub(crate) v1: v1::State,
    pub(crate) v3: v3::State,
    /// Saved states, by name.
    snapshots: Snapshots,
}

impl Gateway {
    /// Creates a gateway with one APIv3 merchant and one APIv1 app. Their throw-away credentials are derived from the
    /// seed.
    pub fn new(settings: Settings, seed: u64) -> Self {
        let mut rng = Rng::new(seed, "credentials");
        let (credentials, payer) = loop {
            let generated = Credentials::generate(&mut rng);
            let payer = format!("o{}", rng.text(URL_SAFE, 27)).parse::<OpenId>();
            if let (Ok(credentials), Ok(payer)) = (generated, payer) {
                break (credentials, payer);
            }
        };
        let authority = CertificateAuthority::new("wxpay-sim root", settings.v3.key_source.root());
        let mut rng = Rng::new(seed, "v3");
        // The first key is the root's, the second that of the TLS server.
        let mut keys_used = 2;
        let default_merchant =
            merchants::generate(&settings, &authority, &mut rng, &mut keys_used, &(None, None));
        let merchants =
            MerchantRegistry([(default_merchant.mchid().clone(), default_merchant.clone())].into());
        let directory = Directory {
            merchants: Arc::new(merchants),
            settings: Arc::new(settings),
            front_ends: Arc::new(FRONT_ENDS),
            catalogue: None,
        };
        let mut gateway = Self {
            directory,
            ledger: Ledger::default(),
            notifications: Notifications::default(),
            tasks: TaskQueue::default(),
            faults: FaultRules::new(seed),
            requests: RequestLog::default(),
            warnings: Warnings::default(),
            rng,
            seed,
            serial: 2_718_281_828,
            payer,
            credentials: credentials.clone(),
            default_merchant,
            authority,
            keys_used,
            v1: v1::State::default(),
            v3: v3::State::default(),
            snapshots: Snapshots::default(),
        };
        gateway.register(App::new(credentials));
        gateway
    }

    /// Adds a front end.
    #[cfg(test)]
    pub(crate) fn add_front_end(&mut self, front_end: &'static dyn FrontEnd) {
        let front_ends = self.directory.front_ends.iter().copied().chain([front_end]);
        self.directory.front_ends = front_ends.collect();
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.directory.settings
    }

    /// Returns the settings, to change them.
    pub fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.directory.settings)
    }

    /// Returns the default payer.
    pub fn payer(&self) -> &OpenId {
        &self.payer
    }

    /// Returns the next serial number of a payment, a refund or a transfer, of at most ten digits.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.ledger_and_numbers().1.serial()
    }

    /// Returns the ledger, and the source of the numbers that its acts draw.
    pub(crate) fn ledger_and_numbers(&mut self) -> (&mut Ledger, NumberSource<'_>) {
        (&mut self.ledger, NumberSource { serial: &mut self.serial, rng: &mut self.rng })
    }

    /// Forgets all orders, transfers, authorizations, receivers, notifications, requests and warnings, with what is
    /// scheduled for them. Merchants, keys, tokens, fault rules and settings stay. Returns what was forgotten: dropping it
    /// takes a while if there is much of it.
    pub fn reset(&mut self) -> impl Send + Sync + use<> {
        let old = (
            std::mem::take(&mut self.ledger),
            std::mem::take(&mut self.notifications),
            std::mem::take(&mut self.tasks),
            std::mem::take(&mut self.requests),
            std::mem::take(&mut self.warnings),
            std::mem::take(&mut self.v3),
        );
        self.notifications.continue_after(&old.1);
        old
    }

    /// Places an order, and forgets the oldest ones beyond the retention.
    pub(crate) fn place(&mut self, order: NewOrder, now: UnixTime) {
        self.ledger.place(order, now);
        for (mchid, number) in self.ledger.forget_beyond(self.directory.settings.max_orders, now) {
            self.notifications
                .forget(mchid.as_str(), number.as_str(), |event| !event.starts_with(TRANSFER_EVENTS));
        }
    }

    /// Forgets the oldest transfers and authorizations beyond the retention.
    pub(crate) fn limit_transfers(&mut self) {
        let (max, transfers) = (self.directory.settings.max_orders, &mut self.ledger.transfers);
        for (mchid, number) in transfers.forget_beyond(max) {
            let is_theirs =
                |event: &str| event.starts_with(TRANSFER_EVENTS) && !event.starts_with(AUTHORIZATION_EVENTS);
            self.notifications.forget(mchid.as_str(), number.as_str(), is_theirs);
        }
        for (mchid, number) in transfers.authorizations.forget_beyond(max) {
            let is_theirs = |event: &str| event.starts_with(AUTHORIZATION_EVENTS);
            self.notifications.forget(mchid.as_str(), number.as_str(), is_theirs);
        }
    }

    /// Returns the time of the next due notification or scheduled task, if any.
    pub fn next_due(&self) -> Option<UnixTime> {
        self.notifications.next_due().into_iter().chain(self.tasks.next()).min()
    }

    /// Runs the scheduled tasks that are due.
    pub(crate) fn run_due_tasks(&mut self, now: UnixTime) {
        while let Some((at, task)) = self.tasks.take(now) {
            (task.run)(self, &task.mchid, &task.number, at);
        }
    }

    /// Returns the notifications to POST now, in order. Report each result with
    /// [`record_delivery`](Self::record_delivery): until then the notification is not due again.
    pub fn due_deliveries(&mut self, now: impl Into<Now>) -> Vec<Delivery> {
        let now = now.into();
        self.run_due_tasks(now.business);
        let (notifications, mut context) = self.notifications_and_context(now);
        notifications.due(&mut context)
    }

    /// Records the result of a delivery and returns the record of its notification. An acknowledgement ends the
    /// retries; after any other result the notification waits for the next interval. Returns `None` and changes nothing
    /// if the delivery is not in progress.
    pub fn record_delivery(
        &mut self,
        id: DeliveryId,
        result: &DeliveryResult,
        now: impl Into<Now>,
    ) -> Option<NotificationRecord> {
        let (notifications, mut context) = self.notifications_and_context(now.into());
        notifications.record_delivery(id, result, &mut context)
    }

    fn notifications_and_context(&mut self, now: Now) -> (&mut Notifications, DeliveryContext<'_>) {
        let context = DeliveryContext {
            settings: &self.directory.settings,
            merchants: &self.directory.merchants,
            faults: &mut self.faults,
            rng: &mut self.rng,
            warnings: &mut self.warnings,
            now,
        };
        (&mut self.notifications, context)
    }

    /// Queues a notification about the merchant's `number`.
    pub(crate) fn notify(&mut self, number: &str, message: Arc<dyn Message>, due: UnixTime) {
        if let Some(obstacle) = message.obstacle(&self.directory.merchants) {
            return self.warn(due, Kind::RetriesExhausted, Some(number), obstacle);
        }
        if let Ok(notify_id) = message.new_id(&mut self.rng).parse::<NotifyId>() {
            self.notifications.add(number, notify_id, message, due);
        }
    }

    /// Returns the gateway's own record of an order. A reference to a combined order finds its first sub-order.
    pub fn order(&self, order_ref: &OrderRef, now: UnixTime) -> Option<OrderRecord> {
        self.find_order(order_ref).map(|order| self.record_of(order, now))
    }

    /// Returns the gateway's own records of all orders, in the order in which they were placed.
    pub fn orders(&self, now: UnixTime) -> impl ExactSizeIterator<Item = OrderRecord> {
        self.ledger.orders().map(move |order| self.record_of(order, now))
    }

    /// Returns the records of the orders that were placed after the one with this cursor, each with its cursor.
    pub(crate) fn orders_after(
        &self,
        after: Option<&str>,
        now: UnixTime,
    ) -> impl Iterator<Item = (OrderId, OrderRecord)> {
        let after = after.and_then(|after| after.parse().ok()).map(OrderId).unwrap_or_default();
        self.ledger.orders_after(after).map(move |(id, order)| (id, self.record_of(order, now)))
    }

    /// Returns the records of the orders before the one with this cursor, the newest first, each with its cursor.
    pub(crate) fn orders_before(
        &self,
        before: Option<u64>,
        now: UnixTime,
    ) -> impl Iterator<Item = (OrderId, OrderRecord)> {
        let before = OrderId(before.unwrap_or(u64::MAX));
        self.ledger.orders_before(before).map(move |(id, order)| (id, self.record_of(order, now)))
    }

    /// Returns the gateway's own record of a combined order. A reference to one of its sub-orders finds it too.
    pub fn combined(&self, order_ref: &OrderRef, now: UnixTime) -> Option<CombinedRecord> {
        let key = self.find_order(order_ref)?.combined.as_deref()?;
        let combined = self.ledger.combined.get(key)?;
        let sub_orders = combined.sub_orders.iter().filter_map(|key| self.ledger.order(key));
        let sub_orders = sub_orders.map(|order| self.record_of(order, now)).collect();
        let notifications = self.notifications.records_about(key.0.as_str(), key.1.as_str(), |_| true);
        Some(combined.record(sub_orders, notifications))
    }

    fn record_of(&self, order: &Order, now: UnixTime) -> OrderRecord {
        let key = order.key();
        let keys = std::iter::once(&key).chain(order.combined.as_deref());
        let notifications = keys.flat_map(|(mchid, number)| {
            self.notifications.records_about(mchid.as_str(), number.as_str(), |_| true)
        });
        order.record(now, notifications.collect())
    }

    /// Finds an order. A reference to a combined order finds its first sub-order.
    pub(crate) fn find_order(&self, order_ref: &OrderRef) -> Option<&Order> {
        let ledger = &self.ledger;
        let (order, combined) = match order_ref {
            OrderRef::OutTradeNo(number) => {
                (ledger.order_by_number(number), ledger.combined.by_number(number))
            }
            OrderRef::OfMerchant(mchid, number) => {
                let key = (mchid.clone(), number.clone());
                (ledger.order(&key), ledger.combined.get(&key))
            }
            OrderRef::Handle(handle) => (ledger.order_by_handle(handle), ledger.combined.by_handle(handle)),
        };
        order.or_else(|| combined?.sub_orders.first().and_then(|key| ledger.order(key)))
    }

    /// Returns the records of all notifications.
    pub fn notifications(&self) -> impl ExactSizeIterator<Item = NotificationRecord> {
        self.notifications.records()
    }

    /// Returns the record of one notification.
    pub fn notification(&self, notify_id: &NotifyId) -> Option<NotificationRecord> {
        self.notifications.by_id(notify_id)
    }

    /// Makes a notification due now, whatever its state. Returns `None` if there is no such notification, or if it is
    /// being delivered.
    pub fn resend_notification(&mut self, notify_id: &NotifyId, now: UnixTime) -> Option<NotificationRecord> {
        self.notifications.resend(notify_id, now)
    }

    /// Ends the retries of a notification. Returns `None` if no such notification is waiting for a retry.
    pub fn cancel_notification(&mut self, notify_id: &NotifyId) -> Option<NotificationRecord> {
        self.notifications.cancel(notify_id)
    }

    /// Returns a copy of an APIv3 notification for the caller to send, genuine or altered, whatever the notification's
    /// state. The gateway does not record its delivery. Returns `None` if there is no such notification, or if the
    /// alteration does not apply to it. To forge a notification of a payment that was never made, pay in a clone of the
    /// gateway.
    pub fn copy_notification(
        &mut self,
        notify_id: &NotifyId,
        alteration: &Alteration,
        now: impl Into<Now>,
    ) -> Option<NotificationCopy> {
        let (notifications, mut context) = self.notifications_and_context(now.into());
        notifications.altered_copy(notify_id, alteration, &mut context)
    }

    /// Returns the last requests, the oldest first.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        self.requests.iter()
    }

    /// Returns the warnings: findings that the gateway does not mention in its replies.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.iter()
    }

    /// Adds a fault rule and returns its number. The first rule that applies to a request decides.
    pub fn inject(&mut self, rule: FaultRule) -> u64 {
        self.faults.add(rule)
    }

    /// Removes a fault rule by its number. Returns `false` if there was none.
    pub fn remove_fault(&mut self, id: u64) -> bool {
        self.faults.remove(id)
    }

    /// Removes all fault rules. Replies and notifications that are already delayed stay delayed.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Returns the fault rules in force.
    pub fn fault_rules(&self) -> &[FaultRule] {
        self.faults.rules()
    }

    pub(crate) fn warn(
        &mut self,
        now: UnixTime,
        kind: Kind,
        number: Option<&str>,
        detail: impl Into<String>,
    ) {
        let detail = detail.into();
        // The reply does not show it, so the log does.
        if kind == Kind::BrokenDescription {
            self.requests.warn(&detail);
        }
        self.warnings.push(now, kind, number, detail);
    }
}
