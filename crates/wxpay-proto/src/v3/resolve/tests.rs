use super::*;
use crate::{
    clock::UnixTime,
    error::Fate,
    exchange::{Failure, Reply},
    http::Response,
    prelude::*,
    v3::{
        fake::{self, Harness, NOW, SigningKey},
        pay::{QueryOrder, Transaction, combine},
        profitsharing::{QueryProfitSharing, QueryProfitSharingReturn},
        refund::{CreateRefund, QueryRefund, RefundAmount},
        transfer::{QueryTransfer, authorization::QueryAuthorization, qq_wallet::QueryQqTransfer},
    },
};
use core::{error::Error as _, time::Duration};

const NOT_FOUND: &str = r#"{"code":"ORDER_NOT_EXIST","message":"订单不存在"}"#;
const FOUND: &str =
    r#"{"mchid":"1900007291","out_trade_no":"1217752501201407033233368018","trade_state":"NOTPAY"}"#;

fn pending_operation() -> PendingOperation {
    pending("v3.order?out_trade_no=1217752501201407033233368018")
}

fn pending(text: &str) -> PendingOperation {
    text.parse().unwrap()
}

/// Returns an operation that moves no money, some of whose attempts were lost.
fn unresolved_order() -> Unresolved {
    Unresolved::new(pending_operation()).moving_money(false)
}

/// Resolves with these replies to the queries, in order; the last one repeats.
fn resolve(replies: &[fn(UnixTime) -> Reply]) -> (Result<Lookup<Transaction>, Error>, Harness) {
    let (mut harness, mut replies) = (Harness::new(), replies.iter());
    let mut last: fn(UnixTime) -> Reply = |_| panic!("expected at least one prepared reply");
    let result =
        harness.run(fake::merchant().resolve_pending::<QueryOrder>(pending_operation()), |_, now| {
            last = replies.next().copied().unwrap_or(last);
            last(*now)
        });
    (result, harness)
}

fn signed(status: u16, body: &str, now: UnixTime) -> Response {
    SigningKey::public_key().reply(status, body, now)
}

/// Returns the target of the query that a key resolves by. The key of the query must be the same again.
fn target<Q: Resolver>(text: &str) -> String {
    let query = Q::from_pending(&pending(text)).unwrap();
    assert_eq!(query.pending().unwrap().to_string(), text);
    assert_eq!(pending(text).label(), Q::LABEL);
    fake::target(&query)
}

#[test]
fn each_pending_operation_is_queried_by_its_numbers() {
    for (found, expected) in [
        (
            target::<QueryOrder>("v3.order?out_trade_no=1217752501&sub_mchid=1900000109"),
            "/v3/pay/partner/transactions/out-trade-no/1217752501?sp_mchid=1900007291&sub_mchid=1900000109",
        ),
        (
            target::<combine::QueryOrder>("v3.combined_order?combine_out_trade_no=P20150806"),
            "/v3/combine-transactions/out-trade-no/P20150806",
        ),
        (target::<QueryRefund>("v3.refund?out_refund_no=R%7C1"), "/v3/refund/domestic/refunds/R%7C1"),
        (
            target::<QueryRefund>("v3.refund?out_refund_no=R1&sub_mchid=1900000109"),
            "/v3/refund/domestic/refunds/R1?sub_mchid=1900000109",
        ),
        (
            target::<QueryProfitSharing>(
                "v3.profit_sharing?transaction_id=4208450740201411110007820472&out_order_no=P1",
            ),
            "/v3/profitsharing/orders/P1?transaction_id=4208450740201411110007820472",
        ),
        (
            target::<QueryProfitSharingReturn>(
                "v3.profit_sharing_return?out_order_no=P1&out_return_no=R1&sub_mchid=1900000109",
            ),
            "/v3/profitsharing/return-orders/R1?sub_mchid=1900000109&out_order_no=P1",
        ),
        (
            target::<QueryTransfer>("v3.transfer?out_bill_no=T1"),
            "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/T1",
        ),
        (
            target::<QueryQqTransfer>("v3.qq_transfer?out_bill_no=T1"),
            "/v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/T1",
        ),
        (
            target::<QueryAuthorization>("v3.authorization?out_authorization_no=A1"),
            "/v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/A1",
        ),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn a_key_of_another_operation_is_misuse_and_stays_pending() {
    fn misuse<Q: Resolver>(text: &str) -> String {
        let resolve = fake::merchant().resolve_pending::<Q>(pending(text));
        let mut error = Harness::new().run(resolve, |_, _| panic!("expected no request")).unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Misuse, Some(Fate::Unknown)));
        assert_eq!(error.pending_operation(), Some(&pending(text)));
        assert_eq!(error.take_unresolved().unwrap().pending_operation(), &pending(text));
        error.source().unwrap().to_string()
    }
    assert_eq!(
        misuse::<QueryRefund>("v3.order?out_trade_no=1217752501"),
        "the pending operation is a v3.order, and the query resolves a v3.refund"
    );
    assert_eq!(
        misuse::<QueryTransfer>("v3.qq_transfer?out_bill_no=T1"),
        "the pending operation is a v3.qq_transfer, and the query resolves a v3.transfer"
    );
    // A query by other numbers would be told "not found".
    for numbers in [
        "out_trade_no=R1",
        "out_refund_no=R1&sub_mchid=sub",
        "out_refund_no=R1&sub_mch=1900000109",
        "sub_mchid=1900000109&out_refund_no=R1",
        "out_refund_no=R1&out_refund_no=R2",
    ] {
        let text = format!("v3.refund?{numbers}");
        assert_eq!(
            misuse::<QueryRefund>(&text),
            format!("the pending operation {text} does not have the numbers of a v3.refund")
        );
    }
}

#[test]
fn a_found_order_is_resolved_by_one_query() {
    let (resolved, harness) = resolve(&[|now| Ok(signed(200, FOUND, now))]);
    assert!(matches!(resolved, Ok(Lookup::Found(_))));
    assert_eq!((harness.sent.len(), harness.now), (1, NOW));
}

#[test]
fn a_late_order_is_found_and_a_missing_one_is_not_found_after_20_seconds() {
    let not_found: fn(UnixTime) -> Reply = |now| Ok(signed(404, NOT_FOUND, now));
    let (resolved, harness) = resolve(&[not_found, not_found, not_found, |now| Ok(signed(200, FOUND, now))]);
    assert!(matches!(resolved, Ok(Lookup::Found(_))));
    assert_eq!(harness.now, NOW.after(Duration::from_secs(8)));
    let (resolved, harness) = resolve(&[not_found]);
    assert_eq!(resolved.unwrap(), Lookup::NotFound);
    assert_eq!(harness.now, NOW.after(Duration::from_secs(20)));
}

/// Resolves an operation with unsigned "not found" replies to all queries, but for the one of this index.
fn resolve_unsigned<Q: Resolver>(
    unresolved: Unresolved,
    code: &str,
    lost: Option<usize>,
) -> (Result<Lookup<Q::Object>, Error>, Harness) {
    let (mut harness, mut queries) = (Harness::new(), 0..);
    let body = format!(r#"{{"code":"{code}","message":"不存在"}}"#);
    let result = harness.run(fake::merchant().resolve::<Q>(unresolved), |_, _| {
        if queries.next() == lost {
            return Ok(Response::new(407, Vec::new()));
        }
        Ok(Response::new(404, body.clone().into()))
    });
    (result, harness)
}

#[test]
fn unsigned_not_founds_for_20_seconds_resolve_an_order() {
    let resolve = |code, lost| resolve_unsigned::<QueryOrder>(unresolved_order(), code, lost);
    let (resolved, harness) = resolve("ORDER_NOT_EXIST", None);
    assert_eq!(resolved.unwrap(), Lookup::NotFound);
    assert_eq!((harness.sent.len(), harness.now), (5, NOW.after(Duration::from_secs(20))));
    // Another reply among them is no "not found": the count begins again.
    let (resolved, harness) = resolve("ORDER_NOT_EXIST", Some(1));
    assert_eq!(resolved.unwrap(), Lookup::NotFound);
    assert_eq!(harness.sent.len(), 7);
    let (resolved, _) = resolve("NO_AUTH", None);
    assert_eq!(resolved.unwrap_err().fate(), Some(Fate::Unknown));
}

/// Asserts that unsigned "not found" replies for 20 seconds do not resolve the operation.
fn assert_unproven<Q: Resolver>(unresolved: Unresolved, code: &str) {
    let (resolved, harness) = resolve_unsigned::<Q>(unresolved, code, None);
    let mut error = resolved.unwrap_err();
    assert_eq!(error.fate(), Some(Fate::Unknown), "{code}");
    assert_eq!((harness.sent.len(), harness.now), (5, NOW.after(Duration::from_secs(20))), "{code}");
    let cause = error.source().unwrap().source().unwrap().to_string();
    assert!(cause.starts_with("an unsigned \"not found\" does not prove that no money moved"), "{cause}");
    assert!(error.take_unresolved().unwrap().moves_money());
}

#[test]
fn unsigned_not_founds_end_with_doubt_where_money_moves() {
    let unresolved = |text| Unresolved::new(pending(text));
    assert_unproven::<QueryRefund>(unresolved("v3.refund?out_refund_no=R1"), "RESOURCE_NOT_EXISTS");
    assert_unproven::<QueryTransfer>(unresolved("v3.transfer?out_bill_no=T1"), "NOT_FOUND");
    // The key of an order may be that of a charge.
    assert_unproven::<QueryOrder>(Unresolved::new(pending_operation()), "ORDER_NOT_EXIST");
    // Even if every attempt was answered: only a signed "not found" is certain.
    assert_unproven::<QueryOrder>(Unresolved::new(pending_operation()).answered(true), "ORDER_NOT_EXIST");
}

#[test]
fn a_signed_not_found_is_final_at_once_if_every_attempt_was_answered() {
    let resolve = |unresolved: Unresolved| {
        let mut harness = Harness::new();
        let resolve = fake::merchant().resolve::<QueryOrder>(unresolved);
        let resolved = harness.run(resolve, |_, now| Ok(signed(404, NOT_FOUND, *now)));
        (resolved.unwrap(), harness.sent.len())
    };
    let unresolved = || Unresolved::new(pending_operation());
    assert_eq!(resolve(unresolved().answered(true)), (Lookup::NotFound, 1));
    assert_eq!(resolve(unresolved()), (Lookup::NotFound, 5));
    // A key that was stored does not know.
    let stored = unresolved().answered(true).pending_operation().clone();
    assert_eq!(resolve(Unresolved::new(stored)), (Lookup::NotFound, 5));
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
    let resolve = fake::merchant().resolve::<QueryRefund>(error.take_unresolved().unwrap());
    let resolved = harness.run(resolve, |_, now| Ok(signed(404, r#"{"code":"RESOURCE_NOT_EXISTS"}"#, *now)));
    assert_eq!((resolved.unwrap(), harness.sent.len()), (Lookup::NotFound, 2));
}

#[test]
fn a_refused_query_resolves_nothing_and_is_not_repeated() {
    let (resolved, harness) = resolve(&[|now| Ok(signed(403, r#"{"code":"NO_AUTH"}"#, now))]);
    let mut error = resolved.unwrap_err();
    assert_eq!(
        (error.kind(), error.fate(), harness.sent.len()),
        (ErrorKind::Refused, Some(Fate::Unknown), 1)
    );
    assert_eq!(*error.take_unresolved().unwrap().pending_operation(), pending_operation());
}

#[test]
fn without_replies_resolving_returns_the_pending_operation() {
    let (resolved, harness) = resolve(&[|_| Err(Failure::Lost("reset".into()))]);
    let mut error = resolved.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Transport, Some(Fate::Unknown)));
    assert_eq!(*error.take_unresolved().unwrap().pending_operation(), pending_operation());
    assert_eq!(harness.sent.len(), 8 * 4, "each query is retried like any call");
    assert!(harness.now.since(NOW) < Duration::from_secs(300));
}

#[test]
fn a_partner_order_is_queried_by_the_partner() {
    let pending_operation = pending_operation().with("sub_mchid", "1900000109");
    let found = r#"{"sp_mchid":"1900007291","sub_mchid":"1900000109","out_trade_no":"1217752501201407033233368018","trade_state":"NOTPAY"}"#;
    let mut harness = Harness::new();
    let resolved = harness
        .run(fake::merchant().resolve_pending::<QueryOrder>(pending_operation), |_, now| {
            Ok(signed(200, found, *now))
        });
    assert!(matches!(resolved, Ok(Lookup::Found(_))));
    assert!(harness.sent[0].url().ends_with("?sp_mchid=1900007291&sub_mchid=1900000109"));
}
