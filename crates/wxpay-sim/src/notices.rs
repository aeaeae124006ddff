//! Which delivery of which notice is due when.
//!
//! ```text
//!            due, pause by pause                answered as it must be
//!  WAITING ───────────────────────► ON_THE_WAY ──────────────────► ACCEPTED
//!     ▲                                  │
//!     └──────── anything else ───────────┤ after the last pause
//!                                        └──────────────────────► GIVEN_UP
//! ```

use crate::{
    chance::Chance,
    faults::{Faults, Generation, Operation, Scene, Trouble},
    gateway::{v1, v3},
    settings::{Settings, SuccessMatch},
    warnings::{Kind, Warnings},
};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};
use wxpay_proto::{
    UnixTime,
    id::{MchId, NotifyId, OutTradeNo},
};

/// The name of one delivery; no two are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct DeliveryId(u64);

/// A notice to POST now.
#[derive(Clone)]
pub struct Delivery {
    id: DeliveryId,
    out_trade_no: String,
    made: Made,
    timeout: Duration,
    overlaps: bool,
    forged: bool,
}

impl Delivery {
    /// What to report its result under; see [`Gateway::delivered`](crate::Gateway::delivered).
    #[must_use]
    pub const fn id(&self) -> DeliveryId {
        self.id
    }

    /// The order it is about; for a notice that is about none, the merchant's own number of what it is about.
    #[must_use]
    pub fn out_trade_no(&self) -> &str {
        &self.out_trade_no
    }

    /// Where to POST it: the `notify_url`, in the first generation with the signed query.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.made.url
    }

    /// The raw query of the URL, without `?`.
    #[must_use]
    pub fn query(&self) -> &str {
        self.made.url.split_once('?').map_or("", |(_, query)| query)
    }

    /// The headers besides `Host` and `Content-Length`.
    #[must_use]
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.made.headers
    }

    /// XML in the first generation, JSON in the third.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.made.body
    }

    /// How long to wait for the answer.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether to send it without waiting for the answer to the one before.
    #[must_use]
    pub const fn overlaps(&self) -> bool {
        self.overlaps
    }

    /// Whether it is a tampered copy, which the merchant must not believe.
    #[must_use]
    pub const fn is_forged(&self) -> bool {
        self.forged
    }
}

/// Shows no query and no body.
impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("out_trade_no", &self.out_trade_no)
            .field("forged", &self.forged)
            .finish_non_exhaustive()
    }
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is an answer or there is none")]
pub enum DeliveryResult {
    /// The merchant answered.
    Answered {
        /// The status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// No connection, no answer in time, or half an answer.
    NoAnswer,
}

/// What the gateway knows of one notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NoticeRecord {
    /// Its number.
    pub notify_id: NotifyId,
    /// The order it is about; for a notice that is about none, the merchant's own number of what it is about.
    pub out_trade_no: String,
    /// What it tells: `TRANSACTION.SUCCESS` and the like. The first generation has one kind without a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<&'static str>,
    /// Where it stands.
    pub state: NoticeState,
    /// When the next delivery is due, in seconds of the virtual clock.
    pub next_at: Option<u64>,
    /// What was delivered, and how it was answered.
    pub deliveries: Vec<Attempt>,
}

/// Where a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum NoticeState {
    /// A delivery is due later.
    Waiting,
    /// A delivery is being made.
    OnTheWay,
    /// The merchant answered as it must.
    Accepted,
    /// The schedule is at its end.
    GivenUp,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Its name; none if it was lost.
    pub id: Option<DeliveryId>,
    /// When, in seconds of the virtual clock.
    pub at: u64,
    /// What became of it.
    pub result: AttemptResult,
    /// Whether it was a tampered copy.
    pub forged: bool,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttemptResult {
    /// Not known yet.
    OnTheWay,
    /// Answered as it must be: `success`, or in the third generation the status alone.
    Success,
    /// Answered something else, with this status.
    Refused(u16),
    /// Not answered.
    NoAnswer,
    /// Lost by a fault.
    Lost,
}

/// One notice as kept.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// The order it is about, or the merchant's own number of what it is about.
    pub(crate) number: String,
    pub(crate) notify_id: NotifyId,
    pub(crate) says: Says,
}

/// What a notice says. Each delivery is made and signed anew.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    V1(v1::notice::Payment),
    V3(v3::notice::Event),
}

/// A delivery ready to be sent.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Job {
    notice: Notice,
    state: NoticeState,
    due: Option<UnixTime>,
    /// When the last round began: the pauses count from there.
    begun: UnixTime,
    rounds: usize,
    /// Held back until another has gone out.
    held: bool,
    /// Delayed once already.
    late: bool,
    log: Vec<Attempt>,
}

/// All notices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    jobs: Vec<Job>,
    on_the_way: BTreeMap<DeliveryId, usize>,
    last: u64,
}

/// What the making of deliveries needs besides the notices.
pub(crate) struct Means<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) merchants: &'a v3::Merchants,
    pub(crate) faults: &'a mut Faults,
    pub(crate) chance: &'a mut Chance,
    pub(crate) warnings: &'a mut Warnings,
    pub(crate) now: UnixTime,
}

impl Notices {
    pub(crate) fn add(&mut self, notice: Notice, due: UnixTime) {
        self.jobs.push(Job {
            notice,
            state: NoticeState::Waiting,
            due: Some(due),
            begun: due,
            rounds: 0,
            held: false,
            late: false,
            log: Vec::new(),
        });
    }

    pub(crate) fn next_due(&self) -> Option<UnixTime> {
        self.jobs.iter().filter_map(|job| job.due).min()
    }

    pub(crate) fn records(&self, wanted: impl Fn(&Notice) -> bool) -> Vec<NoticeRecord> {
        self.jobs.iter().filter(|job| wanted(&job.notice)).map(Job::record).collect()
    }

    /// Makes what is due, the longest due first; what was held back follows the first that goes out.
    pub(crate) fn due(&mut self, means: &mut Means<'_>) -> Vec<Delivery> {
        let now = means.now;
        let mut ready: Vec<(UnixTime, usize)> = self
            .jobs
            .iter()
            .enumerate()
            .filter_map(|(index, job)| job.due.filter(|due| *due <= now).map(|due| (due, index)))
            .collect();
        ready.sort_unstable();
        let mut deliveries = Vec::new();
        for (_, index) in ready {
            let before = deliveries.len();
            self.make(index, means, &mut deliveries);
            if deliveries.len() > before {
                for held in self.held_besides(index) {
                    self.send(held, false, None, means, &mut deliveries);
                }
            }
        }
        deliveries
    }

    /// Makes the deliveries of one notice's round, as the faults will have them.
    fn make(&mut self, index: usize, means: &mut Means<'_>, deliveries: &mut Vec<Delivery>) {
        let Some(job) = self.jobs.get_mut(index) else { return };
        // A delivery that followed another of this batch is no longer due.
        if job.due.is_none_or(|due| due > means.now) {
            return;
        }
        let trouble =
            if job.held || job.late { None } else { means.faults.strike(|| job.notice.scene(), means.now) };
        match trouble {
            Some(Trouble::NoticeReordered) => {
                job.held = true;
                let pause = job.notice.schedule(means.settings).first().copied().unwrap_or_default();
                job.due = Some(means.now.after(pause));
            }
            Some(Trouble::NoticeDelayed { millis }) => {
                job.late = true;
                job.due = Some(means.now.after(Duration::from_millis(millis)));
            }
            Some(Trouble::NoticeLost) => {
                job.attempt(None, means.now, AttemptResult::Lost, false);
                job.begin(means.now);
                job.wait(means);
            }
            Some(Trouble::NoticeDoubled) => {
                self.send(index, false, None, means, deliveries);
                self.send(index, true, None, means, deliveries);
            }
            Some(Trouble::NoticeForged) => {
                let forgery = Forgery::drawn(means.chance);
                self.send_after(forgery, index, means, deliveries);
            }
            Some(Trouble::NoticeUnknownSerial) => self.send_after(Forgery::Payer, index, means, deliveries),
            Some(Trouble::NoticeProbe) => self.send_after(Forgery::Probe, index, means, deliveries),
            Some(Trouble::NoticeStale) => self.send_after(Forgery::Stale, index, means, deliveries),
            Some(_) | None => {
                if job.notice.is_probed(means) {
                    self.send(index, false, Some(Forgery::Probe), means, deliveries);
                }
                self.send(index, false, None, means, deliveries);
            }
        }
    }

    /// Sends a forged copy, and then the notice.
    fn send_after(
        &mut self,
        forgery: Forgery,
        index: usize,
        means: &mut Means<'_>,
        deliveries: &mut Vec<Delivery>,
    ) {
        self.send(index, false, Some(forgery), means, deliveries);
        self.send(index, false, None, means, deliveries);
    }

    fn held_besides(&self, index: usize) -> Vec<usize> {
        self.jobs.iter().enumerate().filter(|(at, job)| job.held && *at != index).map(|(at, _)| at).collect()
    }

    fn send(
        &mut self,
        index: usize,
        overlaps: bool,
        forgery: Option<Forgery>,
        means: &mut Means<'_>,
        deliveries: &mut Vec<Delivery>,
    ) {
        let Some(job) = self.jobs.get_mut(index) else { return };
        self.last = self.last.saturating_add(1);
        let id = DeliveryId(self.last);
        self.on_the_way.insert(id, index);
        job.attempt(Some(id), means.now, AttemptResult::OnTheWay, forgery.is_some());
        if forgery.is_none() {
            if !overlaps {
                job.begin(means.now);
            }
            job.state = NoticeState::OnTheWay;
            job.due = None;
            (job.held, job.late) = (false, false);
        }
        deliveries.push(Delivery {
            id,
            out_trade_no: job.notice.number.clone(),
            made: job.notice.made(forgery, means),
            timeout: means.settings.notify_timeout,
            overlaps,
            forged: forgery.is_some(),
        });
    }

    /// Takes the result of a delivery. One that is not on the way any more changes nothing.
    pub(crate) fn delivered(&mut self, id: DeliveryId, result: &DeliveryResult, means: &mut Means<'_>) {
        let Some(index) = self.on_the_way.remove(&id) else { return };
        let Some(job) = self.jobs.get_mut(index) else { return };
        let result = job.notice.judge(result, means);
        let Some(attempt) = job.log.iter_mut().find(|attempt| attempt.id == Some(id)) else { return };
        attempt.result = result;
        if attempt.forged {
            if result == AttemptResult::Success {
                let number = Some(job.notice.number.as_str());
                means.warnings.note(
                    means.now,
                    Kind::ForgeryBelieved,
                    number,
                    "a forged notice was answered as if it were true",
                );
            }
            return;
        }
        if result == AttemptResult::Success {
            job.state = NoticeState::Accepted;
            job.due = None;
        } else if job.state == NoticeState::OnTheWay && !job.is_on_the_way() {
            job.wait(means);
        }
    }
}

impl Job {
    fn record(&self) -> NoticeRecord {
        NoticeRecord {
            notify_id: self.notice.notify_id.clone(),
            out_trade_no: self.notice.number.clone(),
            event_type: self.notice.event_type(),
            state: self.state,
            next_at: self.due.map(UnixTime::as_secs),
            deliveries: self.log.clone(),
        }
    }

    fn attempt(&mut self, id: Option<DeliveryId>, now: UnixTime, result: AttemptResult, forged: bool) {
        self.log.push(Attempt { id, at: now.as_secs(), result, forged });
    }

    fn begin(&mut self, now: UnixTime) {
        self.rounds = self.rounds.saturating_add(1);
        self.begun = now;
    }

    fn is_on_the_way(&self) -> bool {
        self.log.iter().any(|attempt| attempt.result == AttemptResult::OnTheWay && !attempt.forged)
    }

    /// The next round by the schedule, counted from the start of the last; after the last pause there is none.
    fn wait(&mut self, means: &mut Means<'_>) {
        let pause =
            self.rounds.checked_sub(1).and_then(|round| self.notice.schedule(means.settings).get(round));
        if let Some(pause) = pause {
            self.state = NoticeState::Waiting;
            self.due = Some(self.begun.after(*pause));
        } else {
            self.state = NoticeState::GivenUp;
            self.due = None;
            let number = Some(self.notice.number.as_str());
            means.warnings.note(
                means.now,
                Kind::GivenUp,
                number,
                "the notice was never answered as it must be",
            );
        }
    }
}

impl Notice {
    /// Whether it is about the first generation's order of that number.
    pub(crate) fn is_of_v1(&self, number: &OutTradeNo) -> bool {
        matches!(self.says, Says::V1(_)) && self.number == number.as_str()
    }

    /// Whether it is about something of a merchant of the third generation, under that number.
    pub(crate) fn is_of_v3(&self, mchid: &MchId, number: &str) -> bool {
        let is_theirs = matches!(&self.says, Says::V3(event) if event.mchid == *mchid);
        is_theirs && self.number == number
    }

    fn scene(&self) -> Scene {
        let (generation, mchid) = match &self.says {
            Says::V1(payment) => (Generation::V1, payment.credentials.partner().to_string()),
            Says::V3(event) => (Generation::V3, event.mchid.to_string()),
        };
        let numbers = vec![self.number.clone()];
        Scene { generation, operation: Operation::Notice, path: String::new(), mchid: Some(mchid), numbers }
    }

    const fn event_type(&self) -> Option<&'static str> {
        match &self.says {
            Says::V1(_) => None,
            Says::V3(event) => Some(event.event_type),
        }
    }

    fn schedule<'a>(&'a self, settings: &'a Settings) -> &'a [Duration] {
        match &self.says {
            Says::V1(_) => &settings.notify_schedule,
            Says::V3(event) => event.schedule.as_deref().unwrap_or(&settings.v3.notify_schedule),
        }
    }

    /// Whether a wrongly signed copy goes before it, as WeChat Pay's probes do. Chance is drawn only if there are any.
    fn is_probed(&self, means: &mut Means<'_>) -> bool {
        let probes = u64::from(means.settings.v3.probes_per_mille);
        matches!(self.says, Says::V3(_)) && probes > 0 && means.chance.below(1000) < probes
    }

    fn made(&self, forgery: Option<Forgery>, means: &mut Means<'_>) -> Made {
        match &self.says {
            Says::V1(payment) => payment.made(forgery, means.chance, means.now),
            Says::V3(event) => {
                event.made(self.notify_id.as_str(), forgery, means.merchants, means.chance, means.now)
            }
        }
    }

    fn judge(&self, result: &DeliveryResult, means: &mut Means<'_>) -> AttemptResult {
        let DeliveryResult::Answered { status, body } = result else { return AttemptResult::NoAnswer };
        let accepted = match &self.says {
            Says::V1(_) => says_success(*status, body, means, &self.number),
            Says::V3(_) => matches!(status, 200 | 204),
        };
        if accepted { AttemptResult::Success } else { AttemptResult::Refused(*status) }
    }
}

/// What is changed in a forged copy. Its signatures stay, and so do not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    Amount,
    Number,
    Signature,
    Payer,
    /// A signature as WeChat Pay's probes have it; in the third generation alone.
    Probe,
    /// Signed ten minutes ago; in the third generation alone.
    Stale,
}

impl Forgery {
    fn drawn(chance: &mut Chance) -> Self {
        match chance.below(4) {
            0 => Self::Amount,
            1 => Self::Number,
            2 => Self::Signature,
            _ => Self::Payer,
        }
    }
}

/// The first generation's rule: the status and the word.
fn says_success(status: u16, body: &[u8], means: &mut Means<'_>, number: &str) -> bool {
    let exact = body.trim_ascii() == b"success";
    let loose = body.trim_ascii_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"success"));
    let accepted = status == 200
        && match means.settings.success_match {
            SuccessMatch::TrimmedExact => exact,
            SuccessMatch::StartsWith => loose,
        };
    if loose && (!exact || status != 200) {
        let detail = "the answer only resembles success: it must be the seven letters with HTTP status 200";
        means.warnings.note(means.now, Kind::LooseSuccess, Some(number), detail);
    }
    accepted
}
