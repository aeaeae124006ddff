//! The gateway: takes a request, returns a reply or a transport fault, and delivers notifications when they are due.

mod agenda;
mod pay;
pub(crate) mod v1;
pub(crate) mod v3;

pub use pay::{CannotPay, Paid, Payer, Tapped};
pub use v3::{
    RequestRecord, Served,
    pay::{Named, PaidTransaction},
};

use crate::{
    chance::{Chance, URL_SAFE},
    credentials::{App, Credentials},
    faults::{Faults, Generation, Operation, Rule, Scene, Trouble},
    ledger::{Ledger, OrderRecord},
    notifications::{Delivery, DeliveryId, DeliveryResult, Means, NotificationRecord, Notifications},
    settings::Settings,
    warnings::{Kind, Warning, Warnings},
};
use std::time::Duration;
use v1::route::Target;
use wxpay_proto::{
    UnixTime,
    http::{Request, Response},
    id::{NotifyId, OpenId, OutTradeNo},
};

/// The simulated gateway, a plain value. It reads no clock and draws no randomness: the caller passes the time.
#[derive(Clone, Debug)]
pub struct Gateway {
    settings: Settings,
    pub(crate) ledger: Ledger,
    notifications: Notifications,
    faults: Faults,
    warnings: Warnings,
    credentials: Credentials,
    ids: Chance,
    serial: u64,
    payer: OpenId,
    v3: v3::State,
}

/// The outcome of a request as the client sees it. The driver (for example the HTTP server) must produce it.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums, reason = "a driver must handle every outcome")]
pub enum Outcome {
    /// A complete reply.
    Reply(Response),
    /// A complete reply, sent after the notifications that are due: they overtake it.
    AfterNotifications(Response),
    /// A complete reply, delayed by this long. The request has been executed already.
    Delayed(Response, Duration),
    /// The head of the reply and this many bytes of its body; then the connection breaks.
    Cut(Response, usize),
    /// A complete reply, its body sent at this many bytes a second.
    Slow(Response, u32),
    /// No reply: the connection is closed.
    Lost {
        /// `true` if the request was executed.
        effect: bool,
    },
    /// No reply: the connection is reset.
    Reset {
        /// `true` if the request was executed.
        effect: bool,
    },
    /// No connection: this one is refused, and so is every other for this long.
    Refused(Duration),
}

impl Outcome {
    /// Truncates the body to this many bytes, but always by at least one.
    fn cut(reply: Response, bytes: usize) -> Self {
        let kept = bytes.min(reply.body().len().saturating_sub(1));
        Self::Cut(reply, kept)
    }
}

impl Gateway {
    /// Creates a gateway with one APIv1 app and one APIv3 merchant. Their throw-away credentials are derived from the
    /// seed.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        let mut chance = Chance::new(seed, "credentials");
        let (credentials, payer) = loop {
            let made = Credentials::thrown_away(&mut chance);
            let payer = format!("o{}", chance.text(URL_SAFE, 27)).parse::<OpenId>();
            if let (Ok(credentials), Ok(payer)) = (made, payer) {
                break (credentials, payer);
            }
        };
        let v3 = v3::State::new(&settings, seed);
        let mut gateway = Self {
            settings,
            ledger: Ledger::default(),
            notifications: Notifications::default(),
            faults: Faults::new(seed),
            warnings: Warnings::default(),
            credentials: credentials.clone(),
            ids: Chance::new(seed, "ids"),
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
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the settings for changing them.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// Returns the payer who pays unless another is given.
    #[must_use]
    pub fn payer(&self) -> &OpenId {
        &self.payer
    }

    /// Answers a request from the merchant. An unknown path is answered with 404.
    pub fn answer(&mut self, request: &Request, now: UnixTime) -> Outcome {
        self.tick(now);
        let target = Target::of(request);
        if target.path().starts_with(v3::ROOT) {
            return v3::trouble::answer(self, request, now);
        }
        let Some(operation) = target.operation() else {
            return Outcome::Reply(Response::new(404, b"404 page not found".to_vec()));
        };
        let number = v1::named_order(request.body());
        let scene = || Scene {
            generation: Generation::V1,
            operation,
            path: target.path().into(),
            mchid: v1::named_partner(&self.ledger, &target),
            numbers: number.clone().into_iter().collect(),
        };
        let trouble = self.faults.strike(scene, now);
        v1::flag_leaks(self, request, operation, number.as_deref(), now);
        match trouble {
            None => Outcome::Reply(v1::answer(self, &target, operation, now)),
            Some(trouble) => self.troubled(trouble, &target, operation, now),
        }
    }

    fn troubled(
        &mut self,
        trouble: Trouble,
        target: &Target<'_>,
        operation: Operation,
        now: UnixTime,
    ) -> Outcome {
        let mut instead = |effect: bool, response: Response| {
            if effect {
                v1::answer(self, target, operation, now);
            }
            Outcome::Reply(response)
        };
        let page = |status: u16| {
            let page = format!("<html><body>{status}</body></html>");
            Response::new(status, page.into_bytes()).with("content-type", b"text/html")
        };
        match trouble {
            Trouble::ConnectionRefused { millis } => Outcome::Refused(Duration::from_millis(millis)),
            Trouble::DropBeforeCommit => Outcome::Lost { effect: false },
            Trouble::ResetBeforeCommit => Outcome::Reset { effect: false },
            Trouble::ServerError { effect } => instead(effect, page(500)),
            Trouble::BadGateway { effect } => instead(effect, page(502)),
            Trouble::Unavailable { effect } => instead(effect, page(503)),
            Trouble::Garbage { effect } => {
                instead(effect, Response::new(200, b"<html>\xff\xfe{\"errcode\":".to_vec()))
            }
            Trouble::SystemError { effect } => instead(effect, v1::busy()),
            Trouble::CommitThenDropResponse => {
                v1::answer(self, target, operation, now);
                Outcome::Lost { effect: true }
            }
            Trouble::CommitThenReset => {
                v1::answer(self, target, operation, now);
                Outcome::Reset { effect: true }
            }
            Trouble::Delayed { millis } | Trouble::AnswerAfterClientTimeout { millis } => {
                Outcome::Delayed(v1::answer(self, target, operation, now), Duration::from_millis(millis))
            }
            Trouble::Cut { bytes } => Outcome::cut(v1::answer(self, target, operation, now), bytes),
            Trouble::Slow { bytes_per_second } => {
                Outcome::Slow(v1::answer(self, target, operation, now), bytes_per_second)
            }
            Trouble::TokenReplaced => {
                self.replace_tokens(now);
                Outcome::Reply(v1::answer(self, target, operation, now))
            }
            Trouble::TokenExpired => {
                self.expire_tokens(now);
                Outcome::Reply(v1::answer(self, target, operation, now))
            }
            Trouble::QuotaUsedUp => {
                for account in self.ledger.accounts() {
                    account.use_up(now);
                }
                Outcome::Reply(v1::answer(self, target, operation, now))
            }
            Trouble::Early => self.paid_before_answered(target, operation, now),
            Trouble::Accepted { .. }
            | Trouble::RateLimited
            | Trouble::UnsignedReply
            | Trouble::WrongSignature
            | Trouble::SigntestProbe
            | Trouble::UnknownSerial
            | Trouble::StaleTimestamp
            | Trouble::MissingHeader
            | Trouble::TamperedBody
            | Trouble::SecondPayment
            | Trouble::PaidDuringClose
            | Trouble::CertificateRotated
            | Trouble::MigrationStep { .. }
            | Trouble::NotificationLost
            | Trouble::NotificationDelayed { .. }
            | Trouble::NotificationDoubled
            | Trouble::NotificationReordered
            | Trouble::NotificationForged
            | Trouble::NotificationUnknownSerial
            | Trouble::NotificationProbe
            | Trouble::NotificationStale => Outcome::Reply(v1::answer(self, target, operation, now)),
        }
    }

    fn paid_before_answered(&mut self, target: &Target<'_>, operation: Operation, now: UnixTime) -> Outcome {
        let reply = v1::answer(self, target, operation, now);
        let Some(prepayid) = v1::genprepay::answered(reply.body()) else { return Outcome::Reply(reply) };
        // The payment is due now, not after `notify_delay`: its notification must be sent before the reply to the
        // order.
        match self.charge(&Tapped::Prepayid(prepayid), &Payer::default(), false, now, now) {
            Ok(_) => Outcome::AfterNotifications(reply),
            Err(_) => Outcome::Reply(reply),
        }
    }

    /// Returns the time of the next due notification or scheduled task, if any.
    #[must_use]
    pub fn next_due(&self) -> Option<UnixTime> {
        self.notifications.next_due().into_iter().chain(self.v3.agenda.next()).min()
    }

    /// Returns the notifications to POST now, in order. Report each result with [`delivered`](Self::delivered): until
    /// then the notification is not due again.
    pub fn due(&mut self, now: UnixTime) -> Vec<Delivery> {
        self.tick(now);
        let (notifications, mut means) = self.notifications_and_means(now);
        notifications.due(&mut means)
    }

    /// Records the result of a delivery: `success` ends the retries, anything else waits for the next interval.
    pub fn delivered(&mut self, id: DeliveryId, result: &DeliveryResult, now: UnixTime) {
        let (notifications, mut means) = self.notifications_and_means(now);
        notifications.delivered(id, result, &mut means);
    }

    fn notifications_and_means(&mut self, now: UnixTime) -> (&mut Notifications, Means<'_>) {
        let means = Means {
            settings: &self.settings,
            merchants: &self.v3.merchants,
            faults: &mut self.faults,
            chance: &mut self.ids,
            warnings: &mut self.warnings,
            now,
        };
        (&mut self.notifications, means)
    }

    /// Returns the gateway's own record of an order.
    #[must_use]
    pub fn order(&self, number: &OutTradeNo, now: UnixTime) -> Option<OrderRecord> {
        let order = self.ledger.by_number(number)?;
        order.record(
            now,
            self.notifications.records_of(&[number.as_str()], |notification| notification.is_of_v1(number)),
        )
    }

    /// Returns the gateway's own records of all orders.
    #[must_use]
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

    /// Returns every notification and how it was acknowledged.
    #[must_use]
    pub fn notifications(&self) -> Vec<NotificationRecord> {
        self.notifications.records(|_| true)
    }

    /// Makes a notification due now, whatever its state. Returns `None` if there is no such notification, or if it is
    /// being delivered.
    pub fn resend_notification(&mut self, notify_id: &NotifyId, now: UnixTime) -> Option<NotificationRecord> {
        self.notifications.resend(notify_id, now)
    }

    /// Ends the retries of a notification. Returns `None` if no such notification is waiting for a retry.
    pub fn give_up_notification(&mut self, notify_id: &NotifyId) -> Option<NotificationRecord> {
        self.notifications.give_up(notify_id)
    }

    /// Returns the warnings: findings that the gateway does not mention in its replies.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.iter()
    }

    /// Adds a fault rule and returns its number. The first rule that applies to a request decides.
    pub fn trouble(&mut self, rule: Rule) -> u64 {
        self.faults.add(rule)
    }

    /// Removes a fault rule by its number. Returns `false` if there was none.
    pub fn end_trouble(&mut self, id: u64) -> bool {
        self.faults.end(id)
    }

    /// Removes all fault rules. Replies and notifications that are already delayed stay delayed.
    pub fn calm(&mut self) {
        self.faults.clear();
    }

    /// Returns the fault rules in force.
    #[must_use]
    pub fn troubles(&self) -> &[Rule] {
        self.faults.rules()
    }

    /// Expires every access token now.
    pub fn expire_tokens(&mut self, now: UnixTime) {
        for account in self.ledger.accounts() {
            account.expire(now);
        }
    }

    /// Issues a new token to every app, as if another process of the merchant had fetched one: the tokens in use are
    /// replaced.
    pub fn replace_tokens(&mut self, now: UnixTime) {
        let (expires, dies) = (now.after(self.settings.token_ttl), now.after(self.settings.token_overlap));
        for account in self.ledger.accounts() {
            account.issue(self.ids.text(URL_SAFE, 64), expires, dies);
        }
    }

    pub(crate) fn remark(
        &mut self,
        now: UnixTime,
        kind: Kind,
        number: Option<&str>,
        detail: impl Into<String>,
    ) {
        self.warnings.note(now, kind, number, detail);
    }
}
