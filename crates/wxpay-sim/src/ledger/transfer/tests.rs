use super::*;
use crate::ledger::testing::{APPID, Bench, NOW, REQUEST, after, mchid};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn payee() -> OpenId {
    "oPayee".parse().unwrap()
}

fn scope(scene: &str) -> Scope {
    Scope { appid: APPID.parse().unwrap(), openid: payee(), transfer_scene_id: scene.into() }
}

fn new_authorization(number: &str, scene: &str) -> NewAuthorization {
    NewAuthorization {
        out_authorization_no: number.parse().unwrap(),
        scope: scope(scene),
        user_display_name: "wx_123456".into(),
        user_recv_perception: None,
        notify_url: "https://shop.example/allowed".into(),
        request: Some(REQUEST),
        request_serial: None,
    }
}

fn used(id: Option<&str>, number: Option<&str>, scene: &str) -> Payee {
    Payee::Authorized(AuthorizationUse {
        authorization_id: id.map(String::from),
        out_authorization_no: number.map(String::from),
        transfer_scene_id: scene.into(),
    })
}

impl Bench {
    fn send(&mut self, number: &str, payee: Payee) -> Result<(), TransferError> {
        self.send_from(number, APPID, payee)
    }

    fn send_from(&mut self, number: &str, appid: &str, payee: Payee) -> Result<(), TransferError> {
        let new = NewTransfer {
            mchid: mchid(),
            out_bill_no: number.parse().unwrap(),
            appid: appid.into(),
            payee,
            amount: Fen::new(1000),
            user_name: Some(Arc::new(Secret::new("张三".into()))),
            remark: "报销".into(),
            notify_url: None,
            user_qq: None,
            request: REQUEST,
            request_serial: None,
        };
        let (ledger, mut numbers) = self.split();
        ledger.transfer(new, &mut numbers, NOW)
    }

    /// Makes a transfer that waits for confirmation.
    fn waiting(&mut self, number: &str, payee: Payee) {
        self.send(number, payee).unwrap();
        self.ledger.lock_funds(&mchid(), number, DAY, NOW).unwrap();
    }

    /// Makes a transfer that succeeded.
    fn succeeded(&mut self, number: &str) {
        self.waiting(number, Payee::Confirming(payee()));
        assert!(self.confirm(number));
    }

    fn confirm(&mut self, number: &str) -> bool {
        let (ledger, mut numbers) = self.split();
        ledger.confirm_transfer(&mchid(), number, &mut numbers, after(10)).is_some()
    }

    fn apply(&mut self, number: &str, scene: &str) -> Result<(), ScopeTaken> {
        let (ledger, mut numbers) = self.split();
        ledger.apply_authorization(&mchid(), new_authorization(number, scene), DAY, &mut numbers, NOW)
    }

    fn authorize(&mut self, number: &str) -> bool {
        let (ledger, mut numbers) = self.split();
        ledger.confirm_authorization(&mchid(), number, &mut numbers, after(10)).is_some()
    }

    fn transfer(&self, number: &str) -> &Transfer {
        self.ledger.transfers.get(&mchid(), number).unwrap()
    }

    fn authorization(&self, number: &str) -> &Authorization {
        self.ledger.transfers.authorizations.get(&mchid(), number).unwrap()
    }
}

#[test]
fn transfer_is_accepted_then_waits_then_succeeds() {
    let mut bench = Bench::new();
    bench.send("T1", Payee::Confirming(payee())).unwrap();
    assert_eq!(bench.transfer("T1").state, TransferState::Accepted);
    assert!(!bench.confirm("T1"), "the money is not locked");
    assert!(bench.ledger.fail_transfer(&mchid(), "T1", "PAYEE_ACCOUNT_ABNORMAL", NOW).is_none());
    assert!(bench.ledger.lock_funds(&mchid(), "T1", DAY, NOW).is_some());
    assert!(bench.ledger.lock_funds(&mchid(), "T1", DAY, NOW).is_none());
    assert!(bench.confirm("T1"));
    assert_eq!(
        (bench.transfer("T1").state, bench.transfer("T1").updated_at),
        (TransferState::Success, after(10))
    );
    assert!(!bench.confirm("T1"));
}

#[test]
fn transfer_expires_at_the_end_of_its_window_only() {
    let mut bench = Bench::new();
    bench.waiting("T1", Payee::QqWallet(payee()));
    assert!(bench.ledger.expire_transfer(&mchid(), "T1", after(86_399)).is_none());
    assert!(bench.ledger.expire_transfer(&mchid(), "T1", after(86_400)).is_some());
    let transfer = bench.transfer("T1");
    assert_eq!(
        (transfer.state, transfer.fail_reason.as_deref()),
        (TransferState::Fail, Some("OVERDUE_CLOSE"))
    );
}

#[test]
fn transfer_is_cancelled_in_two_steps_unless_it_has_a_final_state() {
    let mut bench = Bench::new();
    assert_eq!(bench.ledger.cancel_transfer(&mchid(), "T1", NOW), Err(CancelError::NoSuchTransfer));
    bench.waiting("T1", Payee::Confirming(payee()));
    assert!(bench.ledger.finish_cancel(&mchid(), "T1", NOW).is_none(), "it was not started");
    assert_eq!(bench.ledger.cancel_transfer(&mchid(), "T1", NOW), Ok(true));
    assert_eq!(bench.ledger.cancel_transfer(&mchid(), "T1", NOW), Ok(false));
    assert!(!bench.confirm("T1"), "it is being cancelled");
    assert!(bench.ledger.finish_cancel(&mchid(), "T1", NOW).is_some());
    assert_eq!(bench.transfer("T1").state, TransferState::Cancelled);
    assert_eq!(bench.ledger.cancel_transfer(&mchid(), "T1", NOW), Ok(false));
    bench.succeeded("T2");
    assert_eq!(bench.ledger.cancel_transfer(&mchid(), "T2", NOW), Err(CancelError::Finished));
}

#[test]
fn transfer_by_authorization_succeeds_or_fails_without_confirmation() {
    let mut bench = Bench::new();
    bench.apply("N1", "1000").unwrap();
    assert!(bench.authorize("N1"));
    for number in ["T1", "T2"] {
        bench.send(number, used(None, Some("N1"), "1000")).unwrap();
    }
    bench.ledger.lock_funds(&mchid(), "T1", DAY, NOW).unwrap();
    bench.ledger.fail_transfer(&mchid(), "T2", "PAYEE_ACCOUNT_ABNORMAL", NOW).unwrap();
    assert_eq!(
        [bench.transfer("T1").state, bench.transfer("T2").state],
        [TransferState::Success, TransferState::Fail]
    );
}

#[test]
fn transfer_uses_an_authorization_of_its_app_and_scene_by_either_number() {
    let mut bench = Bench::new();
    bench.apply("N1", "1000").unwrap();
    bench.apply("N2", "1002").unwrap();
    assert_eq!(bench.send("T1", used(None, Some("N1"), "1000")), Err(TransferError::NotInForce));
    assert!(bench.authorize("N1") && bench.authorize("N2"));
    let drawn = bench.drawn();
    let id = bench.authorization("N1").authorization_id.clone().unwrap();
    let id = Some(id.as_str());
    assert_eq!(bench.send("T1", used(None, Some("N3"), "1000")), Err(TransferError::NoSuchAuthorization));
    assert_eq!(bench.send("T1", used(Some("160000"), None, "1000")), Err(TransferError::NoSuchAuthorization));
    assert_eq!(bench.send("T1", used(id, Some("N2"), "1000")), Err(TransferError::DifferentAuthorizations));
    assert_eq!(bench.send("T1", used(id, None, "1002")), Err(TransferError::OtherScene));
    let other_app = bench.send_from("T1", "wx9999999999999999", used(id, None, "1000"));
    assert_eq!(other_app, Err(TransferError::OtherApp));
    assert_eq!(
        (bench.drawn(), bench.ledger.transfers.len()),
        (drawn, 0),
        "a refused transfer draws no number"
    );
    assert_eq!(bench.send("T1", used(id, Some("N1"), "1000")), Ok(()));
    assert_eq!(bench.transfer("T1").openid.as_str(), "oPayee");
}

#[test]
fn requested_authorization_takes_effect_with_its_transfer_or_closes_with_it() {
    let mut bench = Bench::new();
    let requested = |number: &str| Payee::Authorizing(payee(), Some(new_authorization(number, "1000")));
    bench.waiting("T1", requested("N1"));
    assert_eq!(bench.send("T2", requested("N1")), Err(TransferError::AuthorizationNumberTaken));
    assert!(!bench.authorize("N1"), "it cannot be confirmed alone");
    assert!(bench.confirm("T1"));
    assert_eq!(bench.authorization("N1").state, AuthorizationState::TakingEffect);
    bench.waiting("T2", requested("N2"));
    assert!(bench.confirm("T2"));
    assert_eq!(bench.authorization("N2").state, AuthorizationState::Closed, "another one is in force");
    bench.waiting("T3", requested("N3"));
    bench.ledger.fail_transfer(&mchid(), "T3", "PAYEE_ACCOUNT_ABNORMAL", NOW).unwrap();
    assert_eq!(bench.authorization("N3").closed.unwrap().1, CloseReason::UserOverdueUnconfirmed);
}

#[test]
fn scope_has_one_authorization_at_a_time() {
    let mut bench = Bench::new();
    bench.apply("N1", "1000").unwrap();
    assert_eq!(bench.apply("N2", "1000"), Err(ScopeTaken));
    assert_eq!(bench.apply("N2", "1002"), Ok(()));
    assert!(bench.authorize("N1"));
    assert_eq!(bench.apply("N3", "1000"), Err(ScopeTaken));
    assert!(bench.ledger.end_authorization(&mchid(), "N1", CloseReason::UserClose, NOW).is_some());
    assert_eq!(bench.apply("N3", "1000"), Ok(()));
}

#[test]
fn unconfirmed_authorization_expires_and_is_kept_for_thirty_days() {
    let mut bench = Bench::new();
    bench.apply("N1", "1000").unwrap();
    bench.ledger.expire_authorization(&mchid(), "N1", after(86_399));
    assert_eq!(bench.authorization("N1").state, AuthorizationState::WaitUserConfirm);
    bench.ledger.expire_authorization(&mchid(), "N1", after(86_400));
    assert_eq!(bench.authorization("N1").state, AuthorizationState::Closed);
    assert!(!bench.authorize("N1"));
    assert!(bench.authorization("N1").is_kept(after(31 * 86_400)));
    assert!(!bench.authorization("N1").is_kept(after(31 * 86_400 + 1)));
}

#[test]
fn merchant_closes_an_authorization_that_nobody_else_closed() {
    let mut bench = Bench::new();
    let missing = CloseAuthorizationError::NoSuchAuthorization;
    assert_eq!(bench.ledger.close_authorization(&mchid(), "N1", NOW).err(), Some(missing));
    bench.apply("N1", "1000").unwrap();
    assert!(bench.ledger.close_authorization(&mchid(), "N1", NOW).unwrap().is_none(), "it was not in force");
    assert_eq!(bench.authorization("N1").closed, Some((NOW, CloseReason::CloseViaMchApi)));
    bench.apply("N2", "1000").unwrap();
    assert!(bench.authorize("N2"));
    assert!(bench.ledger.close_authorization(&mchid(), "N2", NOW).unwrap().is_some());
    assert!(bench.ledger.close_authorization(&mchid(), "N2", NOW).unwrap().is_none(), "it has no effect");
    bench.apply("N3", "1000").unwrap();
    assert!(bench.ledger.refuse_authorization(&mchid(), "N3", NOW));
    assert!(!bench.ledger.refuse_authorization(&mchid(), "N3", NOW));
    let otherwise = CloseAuthorizationError::ClosedOtherwise;
    assert_eq!(bench.ledger.close_authorization(&mchid(), "N3", NOW).err(), Some(otherwise));
}

#[test]
fn receipt_is_generated_once_while_it_is_kept() {
    let mut bench = Bench::new();
    let apply =
        |bench: &mut Bench, days: u64| bench.ledger.apply_receipt(&mchid(), "T1", after(days * 86_400));
    assert_eq!(apply(&mut bench, 0), Err(ReceiptError::NoSuchTransfer));
    bench.waiting("T1", Payee::Confirming(payee()));
    assert_eq!(apply(&mut bench, 0), Err(ReceiptError::NotPaid));
    assert!(bench.confirm("T1"));
    assert_eq!([apply(&mut bench, 0), apply(&mut bench, 0)], [Ok(true), Ok(false)]);
    assert!(bench.ledger.finish_receipt(&mchid(), "T1", Some("DATA_LOST"), NOW));
    assert!(!bench.ledger.finish_receipt(&mchid(), "T1", None, NOW), "it failed");
    assert_eq!(apply(&mut bench, 0), Ok(true), "a failed one is requested again");
    assert!(bench.ledger.finish_receipt(&mchid(), "T1", None, NOW));
    assert_eq!([apply(&mut bench, 90), apply(&mut bench, 91)], [Ok(false), Ok(true)]);
    assert!(bench.ledger.finish_receipt(&mchid(), "T1", None, after(91 * 86_400)));
    assert!(bench.transfer("T1").receipt(after(182 * 86_400)).is_none());
    assert_eq!(apply(&mut bench, 184), Err(ReceiptError::TooOld));
}

#[test]
fn receipt_requires_a_named_payee() {
    let mut bench = Bench::new();
    bench.succeeded("T1");
    bench.ledger.transfers.get_mut(&mchid(), "T1").unwrap().user_name = None;
    assert_eq!(bench.ledger.apply_receipt(&mchid(), "T1", NOW), Err(ReceiptError::Unnamed));
}

#[test]
fn oldest_finished_transfer_is_forgotten_first_then_the_oldest() {
    let mut bench = Bench::new();
    for number in ["T1", "T2", "T3"] {
        bench.waiting(number, Payee::Confirming(payee()));
    }
    assert!(bench.confirm("T3") && bench.confirm("T2"));
    let id = bench.transfer("T2").transfer_bill_no.to_string();
    let mut forget = |max| {
        let forgotten = bench.ledger.transfers.forget_beyond(max);
        forgotten.into_iter().map(|(_, number)| number.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        [forget(3), forget(2), forget(1), forget(0)],
        [vec![], vec![String::from("T2")], vec![String::from("T3")], vec![String::from("T1")]]
    );
    assert!(bench.ledger.transfers.by_id(&mchid(), &id).is_none());
    assert!(bench.ledger.expire_transfer(&mchid(), "T1", after(86_400)).is_none());
}

#[test]
fn unconfirmed_authorization_is_forgotten_with_its_transfer() {
    let mut bench = Bench::new();
    for (bill, number, scene) in [("T1", "N1", "1000"), ("T2", "N2", "1002")] {
        bench.waiting(bill, Payee::Authorizing(payee(), Some(new_authorization(number, scene))));
    }
    assert!(bench.confirm("T2"));
    assert_eq!(bench.ledger.transfers.forget_beyond(0).len(), 2);
    let authorizations = &bench.ledger.transfers.authorizations;
    assert_eq!((authorizations.len(), authorizations.get(&mchid(), "N1").is_none()), (1, true));
}

#[test]
fn oldest_closed_authorization_is_forgotten_first_then_the_oldest() {
    let mut bench = Bench::new();
    for (number, scene) in [("N1", "1000"), ("N2", "1002"), ("N3", "1005")] {
        bench.apply(number, scene).unwrap();
    }
    assert!(bench.authorize("N1") && bench.authorize("N2"));
    let id = bench.authorization("N2").authorization_id.clone().unwrap();
    bench.ledger.close_authorization(&mchid(), "N2", NOW).unwrap();
    let mut forget = |max| {
        let forgotten = bench.ledger.transfers.authorizations.forget_beyond(max);
        forgotten.into_iter().map(|(_, number)| number.to_string()).collect::<Vec<_>>()
    };
    assert_eq!([forget(2), forget(1)], [vec![String::from("N2")], vec![String::from("N1")]]);
    let authorizations = &bench.ledger.transfers.authorizations;
    assert!(authorizations.by_id(&mchid(), id.as_str()).is_none());
    assert_eq!((authorizations.len(), authorizations.get(&mchid(), "N3").is_some()), (1, true));
}

#[test]
fn transfer_leaves_a_later_authorization_with_the_number_of_its_own_alone() {
    let mut bench = Bench::new();
    for bill in ["T1", "T2"] {
        bench.waiting(bill, Payee::Authorizing(payee(), Some(new_authorization("N1", "1000"))));
        assert_eq!(bench.ledger.transfers.authorizations.forget_beyond(0).len(), 1);
    }
    bench.apply("N1", "1000").unwrap();
    assert!(bench.confirm("T1"));
    assert!(bench.ledger.fail_transfer(&mchid(), "T2", "PAYEE_ACCOUNT_ABNORMAL", NOW).is_some());
    assert_eq!(bench.authorization("N1").state, AuthorizationState::WaitUserConfirm);
}
