use super::*;
use crate::ledger::{
    case::{ResolveCase, ResolvedCase},
    rows::{
        access::AuditRow,
        case::{CaseStatus, Remedy},
        inbox::{InboxResult, InboxRow},
        refund::RefundSource,
    },
};

#[test]
fn a_successful_refund_moves_from_reserved_to_refunded() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    let learned = world.learn(&report("R1", 30, RefundStatus::Success));
    assert!(learned.is_new);
    assert_eq!(learned.state, world.state());
    assert_eq!(world.sums(), (0, 30));
    assert_eq!(world.events(), [EventType::RefundSucceeded]);
    assert_eq!(world.task("R1"), None);
    let refund = world.refund("R1");
    assert_eq!(refund.refund_id.as_deref(), Some("WXR1"));
    assert_eq!(refund.success_at, Some(UnixTime::from_secs(1_700_000_500)));
}

#[test]
fn a_closed_refund_gives_its_reservation_back() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.learn(&report("R1", 30, RefundStatus::Closed));
    assert_eq!(world.sums(), (0, 0));
    assert_eq!(world.events(), [EventType::RefundClosed]);
    // WeChat Pay has closed it: the number is used up.
    assert!(matches!(world.reserve("R1", 30), Reserved::Existing(_)));
}

#[test]
fn an_abnormal_refund_opens_a_case_and_may_succeed_after_all() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.learn(&report("R1", 30, RefundStatus::Abnormal));
    assert_eq!(world.sums(), (30, 0));
    assert_eq!(world.events(), [EventType::RefundAbnormal, EventType::CaseOpened]);
    assert!(world.case(CaseKind::RefundAbnormal).is_open());
    assert!(world.task("R1").is_some());
    // A duplicate opens nothing again.
    assert!(!world.learn(&report("R1", 30, RefundStatus::Abnormal)).is_new);
    assert_eq!(world.events().len(), 2);
    world.learn(&report("R1", 30, RefundStatus::Success));
    assert_eq!(world.sums(), (0, 30));
    assert_eq!(world.events()[2..], [EventType::RefundSucceeded, EventType::CaseResolved]);
    let case = world.case(CaseKind::RefundAbnormal);
    assert_eq!((case.status, case.resolved_by.as_deref()), (CaseStatus::Resolved, Some("server")));
}

#[test]
fn success_is_final() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.learn(&report("R1", 30, RefundStatus::Success));
    let before = world.refund("R1");
    world.pass(60);
    for status in [RefundStatus::Pending, RefundStatus::Processing, RefundStatus::Abnormal] {
        assert!(!world.learn(&report("R1", 30, status)).is_new);
    }
    world.end("R1", refused(true));
    world.query_absent("R1");
    assert_eq!(world.refund("R1"), before);
    assert_eq!(world.events(), [EventType::RefundSucceeded]);
    // Closed contradicts it: a case, and still a success.
    world.learn(&report("R1", 30, RefundStatus::Closed));
    world.learn(&report("R1", 30, RefundStatus::Closed));
    assert_eq!(world.refund("R1").status, RefundStatus::Success);
    assert_eq!(world.sums(), (0, 30));
    assert_eq!(world.cases().len(), 1);
    assert!(world.case(CaseKind::ContradictoryEvidence).is_open());
    assert_eq!(world.events().len(), 2);
}

#[test]
fn a_refund_made_in_the_console_is_applied() {
    let mut world = World::paid(&[100]);
    world.learn(&report("C1", 30, RefundStatus::Processing));
    let refund = world.refund("C1");
    assert_eq!((refund.source, refund.terms_digest), (RefundSource::WeChat, None));
    assert_eq!(world.sums(), (30, 0));
    assert!(world.task("C1").is_some());
    assert!(
        matches!(world.reserve("R1", 71), Reserved::Exceeds { available, .. } if available == Fen::new(70))
    );
    world.learn(&report("C1", 30, RefundStatus::Success));
    assert_eq!(world.sums(), (0, 30));
    assert_eq!(world.cases(), []);
}

#[test]
fn a_refund_made_in_the_console_beyond_the_payment_is_applied_and_opens_a_case() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 80);
    world.learn(&report("C1", 30, RefundStatus::Success));
    assert_eq!(world.sums(), (80, 30));
    let case = world.case(CaseKind::RefundExceedsPayment);
    assert!(case.data.contains("\"reserved\":80") && case.data.contains("\"refunded\":30"), "{}", case.data);
    // Further changes beyond the bound open no second case, and nothing more can be reserved.
    world.learn(&report("R1", 80, RefundStatus::Success));
    assert_eq!(world.sums(), (0, 110));
    assert_eq!(world.events().iter().filter(|event| **event == EventType::CaseOpened).count(), 1);
    assert!(matches!(world.reserve("R2", 1), Reserved::Exceeds { available: Fen::ZERO, .. }));
}

#[test]
fn a_refund_reported_before_its_payment_counts_once_the_payment_is_known() {
    let mut world = World { store: Store::default(), now: UnixTime::from_secs(1_700_000_000) };
    world.learn(&report("C1", 30, RefundStatus::Success));
    assert_eq!(world.state().order.status, OrderStatus::Unplaced);
    assert_eq!(world.state().payments, []);
    let mut state = world.state();
    state.payments = World::paid(&[100]).state().payments;
    state.recount_refunds(&mut Changes::default(), world.now);
    assert_eq!(state.payments[0].refunded, Fen::new(30));
}

#[test]
fn a_refund_that_was_refused_and_yet_exists_is_reserved_again() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    world.end("R1", refused(true));
    world.learn(&report("R1", 30, RefundStatus::Processing));
    assert_eq!(world.refund("R1").status, RefundStatus::Processing);
    assert_eq!(world.sums(), (30, 0));
    assert!(world.task("R1").is_some());
}

#[test]
fn reports_with_different_amounts_open_one_case_and_the_larger_one_counts() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    for _ in 0..2 {
        world.learn(&report("R1", 20, RefundStatus::Success));
    }
    assert_eq!(world.sums(), (0, 30));
    world.learn(&report("R1", 40, RefundStatus::Success));
    assert_eq!(world.sums(), (0, 40));
    assert_eq!(world.cases().len(), 1);
    assert!(world.case(CaseKind::ContradictoryEvidence).is_open());
}

#[test]
fn a_notification_is_stored_with_what_it_reports_and_duplicates_are_counted() {
    let mut world = World::paid(&[100]);
    let inbox = InboxRow {
        month: 202_311,
        digest: "d".into(),
        result: InboxResult::Accepted,
        merchant: Some(key().merchant),
        kind: Some("refund".into()),
        subject: Some(key().subject()),
        headers: "{}".into(),
        body: "{}".into(),
        received_at: world.now,
        count: 1,
    };
    let learn = LearnRefund {
        key: key(),
        report: report("R1", 30, RefundStatus::Success),
        source: Source::Notification,
        inbox: Some(inbox),
    };
    assert!(world.run(&learn).is_new);
    assert!(!world.run(&learn).is_new);
    let stored = world.store.scan(&Scan::<InboxRow>::of("", 10));
    assert_eq!((stored.len(), stored[0].count), (1, 2));
    assert_eq!(world.events(), [EventType::RefundSucceeded]);
}

#[test]
fn a_query_moves_the_task_of_a_refund_that_is_on_its_way() {
    let mut world = World::paid(&[100]);
    world.reserve("R1", 30);
    let learn = LearnRefund {
        key: key(),
        report: report("R1", 30, RefundStatus::Processing),
        source: Source::Query,
        inbox: None,
    };
    // The reply to the call: the first query stays where it is.
    world.run(&learn);
    assert_eq!(world.task("R1").unwrap().attempts, 0);
    for attempts in 1..=3 {
        world.now = world.task("R1").unwrap().due_at;
        assert!(!world.run(&learn).is_new);
        assert_eq!(world.task("R1").unwrap().attempts, attempts);
        assert!(world.task("R1").unwrap().due_at > world.now);
    }
}

#[test]
fn a_case_is_resolved_once_with_an_event_and_an_audit_entry() {
    let mut world = World::paid(&[100]);
    world.learn(&report("C1", 130, RefundStatus::Success));
    let case = world.case(CaseKind::RefundExceedsPayment);
    let resolve = ResolveCase {
        case_id: case.case_id.clone(),
        subject: case.subject.clone(),
        remedy: Remedy::Accept,
        actor: "key_1".into(),
        note: Some("a gift".into()),
    };
    let ResolvedCase::Resolved(resolved) = world.run(&resolve) else { panic!("must be resolved") };
    assert_eq!(resolved, world.case(CaseKind::RefundExceedsPayment));
    assert_eq!(resolved.note.as_deref(), Some("a gift"));
    assert!(matches!(world.run(&resolve), ResolvedCase::Already(_)));
    let unknown = ResolveCase { case_id: "case_0".into(), ..resolve };
    assert_eq!(world.run(&unknown), ResolvedCase::NotFound);
    assert_eq!(world.events(), [EventType::RefundSucceeded, EventType::CaseOpened, EventType::CaseResolved]);
    let audit = world.store.scan(&Scan::<AuditRow>::of("", 10));
    assert_eq!(audit.len(), 1);
    assert_eq!((audit[0].actor.as_str(), audit[0].subject.as_str()), ("key_1", case.case_id.as_str()));
}
