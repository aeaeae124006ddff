//! The gateway: takes a request, returns a reply or a transport fault, and delivers notifications when they are due.

mod pay;
pub(crate) mod tasks;

pub use crate::v3::{
    RequestRecord, SupportedOperation,
    pay::{OrderRef, PaidTransaction},
};
pub use pay::{PaidOrder, PayError, Payer, PrepayRef};

use crate::{
    credentials::{App, Credentials},
    faults::{ApiVersion, Fault, FaultContext, FaultRule, FaultRules, Operation},
    ledger::v1::{Ledger, OrderRecord},
    notifications::{
        Delivery, DeliveryContext, DeliveryId, DeliveryResult, NotificationRecord, Notifications,
    },
    rng::{Rng, URL_SAFE},
    settings::Settings,
    v1::{self, route::Target},
    v3,
    warnings::{Kind, Warning, Warnings},
};
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    http::{Request, Response},
    id::{NotifyId, OpenId, OutTradeNo},
};

/// The simulated gateway, a plain value. The caller passes the time; random values are derived from the seed.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) ledger: Ledger,
    pub(crate) notifications: Notifications,
    pub(crate) faults: FaultRules,
    pub(crate) warnings: Warnings,
    pub(crate) credentials: Credentials,
    pub(crate) ids: Rng,
    pub(crate) serial: u64,
    pub(crate) payer: OpenId,
    pub(crate) v3: v3::State,
}

/// The outcome of a request as the client sees it. The driver (for example the HTTP server) must produce it.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums, reason = "a driver must handle every outcome")]
pub enum Outcome {
    /// A complete reply.
    Reply(Response),
    /// A complete reply, sent after the notifications that are due.
    AfterNotifications(Response),
    /// A complete reply, delayed by this long. The request has been executed already.
    Delayed(Response, Duration),
    /// The headers of the reply and this many bytes of its body. Then the connection breaks.
    Truncated(Response, usize),
    /// A complete reply whose body is sent at this many bytes per second.
    Slow(Response, u32),
    /// No reply: the connection is closed.
    ConnectionClosed {
        /// `true` if the request was executed.
        committed: bool,
    },
    /// No reply: the connection is reset.
    ConnectionReset {
        /// `true` if the request was executed.
        committed: bool,
    },
    /// No connection. This one and all others are refused for this long.
    ConnectionRefused(Duration),
}

impl Outcome {
    /// Truncates the body to this many bytes, and by at least one byte.
    pub(crate) fn truncated(reply: Response, bytes: usize) -> Self {
        let length = bytes.min(reply.body().len().saturating_sub(1));
        Self::Truncated(reply, length)
    }
}

impl Gateway {
    /// Creates a gateway with one APIv1 app and one APIv3 merchant. Their throw-away credentials are derived from the
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
        let v3 = v3::State::new(&settings, seed);
        let mut gateway = Self {
            settings,
            ledger: Ledger::default(),
            notifications: Notifications::default(),
            faults: FaultRules::new(seed),
            warnings: Warnings::default(),
            credentials: credentials.clone(),
            ids: Rng::new(seed, "ids"),
            serial: 3_141_592_653,
            payer,
            v3,
        };
        gateway.register(App::new(credentials));
        gateway
    }

    /// Registers an app, or replaces one with the same appid. Its old tokens become invalid.
    pub fn register(&mut self, app: App) {
        self.ledger.register(app);
    }

    /// Returns the credentials of the app that the gateway was created with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the settings, to change them.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// Returns the default payer.
    pub fn payer(&self) -> &OpenId {
        &self.payer
    }

    /// Answers a request from the merchant. An unknown path is answered with 404.
    pub fn answer(&mut self, request: &Request, now: UnixTime) -> Outcome {
        self.run_due_tasks(now);
        let target = Target::of(request);
        if target.path().starts_with(v3::ROOT) {
            return v3::faults::answer(self, request, now);
        }
        let Some(operation) = target.operation() else {
            return Outcome::Reply(Response::new(404, b"404 page not found".to_vec()));
        };
        let number = v1::claimed_order_number(request.body());
        let context = || FaultContext {
            api_version: ApiVersion::V1,
            operation,
            path: target.path().into(),
            mchid: v1::claimed_partner(&self.ledger, &target),
            numbers: number.clone().into_iter().collect(),
        };
        let fault = self.faults.inject(context, now);
        v1::warn_of_leaked_secrets(self, request, operation, number.as_deref(), now);
        match fault {
            None => Outcome::Reply(v1::answer(self, &target, operation, now)),
            Some(fault) => self.answer_with_fault(fault, &target, operation, now),
        }
    }

    fn answer_with_fault(
        &mut self,
        fault: Fault,
        target: &Target<'_>,
        operation: Operation,
        now: UnixTime,
    ) -> Outcome {
        let mut replaced = |commits: bool, response: Response| {
            if commits {
                v1::answer(self, target, operation, now);
            }
            Outcome::Reply(response)
        };
        let page = |status: u16| {
            let page = format!("<html><body>{status}</body></html>");
            Response::new(status, page.into_bytes()).with_header("content-type", b"text/html")
        };
        match fault {
            Fault::ConnectionRefused { millis } => Outcome::ConnectionRefused(Duration::from_millis(millis)),
            Fault::DropBeforeCommit => Outcome::ConnectionClosed { committed: false },
            Fault::ResetBeforeCommit => Outcome::ConnectionReset { committed: false },
            Fault::ServerError { commits } => replaced(commits, page(500)),
            Fault::BadGateway { commits } => replaced(commits, page(502)),
            Fault::Unavailable { commits } => replaced(commits, page(503)),
            Fault::Garbage { commits } => {
                replaced(commits, Response::new(200, b"<html>\xff\xfe{\"errcode\":".to_vec()))
            }
            Fault::SystemError { commits } => replaced(commits, v1::system_error()),
            Fault::CommitThenDropResponse => {
                v1::answer(self, target, operation, now);
                Outcome::ConnectionClosed { committed: true }
            }
            Fault::CommitThenReset => {
                v1::answer(self, target, operation, now);
                Outcome::ConnectionReset { committed: true }
            }
            Fault::Delayed { millis } | Fault::AnswerAfterClientTimeout { millis } => {
                Outcome::Delayed(v1::answer(self, target, operation, now), Duration::from_millis(millis))
            }
            Fault::Cut { bytes } => Outcome::truncated(v1::answer(self, target, operation, now), bytes),
            Fault::Slow { bytes_per_second } => {
                Outcome::Slow(v1::answer(self, target, operation, now), bytes_per_second)
            }
            Fault::TokenReplaced => {
                self.replace_tokens(now);
                Outcome::Reply(v1::answer(self, target, operation, now))
            }
            Fault::TokenExpired => {
                self.expire_tokens(now);
                Outcome::Reply(v1::answer(self, target, operation, now))
            }
            Fault::QuotaUsedUp => {
                for account in self.ledger.accounts() {
                    account.exhaust_quota(now);
                }
                Outcome::Reply(v1::answer(self, target, operation, now))
            }
            Fault::Early => self.pay_before_reply(target, operation, now),
            Fault::Accepted { .. }
            | Fault::RateLimited
            | Fault::UnsignedReply
            | Fault::WrongSignature
            | Fault::SigntestProbe
            | Fault::UnknownSerial
            | Fault::StaleTimestamp
            | Fault::MissingHeader
            | Fault::TamperedBody
            | Fault::SecondPayment
            | Fault::PaidDuringClose
            | Fault::CertificateRotated
            | Fault::MigrationStep { .. }
            | Fault::NotificationLost
            | Fault::NotificationDelayed { .. }
            | Fault::NotificationDuplicated
            | Fault::NotificationReordered
            | Fault::NotificationForged
            | Fault::NotificationUnknownSerial
            | Fault::NotificationProbe
            | Fault::NotificationStale => Outcome::Reply(v1::answer(self, target, operation, now)),
        }
    }

    fn pay_before_reply(&mut self, target: &Target<'_>, operation: Operation, now: UnixTime) -> Outcome {
        let reply = v1::answer(self, target, operation, now);
        let Some(prepayid) = v1::genprepay::prepayid_in_reply(reply.body()) else {
            return Outcome::Reply(reply);
        };
        // The payment is due now, not after `notify_delay`: its notification must be sent before the reply to the
        // order.
        match self.charge(&PrepayRef::Prepayid(prepayid), &Payer::default(), false, now, now) {
            Ok(_) => Outcome::AfterNotifications(reply),
            Err(_) => Outcome::Reply(reply),
        }
    }

    /// Returns the time of the next due notification or scheduled task, if any.
    pub fn next_due(&self) -> Option<UnixTime> {
        self.notifications.next_due().into_iter().chain(self.v3.tasks.next()).min()
    }

    /// Returns the notifications to POST now, in order. Report each result with
    /// [`record_delivery`](Self::record_delivery): until then the notification is not due again.
    pub fn due_deliveries(&mut self, now: UnixTime) -> Vec<Delivery> {
        self.run_due_tasks(now);
        let (notifications, mut context) = self.notifications_and_context(now);
        notifications.due(&mut context)
    }

    /// Records the result of a delivery. An acknowledgement ends the retries; after any other result the notification
    /// waits for the next interval.
    pub fn record_delivery(&mut self, id: DeliveryId, result: &DeliveryResult, now: UnixTime) {
        let (notifications, mut context) = self.notifications_and_context(now);
        notifications.record_delivery(id, result, &mut context);
    }

    fn notifications_and_context(&mut self, now: UnixTime) -> (&mut Notifications, DeliveryContext<'_>) {
        let context = DeliveryContext {
            settings: &self.settings,
            merchants: &self.v3.merchants,
            faults: &mut self.faults,
            rng: &mut self.ids,
            warnings: &mut self.warnings,
            now,
        };
        (&mut self.notifications, context)
    }

    /// Returns the gateway's own record of an order.
    pub fn order(&self, number: &OutTradeNo, now: UnixTime) -> Option<OrderRecord> {
        let order = self.ledger.order_by_number(number)?;
        order.record(
            now,
            self.notifications.records_of(&[number.as_str()], |notification| notification.is_of_v1(number)),
        )
    }

    /// Returns the gateway's own records of all orders.
    pub fn orders(&self, now: UnixTime) -> Vec<OrderRecord> {
        self.ledger
            .orders()
            .filter_map(|order| {
                let number = &order.out_trade_no;
                order.record(
                    now,
                    self.notifications
                        .records_of(&[number.as_str()], |notification| notification.is_of_v1(number)),
                )
            })
            .collect()
    }

    /// Returns the records of all notifications.
    pub fn notifications(&self) -> Vec<NotificationRecord> {
        self.notifications.records(|_| true)
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

    /// Expires every access token now.
    pub fn expire_tokens(&mut self, now: UnixTime) {
        for account in self.ledger.accounts() {
            account.expire_tokens(now);
        }
    }

    /// Issues a new token to every app, as if another process of the merchant had fetched it. It replaces the tokens in
    /// use.
    pub fn replace_tokens(&mut self, now: UnixTime) {
        let (expires_at, previous_valid_until) =
            (now.after(self.settings.token_ttl), now.after(self.settings.token_overlap));
        for account in self.ledger.accounts() {
            account.issue_token(self.ids.text(URL_SAFE, 64), expires_at, previous_valid_until);
        }
    }

    pub(crate) fn warn(
        &mut self,
        now: UnixTime,
        kind: Kind,
        number: Option<&str>,
        detail: impl Into<String>,
    ) {
        self.warnings.push(now, kind, number, detail);
    }
}
