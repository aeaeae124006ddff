//! The fate of a call: what its attempts prove, and what is sent after that.

use super::*;

const TRUSTING: Probe = Probe { trusts_field_check: true, ..PROBE };
const UNKNOWN_CODE: &str = r#"{"code":"SETTLING","message":"处理中"}"#;
const FIELD_REFUSAL: &str =
    r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":1},"message":"字节数 1，小于最小值 6"}"#;

#[test]
fn without_doubt_the_last_attempt_decides_the_fate() {
    use ErrorKind::{Malformed, Refused, Signature, Transport};
    for (outcome, kind, fate, attempts) in [
        (NotSent, Transport, Fate::NotSent, 4),
        (Lost, Transport, Fate::Unknown, 4),
        (Signed(400, PARAM_ERROR), Refused, Fate::Refused, 1),
        (Signed(401, r#"{"code":"SIGN_ERROR"}"#), Refused, Fate::Refused, 1),
        (Signed(403, USED), Refused, Fate::Refused, 1),
        (Signed(404, r#"{"code":"ORDER_NOT_EXIST"}"#), Refused, Fate::Refused, 1),
        (Signed(400, USERPAYING), Refused, Fate::Unknown, 1),
        (Signed(429, OFTEN), Refused, Fate::Unknown, 4),
        (Signed(500, BUSY), Refused, Fate::Unknown, 4),
        (Signed(400, UNKNOWN_CODE), Refused, Fate::Unknown, 1),
        (Signed(503, ""), Malformed, Fate::Unknown, 4),
        (Signed(204, ""), Malformed, Fate::Unknown, 4),
        (Unsigned(400, PARAM_ERROR), Refused, Fate::Unknown, 1),
        (Unsigned(403, USED), Refused, Fate::Unknown, 1),
        (Unsigned(429, OFTEN), Refused, Fate::Unknown, 4),
        (Unsigned(302, ""), Signature, Fate::Unknown, 1),
        (Unsigned(407, "<html>"), Signature, Fate::Unknown, 1),
        (Unsigned(502, "<html>Bad Gateway</html>"), Signature, Fate::Unknown, 4),
        (Unsigned(200, GOOD), Signature, Fate::Unknown, 4),
        (Altered(200, GOOD), Signature, Fate::Unknown, 4),
        (Altered(403, USED), Signature, Fate::Unknown, 1),
        (Altered(400, PARAM_ERROR), Signature, Fate::Unknown, 1),
    ] {
        assert_eq!(failed(PROBE, &[outcome]), (kind, fate, attempts), "{outcome:?}");
    }
}

const STATUSES: [u16; 11] = [200, 201, 202, 204, 302, 400, 401, 404, 429, 500, 503];

#[test]
fn the_status_of_a_verified_reply_decides_neither_success_nor_fate() {
    for status in STATUSES {
        assert_eq!(call(PROBE, &[Signed(status, GOOD)]).0.unwrap(), 7, "{status}");
        for (body, fate) in [
            (PARAM_ERROR, Fate::Refused),
            (USED, Fate::Refused),
            (BUSY, Fate::Unknown),
            (USERPAYING, Fate::Unknown),
            (UNKNOWN_CODE, Fate::Unknown),
            ("", Fate::Unknown),
            ("{}", Fate::Unknown),
        ] {
            assert_eq!(failed(PROBE, &[Signed(status, body)]).1, fate, "{status} {body}");
        }
    }
}

#[test]
fn a_verified_success_that_cannot_be_read_is_never_sent_again() {
    for body in ["<html>", "{}", "[]", "null", r#"{"planted":"7"}"#, r#"{"code":7}"#, r#"{"message":"x"}"#] {
        for status in STATUSES {
            let failed = failed(PROBE, &[Signed(status, body), Signed(200, GOOD)]);
            assert_eq!(failed, (ErrorKind::Malformed, Fate::Unknown, 1), "{status} {body}");
        }
    }
    let error = call(PROBE, &[Signed(200, r#"{"planted":"7"}"#)]).0.unwrap_err();
    assert_eq!(error.to_string(), "the request was carried out, but its reply cannot be read");
    let read = Probe { idempotency: Idempotency::Safe, ..PROBE };
    let error = call(read, &[Signed(200, r#"{"planted":"7"}"#)]).0.unwrap_err();
    assert_eq!(error.to_string(), "the reply cannot be read");
}

#[test]
fn an_error_object_is_one_whatever_its_other_members_are() {
    for body in [
        r#"{"message":1,"code":"PARAM_ERROR","detail":[]}"#,
        r#"{"code":"PARAM_ERROR","planted":7}"#,
        r#"{"code":"BUSY","code":"PARAM_ERROR"}"#,
        r#"{"\u0063ode":"PARAM_ERROR"}"#,
    ] {
        assert_eq!(failed(PROBE, &[Signed(200, body)]).1, Fate::Refused, "{body}");
    }
}

#[test]
fn a_code_is_data_where_successes_have_one_and_still_an_error_if_it_is_documented_as_one() {
    let raw = |body| {
        let raw = Raw::new(Method::Post, "/v3/gov/subsidy/sncode/lock").unwrap();
        call(raw, &[Signed(200, body)]).0
    };
    assert_eq!(raw(r#"{"code":"0","message":"ok"}"#).unwrap().bytes(), br#"{"code":"0","message":"ok"}"#);
    assert_eq!(raw(PARAM_ERROR).unwrap_err().fate(), Some(Fate::Refused));
    assert_eq!(raw(BUSY).unwrap_err().fate(), Some(Fate::Unknown));
}

#[test]
fn only_a_later_success_ends_doubt() {
    for first in [
        Lost,
        Signed(429, OFTEN),
        Signed(500, BUSY),
        Signed(200, ""),
        Unsigned(502, ""),
        Unsigned(200, GOOD),
        Altered(200, GOOD),
    ] {
        for last in [NotSent, Signed(400, PARAM_ERROR), Signed(403, USED), Unsigned(400, PARAM_ERROR)] {
            for probe in [PROBE, TRUSTING] {
                let (_, fate, _) = failed(probe, &[first, last]);
                assert_eq!(fate, Fate::Unknown, "{first:?}, then {last:?}");
            }
        }
        assert_eq!(call(PROBE, &[first, Signed(200, GOOD)]).0.unwrap(), 7, "{first:?}");
    }
    assert_eq!(failed(PROBE, &[NotSent, Signed(400, PARAM_ERROR)]).1, Fate::Refused);
    assert_eq!(failed(PROBE, &[NotSent, NotSent, NotSent, Signed(403, USED)]).1, Fate::Refused);
}

#[test]
fn a_refusal_after_doubt_keeps_its_code_and_message() {
    let error = call(PROBE, &[Lost, Signed(403, USED)]).0.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status, refusal.code.as_str()), (403, "OUT_TRADE_NO_USED"));
    assert_eq!(refusal.message, "商户订单号重复");
}

// The reply is that of sealos pull request 2300.
#[test]
fn an_unsigned_field_refusal_is_final_only_for_an_operation_that_trusts_it() {
    let answered = |outcomes: &[Outcome]| {
        call(PROBE, outcomes).0.unwrap_err().take_unresolved().map(|unresolved| unresolved.is_answered())
    };
    assert_eq!(failed(TRUSTING, &[Unsigned(400, FIELD_REFUSAL)]), (ErrorKind::Refused, Fate::Refused, 1));
    assert_eq!(failed(PROBE, &[Unsigned(400, FIELD_REFUSAL)]), (ErrorKind::Refused, Fate::Unknown, 1));
    assert_eq!(answered(&[Unsigned(400, FIELD_REFUSAL)]), Some(true));
    assert_eq!(answered(&[NotSent, Unsigned(400, FIELD_REFUSAL)]), Some(true));
    assert_eq!(answered(&[Lost, Unsigned(400, FIELD_REFUSAL)]), Some(false));
    assert_eq!(answered(&[Signed(500, BUSY), Unsigned(400, FIELD_REFUSAL)]), Some(false));
    assert_eq!(answered(&[Unsigned(403, USED)]), Some(false), "only the check of fields answers unsigned");
    // Only these two codes, only with 400, and only without any of WeChat Pay's headers.
    for other in [
        Unsigned(400, USED),
        Unsigned(403, PARAM_ERROR),
        Unsigned(500, PARAM_ERROR),
        Unsigned(400, "<html>"),
        Altered(400, PARAM_ERROR),
    ] {
        assert_eq!(failed(TRUSTING, &[other]).1, Fate::Unknown, "{other:?}");
    }
    for name in ["wechatpay-nonce", "Wechatpay-Signature", "WECHATPAY-SERIAL", "Wechatpay-Timestamp"] {
        let reply = Response::new(400, FIELD_REFUSAL.into()).with_header(name, b"x");
        let result = Harness::new().run(fake::merchant().call(TRUSTING), |_, _| Ok(reply.clone()));
        assert_eq!(result.unwrap_err().fate(), Some(Fate::Unknown), "{name}");
    }
}

#[test]
fn an_error_says_who_answered() {
    let text = |outcome| call(PROBE, &[outcome]).0.unwrap_err().to_string();
    assert_eq!(text(Signed(200, USED)), "WeChat Pay refused the request: OUT_TRADE_NO_USED 商户订单号重复");
    for status in [302, 407, 502] {
        let expected =
            format!("an unsigned reply with HTTP status {status} arrived; a proxy may have sent it");
        assert_eq!(text(Unsigned(status, "<html>Proxy</html>")), expected);
    }
    assert!(
        text(Unsigned(400, PARAM_ERROR))
            .starts_with("an unsigned reply with HTTP status 400 refused the request: PARAM_ERROR")
    );
    for outcome in [Unsigned(302, ""), Unsigned(400, USED), Altered(403, USED), Altered(200, GOOD)] {
        assert!(!text(outcome).starts_with("WeChat Pay"), "{outcome:?}");
    }
}

#[test]
fn a_request_that_is_not_idempotent_is_retried_only_if_not_sent() {
    for (outcomes, fate, attempts) in [
        (&[NotSent][..], Fate::NotSent, 4),
        (&[Lost], Fate::Unknown, 1),
        (&[Signed(500, BUSY)], Fate::Unknown, 1),
        (&[Signed(429, OFTEN)], Fate::Unknown, 1),
        (&[Signed(200, "")], Fate::Unknown, 1),
        (&[Unsigned(200, GOOD)], Fate::Unknown, 1),
        (&[NotSent, Lost], Fate::Unknown, 2),
        (&[NotSent, Signed(400, PARAM_ERROR)], Fate::Refused, 2),
    ] {
        let probe = Probe { idempotency: Idempotency::None, ..PROBE };
        let (_, actual_fate, sent) = failed(probe, outcomes);
        assert_eq!((actual_fate, sent), (fate, attempts), "{outcomes:?}");
    }
}

#[test]
fn a_read_has_no_fate_and_leaves_no_pending_operation() {
    let read = Probe { idempotency: Idempotency::Safe, ..PROBE };
    for (outcome, kind, attempts) in [
        (NotSent, ErrorKind::Transport, 4),
        (Lost, ErrorKind::Transport, 4),
        (Signed(400, PARAM_ERROR), ErrorKind::Refused, 1),
        (Signed(200, "{}"), ErrorKind::Malformed, 1),
        (Unsigned(400, PARAM_ERROR), ErrorKind::Refused, 1),
        (Unsigned(502, ""), ErrorKind::Signature, 4),
        (Unsigned(200, GOOD), ErrorKind::Signature, 4),
    ] {
        let (result, harness) = call(read, &[outcome]);
        let mut error = result.unwrap_err();
        assert_eq!((error.kind(), error.fate(), error.take_unresolved()), (kind, None, None), "{outcome:?}");
        assert_eq!(harness.sent.len(), attempts, "{outcome:?}");
    }
}

/// The evidence of one attempt, by the rules of the manual and not by those of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// Nothing left the merchant.
    NotSent,
    /// A verified success, readable or not.
    CarriedOut {
        readable: bool,
    },
    /// WeChat Pay refused, or an unsigned field refusal to a trusting operation.
    Refused,
    Doubt,
}

/// All outcomes of one attempt, with their evidence for an operation that trusts the check of fields, or does not.
fn outcomes(trusts: bool) -> Vec<(Outcome, Evidence)> {
    let mut all = vec![(NotSent, Evidence::NotSent), (Lost, Evidence::Doubt)];
    for status in STATUSES {
        for (body, signed) in [
            (GOOD, Evidence::CarriedOut { readable: true }),
            (r#"{"planted":[]}"#, Evidence::CarriedOut { readable: false }),
            ("<html>", Evidence::CarriedOut { readable: false }),
            (PARAM_ERROR, Evidence::Refused),
            (USED, Evidence::Refused),
            (BUSY, Evidence::Doubt),
            (OFTEN, Evidence::Doubt),
            (USERPAYING, Evidence::Doubt),
            (UNKNOWN_CODE, Evidence::Doubt),
            ("", Evidence::Doubt),
        ] {
            let is_field_refusal = status == 400 && body == PARAM_ERROR;
            let unsigned = if trusts && is_field_refusal { Evidence::Refused } else { Evidence::Doubt };
            all.push((Signed(status, body), signed));
            all.push((Unsigned(status, body), unsigned));
            all.push((Altered(status, body), Evidence::Doubt));
        }
    }
    all
}

/// Checks one call against the evidence of the attempts that it made.
fn assert_sound(probe: Probe, script: &[(Outcome, Evidence)]) {
    let policy = Policy { max_attempts: 3, ..Policy::default() };
    let (mut harness, mut attempts) = (Harness::new(), script.iter());
    let mut seen = Vec::new();
    let merchant = fake::builder().retry(policy).build();
    let result = harness.run(merchant.call(probe), |_, now| {
        let (outcome, evidence) = attempts.next().copied().unwrap_or((NotSent, Evidence::NotSent));
        seen.push(evidence);
        outcome.reply(*now)
    });
    let is_proof = |evidence: &Evidence| matches!(evidence, Evidence::CarriedOut { .. });
    let (last, earlier) = seen.split_last().unwrap();
    assert!(!earlier.iter().any(is_proof), "sent again after proof: {script:?}");
    if probe.idempotency == Idempotency::None {
        assert!(!earlier.contains(&Evidence::Doubt), "sent again in doubt: {script:?}");
    }
    let mut error = match result {
        Ok(7) => return assert_eq!(*last, Evidence::CarriedOut { readable: true }, "{script:?}"),
        Ok(other) => panic!("{other}"),
        Err(error) => error,
    };
    assert_ne!(*last, Evidence::CarriedOut { readable: true }, "{script:?}");
    let expected = if seen.iter().any(|evidence| is_proof(evidence) || *evidence == Evidence::Doubt) {
        Fate::Unknown
    } else if seen.contains(&Evidence::Refused) {
        Fate::Refused
    } else {
        Fate::NotSent
    };
    let is_read = probe.idempotency == Idempotency::Safe;
    assert_eq!(error.fate(), (!is_read).then_some(expected), "{script:?}");
    let unresolved = error.take_unresolved();
    assert_eq!(unresolved.is_some(), error.fate() == Some(Fate::Unknown), "{script:?}");
}

#[test]
fn the_fate_is_never_better_than_the_evidence_and_nothing_is_sent_after_proof() {
    let mut start = 0;
    for idempotency in [Idempotency::Safe, Idempotency::ByNumber, Idempotency::None] {
        for trusts_field_check in [false, true] {
            let probe = Probe { idempotency, trusts_field_check };
            let all = outcomes(trusts_field_check);
            for first in &all {
                // One outcome in seven as the second, from another start each time: all pairs would take a minute.
                start = (start + 1) % 7;
                for second in all.iter().skip(start).step_by(7) {
                    assert_sound(probe, &[*first, *second]);
                }
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn the_fate_of_three_attempts_is_never_better_than_the_evidence(
        picks in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 3),
        idempotency in 0_usize..3,
        trusts_field_check: bool,
    ) {
        let idempotency = [Idempotency::Safe, Idempotency::ByNumber, Idempotency::None][idempotency];
        let all = outcomes(trusts_field_check);
        let script: Vec<_> = picks.iter().map(|pick| *pick.get(&all)).collect();
        assert_sound(Probe { idempotency, trusts_field_check }, &script);
    }
}
