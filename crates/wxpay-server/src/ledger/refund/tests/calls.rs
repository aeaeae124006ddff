use super::*;

#[test]
fn a_refund_whose_fate_is_unknown_stays_reserved() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.end("R1", RefundCall::Unknown);
    for _ in 0..12 {
        world.pass(7 * 3600);
        let queried = world.query_failed("R1");
        assert!(!queried.should_resend);
        assert_eq!(world.sums(), (30, 0));
    }
    // The last interval is repeated until the refund is known.
    let task = world.task("R1").unwrap();
    assert_eq!(task.attempts, 12);
    assert_eq!(task.due_at, world.now.after(Duration::from_hours(6)));
    assert_eq!(task.last_error.as_deref(), Some("timeout"));
}

#[test]
fn a_refund_that_is_not_found_is_sent_again_under_its_number() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.end("R1", RefundCall::Unknown);
    world.pass(60);
    // It may still arrive: its absence must hold.
    assert!(!world.query_absent("R1").should_resend);
    assert_eq!(world.task("R1").unwrap().due_at, world.now.after(Duration::from_secs(20)));
    world.pass(19);
    assert!(!world.query_absent("R1").should_resend);
    world.pass(1);
    let queried = world.query_absent("R1");
    assert!(queried.should_resend);
    let refund = world.refund("R1");
    assert_eq!((refund.calls, refund.in_doubt, refund.may_exist_upstream), (2, false, true));
    assert_eq!(queried.state, world.state());
    assert_eq!(world.sums(), (30, 0));
    // A refusal now is certain. Nobody waits for it: a case is opened.
    world.end("R1", refused(true));
    assert_eq!(world.refund("R1").status, RefundStatus::Closed);
    assert_eq!(world.sums(), (0, 0));
    assert_eq!(world.events(), [EventType::RefundClosed, EventType::CaseOpened]);
    assert_eq!(world.case(CaseKind::RefundRefused).subject, key().subject());
    assert_eq!(world.task("R1"), None);
}

#[test]
fn a_refund_that_is_refused_with_doubt_stays_reserved() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.end("R1", RefundCall::Unknown);
    assert!(matches!(world.begin("R1"), BegunRefundCall::Begun(_)));
    world.end("R1", refused(true));
    let refund = world.refund("R1");
    assert_eq!((refund.status, refund.may_exist_upstream), (RefundStatus::Pending, true));
    assert_eq!(world.sums(), (30, 0));
    assert!(world.task("R1").is_some());
    assert_eq!(world.events(), []);
}

#[test]
fn a_call_of_a_process_that_died_is_a_doubt() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    assert!(matches!(world.begin("R1"), BegunRefundCall::InProgress(_)));
    assert!(!world.query_absent("R1").should_resend);
    world.pass(31);
    let BegunRefundCall::Begun(state) = world.begin("R1") else { panic!("must begin") };
    assert_eq!(state.refund_call(&refund_no("R1")), 2);
    // The first call ends after all. It changes nothing: the second one may still be sent.
    world.end_of("R1", 1, refused(true));
    world.end_of("R1", 2, refused(true));
    assert_eq!(world.refund("R1").status, RefundStatus::Pending);
    assert_eq!(world.sums(), (30, 0));
}

#[test]
fn the_absence_of_a_refund_must_hold_for_longer_while_its_call_may_be_sent_whatever_the_clocks_say() {
    for ahead in [0, 86_400] {
        let mut world = World::paid(&[100]);
        world.reserve("R1", 30);
        let signed = world.now;
        let at = |seconds| RefundAnswer::NotFound {
            signed_at: signed.after(Duration::from_secs(seconds)),
            last_call: 1,
        };
        // The clock of the process that queries.
        world.pass(ahead);
        assert!(!world.query("R1", at(1)).should_resend);
        assert!(!world.query("R1", at(140)).should_resend);
        assert!(world.query("R1", at(141)).should_resend);
        // Both replies are older than the second call.
        assert!(!world.query("R1", at(142)).should_resend);
        assert_eq!(world.refund("R1").absent_since, None);
    }
}

#[test]
fn a_final_refusal_without_doubt_closes_the_refund() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    let state = world.end("R1", refused(true));
    assert_eq!(state, world.state());
    let refund = world.refund("R1");
    assert_eq!((refund.status, refund.may_exist_upstream), (RefundStatus::Closed, false));
    assert_eq!(world.sums(), (0, 0));
    // The shop has the refusal as the reply to its request.
    assert_eq!(world.events(), [EventType::RefundClosed]);
    assert_eq!(world.task("R1"), None);
}

#[test]
fn a_refusal_that_may_be_mended_keeps_the_reservation_and_is_tried_again() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.end("R1", refused(false));
    assert_eq!(world.sums(), (30, 0));
    let refund = world.refund("R1");
    assert_eq!((refund.status, refund.may_exist_upstream), (RefundStatus::Pending, false));
    world.pass(60);
    assert!(matches!(world.begin("R1"), BegunRefundCall::Begun(_)));
    let task = world.task("R1").unwrap();
    assert_eq!((task.attempts, task.due_at), (1, world.now.after(Duration::from_mins(5))));
}

#[test]
fn a_refund_that_was_never_sent_is_sent_at_once_when_it_is_not_found() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.end("R1", RefundCall::NotSent);
    world.pass(60);
    assert!(world.query_absent("R1").should_resend);
}

#[test]
fn a_clock_that_went_back_does_not_hold_a_refund_for_ever() {
    let mut world = World::paid(&[100]);
    world.pass(400 * 24 * 3600);
    world.reserve("R1", 30);
    world.now = UnixTime::from_secs(1_700_000_060);
    assert!(matches!(world.begin("R1"), BegunRefundCall::Begun(_)));
}

#[test]
fn a_call_is_begun_for_a_pending_refund_only() {
    let mut world = World::paid(&[100]);
    assert!(matches!(world.begin("R1"), BegunRefundCall::NotFound(_)));
    world.reserve("R1", 30);
    world.learn(&report("R1", 30, RefundStatus::Processing));
    assert!(matches!(world.begin("R1"), BegunRefundCall::NotPending(_)));
    // The late end of the call does not undo the report.
    world.end("R1", refused(true));
    assert_eq!(world.refund("R1").status, RefundStatus::Processing);
    assert!(!world.query_absent("R1").should_resend);
}

#[test]
fn a_call_ends_once() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.end("R1", RefundCall::NotSent);
    let before = world.store.clone();
    world.end("R1", RefundCall::Unknown);
    world.end("R1", refused(true));
    assert_eq!(world.store, before);
}
