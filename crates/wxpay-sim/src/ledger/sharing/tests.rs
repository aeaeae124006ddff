use super::*;
use crate::ledger::testing::{Bench, REQUEST, after, mchid, transaction_id};

const SHOP: &str = "1900000109";

fn new(number: &str, order: &str) -> NewSharing {
    NewSharing { out_order_no: number.into(), transaction_id: transaction_id(order), request: REQUEST }
}

fn receiver(account: &str) -> ReceiverRecord {
    let (kind, account) = (MERCHANT_ID.into(), account.into());
    ReceiverRecord { mchid: mchid(), sub_mchid: None, kind, account }
}

fn amount(account: &str, fen: u64) -> NewReceiverAmount {
    NewReceiverAmount {
        kind: MERCHANT_ID.into(),
        account: account.into(),
        name: None,
        amount: Fen::new(fen),
        description: "分给".into(),
    }
}

/// Returns a bench with a paid order of 10 yuan and one receiver.
fn bench() -> (Bench, OrderKey) {
    let mut bench = Bench::new();
    let key = bench.paid("A1", true);
    bench.ledger.add_receiver(receiver(SHOP), Some("hash".into()));
    (bench, key)
}

impl Bench {
    fn share_at(&mut self, key: &OrderKey, number: &str, fen: u64, at: u64) -> Result<(), ShareError> {
        let (ledger, mut numbers) = self.split();
        ledger.share(key, new(number, "A1"), vec![amount(SHOP, fen)], None, &mut numbers, after(at))
    }

    fn share(&mut self, key: &OrderKey, number: &str, fen: u64) -> Result<(), ShareError> {
        self.share_at(key, number, fen, 60)
    }

    fn share_with(&mut self, key: &OrderKey, amount: NewReceiverAmount) -> Result<(), ShareError> {
        let (ledger, mut numbers) = self.split();
        ledger.share(key, new("P1", "A1"), vec![amount], None, &mut numbers, after(60))
    }

    fn unfreeze(&mut self, key: &OrderKey, number: &str) -> Result<(), ShareError> {
        let (ledger, mut numbers) = self.split();
        ledger.unfreeze(key, new(number, "A1"), "解冻", &mut numbers, after(60))
    }

    fn give_back(&mut self, number: &str, account: &str, fen: u64) -> Result<(), ReturnError> {
        let (ledger, mut numbers) = self.split();
        let new = NewReturn {
            out_return_no: number.into(),
            return_mchid: account.into(),
            amount: Fen::new(fen),
            description: "退回".into(),
            request: REQUEST,
        };
        ledger.return_share(&mchid(), "P1", new, &mut numbers, after(70))
    }

    fn unsplit(&self, key: &OrderKey) -> u64 {
        self.ledger.unsplit(self.ledger.order(key).unwrap(), after(60)).get()
    }
}

#[test]
fn payment_is_shared_from_one_minute_to_thirty_days_after_it() {
    let (mut bench, key) = bench();
    assert_eq!(bench.share_at(&key, "P1", 1, 59), Err(ShareError::TooEarly));
    assert_eq!(bench.share_at(&key, "P1", 1, 30 * 86_400 + 1), Err(ShareError::TooLate));
    assert_eq!(bench.share_at(&key, "P1", 1, 60), Ok(()));
    assert_eq!(bench.share_at(&key, "P2", 1, 30 * 86_400), Ok(()));
}

#[test]
fn share_of_an_order_that_did_not_request_it_is_refused() {
    let (mut bench, _) = bench();
    let key = bench.paid("B1", false);
    assert_eq!(bench.share(&key, "P1", 1), Err(ShareError::NotForSharing));
    let unknown = (mchid(), "B2".parse().unwrap());
    assert_eq!(bench.share(&unknown, "P1", 1), Err(ShareError::NoSuchOrder));
    let unpaid = bench.order("B3", true, None);
    assert_eq!(bench.share(&unpaid, "P1", 1), Err(ShareError::TooEarly));
}

#[test]
fn refused_share_draws_no_number_and_changes_nothing() {
    let (mut bench, key) = bench();
    assert_eq!(bench.share(&key, "P1", 301), Err(ShareError::ExceedsRatio));
    assert_eq!((bench.drawn(), bench.ledger.sharings.len(), bench.unsplit(&key)), (0, 0, 1000));
}

#[test]
fn receivers_get_at_most_thirty_percent_and_an_order_fifty_sharings() {
    let (mut bench, key) = bench();
    for number in 0..50 {
        assert_eq!(bench.share(&key, &format!("P{number}"), 6), Ok(()));
        assert_eq!(
            bench.share(&key, "Q1", 301),
            Err(if number < 49 { ShareError::ExceedsRatio } else { ShareError::TooMany })
        );
    }
}

#[test]
fn share_beyond_the_frozen_amount_is_refused() {
    let (mut bench, key) = bench();
    // The merchant's own amount does not count for the ratio.
    assert_eq!(bench.share_with(&key, amount(mchid().as_str(), 1001)), Err(ShareError::ExceedsUnsplit));
    assert_eq!(bench.share_with(&key, amount(mchid().as_str(), 1000)), Ok(()));
    assert_eq!(bench.unsplit(&key), 0);
}

#[test]
fn receiver_is_known_by_account_and_name_until_removed() {
    let (mut bench, key) = bench();
    assert_eq!(bench.share_with(&key, amount("1900000110", 1)), Err(ShareError::UnknownReceiver));
    let named = |name: &str| NewReceiverAmount { name: Some(name.into()), ..amount(SHOP, 1) };
    assert_eq!(bench.share_with(&key, named("other")), Err(ShareError::OtherName));
    assert_eq!(bench.share_with(&key, named("hash")), Ok(()));
    bench.ledger.add_receiver(receiver(SHOP), None);
    assert_eq!(bench.share_with(&key, named("other")), Ok(()), "it was added without a name");
    bench.ledger.remove_receiver(&receiver(SHOP));
    assert_eq!(bench.share_with(&key, amount(SHOP, 1)), Err(ShareError::UnknownReceiver));
    assert_eq!(bench.ledger.sharings.receivers.len(), 0);
}

#[test]
fn receiver_of_a_sub_merchant_is_another_one() {
    let (mut bench, _) = bench();
    let key = bench.paid_of("C1", true, Some("1900000200"));
    assert_eq!(bench.share_with(&key, amount(SHOP, 1)), Err(ShareError::UnknownReceiver));
    assert_eq!(bench.share_with(&key, amount("1900000200", 1)), Ok(()), "it owns the payment");
}

#[test]
fn unfreeze_gives_the_rest_to_the_merchant_and_ends_sharing() {
    let (mut bench, key) = bench();
    bench.share(&key, "P1", 300).unwrap();
    assert_eq!(bench.unfreeze(&key, "U1"), Ok(()));
    let rest = &bench.ledger.sharings.get(&mchid(), "U1").unwrap().details[0];
    assert_eq!(
        (rest.amount(), rest.record.account.as_str(), rest.is_merchant),
        (Fen::new(700), "1900000001", true)
    );
    assert_eq!(bench.unsplit(&key), 0);
    assert_eq!(bench.share(&key, "P2", 1), Err(ShareError::Unfrozen));
    assert_eq!(bench.unfreeze(&key, "U2"), Err(ShareError::Unfrozen));
}

#[test]
fn last_share_unfreezes_the_rest_with_it() {
    let (mut bench, key) = bench();
    let (ledger, mut numbers) = bench.split();
    let receivers = vec![amount(SHOP, 100)];
    ledger.share(&key, new("P1", "A1"), receivers, Some("解冻"), &mut numbers, after(60)).unwrap();
    let sharing = bench.ledger.sharings.get(&mchid(), "P1").unwrap();
    let amounts: Vec<u64> = sharing.details.iter().map(|detail| detail.amount().get()).collect();
    assert_eq!((amounts, sharing.unfreezes_rest), (vec![100, 900], true));
}

#[test]
fn finished_share_is_journalled_once_and_a_closed_amount_is_frozen_again() {
    let (mut bench, key) = bench();
    bench.share(&key, "P1", 100).unwrap();
    bench.share(&key, "P2", 100).unwrap();
    let reason = SharingDetailFailure::NoRelation;
    assert!(bench.ledger.close_receiver_amount(&mchid(), "P2", SHOP, reason));
    assert!(!bench.ledger.close_receiver_amount(&mchid(), "P2", SHOP, reason), "it is set already");
    for number in ["P1", "P2"] {
        assert!(bench.ledger.finish_sharing(&mchid(), number, after(63)).is_some());
        assert!(bench.ledger.finish_sharing(&mchid(), number, after(64)).is_none());
    }
    let closed = &bench.ledger.sharings.get(&mchid(), "P2").unwrap().details[0].record;
    assert_eq!((closed.result, closed.fail_reason), (SharingDetailResult::Closed, Some(reason)));
    assert_eq!(bench.unsplit(&key), 900);
    let day = crate::time::yyyymmdd(after(63));
    assert_eq!(bench.ledger.journal.entries(&day, &mchid()).count(), 2, "the payment and one amount");
}

#[test]
fn return_is_limited_to_what_its_receiver_got() {
    let (mut bench, key) = bench();
    assert_eq!(bench.give_back("R1", SHOP, 1), Err(ReturnError::NoSuchSharing));
    bench.share(&key, "P1", 100).unwrap();
    assert_eq!(bench.give_back("R1", SHOP, 1), Err(ReturnError::Unfinished));
    bench.ledger.finish_sharing(&mchid(), "P1", after(63)).unwrap();
    assert_eq!(bench.give_back("R1", "1900000110", 1), Err(ReturnError::NotAReceiver));
    assert_eq!(bench.give_back("R1", SHOP, 101), Err(ReturnError::ExceedsReceived));
    assert_eq!(bench.give_back("R1", SHOP, 60), Ok(()));
    assert_eq!(bench.give_back("R2", SHOP, 41), Err(ReturnError::ExceedsReceived));
}

#[test]
fn failed_return_leaves_the_money_with_the_receiver() {
    let (mut bench, key) = bench();
    bench.share(&key, "P1", 100).unwrap();
    bench.ledger.finish_sharing(&mchid(), "P1", after(63)).unwrap();
    for number in ["R1", "R2"] {
        bench.give_back(number, SHOP, 50).unwrap();
    }
    bench.ledger.fail_return(&mchid(), "R1", ReturnFailure::BalanceNotEnough).unwrap();
    assert!(bench.ledger.finish_return(&mchid(), "R1", after(73)).is_none());
    assert_eq!(bench.ledger.sharings.held_by_receivers(&key), 100);
    assert!(bench.ledger.finish_return(&mchid(), "R2", after(73)).is_some());
    assert_eq!(bench.ledger.sharings.held_by_receivers(&key), 50);
    assert!(bench.ledger.fail_return(&mchid(), "R2", ReturnFailure::BalanceNotEnough).is_none());
    assert_eq!(bench.give_back("R3", SHOP, 50), Ok(()), "a failed return does not count");
}
