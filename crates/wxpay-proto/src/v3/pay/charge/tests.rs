use super::*;
use crate::{
    exchange::Failure,
    http::{Method, Response},
    v3::{
        fake::{self, Harness, SigningKey},
        pay::code::tests::minimal,
    },
};

/// The outcome of a request.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// A signed reply with a transaction in that state.
    State(&'static str),
    /// A signed reply with another body.
    Signed(u16, &'static str),
    /// A reply without any of WeChat Pay's headers.
    Unsigned(u16, &'static str),
    Lost,
    Unreachable,
}
use Outcome::{Lost, Signed, State, Unreachable, Unsigned};

const USERPAYING: Outcome = Signed(202, r#"{"code":"USERPAYING","message":"需要用户输入支付密码"}"#);
const NO_SUCH_ORDER: Outcome = Signed(404, r#"{"code":"ORDER_NOT_EXIST","message":"订单不存在"}"#);
const REVERSED: Outcome = Signed(200, r#"{"mchid":"1900007291","out_trade_no":"1217752501"}"#);
const REVERSE_EXPIRED: Outcome = Signed(400, r#"{"code":"REVERSE_EXPIRE","message":"订单无法撤销"}"#);
const SYSTEM_ERROR: Outcome = Signed(500, r#"{"code":"SYSTEM_ERROR","message":"系统异常"}"#);

fn transaction(state: &str) -> String {
    format!(
        r#"{{"appid":"wxd678efh567hg6787","mchid":"1900007291","out_trade_no":"1217752501","trade_state":"{state}",
            "trade_state_desc":"","transaction_id":"4200000000000000000000000001","success_time":"2027-01-15T16:00:03+08:00",
            "amount":{{"total":100,"payer_total":100}}}}"#
    )
}

/// Charges with these outcomes of the charge, of each query and of each reversal. Returns the result, the requests by
/// the first letters of their kinds, and the duration in seconds.
fn charge(
    charge: Outcome,
    mut query: impl FnMut(usize) -> Outcome,
    reverse: Outcome,
) -> (Result<ChargeOutcome, Error>, String, u64) {
    let (mut harness, signer) = (Harness::new(), SigningKey::public_key());
    let mut queries = 0_usize;
    let mut kinds = String::new();
    let flow = fake::merchant().charge_by_code(minimal());
    let result = harness.run(flow, |transmit, now| {
        let (kind, outcome) = if transmit.request.method() == Method::Get {
            queries = queries.saturating_add(1);
            ('q', query(queries))
        } else if transmit.request.url().ends_with("/reverse") {
            ('r', reverse)
        } else {
            ('c', charge)
        };
        kinds.push(kind);
        match outcome {
            State(state) => Ok(signer.reply(200, &transaction(state), *now)),
            Signed(status, body) => Ok(signer.reply(status, body, *now)),
            Unsigned(status, body) => Ok(Response::new(status, body.into())),
            Lost => Err(Failure::Lost("cut".into())),
            Unreachable => Err(Failure::NotSent("no route".into())),
        }
    });
    (result, kinds, harness.now.since(fake::NOW).as_secs())
}

fn is_paid(result: &Result<ChargeOutcome, Error>) -> bool {
    matches!(result, Ok(ChargeOutcome::Paid(transaction)) if transaction.evidence().is_some())
}

#[test]
fn a_code_that_needs_no_password_is_paid_by_one_request() {
    let (result, kinds, secs) = charge(State("SUCCESS"), |_| Lost, Lost);
    assert!(is_paid(&result));
    assert_eq!((kinds.as_str(), secs), ("c", 0));
}

#[test]
fn a_charge_awaiting_a_password_is_polled_every_five_seconds() {
    for first in [USERPAYING, State("USERPAYING")] {
        let query = |queries| if queries < 3 { State("USERPAYING") } else { State("SUCCESS") };
        let (result, kinds, secs) = charge(first, query, Lost);
        assert!(is_paid(&result));
        assert_eq!((kinds.as_str(), secs), ("cqqq", 15));
    }
}

#[test]
fn a_lost_charge_is_queried_and_never_retried() {
    for first in [Lost, SYSTEM_ERROR, Signed(502, "<html>"), Signed(200, "{}")] {
        let query = |queries| if queries == 1 { NO_SUCH_ORDER } else { State("SUCCESS") };
        let (result, kinds, secs) = charge(first, query, Lost);
        assert!(is_paid(&result), "{first:?}");
        assert_eq!((kinds.as_str(), secs), ("cqq", 10), "{first:?}");
    }
}

#[test]
fn an_already_paid_charge_is_queried() {
    let paid = Signed(400, r#"{"code":"ORDERPAID","message":"该订单已支付"}"#);
    let (result, kinds, _) = charge(paid, |_| State("SUCCESS"), Lost);
    assert!(is_paid(&result));
    assert_eq!(kinds, "cq");
}

#[test]
fn a_charge_refused_as_invalid_or_used_is_queried_because_it_may_have_arrived_twice() {
    for body in [
        r#"{"code":"INVALID_REQUEST","message":"该订单已支付"}"#,
        r#"{"code":"OUT_TRADE_NO_USED","message":"商户订单号重复"}"#,
    ] {
        let refused = Signed(400, body);
        let (result, kinds, secs) = charge(refused, |_| State("SUCCESS"), Lost);
        assert!(is_paid(&result));
        assert_eq!((kinds.as_str(), secs), ("cq", 0));
        let (result, kinds, _) = charge(refused, |_| NO_SUCH_ORDER, Lost);
        assert_eq!((result.unwrap_err().fate(), kinds.as_str()), (Some(Fate::Refused), "cq"));
    }
}

#[test]
fn an_unconfirmed_charge_is_reversed_after_45_seconds() {
    let (result, kinds, secs) = charge(USERPAYING, |_| State("USERPAYING"), REVERSED);
    assert_eq!(result.unwrap(), ChargeOutcome::Reversed);
    assert_eq!((kinds.as_str(), secs), ("cqqqqqqqqqr", 45));
}

#[test]
fn a_charge_that_never_arrived_is_not_found() {
    let (result, kinds, _) = charge(Lost, |_| NO_SUCH_ORDER, NO_SUCH_ORDER);
    assert_eq!(result.unwrap(), ChargeOutcome::NotFound);
    assert_eq!(kinds, "cqqqqqqqqqr");
}

/// A clock that is set ahead ends the 45 seconds at once, while the charge may still be in flight.
#[test]
fn clock_set_ahead_does_not_make_a_charge_in_flight_not_found() {
    const JUMP: Duration = Duration::from_mins(10);
    let (mut harness, signer) = (Harness::new(), SigningKey::public_key());
    let flow = fake::merchant().charge_by_code(minimal());
    let result = harness.run(flow, |transmit, now| match transmit.label {
        "v3.pay.codepay" => {
            *now = now.after(JUMP);
            Err(Failure::Lost("timeout".into()))
        }
        _ => Ok(signer.reply(404, r#"{"code":"ORDER_NOT_EXIST","message":"订单不存在"}"#, *now)),
    });
    assert_eq!(result.unwrap(), ChargeOutcome::NotFound);
    assert_eq!(harness.now.since(fake::NOW.after(JUMP)).as_secs(), 20, "waited");
}

#[test]
fn a_failed_charge_is_final() {
    for state in ["PAYERROR", "CLOSED", "REVOKED"] {
        let (result, kinds, _) = charge(USERPAYING, |_| State(state), Lost);
        assert!(matches!(result, Ok(ChargeOutcome::NotPaid(_))), "{state}");
        assert_eq!(kinds, "cq");
    }
}

#[test]
fn a_charge_that_was_refused_or_never_sent_charged_nothing() {
    let refused = Signed(403, r#"{"code":"NOT_ENOUGH","message":"余额不足"}"#);
    let (result, kinds, _) = charge(refused, |_| Lost, Lost);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fate(), kinds.as_str()), (ErrorKind::Refused, Some(Fate::Refused), "c"));
    let (result, kinds, _) = charge(Unreachable, |_| Lost, Lost);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Transport, Some(Fate::NotSent)));
    assert!(kinds.chars().all(|kind| kind == 'c'));
}

#[test]
fn a_payment_that_completed_before_the_reversal_is_found() {
    let query = |queries| if queries < 10 { State("USERPAYING") } else { State("SUCCESS") };
    let (result, kinds, _) = charge(USERPAYING, query, REVERSE_EXPIRED);
    assert!(is_paid(&result));
    assert_eq!(kinds, "cqqqqqqqqqrq");
}

#[test]
fn a_charge_of_unknown_outcome_leaves_a_pending_operation() {
    for (query, reverse, kind) in [
        (Lost, Lost, ErrorKind::Transport),
        (SYSTEM_ERROR, SYSTEM_ERROR, ErrorKind::Refused),
        (State("USERPAYING"), REVERSE_EXPIRED, ErrorKind::Exhausted),
    ] {
        let (result, kinds, secs) = charge(Lost, |_| query, reverse);
        let mut error = result.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (kind, Some(Fate::Unknown)));
        let unresolved = error.take_unresolved().unwrap();
        assert_eq!(unresolved.pending_operation().to_string(), "v3.order?out_trade_no=1217752501");
        assert!(kinds.contains('r') && secs < 180, "{kinds} in {secs} s");
    }
}

// WxJava#4050: status 202, with the transaction as the body.
#[test]
fn a_charge_answered_with_any_status_and_a_transaction_awaits_the_password() {
    const WAITING: &str = r#"{"appid":"wxd678efh567hg6787","mchid":"1900007291","out_trade_no":"1217752501",
        "trade_state":"USERPAYING","amount":{"total":100}}"#;
    for status in [200, 202, 400, 500] {
        let (result, kinds, secs) = charge(Signed(status, WAITING), |_| State("SUCCESS"), Lost);
        assert!(is_paid(&result), "{status}");
        assert_eq!((kinds.as_str(), secs), ("cq", 5), "{status}");
    }
}

#[test]
fn accept_and_every_other_open_state_is_not_paid() {
    for state in ["ACCEPT", "NOTPAY", "USERPAYING", "SETTLING"] {
        for first in [State(state), USERPAYING] {
            let (result, kinds, _) = charge(first, |_| State(state), REVERSED);
            assert_eq!(result.unwrap(), ChargeOutcome::Reversed, "{state}");
            assert!(kinds.ends_with('r'), "{state}: {kinds}");
        }
    }
}

#[test]
fn a_reversal_that_was_refused_does_not_mean_that_there_is_no_order() {
    for refused in [
        REVERSE_EXPIRED,
        SYSTEM_ERROR,
        Signed(404, r#"{"code":"NO_AUTH"}"#),
        Signed(404, r#"{"code":"RESOURCE_NOT_EXISTS"}"#),
        Signed(404, "{}"),
        Signed(404, ""),
        Unsigned(404, r#"{"code":"ORDER_NOT_EXIST"}"#),
        Unsigned(400, r#"{"code":"PARAM_ERROR"}"#),
    ] {
        let query = |queries| if queries < 10 { State("USERPAYING") } else { State("SUCCESS") };
        let (result, kinds, _) = charge(USERPAYING, query, refused);
        assert!(is_paid(&result), "{refused:?}");
        assert!(kinds.ends_with('q'), "{refused:?}: {kinds}");
        let (result, _, _) = charge(USERPAYING, |_| State("USERPAYING"), refused);
        assert_eq!(result.unwrap_err().fate(), Some(Fate::Unknown), "{refused:?}");
    }
}

#[test]
fn a_charge_with_a_field_error_is_refused_after_one_signed_not_found() {
    let refused = Unsigned(400, r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":1}}"#);
    let (result, kinds, secs) = charge(refused, |_| NO_SUCH_ORDER, Lost);
    let mut error = result.unwrap_err();
    assert_eq!((error.fate(), error.take_unresolved()), (Some(Fate::Refused), None));
    assert_eq!(error.refusal().unwrap().code, Code::PARAM_ERROR);
    assert_eq!((kinds.as_str(), secs), ("cq", 0));
    // The refusal was forged.
    assert!(is_paid(&charge(refused, |_| State("SUCCESS"), Lost).0));
    // An unsigned "not found" proves nothing about money.
    let unsigned = Unsigned(404, r#"{"code":"ORDER_NOT_EXIST"}"#);
    let (result, _, _) = charge(refused, |_| unsigned, unsigned);
    assert_eq!(result.unwrap_err().fate(), Some(Fate::Unknown));
}

#[test]
fn no_step_prints_the_payers_code() {
    let mut memory = crate::memory::Memory::default();
    let step = Step::begin(fake::merchant().charge_by_code(minimal()), fake::world(&mut memory));
    let mut printed = Vec::from([format!("{step:?}")]);
    if let Step::Send(_, sent) = step {
        let lost = Err(Failure::Lost("cut".into()));
        printed.push(format!("{:?}", sent.resume(lost, fake::world(&mut memory))));
    }
    assert_eq!(printed.len(), 2);
    assert!(printed.iter().all(|text| !text.contains("130061098828009406") && !text.contains("大米")));
}
