use super::*;

#[test]
fn partial_and_repeated_refunds_are_bounded_by_the_payment() {
    let mut world = World::paid(&[100]);
    assert!(matches!(world.reserve("R1", 30), Reserved::Created(_)));
    world.learn(&report("R1", 30, RefundStatus::Success));
    assert!(matches!(world.reserve("R2", 60), Reserved::Created(_)));
    assert_eq!(world.sums(), (60, 30));
    let Reserved::Exceeds { available, .. } = world.reserve("R3", 11) else { panic!("must exceed") };
    assert_eq!(available, Fen::new(10));
    assert!(matches!(world.reserve("R3", 10), Reserved::Created(_)));
    assert_eq!(world.sums(), (70, 30));
    assert!(matches!(world.reserve("R4", 1), Reserved::Exceeds { available: Fen::ZERO, .. }));
}

#[test]
fn a_reservation_is_written_as_sent_and_gets_a_task() {
    let mut world = World::paid(&[100]);
    let Reserved::Created(state) = world.reserve("R1", 30) else { panic!("must be created") };
    assert_eq!(state, world.state());
    let refund = world.refund("R1");
    assert!(refund.may_exist_upstream);
    assert_eq!((refund.status, refund.calls), (RefundStatus::Pending, 1));
    let task = world.task("R1").unwrap();
    assert_eq!(task.due_at, world.now.after(Duration::from_mins(1)));
    assert_eq!(task.out_trade_no, "A1");
}

#[test]
fn the_same_number_with_the_same_terms_is_the_same_refund() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    let before = world.store.clone();
    assert!(matches!(world.reserve("R1", 30), Reserved::Existing(_)));
    assert!(matches!(world.reserve("R1", 31), Reserved::Differs(_)));
    assert_eq!(world.store, before);
}

#[test]
fn terms_may_be_replaced_while_the_refund_cannot_exist() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 90);
    world.end("R1", RefundCall::NotSent);
    // The reservation of the old terms does not count against the new ones.
    assert!(matches!(world.reserve("R1", 100), Reserved::Created(_)));
    assert_eq!(world.sums(), (100, 0));
    assert_eq!(world.refund("R1").calls, 2);
}

#[test]
fn a_refund_that_was_refused_for_good_may_be_requested_again() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.end("R1", refused(true));
    assert_eq!(world.sums(), (0, 0));
    assert!(matches!(world.reserve("R1", 30), Reserved::Created(_)));
    assert_eq!(world.sums(), (30, 0));
}

#[test]
fn a_transaction_is_required_if_there_are_several_payments() {
    let mut world = World::paid(&[100, 50]);
    assert!(matches!(world.reserve_of("R1", 10, None), Reserved::TransactionRequired(_)));
    assert!(matches!(world.reserve_of("R1", 10, Some(transaction(7))), Reserved::UnknownTransaction(_)));
    // Each payment has its own bound.
    assert!(matches!(world.reserve_of("R1", 60, Some(transaction(1))), Reserved::Exceeds { .. }));
    assert!(matches!(world.reserve_of("R1", 50, Some(transaction(1))), Reserved::Created(_)));
    assert_eq!(world.sums(), (0, 0));
    let mut single = World::paid(&[100]);
    assert!(matches!(single.reserve_of("R1", 10, None), Reserved::Created(_)));
}

#[test]
fn an_order_without_a_payment_cannot_be_refunded() {
    let mut world = World { store: Store::default(), now: UnixTime::from_secs(1_700_000_000) };
    assert!(matches!(world.reserve_of("R1", 10, None), Reserved::NotPaid(_)));
    assert_eq!(world.store, Store::default());
    let mut reversed = World::paid(&[100]);
    let mut changes = Changes::default();
    changes.put(&OrderRow { status: OrderStatus::Reversing, ..reversed.state().order });
    reversed.store.apply(&changes).unwrap();
    assert!(matches!(reversed.reserve("R1", 10), Reserved::NotPaid(_)));
}

#[test]
fn order_a1_and_refund_a1_are_different_things() {
    let mut world = World::paid(&[100]);
    assert!(matches!(world.reserve("A1", 10), Reserved::Created(_)));
    let subject = Subject::refund(key().merchant, &refund_no("A1"));
    assert_ne!(subject, key().subject());
    assert_eq!(world.task("A1").unwrap().subject, subject);
    world.learn(&report("A1", 10, RefundStatus::Success));
    assert_eq!(world.state().order.status, OrderStatus::Paid);
    assert_eq!(world.task("A1"), None);
}

#[test]
fn a_refund_of_zero_is_not_reserved() {
    let mut world = World::paid(&[100]);
    assert!(matches!(world.reserve("R1", 0), Reserved::Exceeds { .. }));
}

#[test]
fn a_refund_that_wechat_pay_reported_first_can_be_requested_with_its_terms() {
    let mut world = World::paid(&[100]);
    world.learn(&report("R1", 30, RefundStatus::Processing));
    assert!(matches!(world.reserve("R1", 30), Reserved::Existing(_)));
    assert!(matches!(world.reserve("R1", 31), Reserved::Differs(_)));
}
