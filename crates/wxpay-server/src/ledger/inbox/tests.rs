use super::*;
use crate::{
    engine::model::Store,
    ledger::{
        Scan, Subject, SubjectKind,
        case::OpenCase,
        rows::{
            case::{CaseKind, CaseRow},
            event::OutboxRow,
            inbox::InboxResult,
        },
    },
};
use serde_json::json;
use wxpay_proto::UnixTime;

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

fn inbox() -> InboxRow {
    InboxRow {
        month: 202_311,
        digest: "d".into(),
        result: InboxResult::Unreadable,
        merchant: None,
        kind: None,
        subject: None,
        headers: "{}".into(),
        body: "<xml/>".into(),
        received_at: NOW,
        count: 1,
    }
}

#[test]
fn a_notification_is_stored_once_and_counted() {
    let mut store = Store::default();
    let record = RecordNotification { inbox: inbox() };
    for count in 1..=3 {
        let later = Context { now: NOW, random: count };
        assert_eq!(store.run(&record, &later).unwrap(), InboxRow { count, ..inbox() });
    }
    assert_eq!(store.scan(&Scan::<InboxRow>::of("", 10)).len(), 1);
}

#[test]
fn an_unreadable_notification_opens_one_case() {
    let mut store = Store::default();
    let open = OpenCase {
        subject: Subject::new(SubjectKind::Merchant, "shop1".parse().unwrap(), "shop1"),
        kind: CaseKind::UnreadableNotification,
        cause: "d".into(),
        data: json!({ "digest": "d" }),
        inbox: Some(inbox()),
    };
    let first = store.run(&open, &Context { now: NOW, random: 0 }).unwrap();
    let again = store.run(&open, &Context { now: NOW, random: 1 }).unwrap();
    assert_eq!(first, again);
    assert_eq!(store.scan(&Scan::<CaseRow>::of("", 10)), [first]);
    assert_eq!(store.scan(&Scan::<OutboxRow>::of("", 10)).len(), 1);
    assert_eq!(store.scan(&Scan::<InboxRow>::of("", 10))[0].count, 2);
}
