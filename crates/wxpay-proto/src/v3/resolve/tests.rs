use super::*;
use crate::{
    clock::UnixTime,
    exchange::Failure,
    http::Response,
    v3::{
        fake::{self, Harness, NOW, SigningKey},
        refund::{CreateRefund, RefundAmount},
    },
};

const NOT_FOUND: &str = r#"{"code":"ORDER_NOT_EXIST","message":"订单不存在"}"#;
const FOUND: &str =
    r#"{"mchid":"1900007291","out_trade_no":"1217752501201407033233368018","trade_state":"NOTPAY"}"#;

fn pending_operation() -> PendingOperation {
    PendingOperation::order("1217752501201407033233368018".parse().unwrap())
}

/// Resolves with these replies to the queries, in order; the last one repeats.
fn resolve(replies: &[fn(UnixTime) -> Reply]) -> (Result<Resolved, Error>, Harness) {
    let (mut harness, mut replies) = (Harness::new(), replies.iter());
    let mut last: fn(UnixTime) -> Reply = |_| panic!("expected at least one prepared reply");
    let result = harness.run(fake::merchant().resolve_pending(pending_operation()), |_, now| {
        last = replies.next().copied().unwrap_or(last);
        last(*now)
    });
    (result, harness)
}

fn signed(status: u16, body: &str, now: UnixTime) -> Response {
    SigningKey::public_key().reply(status, body, now)
}

#[test]
fn each_pending_operation_is_queried_by_its_numbers() {
    let sub_mchid = || Some("1900000109".parse().unwrap());
    for (pending_operation, target) in [
        (
            PendingOperation::CombinedOrder { combine_out_trade_no: "P20150806".parse().unwrap() },
            "/v3/combine-transactions/out-trade-no/P20150806",
        ),
        (
            PendingOperation::Refund { out_refund_no: "R1".parse().unwrap(), sub_mchid: sub_mchid() },
            "/v3/refund/domestic/refunds/R1?sub_mchid=1900000109",
        ),
        (
            PendingOperation::ProfitSharing {
                transaction_id: "4208450740201411110007820472".parse().unwrap(),
                out_order_no: "P1".parse().unwrap(),
                sub_mchid: None,
            },
            "/v3/profitsharing/orders/P1?transaction_id=4208450740201411110007820472",
        ),
        (
            PendingOperation::ProfitSharingReturn {
                out_order_no: "P1".parse().unwrap(),
                out_return_no: "R1".parse().unwrap(),
                sub_mchid: sub_mchid(),
            },
            "/v3/profitsharing/return-orders/R1?sub_mchid=1900000109&out_order_no=P1",
        ),
    ] {
        assert_eq!(fake::target(&query_for(pending_operation)), target);
    }
}

#[test]
fn a_found_order_is_resolved_by_one_query() {
    let (resolved, harness) = resolve(&[|now| Ok(signed(200, FOUND, now))]);
    assert!(matches!(resolved, Ok(Resolved::Order(_))));
    assert_eq!((harness.sent.len(), harness.now), (1, NOW));
}

#[test]
fn a_late_order_is_found_and_a_missing_one_is_not_found_after_20_seconds() {
    let not_found: fn(UnixTime) -> Reply = |now| Ok(signed(404, NOT_FOUND, now));
    let (resolved, harness) = resolve(&[not_found, not_found, not_found, |now| Ok(signed(200, FOUND, now))]);
    assert!(matches!(resolved, Ok(Resolved::Order(_))));
    assert_eq!(harness.now, NOW.after(Duration::from_secs(8)));
    let (resolved, harness) = resolve(&[not_found]);
    assert_eq!(resolved.unwrap(), Resolved::NotFound);
    assert_eq!(harness.now, NOW.after(Duration::from_secs(20)));
}

/// Resolves an operation with unsigned "not found" replies to all queries, but for the one of this index.
fn resolve_unsigned(
    unresolved: Unresolved,
    code: &str,
    lost: Option<usize>,
) -> (Result<Resolved, Error>, Harness) {
    let (mut harness, mut queries) = (Harness::new(), 0..);
    let body = format!(r#"{{"code":"{code}","message":"不存在"}}"#);
    let result = harness.run(fake::merchant().resolve(unresolved), |_, _| {
        if queries.next() == lost {
            return Ok(Response::new(407, Vec::new()));
        }
        Ok(Response::new(404, body.clone().into()))
    });
    (result, harness)
}

#[test]
fn unsigned_not_founds_for_20_seconds_resolve_an_order() {
    let (resolved, harness) = resolve_unsigned(Unresolved::new(pending_operation()), "ORDER_NOT_EXIST", None);
    assert_eq!(resolved.unwrap(), Resolved::NotFound);
    assert_eq!((harness.sent.len(), harness.now), (5, NOW.after(Duration::from_secs(20))));
    // Another reply among them is no "not found": the count begins again.
    let (resolved, harness) =
        resolve_unsigned(Unresolved::new(pending_operation()), "ORDER_NOT_EXIST", Some(1));
    assert_eq!(resolved.unwrap(), Resolved::NotFound);
    assert_eq!(harness.sent.len(), 7);
    let (resolved, _) = resolve_unsigned(Unresolved::new(pending_operation()), "NO_AUTH", None);
    assert_eq!(resolved.unwrap_err().fate(), Some(Fate::Unknown));
}

#[test]
fn unsigned_not_founds_end_with_doubt_where_money_moves() {
    let number = || "R1".parse().unwrap();
    let charge = || Unresolved::new(pending_operation()).moving_money();
    for (unresolved, code) in [
        (
            Unresolved::new(PendingOperation::Refund { out_refund_no: number(), sub_mchid: None }),
            "RESOURCE_NOT_EXISTS",
        ),
        (Unresolved::new(PendingOperation::Transfer { out_bill_no: "T1".parse().unwrap() }), "NOT_FOUND"),
        (charge(), "ORDER_NOT_EXIST"),
        // Even if every attempt was answered: only a signed "not found" is certain.
        (charge().answered(true), "ORDER_NOT_EXIST"),
    ] {
        let (resolved, harness) = resolve_unsigned(unresolved, code, None);
        let mut error = resolved.unwrap_err();
        assert_eq!(error.fate(), Some(Fate::Unknown), "{code}");
        assert_eq!((harness.sent.len(), harness.now), (5, NOW.after(Duration::from_secs(20))), "{code}");
        let cause = error::Error::source(&error).unwrap();
        let cause = error::Error::source(cause).unwrap().to_string();
        assert!(cause.starts_with("an unsigned \"not found\" does not prove that no money moved"), "{cause}");
        assert!(error.unresolved().unwrap().moves_money());
    }
}

#[test]
fn a_signed_not_found_is_final_at_once_if_every_attempt_was_answered() {
    let resolve = |unresolved: Unresolved| {
        let mut harness = Harness::new();
        let resolved =
            harness.run(fake::merchant().resolve(unresolved), |_, now| Ok(signed(404, NOT_FOUND, *now)));
        (resolved.unwrap(), harness.sent.len())
    };
    let unresolved = || Unresolved::new(pending_operation()).moving_money();
    assert_eq!(resolve(unresolved().answered(true)), (Resolved::NotFound, 1));
    assert_eq!(resolve(unresolved()), (Resolved::NotFound, 5));
    // A key that was stored does not know.
    let stored = unresolved().answered(true).pending_operation().clone();
    assert_eq!(resolve(Unresolved::new(stored)), (Resolved::NotFound, 5));
}

#[test]
fn a_field_refusal_of_a_refund_is_resolved_by_one_query() {
    let mut harness = Harness::new();
    let paid: crate::id::OutTradeNo = "1217752501".parse().unwrap();
    let amount = RefundAmount::new(crate::Fen::new(1), crate::Fen::new(2)).unwrap();
    let create = CreateRefund::new(paid, "R1".parse().unwrap(), amount);
    let field_refusal = r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":1},"message":"x"}"#;
    let result =
        harness.run(fake::merchant().call(create), |_, _| Ok(Response::new(400, field_refusal.into())));
    let mut error = result.unwrap_err();
    assert_eq!(
        (error.kind(), error.fate(), harness.sent.len()),
        (ErrorKind::Refused, Some(Fate::Unknown), 1)
    );
    let resolved = harness.run(fake::merchant().resolve(error.unresolved().unwrap()), |_, now| {
        Ok(signed(404, r#"{"code":"RESOURCE_NOT_EXISTS"}"#, *now))
    });
    assert_eq!((resolved.unwrap(), harness.sent.len()), (Resolved::NotFound, 2));
}

#[test]
fn a_refused_query_resolves_nothing_and_is_not_repeated() {
    let (resolved, harness) = resolve(&[|now| Ok(signed(403, r#"{"code":"NO_AUTH"}"#, now))]);
    let mut error = resolved.unwrap_err();
    assert_eq!(
        (error.kind(), error.fate(), harness.sent.len()),
        (ErrorKind::Refused, Some(Fate::Unknown), 1)
    );
    assert_eq!(error.unresolved().unwrap().into_pending_operation(), pending_operation());
}

#[test]
fn without_replies_resolving_returns_the_pending_operation() {
    let (resolved, harness) = resolve(&[|_| Err(Failure::Lost("reset".into()))]);
    let mut error = resolved.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Transport, Some(Fate::Unknown)));
    assert_eq!(error.unresolved().unwrap().into_pending_operation(), pending_operation());
    assert_eq!(harness.sent.len(), 8 * 4, "each query is retried like any call");
    assert!(harness.now.since(NOW) < Duration::from_secs(300));
}

#[test]
fn a_partner_order_is_queried_by_the_partner() {
    let pending_operation = PendingOperation::Order {
        out_trade_no: "1217752501201407033233368018".parse().unwrap(),
        sub_mchid: Some("1900000109".parse().unwrap()),
    };
    let found = r#"{"sp_mchid":"1900007291","sub_mchid":"1900000109","out_trade_no":"1217752501201407033233368018","trade_state":"NOTPAY"}"#;
    let mut harness = Harness::new();
    let resolved = harness
        .run(fake::merchant().resolve_pending(pending_operation), |_, now| Ok(signed(200, found, *now)));
    assert!(matches!(resolved, Ok(Resolved::Order(_))));
    assert!(harness.sent[0].url().ends_with("?sp_mchid=1900007291&sub_mchid=1900000109"));
}
