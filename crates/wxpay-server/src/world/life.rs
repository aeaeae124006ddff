//! The life of one order: the shop places it, the payer pays or does not, the shop closes and refunds.

use super::{World, rng::Rng};
use crate::{
    actions::{ActionError, CaseDecision, Delivery, PlaceRequest, PlacedOrder},
    channels::Terms,
    engine::Ledger,
    ledger::{
        OrderKey, Prefix,
        order::OrderState,
        rows::{
            case::{CaseKind, CaseRow, Remedy},
            order::OrderStatus,
        },
    },
};
use serde_json::{Value, json};
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::sleep;
use wxpay_proto::{Fate, Fen, UnixTime, wire::time::format_rfc3339};
use wxpay_sim::{
    faults::{Fault, FaultRule, Operation},
    gateway::{OrderRef, Payer},
};

/// The attempts of the shop at one action.
const ATTEMPTS: usize = 8;

/// The faults of the gateway's calls.
pub(super) const CALL_FAULTS: [Fault; 25] = [
    Fault::ConnectionRefused { millis: 0 },
    Fault::DropBeforeCommit,
    Fault::CommitThenDropResponse,
    Fault::ResetBeforeCommit,
    Fault::CommitThenReset,
    Fault::Delayed { millis: 3000 },
    Fault::AnswerAfterClientTimeout { millis: 12_000 },
    Fault::Cut { bytes: 10 },
    Fault::ServerError { commits: true },
    Fault::ServerError { commits: false },
    Fault::BadGateway { commits: true },
    Fault::Unavailable { commits: false },
    Fault::Garbage { commits: true },
    Fault::Garbage { commits: false },
    Fault::SystemError { commits: true },
    Fault::SystemError { commits: false },
    Fault::Accepted { commits: true },
    Fault::RateLimited,
    Fault::UnsignedReply,
    Fault::WrongSignature,
    Fault::SigntestProbe,
    Fault::UnknownSerial,
    Fault::StaleTimestamp,
    Fault::TamperedBody,
    Fault::Early,
];

pub(super) const NOTIFICATION_FAULTS: [Fault; 8] = [
    Fault::NotificationLost,
    Fault::NotificationDelayed { millis: 40_000 },
    Fault::NotificationDuplicated,
    Fault::NotificationReordered,
    Fault::NotificationForged,
    Fault::NotificationUnknownSerial,
    Fault::NotificationProbe,
    Fault::NotificationStale,
];

/// The life of an order.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) world: Arc<World>,
    pub(super) rng: Rng,
    pub(super) account: usize,
    pub(super) serial: usize,
    pub(super) key: OrderKey,
    pub(super) total: u64,
    is_v1: bool,
    is_code: bool,
    time_expire: Option<UnixTime>,
}

impl Life {
    pub(super) fn new(world: Arc<World>, serial: usize, mut rng: Rng) -> Self {
        let account = serial % world.accounts.len();
        let number = format!("A{:06}", serial / world.accounts.len());
        let key = OrderKey::new(world.accounts[account].name.clone(), number.parse().unwrap());
        let is_v1 = account == 0 && rng.one_in(4);
        let is_code = !is_v1 && rng.one_in(4);
        if is_code {
            world.count("code orders");
        }
        let total = 100 + rng.below(9900);
        Self { world, rng, account, serial, key, total, is_v1, is_code, time_expire: None }
    }

    /// Lives.
    pub(super) async fn live(mut self) {
        self.inject_faults();
        if self.rng.one_in(3) {
            let lifetime = Duration::from_secs(90 + self.rng.below(1200));
            self.time_expire = Some(self.world.now().after(lifetime));
        }
        let payer = self.payer();
        let payer = tokio::spawn(payer.visit());
        Box::pin(self.place()).await;
        self.act().await;
        self.report_delivery().await;
        super::refunds::live(&mut self).await;
        self.decide_cases().await;
        payer.await.unwrap();
    }

    pub(super) async fn pause(&mut self, max: Duration) {
        sleep(self.rng.within(max)).await;
    }

    pub(super) fn trace(&self, text: impl FnOnce() -> String) {
        let key = format!("{}/{}", self.key.merchant, self.key.out_trade_no);
        self.world.trace(&key, || format!("shop ({key}): {}", text()));
    }

    pub(super) fn order_ref(&self) -> OrderRef {
        let mchid = self.world.accounts[self.account].mchid.clone();
        OrderRef::OfMerchant(mchid, self.key.out_trade_no.clone())
    }

    /// Gives this order faults of its own, each of which happens at most once.
    fn inject_faults(&mut self) {
        let mchid = self.world.accounts[self.account].mchid.clone();
        let count = 3 + self.rng.below(3);
        for _ in 0..count {
            let fault = match self.rng.below(10) {
                0..=6 => self.rng.pick(&CALL_FAULTS),
                7 | 8 => self.rng.pick(&NOTIFICATION_FAULTS),
                _ => Fault::PaidDuringClose,
            };
            let rule = FaultRule::new(fault).for_number(self.key.out_trade_no.as_str()).at_most(1);
            let rule = if self.is_v1 { rule } else { rule.for_merchant(&mchid) };
            self.world.gateway(|gateway| gateway.inject(rule));
        }
    }

    fn terms(&self) -> Terms {
        let mut fields = json!({
            "channel": match (self.is_v1, self.is_code) {
                (true, _) => "app",
                (false, true) => "code",
                (false, false) => "native",
            },
            "out_trade_no": self.key.out_trade_no.as_str(),
            "description": "Image",
            "amount": {"total": self.total},
        });
        let object = fields.as_object_mut().unwrap();
        if self.is_v1 {
            object.insert("scene_info".into(), json!({"payer_client_ip": "203.0.113.7"}));
        }
        if self.is_code {
            object.insert("scene_info".into(), json!({"store_info": {"id": "0001"}}));
        }
        if let Some(sub_mchid) = &self.world.accounts[self.account].sub_mchid {
            object.insert("sub_mchid".into(), sub_mchid.as_str().into());
        }
        if let Some(time) = self.time_expire {
            object.insert("time_expire".into(), format_rfc3339(time).into());
        }
        let Value::Object(fields) = fields else { panic!("the fields must be an object") };
        Terms::parse(fields).unwrap()
    }

    /// Asks the server to place the order once.
    async fn place_once(&self, total: u64) -> Option<Result<PlacedOrder, ActionError>> {
        let (key, is_v1) = (self.key.clone(), self.is_v1);
        let auth_code = self.is_code.then(|| self.world.random(auth_code).parse().unwrap());
        let terms = Terms {
            amount: crate::channels::Amount { total: Fen::new(total), ..self.terms().amount },
            ..self.terms()
        };
        let answer = self
            .world
            .ask(|app| async move {
                let merchant = app.merchants().get(&key.merchant).unwrap();
                let v1 = merchant.v1().filter(|_| is_v1).map(|v1| v1.appid().to_string());
                let v3 = merchant.settings().apps[0].appid.clone();
                let found = merchant.app(Some(&v1.unwrap_or(v3)), terms.channel).unwrap().clone();
                app.place(PlaceRequest { merchant, app: found, terms, metadata: None, auth_code }).await
            })
            .await;
        self.trace(|| format!("placed for {total}: {}", shown(answer.as_ref())));
        if let Some(Ok(placed)) = &answer {
            self.world.told(&self.key, placed);
        }
        answer
    }

    /// Places the order, perhaps twice at the same time, or for two prices.
    async fn place(&mut self) {
        for _ in 0..ATTEMPTS {
            let rival = match self.rng.below(6) {
                0 | 1 => Some(self.total),
                2 => Some(self.total + 1),
                _ => None,
            };
            // A shop that does not wait long enough: the request goes on without it.
            let patience = if self.rng.one_in(4) {
                self.rng.within(Duration::from_secs(2))
            } else {
                Duration::from_mins(2)
            };
            let answer = {
                let one = self.place_once(self.total);
                let other = async {
                    match rival {
                        Some(total) => self.place_once(total).await,
                        None => None,
                    }
                };
                let both = async { tokio::join!(one, other) };
                tokio::time::timeout(patience, Box::pin(both)).await
            };
            let answers = answer.map_or([None, None], |(one, other)| [one, other]);
            if answers.iter().flatten().any(Result::is_ok) && self.rng.percent(85) {
                self.world.count("orders placed");
                return;
            }
            let has_left = answers.iter().all(Option::is_none);
            let mut is_in_doubt = false;
            for error in answers.iter().flatten().filter_map(|answer| answer.as_ref().err()) {
                match error {
                    ActionError::Differs { .. } => self.adopt_total().await,
                    ActionError::Conflict { .. } | ActionError::Invalid(_) => return,
                    ActionError::Call(error) => match error.fate() {
                        Some(Fate::NotSent | Fate::Refused) => {
                            self.world.count("orders refused or not sent");
                        }
                        Some(Fate::Unknown) | None => is_in_doubt = true,
                    },
                    ActionError::Ledger(_) | ActionError::Interrupted | ActionError::NotFound(_) => {}
                }
            }
            if has_left || (is_in_doubt && self.rng.one_in(2)) {
                self.query_for_a_while().await;
            }
            // A shop that has no answer may ask for another price: the server decides whether that is safe.
            if self.rng.one_in(3) {
                self.total += 7;
                self.world.count("prices changed");
            }
            let longest = if self.rng.one_in(2) { 3 } else { 60 };
            self.pause(Duration::from_secs(longest)).await;
        }
    }

    /// Lets the server query the order, which may be on its way yet.
    async fn query_for_a_while(&mut self) {
        for _ in 0..=self.rng.below(5) {
            let key = self.key.clone();
            let answer = self.world.ask(|app| async move { app.query(&key).await }).await;
            self.trace(|| format!("query: {}", shown(answer.as_ref())));
            self.pause(Duration::from_secs(15)).await;
        }
    }

    /// Reports the delivery of a paid order of `APIv1`, until the server has it.
    async fn report_delivery(&mut self) {
        if !self.is_v1 || !self.is_paid().await {
            return;
        }
        let failure = self.rng.one_in(4).then(|| "out of stock".to_owned());
        for _ in 0..ATTEMPTS {
            let delivery = Delivery { key: self.key.clone(), failure: failure.clone() };
            let answer = self.world.ask(|app| async move { app.delivered(delivery).await }).await;
            self.trace(|| format!("delivered: {}", shown(answer.as_ref())));
            if matches!(&answer, Some(Ok((row, _))) if row.acknowledged_at.is_some()) {
                self.world.count("delivery reports");
                self.world.told_delivery(&self.key);
                return;
            }
            self.pause(Duration::from_mins(1)).await;
        }
    }

    /// Accepts the price that the order has.
    async fn adopt_total(&mut self) {
        if let Some(state) = self.state().await {
            self.total = state.order.total.map_or(self.total, Fen::get);
        }
    }

    /// Returns the order as the server shows it. `None` if the server is away.
    pub(super) async fn state(&self) -> Option<OrderState> {
        let key = self.key.clone();
        self.world.ask(|app| async move { app.order(&key).await.ok().flatten() }).await.flatten()
    }

    /// Queries, closes, or shows the payer the order again.
    async fn act(&mut self) {
        for _ in 0..self.rng.below(4) {
            // A cashier does not wait for long.
            let longest = if self.is_code { Duration::from_secs(40) } else { Duration::from_mins(3) };
            self.pause(longest).await;
            let key = self.key.clone();
            match self.rng.below(5) {
                0 | 1 => {
                    let answer = self.world.ask(|app| async move { app.pay(&key).await }).await;
                    self.trace(|| format!("pay again: {}", shown(answer.as_ref())));
                    if let Some(Ok(placed)) = &answer {
                        self.world.told(&self.key, placed);
                    }
                }
                2 | 3 => {
                    let answer = self.world.ask(|app| async move { app.query(&key).await }).await;
                    self.trace(|| format!("query: {}", shown(answer.as_ref())));
                }
                _ if self.is_code => {
                    let answer = self.world.ask(|app| async move { app.reverse(&key).await }).await;
                    self.trace(|| format!("reverse: {}", shown(answer.as_ref())));
                    self.world.count("reversals by the cashier");
                }
                _ => {
                    let answer = self.world.ask(|app| async move { app.close(&key).await }).await;
                    self.trace(|| format!("close: {}", shown(answer.as_ref())));
                    self.world.count("closes");
                }
            }
        }
        // The shop places it again, as after a restart of its own.
        if self.rng.one_in(6) {
            drop(self.place_once(self.total).await);
        }
    }

    /// Waits for a while until the order is paid.
    pub(super) async fn is_paid(&mut self) -> bool {
        for _ in 0..24 {
            if let Some(state) = self.state().await {
                match state.order.status {
                    OrderStatus::Paid | OrderStatus::Anomalous => return true,
                    OrderStatus::Closed
                    | OrderStatus::Expired
                    | OrderStatus::Failed
                    | OrderStatus::Reversed => {
                        return false;
                    }
                    OrderStatus::Unplaced
                    | OrderStatus::Open
                    | OrderStatus::Closing
                    | OrderStatus::Reversing => {}
                }
            }
            self.pause(Duration::from_mins(1)).await;
        }
        false
    }

    /// Decides some of the order's cases, by the proposed remedy.
    async fn decide_cases(&mut self) {
        let cases: Vec<CaseRow> =
            Ledger::from(self.world.model.clone()).load(Prefix::all().and(&self.key.shard())).await.unwrap();
        let subject = self.key.subject();
        for case in cases.into_iter().filter(|case| case.subject == subject && case.is_open()) {
            if self.rng.one_in(2) {
                continue;
            }
            for _ in 0..3 {
                // The refund goes to the merchant's own account, who pays the payer by other means.
                let remedy = (case.kind == CaseKind::RefundAbnormal).then_some(Remedy::Redirect);
                let (decided, actor) = (case.clone(), "key_1".into());
                let decision = CaseDecision { case: decided, remedy, card: None, actor, note: None };
                let answer = self.world.ask(|app| async move { app.resolve_case(decision).await }).await;
                self.trace(|| format!("resolve {}: {}", case.kind, shown(answer.as_ref())));
                if matches!(answer, Some(Ok(_))) {
                    self.world.count("cases resolved");
                    break;
                }
                self.pause(Duration::from_mins(2)).await;
            }
        }
    }

    fn payer(&mut self) -> PayerVisit {
        PayerVisit {
            world: Arc::clone(&self.world),
            rng: self.rng.fork(),
            order: self.order_ref(),
            key: self.key.clone(),
            is_code: self.is_code,
            mchid: self.world.accounts[self.account].mchid.clone(),
        }
    }
}

/// Draws a code. Its last digits are the payer's behaviour at the gateway: the payer pays at once, enters the password,
/// hesitates, has no money, cancels, or shows an old code.
fn auth_code(rng: &mut Rng) -> String {
    let behaviour = match rng.below(20) {
        0..=7 => 99,
        8..=11 => 1,
        12..=15 => 2,
        16 => 3,
        17 | 18 => 4,
        _ => 5,
    };
    format!("13{:014}{behaviour:02}", rng.below(100_000_000_000_000))
}

/// A payer before the payment page.
struct PayerVisit {
    world: Arc<World>,
    rng: Rng,
    order: OrderRef,
    key: OrderKey,
    is_code: bool,
    mchid: wxpay_proto::id::MchId,
}

impl PayerVisit {
    /// Pays at some time, or not at all; perhaps once more, if WeChat Pay lets it happen.
    async fn visit(mut self) {
        if self.rng.percent(25) {
            return;
        }
        // Most pay soon, some so late that the order may be closed meanwhile.
        let longest = match self.rng.one_in(5) {
            // The time until a charge is reversed, and a while after the decision.
            _ if self.is_code => Duration::from_secs(80),
            true => Duration::from_mins(25),
            false => Duration::from_mins(2),
        };
        sleep(self.rng.within(longest)).await;
        for _ in 0..6 {
            if self.pay() {
                // A code is charged by the merchant, so the payer cannot pay a second time.
                if !self.is_code && self.rng.one_in(15) {
                    sleep(self.rng.within(Duration::from_mins(3))).await;
                    self.pay_again();
                }
                return;
            }
            sleep(self.rng.within(Duration::from_secs(if self.is_code { 10 } else { 40 }))).await;
        }
    }

    fn pay(&mut self) -> bool {
        let discount = if self.rng.one_in(4) { Fen::new(self.rng.below(50)) } else { Fen::ZERO };
        let payer = Payer::default().with_discount(discount);
        let paid = self.world.gateway(|gateway| gateway.pay(&self.order, &payer, self.world.now()));
        self.world.trace(&format!("{}/{}", self.key.merchant, self.key.out_trade_no), || {
            format!("the payer pays: {:?}", paid.as_ref().map(|paid| paid.order.total))
        });
        if paid.as_ref().is_ok_and(|paid| paid.notifications_first) {
            self.world.deliver_due();
        }
        if paid.is_ok() {
            self.world.count("payments");
        }
        paid.is_ok()
    }

    fn pay_again(&mut self) {
        let rule = FaultRule::new(Fault::SecondPayment)
            .for_operation(Operation::Pay)
            .for_number(self.key.out_trade_no.as_str())
            .for_merchant(&self.mchid)
            .at_most(1);
        self.world.gateway(|gateway| gateway.inject(rule));
        if self.pay() {
            self.world.count("second payments");
            self.world.allow_second_payment(&self.key);
        }
    }
}

/// Shows an answer in a trace.
pub(super) fn shown<T: fmt::Debug, E: fmt::Display>(answer: Option<&Result<T, E>>) -> String {
    match answer {
        None => "no answer".into(),
        Some(Ok(answer)) => format!("{answer:?}"),
        Some(Err(error)) => format!("error: {error}"),
    }
}
