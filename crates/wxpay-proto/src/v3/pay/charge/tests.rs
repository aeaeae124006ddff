use super::*;
use crate::{
    exchange::Failure,
    http::Method,
    v3::{
        fake::{self, Harness, SigningKey},
        pay::code::tests::minimal,
    },
};
use alloc::{format, string::String, vec::Vec};

/// The outcome of a request.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// A signed reply with a transaction in that state.
    State(&'static str),
    /// A signed reply with another body.
    Says(u16, &'static str),
    Lost,
    Unreachable,
}
use Outcome::{Lost, Says, State, Unreachable};

const USERPAYING: Outcome = Says(202, r#"{"code":"USERPAYING","message":"需要用户输入支付密码"}"#);
const NO_SUCH_ORDER: Outcome = Says(404, r#"{"code":"ORDER_NOT_EXIST","message":"订单不存在"}"#);
const REVERSED: Outcome = Says(200, r#"{"mchid":"1900007291","out_trade_no":"1217752501"}"#);
const REVERSE_EXPIRED: Outcome = Says(400, r#"{"code":"REVERSE_EXPIRE","message":"订单无法撤销"}"#);
const SYSTEM_ERROR: Outcome = Says(500, r#"{"code":"SYSTEM_ERROR","message":"系统异常"}"#);

fn transaction(state: &str) -> String {
    format!(
        r#"{{"appid":"wxd678efh567hg6787","mchid":"1900007291","out_trade_no":"1217752501","trade_state":"{state}",
            "trade_state_desc":"","transaction_id":"4200000000000000000000000001","success_time":"2027-01-15T16:00:03+08:00",
            "amount":{{"total":100,"payer_total":100}}}}"#
    )
}

/// Charges with these outcomes of the charge, of each query and of each reversal. Returns the result, the requests by
/// their first letters, and the duration in seconds.
fn charge(
    charge: Outcome,
    mut query: impl FnMut(usize) -> Outcome,
    reverse: Outcome,
) -> (Result<ChargeOutcome, Error>, String, u64) {
    let (mut stage, signer) = (Harness::new(), SigningKey::public_key());
    let mut asked = 0_usize;
    let mut letters = String::new();
    let flow = fake::merchant().charge_by_code(minimal().build().unwrap());
    let result = stage.run(flow, |transmit, now| {
        let (letter, comes) = if transmit.request.method() == Method::Get {
            asked = asked.saturating_add(1);
            ('q', query(asked))
        } else if transmit.request.url().ends_with("/reverse") {
            ('r', reverse)
        } else {
            ('c', charge)
        };
        letters.push(letter);
        match comes {
            State(word) => Ok(signer.reply(200, &transaction(word), *now)),
            Says(status, body) => Ok(signer.reply(status, body, *now)),
            Lost => Err(Failure::Lost("cut".into())),
            Unreachable => Err(Failure::NotSent("no route".into())),
        }
    });
    (result, letters, stage.now.since(fake::NOW).as_secs())
}

fn is_paid(result: &Result<ChargeOutcome, Error>) -> bool {
    matches!(result, Ok(ChargeOutcome::Paid(transaction)) if transaction.evidence().is_some())
}

#[test]
fn a_code_that_needs_no_password_is_paid_by_one_request() {
    let (result, letters, secs) = charge(State("SUCCESS"), |_| Lost, Lost);
    assert!(is_paid(&result));
    assert_eq!((letters.as_str(), secs), ("c", 0));
}

#[test]
fn a_charge_awaiting_a_password_is_polled_every_five_seconds() {
    for first in [USERPAYING, State("USERPAYING")] {
        let then = |asked| if asked < 3 { State("USERPAYING") } else { State("SUCCESS") };
        let (result, letters, secs) = charge(first, then, Lost);
        assert!(is_paid(&result));
        assert_eq!((letters.as_str(), secs), ("cqqq", 15));
    }
}

#[test]
fn a_lost_charge_is_queried_and_never_retried() {
    for first in [Lost, SYSTEM_ERROR, Says(502, "<html>"), Says(200, "{}")] {
        let then = |asked| if asked == 1 { NO_SUCH_ORDER } else { State("SUCCESS") };
        let (result, letters, secs) = charge(first, then, Lost);
        assert!(is_paid(&result), "{first:?}");
        assert_eq!((letters.as_str(), secs), ("cqq", 10), "{first:?}");
    }
}

#[test]
fn an_already_paid_charge_is_queried() {
    let paid = Says(400, r#"{"code":"ORDERPAID","message":"该订单已支付"}"#);
    let (result, letters, _) = charge(paid, |_| State("SUCCESS"), Lost);
    assert!(is_paid(&result));
    assert_eq!(letters, "cq");
}

#[test]
fn an_unconfirmed_charge_is_reversed_after_45_seconds() {
    let (result, letters, secs) = charge(USERPAYING, |_| State("USERPAYING"), REVERSED);
    assert_eq!(result.unwrap(), ChargeOutcome::Reversed);
    assert_eq!((letters.as_str(), secs), ("cqqqqqqqqqr", 45));
}

#[test]
fn a_charge_that_never_arrived_is_not_found() {
    let (result, letters, _) = charge(Lost, |_| NO_SUCH_ORDER, NO_SUCH_ORDER);
    assert_eq!(result.unwrap(), ChargeOutcome::NotFound);
    assert_eq!(letters, "cqqqqqqqqqr");
}

#[test]
fn a_failed_charge_is_final() {
    for state in ["PAYERROR", "CLOSED", "REVOKED"] {
        let (result, letters, _) = charge(USERPAYING, |_| State(state), Lost);
        assert!(matches!(result, Ok(ChargeOutcome::NotPaid(_))), "{state}");
        assert_eq!(letters, "cq");
    }
}

#[test]
fn a_charge_that_was_refused_or_never_sent_charged_nothing() {
    let refused = Says(403, r#"{"code":"NOT_ENOUGH","message":"余额不足"}"#);
    let (result, letters, _) = charge(refused, |_| Lost, Lost);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fate(), letters.as_str()), (ErrorKind::Refused, Fate::Refused, "c"));
    let (result, letters, _) = charge(Unreachable, |_| Lost, Lost);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Transport, Fate::NotSent));
    assert!(letters.chars().all(|letter| letter == 'c'));
}

#[test]
fn a_payment_that_completed_before_the_reversal_is_found() {
    let then = |asked| if asked < 10 { State("USERPAYING") } else { State("SUCCESS") };
    let (result, letters, _) = charge(USERPAYING, then, REVERSE_EXPIRED);
    assert!(is_paid(&result));
    assert_eq!(letters, "cqqqqqqqqqrq");
}

#[test]
fn a_charge_of_unknown_outcome_leaves_a_pending_operation() {
    for (query, reverse, kind) in [
        (Lost, Lost, ErrorKind::Transport),
        (SYSTEM_ERROR, SYSTEM_ERROR, ErrorKind::Refused),
        (State("USERPAYING"), REVERSE_EXPIRED, ErrorKind::Exhausted),
    ] {
        let (result, letters, secs) = charge(Lost, |_| query, reverse);
        let mut error = result.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (kind, Fate::Unknown));
        let number = "1217752501".parse().unwrap();
        assert_eq!(
            error.unresolved().unwrap().pending_operation(),
            &PendingOperation::Order { out_trade_no: number, sub_mchid: None }
        );
        assert!(letters.contains('r') && secs < 180, "{letters} in {secs} s");
    }
}

#[test]
fn no_step_prints_the_payers_code() {
    let mut memory = crate::memory::Memory::default();
    let step =
        Step::begin(fake::merchant().charge_by_code(minimal().build().unwrap()), fake::world(&mut memory));
    let mut printed = Vec::from([format!("{step:?}")]);
    if let Step::Send(_, sent) = step {
        let lost = Err(Failure::Lost("cut".into()));
        printed.push(format!("{:?}", sent.resume(lost, fake::world(&mut memory))));
    }
    assert_eq!(printed.len(), 2);
    assert!(printed.iter().all(|text| !text.contains("130061098828009406") && !text.contains("大米")));
}
