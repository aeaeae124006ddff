use super::*;
use crate::{
    clock::UnixTime,
    exchange::Failure,
    http::Response,
    v3::fake::{self, Harness, NOW, SigningKey},
};

const UNKNOWN: &str = r#"{"code":"ORDER_NOT_EXIST","message":"订单不存在"}"#;
const KNOWN: &str =
    r#"{"mchid":"1900007291","out_trade_no":"1217752501201407033233368018","trade_state":"NOTPAY"}"#;

fn pending_operation() -> PendingOperation {
    PendingOperation::order("1217752501201407033233368018".parse().unwrap())
}

/// Resolves with these replies to the queries, in order; the last one repeats.
fn resolve(came: &[fn(UnixTime) -> Reply]) -> (Result<Resolved, Error>, Harness) {
    let (mut stage, mut came) = (Harness::new(), came.iter());
    let mut last: fn(UnixTime) -> Reply = |_| panic!("expected at least one prepared reply");
    let result = stage.run(fake::merchant().resolve_pending(pending_operation()), |_, now| {
        last = came.next().copied().unwrap_or(last);
        last(*now)
    });
    (result, stage)
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
    let (settled, stage) = resolve(&[|now| Ok(signed(200, KNOWN, now))]);
    assert!(matches!(settled, Ok(Resolved::Order(_))));
    assert_eq!((stage.sent.len(), stage.now), (1, NOW));
}

#[test]
fn a_late_order_is_found_and_a_missing_one_is_not_found_after_20_seconds() {
    let unknown: fn(UnixTime) -> Reply = |now| Ok(signed(404, UNKNOWN, now));
    let (settled, stage) = resolve(&[unknown, unknown, unknown, |now| Ok(signed(200, KNOWN, now))]);
    assert!(matches!(settled, Ok(Resolved::Order(_))));
    assert_eq!(stage.now, NOW.after(Duration::from_secs(8)));
    let (settled, stage) = resolve(&[unknown]);
    assert_eq!(settled.unwrap(), Resolved::NotFound);
    assert_eq!(stage.now, NOW.after(Duration::from_secs(20)));
}

#[test]
fn an_unsigned_not_found_resolves_nothing() {
    let (settled, stage) = resolve(&[|_| Ok(Response::new(404, UNKNOWN.into()))]);
    let mut error = settled.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::Unknown));
    assert_eq!(error.unresolved().unwrap().into_pending_operation(), pending_operation());
    assert_eq!(stage.sent.len(), 8);
}

#[test]
fn a_refused_query_resolves_nothing_and_is_not_repeated() {
    let (settled, stage) = resolve(&[|now| Ok(signed(403, r#"{"code":"NO_AUTH"}"#, now))]);
    let mut error = settled.unwrap_err();
    assert_eq!((error.kind(), error.fate(), stage.sent.len()), (ErrorKind::Refused, Fate::Unknown, 1));
    assert_eq!(error.unresolved().unwrap().into_pending_operation(), pending_operation());
}

#[test]
fn without_replies_resolving_returns_the_pending_operation() {
    let (settled, stage) = resolve(&[|_| Err(Failure::Lost("reset".into()))]);
    let mut error = settled.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Transport, Fate::Unknown));
    assert_eq!(error.unresolved().unwrap().into_pending_operation(), pending_operation());
    assert_eq!(stage.sent.len(), 8 * 4, "each query is retried like any call");
    assert!(stage.now.since(NOW) < Duration::from_secs(300));
}

#[test]
fn a_partner_order_is_queried_by_the_partner() {
    let pending_operation = PendingOperation::Order {
        out_trade_no: "1217752501201407033233368018".parse().unwrap(),
        sub_mchid: Some("1900000109".parse().unwrap()),
    };
    let known = r#"{"sp_mchid":"1900007291","sub_mchid":"1900000109","out_trade_no":"1217752501201407033233368018","trade_state":"NOTPAY"}"#;
    let mut stage = Harness::new();
    let settled =
        stage.run(fake::merchant().resolve_pending(pending_operation), |_, now| Ok(signed(200, known, *now)));
    assert!(matches!(settled, Ok(Resolved::Order(_))));
    assert!(stage.sent[0].url().ends_with("?sp_mchid=1900007291&sub_mchid=1900000109"));
}
