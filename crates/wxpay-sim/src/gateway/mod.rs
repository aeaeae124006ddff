//! The gateway: a request in, a reply or a mishap out, and notices that fall due.

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
    notices::{Delivery, DeliveryId, DeliveryResult, Means, NoticeRecord, Notices},
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

/// The gateway, a plain value: it reads no clock and draws no chance.
#[derive(Clone, Debug)]
pub struct Gateway {
    settings: Settings,
    pub(crate) ledger: Ledger,
    notices: Notices,
    faults: Faults,
    warnings: Warnings,
    credentials: Credentials,
    ids: Chance,
    serial: u64,
    payer: OpenId,
    v3: v3::State,
}

/// What the network shows of a call. Whoever drives the gateway carries it out.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums, reason = "a driver must carry out every one")]
pub enum Outcome {
    /// The reply.
    Reply(Response),
    /// The reply, after the notices that are due have been delivered: they overtake it.
    AfterNotices(Response),
    /// The reply, so much later. What it tells of has happened already.
    Delayed(Response, Duration),
    /// The head of the reply and so many bytes of its body; then the connection breaks.
    Cut(Response, usize),
    /// The reply, its body so many bytes a second.
    Slow(Response, u32),
    /// No reply: the connection is closed.
    Lost {
        /// Whether the request was carried out.
        effect: bool,
    },
    /// No reply: the connection is reset.
    Reset {
        /// Whether the request was carried out.
        effect: bool,
    },
    /// No connection, and none to anybody for so long.
    Refused(Duration),
}

impl Outcome {
    /// The reply broken off after so many bytes, one before its end at the latest.
    fn cut(reply: Response, bytes: usize) -> Self {
        let kept = bytes.min(reply.body().len().saturating_sub(1));
        Self::Cut(reply, kept)
    }
}

impl Gateway {
    /// A gateway with one app of the first generation and one merchant of the third, whose throw-away credentials
    /// follow from the seed.
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
            notices: Notices::default(),
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

    /// Makes an app known, or known anew; its old tokens are forgotten.
    pub fn register(&mut self, app: App) {
        self.ledger.register(app);
    }

    /// The credentials of the app it was made with.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The switches.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The switches, to turn them.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// The payer who pays unless another is named.
    #[must_use]
    pub fn payer(&self) -> &OpenId {
        &self.payer
    }

    /// Answers a call of the merchant's. An unknown path is answered 404.
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
            | Trouble::NoticeLost
            | Trouble::NoticeDelayed { .. }
            | Trouble::NoticeDoubled
            | Trouble::NoticeReordered
            | Trouble::NoticeForged
            | Trouble::NoticeUnknownSerial
            | Trouble::NoticeProbe
            | Trouble::NoticeStale => Outcome::Reply(v1::answer(self, target, operation, now)),
        }
    }

    fn paid_before_answered(&mut self, target: &Target<'_>, operation: Operation, now: UnixTime) -> Outcome {
        let reply = v1::answer(self, target, operation, now);
        let Some(prepayid) = v1::genprepay::answered(reply.body()) else { return Outcome::Reply(reply) };
        match self.charge(&Tapped::Prepayid(prepayid), &Payer::default(), false, now, now) {
            Ok(_) => Outcome::AfterNotices(reply),
            Err(_) => Outcome::Reply(reply),
        }
    }

    /// When the next delivery of a notice is due, or something that leads to one.
    #[must_use]
    pub fn next_due(&self) -> Option<UnixTime> {
        self.notices.next_due().into_iter().chain(self.v3.agenda.next()).min()
    }

    /// The notices to POST now, in order. Each one's result is to be [reported](Self::delivered); until then its
    /// notice is not due again.
    pub fn due(&mut self, now: UnixTime) -> Vec<Delivery> {
        self.tick(now);
        let (notices, mut means) = self.notices_and_means(now);
        notices.due(&mut means)
    }

    /// Takes what became of a delivery: `success` ends the repeats, anything else waits for the next pause.
    pub fn delivered(&mut self, id: DeliveryId, result: &DeliveryResult, now: UnixTime) {
        let (notices, mut means) = self.notices_and_means(now);
        notices.delivered(id, result, &mut means);
    }

    fn notices_and_means(&mut self, now: UnixTime) -> (&mut Notices, Means<'_>) {
        let means = Means {
            settings: &self.settings,
            merchants: &self.v3.merchants,
            faults: &mut self.faults,
            chance: &mut self.ids,
            warnings: &mut self.warnings,
            now,
        };
        (&mut self.notices, means)
    }

    /// The gateway's own record of an order.
    #[must_use]
    pub fn order(&self, number: &OutTradeNo, now: UnixTime) -> Option<OrderRecord> {
        let order = self.ledger.by_number(number)?;
        order.record(now, self.notices.records_of(&[number.as_str()], |notice| notice.is_of_v1(number)))
    }

    /// The gateway's own record of every order.
    #[must_use]
    pub fn orders(&self, now: UnixTime) -> Vec<OrderRecord> {
        self.ledger
            .orders()
            .filter_map(|order| {
                let number = &order.out_trade_no;
                order.record(
                    now,
                    self.notices.records_of(&[number.as_str()], |notice| notice.is_of_v1(number)),
                )
            })
            .collect()
    }

    /// Every notice and how it was answered.
    #[must_use]
    pub fn notices(&self) -> Vec<NoticeRecord> {
        self.notices.records(|_| true)
    }

    /// Makes a notice due now, whatever became of it before. `None` if there is no such notice, and while it is on its way.
    pub fn resend_notice(&mut self, notify_id: &NotifyId, now: UnixTime) -> Option<NoticeRecord> {
        self.notices.resend(notify_id, now)
    }

    /// Ends the repeats of a notice. `None` if there is no such notice that waits for one.
    pub fn give_up_notice(&mut self, notify_id: &NotifyId) -> Option<NoticeRecord> {
        self.notices.give_up(notify_id)
    }

    /// What the gateway noticed and did not say.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.iter()
    }

    /// Adds a rule of trouble and tells its number; the first that strikes decides.
    pub fn trouble(&mut self, rule: Rule) -> u64 {
        self.faults.add(rule)
    }

    /// Ends one rule of trouble, by its number; whether it was there.
    pub fn end_trouble(&mut self, id: u64) -> bool {
        self.faults.end(id)
    }

    /// Ends all trouble. What is held back or on the way stays so.
    pub fn calm(&mut self) {
        self.faults.clear();
    }

    /// The rules of trouble in force.
    #[must_use]
    pub fn troubles(&self) -> &[Rule] {
        self.faults.rules()
    }

    /// Ends the life of every token now.
    pub fn expire_tokens(&mut self, now: UnixTime) {
        for account in self.ledger.accounts() {
            account.expire(now);
        }
    }

    /// Fetches a token for every app, as another process of the merchant would: the ones in use are replaced.
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
