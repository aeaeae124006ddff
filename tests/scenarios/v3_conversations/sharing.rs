//! Profit sharing: receivers, sharing, returns, unfreezing.

use super::{
    certificate_merchant, number, setting,
    shop::{Shop, sensitive},
};
use wxpay_proto::{
    ErrorKind, Fate, Fen,
    error::PendingOperation,
    id::{MchId, OpenId, OutOrderNo, OutReturnNo, TransactionId},
    v3::{
        Event, Notification, Party, Resolved,
        pay::NativeOrder,
        profitsharing::{
            Account, AddReceiver, CreateProfitSharing, DeleteReceiver, ProfitSharing, ProfitSharingLookup,
            ProfitSharingNotification, QueryMaxRatio, QueryProfitSharing, QueryProfitSharingReturn,
            QueryUnsplitAmount, ReceiverAmount, RelationType, Remainder, ReturnProfitSharing, SharingState,
            UnfreezeRemainder,
            profit_sharing::{FailReason, PartResult},
            returns::{self, ReturnResult},
        },
        refund,
    },
};
use wxpay_sim::ledger::v3::{ReturnFailure, SharingDetailFailure};
use wxpay_testkit::network::v3;

fn supplier() -> MchId {
    "1900000109".parse().unwrap()
}

fn person() -> OpenId {
    "oX99MDgNcgwnz3zFN3DNmo8uwa-w".parse().unwrap()
}

fn sharing_no(text: &str) -> OutOrderNo {
    text.parse().unwrap()
}

fn return_no(text: &str) -> OutReturnNo {
    text.parse().unwrap()
}

/// Places an order of 100.00 yuan with profit sharing, paid two minutes ago, and adds a merchant and a person as receivers.
fn paid(shop: &mut Shop, party: &Party) -> TransactionId {
    let order = shop.order(&number(1), 10_000).party(party.clone()).profit_sharing(true);
    shop.call(NativeOrder::new(order.build().unwrap()));
    let paid = shop.pay(&number(1));
    let appid = shop.appid();
    for (account, relation) in
        [(Account::Merchant(supplier()), RelationType::Supplier), (person_of(party), RelationType::Staff)]
    {
        let add = AddReceiver::new(appid.clone(), party.clone(), account, relation).unwrap();
        shop.call(add.name(sensitive("某某")));
    }
    assert_eq!(shop.heard().len(), 1);
    shop.wait(120);
    paid
}

fn person_of(party: &Party) -> Account {
    match party {
        Party::Direct => Account::PersonalOpenid(person()),
        Party::Partner { .. } => Account::PersonalSubOpenid(person()),
    }
}

/// Shares 10.00 yuan with the merchant and 5.00 with the person.
fn create(shop: &Shop, party: &Party, paid: &TransactionId, out_order_no: &str) -> CreateProfitSharing {
    let portions = vec![
        ReceiverAmount::new(Account::Merchant(supplier()), Fen::new(1000), "货款").name(sensitive("某某")),
        ReceiverAmount::new(person_of(party), Fen::new(500), "佣金").name(sensitive("某某")),
    ];
    let number = sharing_no(out_order_no);
    CreateProfitSharing::new(
        shop.appid(),
        party.clone(),
        paid.clone(),
        number,
        portions,
        Remainder::KeepFrozen,
    )
    .unwrap()
}

fn query(shop: &mut Shop, party: &Party, paid: &TransactionId, out_order_no: &str) -> ProfitSharing {
    match shop.call(QueryProfitSharing::new(party.clone(), paid.clone(), sharing_no(out_order_no))) {
        ProfitSharingLookup::Found(sharing) => *sharing,
        ProfitSharingLookup::NotFound => panic!("the profit sharing order must be found"),
    }
}

fn unsplit_amount(shop: &mut Shop, paid: &TransactionId) -> Fen {
    shop.call(QueryUnsplitAmount::of(paid.clone()))
}

fn profit_sharing_event(notification: &Notification) -> ProfitSharingNotification {
    match notification.event().unwrap() {
        Event::ProfitSharing(moved) | Event::ProfitSharingReturn(moved) => *moved,
        other => panic!("{other:?}"),
    }
}

/// Runs a complete conversation in one mode: sharing, notifications, queries, a return, unfreezing, refunds.
fn run(shop: &mut Shop, party: &Party) {
    let paid = paid(shop, party);
    assert_eq!(unsplit_amount(shop, &paid), Fen::new(10_000));
    let asked = create(shop, party, &paid, "P1");
    let begun = shop.call(asked);
    assert_eq!(begun.state, SharingState::Processing);
    assert_eq!(begun.sub_mchid.as_ref(), party.sub_mchid());
    let told: Vec<ProfitSharingNotification> = shop.heard().iter().map(profit_sharing_event).collect();
    let accounts: Vec<_> = told.iter().map(|moved| (&moved.account, moved.amount)).collect();
    let (merchant, somebody) = (Account::Merchant(supplier()), person_of(party));
    assert_eq!(accounts, [(&merchant, Fen::new(1000)), (&somebody, Fen::new(500))]);
    assert!(told.iter().all(|moved| moved.order_id == begun.order_id && moved.transaction_id == paid));
    assert!(told.iter().all(|moved| moved.sub_mchid.as_ref() == party.sub_mchid()));

    let done = query(shop, party, &paid, "P1");
    assert_eq!((&done.state, &done.order_id), (&SharingState::Finished, &begun.order_id));
    assert!(
        done.receivers.iter().all(|part| part.result == PartResult::Success && part.finish_time.is_some())
    );
    assert_eq!(unsplit_amount(shop, &paid), Fen::new(8500));

    let back = ReturnProfitSharing::new(
        party.clone(),
        sharing_no("P1"),
        return_no("R1"),
        supplier(),
        Fen::new(400),
        "退货",
    );
    let begun = shop.call(back.unwrap());
    assert_eq!(begun.result, ReturnResult::Processing);
    let told: Vec<ProfitSharingNotification> = shop.heard().iter().map(profit_sharing_event).collect();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].amount, &told[0].order_id), (Fen::new(400), &begun.return_id));
    let asked = QueryProfitSharingReturn::new(party.clone(), sharing_no("P1"), return_no("R1"));
    let returns::ReturnLookup::Found(back) = shop.call(asked) else { panic!("the return must be found") };
    assert_eq!((back.result, back.amount), (ReturnResult::Success, Fen::new(400)));
    let asked = QueryProfitSharingReturn::new(party.clone(), sharing_no("P1"), return_no("R2"));
    assert_eq!(shop.call(asked), returns::ReturnLookup::NotFound);

    let rest = UnfreezeRemainder::new(party.clone(), paid.clone(), sharing_no("U1"), "完结").unwrap();
    let rest = shop.call(rest);
    assert_eq!(rest.receivers.iter().map(|part| part.amount).collect::<Vec<_>>(), [Fen::new(8500)]);
    shop.heard();
    assert_eq!(query(shop, party, &paid, "U1").state, SharingState::Finished);
    assert_eq!(unsplit_amount(shop, &paid), Fen::ZERO);
    let late = create(shop, party, &paid, "P2");
    assert_eq!(shop.call_err(late).fate(), Fate::Refused);

    // The receivers still have 11.00 yuan.
    let refund = |number: &str, fen| {
        let refund = refund::CreateRefund::builder(
            paid.clone(),
            number.parse().unwrap(),
            Fen::new(fen),
            Fen::new(10_000),
        );
        refund.party(party.clone()).build().unwrap()
    };
    let error = shop.call_err(refund("F1", 8901));
    assert_eq!(error.refusal().unwrap().code, wxpay_proto::refusal::Code::NOT_ENOUGH);
    assert_eq!(shop.call(refund("F1", 8900)).amount.refund, Fen::new(8900));
}

/// Runs the conversation for a direct merchant with certificates, and for a partner with the public key.
pub(super) fn conversations() -> [Shop; 2] {
    let (lab, wire) = setting();
    let me = certificate_merchant(&wire);
    let mut own = Shop { lab, wire, me };
    run(&mut own, &Party::Direct);
    let delete = DeleteReceiver::new(own.appid(), Party::Direct, person_of(&Party::Direct)).unwrap();
    own.call(delete.clone());
    own.call(delete);
    let mut provider = Shop::open();
    let partner = provider.partner();
    run(&mut provider, &partner);
    let sub_mchid = provider.sub_mchid();
    assert_eq!(provider.call(QueryMaxRatio::of(sub_mchid)), 3000);
    [own, provider]
}

#[test]
fn payment_is_shared_partly_returned_and_unfrozen_in_both_modes() {
    for mut shop in conversations() {
        let now = shop.lab.now;
        let records = shop.wire.gateway.sharings(now);
        assert_eq!(
            records.iter().map(|record| record.out_order_no.as_str()).collect::<Vec<_>>(),
            ["P1", "U1"]
        );
        assert_eq!(records[0].returns.len(), 1);
    }
}

#[test]
fn profit_sharing_with_lost_replies_is_resolved_and_idempotent_by_number() {
    let mut shop = Shop::open();
    let paid = paid(&mut shop, &Party::Direct);
    shop.lose_replies("v3.profitsharing.create");
    let asked = create(&shop, &Party::Direct, &paid, "P1");
    let mut error = shop.call_err(asked.clone());
    assert_eq!(error.fate(), Fate::Unknown);
    let pending_operation = error.unresolved().unwrap();
    let owed = PendingOperation::ProfitSharing {
        transaction_id: paid.clone(),
        out_order_no: sharing_no("P1"),
        sub_mchid: None,
    };
    assert_eq!(pending_operation.pending_operation(), &owed);
    let Ok(Resolved::ProfitSharing(settled)) = shop.run(shop.me.resolve(pending_operation)) else {
        panic!("must resolve to the existing operation")
    };
    shop.wire.gateway.clear_faults();
    shop.wait(10);
    // The names are encrypted again: other bytes, the same content.
    let again = shop.call(asked);
    assert_eq!((&again.order_id, &again.state), (&settled.order_id, &SharingState::Finished));
    assert_eq!(unsplit_amount(&mut shop, &paid), Fen::new(8500), "the payment must be shared once");
    let now = shop.lab.now;
    assert_eq!(shop.wire.gateway.sharings(now).len(), 1);
}

#[test]
fn return_with_lost_replies_is_resolved_by_query() {
    let mut shop = Shop::open();
    let paid = paid(&mut shop, &Party::Direct);
    let asked = create(&shop, &Party::Direct, &paid, "P1");
    shop.call(asked);
    shop.wait(10);
    shop.lose_replies("v3.profitsharing.return");
    let back = ReturnProfitSharing::new(
        Party::Direct,
        sharing_no("P1"),
        return_no("R1"),
        supplier(),
        Fen::new(1000),
        "退货",
    )
    .unwrap();
    let mut error = shop.call_err(back.clone());
    let pending_operation = error.unresolved().unwrap();
    let Ok(Resolved::ProfitSharingReturn(settled)) = shop.run(shop.me.resolve(pending_operation)) else {
        panic!("must resolve to the existing operation")
    };
    shop.wire.gateway.clear_faults();
    assert_eq!(shop.call(back).return_id, settled.return_id);
}

#[test]
fn profit_sharing_lost_in_transit_resolves_to_not_found() {
    let mut shop = Shop::open();
    let paid = paid(&mut shop, &Party::Direct);
    let operation = wxpay_sim::faults::Operation::from_name("v3.profitsharing.create").unwrap();
    let lost = wxpay_sim::faults::FaultRule::new(wxpay_sim::faults::Fault::DropBeforeCommit)
        .for_operation(operation);
    shop.wire.gateway.inject(lost);
    let asked = create(&shop, &Party::Direct, &paid, "P1");
    let pending_operation = shop.call_err(asked).unresolved().unwrap();
    assert_eq!(shop.run(shop.me.resolve(pending_operation)).unwrap(), Resolved::NotFound);
    assert_eq!(unsplit_amount(&mut shop, &paid), Fen::new(10_000));
}

#[test]
fn profit_sharing_number_with_other_content_is_refused() {
    let mut shop = Shop::open();
    let paid = paid(&mut shop, &Party::Direct);
    let asked = create(&shop, &Party::Direct, &paid, "P1");
    shop.call(asked);
    let other = vec![ReceiverAmount::new(Account::Merchant(supplier()), Fen::new(999), "货款")];
    let other = CreateProfitSharing::new(
        shop.appid(),
        Party::Direct,
        paid.clone(),
        sharing_no("P1"),
        other,
        Remainder::Unfreeze,
    )
    .unwrap();
    let error = shop.call_err(other);
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::Refused));
    assert_eq!(error.refusal().unwrap().internal_number(), Some(268_498_688));
    assert_eq!(unsplit_amount(&mut shop, &paid), Fen::new(8500));
}

#[test]
fn failed_amounts_and_returns_have_typed_reasons() {
    let mut shop = Shop::open();
    let paid = paid(&mut shop, &Party::Direct);
    let asked = create(&shop, &Party::Direct, &paid, "P1");
    shop.call(asked);
    let (mchid, now) = (shop.me.mchid().clone(), shop.lab.now);
    let gateway = &mut shop.wire.gateway;
    let person = person();
    for reason in SharingDetailFailure::ALL {
        let told: FailReason = serde_json::from_value(reason.as_str().into()).unwrap();
        assert!(!matches!(told, FailReason::Other(_)), "{told:?}");
    }
    let reason = SharingDetailFailure::ReceiverReceiptLimit;
    assert!(gateway.close_receiver_amount(&mchid, "P1", person.as_str(), reason, now).is_some());
    shop.wait(10);
    let done = query(&mut shop, &Party::Direct, &paid, "P1");
    let results: Vec<_> = done.receivers.into_iter().map(|part| (part.result, part.fail_reason)).collect();
    let closed = (PartResult::Closed, Some(FailReason::ReceiverReceiptLimit));
    assert_eq!(results, [(PartResult::Success, None), closed]);
    assert_eq!(unsplit_amount(&mut shop, &paid), Fen::new(9000));

    let back = ReturnProfitSharing::new(
        Party::Direct,
        sharing_no("P1"),
        return_no("R1"),
        supplier(),
        Fen::new(1000),
        "退货",
    )
    .unwrap();
    shop.call(back);
    let now = shop.lab.now;
    for reason in ReturnFailure::ALL {
        let told: returns::FailReason = serde_json::from_value(reason.as_str().into()).unwrap();
        assert!(!matches!(told, returns::FailReason::Other(_)), "{told:?}");
    }
    let reason = ReturnFailure::BalanceNotEnough;
    assert!(shop.wire.gateway.fail_return(&mchid, "R1", reason, now).is_some());
    shop.wait(10);
    let asked = QueryProfitSharingReturn::new(Party::Direct, sharing_no("P1"), return_no("R1"));
    let returns::ReturnLookup::Found(back) = shop.call(asked) else { panic!("the return must be found") };
    let failed = (ReturnResult::Failed, Some(returns::FailReason::BalanceNotEnough));
    assert_eq!((back.result, back.fail_reason), failed);
}

#[test]
fn receiver_is_notified_with_its_own_api_v3_key() {
    let mut shop = Shop::open();
    let paid = paid(&mut shop, &Party::Direct);
    let known = shop.wire.gateway.new_merchant();
    let receiver = v3::builder(&shop.wire.gateway, &known).build();
    let account = Account::Merchant(known.mchid().clone());
    let appid = shop.appid();
    let add = AddReceiver::new(appid.clone(), Party::Direct, account.clone(), RelationType::Partner).unwrap();
    shop.call(add.name(sensitive("某某")));
    let url = "https://receiver.example/notify";
    shop.wire.gateway.merchant_mut(known.mchid()).unwrap().set_sharing_notify_url(Some(url.into()));
    let portions = vec![ReceiverAmount::new(account.clone(), Fen::new(700), "货款")];
    let asked = CreateProfitSharing::new(
        appid,
        Party::Direct,
        paid.clone(),
        sharing_no("P1"),
        portions,
        Remainder::KeepFrozen,
    )
    .unwrap();
    shop.call(asked);
    shop.wait(3);
    let due = shop.wire.gateway.due_deliveries(shop.lab.now);
    let (theirs, mine): (Vec<_>, Vec<_>) = due.into_iter().partition(|delivery| delivery.url() == url);
    assert_eq!((theirs.len(), mine.len()), (1, 1));
    assert!(
        shop.run(shop.me.verify_notification(v3::received(&theirs[0]))).is_err(),
        "the receiver's notification must not decrypt with the shop's key"
    );
    for (merchant, delivery) in [(receiver, &theirs[0]), (shop.me.clone(), &mine[0])] {
        let notification = shop.run(merchant.verify_notification(v3::received(delivery))).unwrap();
        assert_eq!(notification.event_type(), "PROFITSHARING.SUCCESS");
        let moved = profit_sharing_event(&notification);
        assert_eq!((&moved.account, moved.amount, &moved.transaction_id), (&account, Fen::new(700), &paid));
        assert_eq!(&moved.mchid, shop.me.mchid(), "the notification must name the merchant of the payment");
    }
}
