//! A check in progress: acts of the payer, of WeChat Pay and of the shop's customer, with their evidence.

mod refund;

use crate::{
    client::{Answer, Client},
    shop::{Call, LIFETIME, Shop, Values},
    stage::Stage,
};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::time::{Duration, Instant};
use wxpay_proto::id::OutTradeNo;
use wxpay_sim::notifications::Alteration;

/// The price of an order, in fen.
const TOTAL: u64 = 1999;
/// The amount of a refund, in fen: so small that a second refund by mistake would succeed.
const REFUND: u64 = 500;
/// Time in which a shop that concludes something wrong would show it.
const SETTLE_TIME: Duration = Duration::from_millis(400);
/// Time in which a shop must show an acknowledged event.
pub(crate) const SHOW_WITHIN: Duration = Duration::from_secs(10);
/// Interval between two looks at a state.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// The longest word for a state, in bytes.
const MAX_WORD: usize = 100;
/// Number of times that a customer repeats a request that failed.
const REPEATS: u32 = 3;
/// Pause before a repeated request.
const REPEAT_PAUSE: Duration = Duration::from_millis(200);

/// The reason why a check ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The shop did not meet the demand.
    Fail(String),
    /// The shop does not offer a feature that the check needs.
    NotChecked(String),
}

/// The result of a step of a check.
pub(crate) type Step<T = ()> = Result<T, Stop>;

pub(crate) fn fail<T>(reason: impl Into<String>) -> Step<T> {
    Err(Stop::Fail(reason.into()))
}

pub(crate) fn not_checked(reason: impl Into<String>) -> Stop {
    Stop::NotChecked(reason.into())
}

/// An order of the shop.
pub(crate) struct Placed {
    /// The values of the request that placed it: a repetition must be the same.
    pub(crate) values: Values,
    pub(crate) out_trade_no: OutTradeNo,
    /// The shop's answer.
    pub(crate) answer: Value,
}

/// A check in progress.
pub(crate) struct Trial<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) shop: &'a Shop,
    pub(crate) client: &'a Client,
    pub(crate) evidence: Vec<String>,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(stage: &'a Stage, shop: &'a Shop, client: &'a Client) -> Self {
        Self { stage, shop, client, evidence: Vec::new() }
    }

    /// Adds a line of evidence, with secrets masked.
    pub(crate) fn note(&mut self, evidence: impl AsRef<str>) {
        self.evidence.push(self.client.masked(evidence.as_ref()));
    }

    /// Returns the values of a new order that can be paid for a time.
    pub(crate) fn new_values(&self, lifetime: Duration) -> Values {
        let number = self.stage.next_number();
        Values {
            out_refund_no: format!("{number}R"),
            out_trade_no: number,
            total: TOTAL,
            refund: REFUND,
            openid: self.stage.openid(),
            now: self.stage.now().wall,
            lifetime,
        }
    }

    /// Sends a request of the shop file, and notes it with its answer.
    pub(crate) async fn call(&mut self, call: &Call, values: &Values) -> Answer {
        let answer = self.client.call(self.shop, call, values).await;
        self.note(answer.shown.clone());
        answer
    }

    /// Repeats a request as a customer does, until it succeeds or three repetitions have failed.
    pub(crate) async fn call_until_success(&mut self, call: &Call, values: &Values) -> Answer {
        let mut answer = self.call(call, values).await;
        for _ in 0..REPEATS {
            if answer.is_success() {
                break;
            }
            tokio::time::sleep(REPEAT_PAUSE).await;
            answer = self.call(call, values).await;
        }
        answer
    }

    /// Places an order.
    pub(crate) async fn place(&mut self) -> Step<Placed> {
        self.place_for(LIFETIME).await
    }

    /// Places an order that can be paid for a time.
    pub(crate) async fn place_for(&mut self, lifetime: Duration) -> Step<Placed> {
        let values = self.new_values(lifetime);
        let shop = self.shop;
        let answer = self.call(&shop.create, &values).await;
        if !answer.is_success() {
            return fail("the shop did not place an order");
        }
        self.placed(values, &answer)
    }

    /// Returns the order that an answer is about, if the gateway has it.
    pub(crate) fn placed(&mut self, mut values: Values, answer: &Answer) -> Step<Placed> {
        let answer = answer.value();
        if self.shop.chooses_number() {
            let Some(number) = self.shop.chosen_number(&answer) else {
                return fail("the answer has no order number at create.out_trade_no of the shop file");
            };
            number.clone_into(&mut values.out_trade_no);
        }
        let Ok(out_trade_no) = values.out_trade_no.parse::<OutTradeNo>() else {
            return fail("the shop's order number is not an out_trade_no: 6 to 32 of 0-9 A-Z a-z _ - *");
        };
        if self.stage.order(&out_trade_no).is_none() {
            return fail(format!(
                "the gateway has no order {out_trade_no}: is the shop configured with the environment of this run?"
            ));
        }
        Ok(Placed { values, out_trade_no, answer })
    }

    /// Pays an order at the gateway; the shop does not learn of it by this.
    pub(crate) fn pay(&mut self, order: &Placed) -> Step {
        match self.stage.pay(&order.out_trade_no) {
            Ok(_) => {
                self.note(format!("the payer pays {}", order.out_trade_no));
                Ok(())
            }
            Err(error) => fail(format!("the payer cannot pay {}: {error}", order.out_trade_no)),
        }
    }

    /// Sends a copy of the notification of an order's payment. `what` names the alteration.
    pub(crate) async fn notify(
        &mut self,
        order: &Placed,
        alteration: &Alteration,
        what: &str,
    ) -> Step<Answer> {
        let Some(copy) = self.stage.payment_notification(&order.out_trade_no, alteration) else {
            return fail("the order has no notify_url, or was closed: nothing can be notified");
        };
        if !self.client.is_of_target(copy.url()) {
            self.note(format!("the shop's notify_url is not under the target: {}", copy.url()));
        }
        let what = format!("TRANSACTION.SUCCESS of {} {what}", order.out_trade_no);
        let answer = self.client.deliver(&what, &copy).await;
        self.note(answer.shown.clone());
        Ok(answer)
    }

    /// Returns the word that the shop has for an order's state.
    async fn read_state(&self, values: &Values) -> Result<String, String> {
        let state = &self.shop.state;
        let answer = self.client.call(self.shop, &state.call, values).await;
        word(&answer, state.value.as_deref())
    }

    /// Notes the state of an order now. Fails if the shop shows it as paid.
    pub(crate) async fn expect_unpaid(&mut self, order: &Placed) -> Step {
        self.expect_unpaid_after(order, SETTLE_TIME).await
    }

    /// Notes the state of an order after a time. Fails if the shop shows it as paid.
    pub(crate) async fn expect_unpaid_after(&mut self, order: &Placed, time: Duration) -> Step {
        tokio::time::sleep(time).await;
        let state = self.state(order).await?;
        if self.shop.state.paid.contains(&state) {
            return fail(format!("the shop shows an order as paid that nobody paid: {state:?}"));
        }
        Ok(())
    }

    /// Notes and returns the state of an order now.
    pub(crate) async fn state(&mut self, order: &Placed) -> Step<String> {
        match self.read_state(&order.values).await {
            Ok(state) => {
                self.note(format!("the shop shows {} as {state:?}", order.out_trade_no));
                Ok(state)
            }
            Err(reason) => fail(reason),
        }
    }

    /// Waits until the shop shows an order as paid.
    pub(crate) async fn expect_paid(&mut self, order: &Placed, within: Duration) -> Step {
        let state = &self.shop.state;
        let what = format!("{} as paid", order.out_trade_no);
        self.expect_word(&state.call, state.value.as_deref(), &state.paid, order, within, &what).await
    }

    /// Reads a state until it is one of the words. `what` describes the state of the shop then.
    async fn expect_word(
        &mut self,
        call: &Call,
        pointer: Option<&str>,
        words: &[String],
        order: &Placed,
        within: Duration,
        what: &str,
    ) -> Step {
        let began = Instant::now();
        loop {
            let answer = self.client.call(self.shop, call, &order.values).await;
            let word = word(&answer, pointer);
            if word.as_ref().is_ok_and(|word| words.contains(word)) {
                self.note(format!("the shop shows {what} after {} ms", began.elapsed().as_millis()));
                return Ok(());
            }
            if began.elapsed() >= within {
                let word = word.map_or_else(|reason| reason, |word| format!("it shows {word:?}"));
                return fail(format!("the shop does not show {what} within {} s: {word}", within.as_secs()));
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Notes how often the shop has queried one of these numbers at the gateway. Fails if it has not.
    pub(crate) fn expect_queries(&mut self, numbers: &[&str]) -> Step {
        let queries = self.stage.requests(|request| {
            // A client may encode `*`, which order numbers can have.
            let target = percent_decode_str(&request.target).decode_utf8_lossy();
            request.method == "GET"
                && request.status == 200
                && numbers.iter().any(|number| target.contains(number))
        });
        self.note(format!("the shop sent {} queries of {}", queries.len(), numbers.join(" or ")));
        if queries.is_empty() {
            return fail("the shop shows a success without a notification and without a query");
        }
        Ok(())
    }

    /// Places an order that is paid, and that the shop shows as paid by its genuine notification.
    pub(crate) async fn place_and_pay(&mut self) -> Step<Placed> {
        let order = self.place().await?;
        self.pay(&order)?;
        self.expect_paid(&order, self.shop.query.within).await?;
        Ok(order)
    }

    /// Returns how often the shop has fulfilled an order; `None` if the shop file does not describe it.
    pub(crate) async fn effects(&mut self, order: &Placed) -> Step<Option<u64>> {
        let shop = self.shop;
        let Some(effects) = &shop.effects else { return Ok(None) };
        let answer = self.client.call(shop, &effects.call, &order.values).await;
        match effects.count(&answer.value(), order.out_trade_no.as_str()) {
            Some(count) => Ok(Some(count)),
            None => fail(format!("no number or list at effects.list of the shop file: {}", answer.shown)),
        }
    }

    pub(crate) async fn settle(&self) {
        tokio::time::sleep(SETTLE_TIME).await;
    }
}

/// Returns the word at a pointer of an answer, or the whole body without a pointer.
fn word(answer: &Answer, pointer: Option<&str>) -> Result<String, String> {
    if !answer.is_success() {
        return Err(format!("the state cannot be read: {}", answer.shown));
    }
    let body = answer.value();
    let found = match pointer {
        Some(pointer) => body.pointer(pointer),
        None => Some(&body),
    };
    match found {
        Some(Value::String(word)) if word.len() <= MAX_WORD => Ok(word.clone()),
        Some(Value::String(word)) => {
            Err(format!("a text of {} bytes is no word for a state: set the pointer `value`", word.len()))
        }
        Some(Value::Bool(word)) => Ok(word.to_string()),
        Some(Value::Number(word)) => Ok(word.to_string()),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => Err(format!(
            "the answer has no word at {:?} of the shop file: {}",
            pointer.unwrap_or(""),
            answer.shown
        )),
    }
}
