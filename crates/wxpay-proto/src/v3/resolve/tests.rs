use super::*;
use crate::{
    clock::UnixTime,
    exchange::Failure,
    http::Response,
    v3::fake::{self, Harness, NOW, SigningKey},
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

#[test]
fn an_unsigned_not_found_resolves_nothing() {
    let (resolved, harness) = resolve(&[|_| Ok(Response::new(404, NOT_FOUND.into()))]);
    let mut error = resolved.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::Unknown)));
    assert_eq!(error.unresolved().unwrap().into_pending_operation(), pending_operation());
    assert_eq!(harness.sent.len(), 8);
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
