//! Profit sharing: receivers, sharing, returns, unfreezing.

use super::{
    certificate_merchant, number, refund_of, setup,
    shop::{Shop, sensitive},
};
use wxpay_proto::{
    ErrorKind, Fate, Fen,
    id::{MchId, OpenId, OutOrderNo, OutReturnNo, TransactionId},
    v3::{
        Event, Lookup, Notification, Party,
        pay::NativeOrder,
        profitsharing::{
            Account, AddReceiver, CreateProfitSharing, DeleteReceiver, ProfitSharing,
            ProfitSharingNotification, QueryMaxRatio, QueryProfitSharing, QueryProfitSharingReturn,
            QueryUnsplitAmount, ReceiverAmount, RelationType, Remainder, ReturnAmount, ReturnProfitSharing,
            SharingState, UnfreezeRemainder,
            profit_sharing::{FailReason, ReceiverResult},
            returns::{self, ReturnResult},
        },
    },
};
use wxpay_sim::ledger::{ReturnFailure, SharingDetailFailure};
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

/// Places an order of 100.00 yuan with profit sharing, adds a merchant and a person as receivers, and waits two minutes
/// after the payment.
fn paid_order(shop: &mut Shop, party: &Party) -> TransactionId {
    let order = shop.order(&number(1), 10_000).party(party.clone()).profit_sharing(true);
    shop.call(NativeOrder::new(order));
    let transaction_id = shop.pay(&number(1));
    let appid = shop.appid();
    for (account, relation) in
        [(Account::Merchant(supplier()), RelationType::Supplier), (person_of(party), RelationType::Staff)]
    {
        let add = AddReceiver::new(account, relation).unwrap().appid(appid.clone()).party(party.clone());
        shop.call(add.name(sensitive("某某")));
    }
    assert_eq!(shop.receive_notifications().len(), 1);
    shop.wait(120);
    transaction_id
}

fn person_of(party: &Party) -> Account {
    match party {
        Party::Direct => Account::PersonalOpenid(person()),
        Party::Partner { .. } => Account::PersonalSubOpenid(person()),
    }
}

/// Shares 10.00 yuan with the merchant and 5.00 with the person.
fn create(
    shop: &Shop,
    party: &Party,
    transaction_id: &TransactionId,
    out_order_no: &str,
) -> CreateProfitSharing {
    let receivers = vec![
        receiver_amount(Account::Merchant(supplier()), 1000, "货款").name(sensitive("某某")),
        receiver_amount(person_of(party), 500, "佣金").name(sensitive("某某")),
    ];
    create_with(shop, transaction_id, out_order_no, receivers).party(party.clone())
}

fn receiver_amount(account: Account, fen: u64, description: &str) -> ReceiverAmount {
    ReceiverAmount::new(account, Fen::new(fen), description).unwrap()
}

/// Shares these amounts, and keeps the remainder frozen.
fn create_with(
    shop: &Shop,
    transaction_id: &TransactionId,
    out_order_no: &str,
    receivers: Vec<ReceiverAmount>,
) -> CreateProfitSharing {
    let (payment, number) = (transaction_id.clone(), sharing_no(out_order_no));
    CreateProfitSharing::new(payment, number, receivers, Remainder::KeepFrozen).unwrap().appid(shop.appid())
}

/// Returns an amount of the sharing `P1` from the merchant.
fn create_return(fen: u64) -> ReturnProfitSharing {
    let amount = ReturnAmount::new(supplier(), Fen::new(fen), "退货").unwrap();
    ReturnProfitSharing::new(sharing_no("P1"), return_no("R1"), amount)
}

fn query(
    shop: &mut Shop,
    party: &Party,
    transaction_id: &TransactionId,
    out_order_no: &str,
) -> ProfitSharing {
    let query =
        QueryProfitSharing::new(transaction_id.clone(), sharing_no(out_order_no)).party(party.clone());
    shop.call(query).found().expect("the profit sharing order must be found")
}

fn unsplit_amount(shop: &mut Shop, transaction_id: &TransactionId) -> Fen {
    shop.call(QueryUnsplitAmount::of(transaction_id.clone()))
}

fn profit_sharing_event(notification: &Notification) -> ProfitSharingNotification {
    match notification.event().unwrap() {
        Event::ProfitSharing(event) | Event::ProfitSharingReturn(event) => *event,
        other => panic!("{other:?}"),
    }
}

/// Runs a complete conversation in one mode: sharing, notifications, queries, a return, unfreezing, refunds.
fn run(shop: &mut Shop, party: &Party) {
    let transaction_id = paid_order(shop, party);
    assert_eq!(unsplit_amount(shop, &transaction_id), Fen::new(10_000));
    let sharing = create(shop, party, &transaction_id, "P1");
    let created = shop.call(sharing);
    assert_eq!(created.state, SharingState::Processing);
    assert_eq!(created.sub_mchid.as_ref(), party.sub_mchid());
    let events: Vec<ProfitSharingNotification> =
        shop.receive_notifications().iter().map(profit_sharing_event).collect();
    let accounts: Vec<_> = events.iter().map(|event| (&event.account, event.amount)).collect();
    let (merchant, user) = (Account::Merchant(supplier()), person_of(party));
    assert_eq!(accounts, [(&merchant, Fen::new(1000)), (&user, Fen::new(500))]);
    assert!(
        events
            .iter()
            .all(|event| event.order_id == created.order_id && event.transaction_id == transaction_id)
    );
    assert!(events.iter().all(|event| event.sub_mchid.as_ref() == party.sub_mchid()));

    let finished = query(shop, party, &transaction_id, "P1");
    assert_eq!((&finished.state, &finished.order_id), (&SharingState::Finished, &created.order_id));
    assert!(
        finished
            .receivers
            .iter()
            .all(|receiver| receiver.result == ReceiverResult::Success && receiver.finish_time.is_some())
    );
    assert_eq!(unsplit_amount(shop, &transaction_id), Fen::new(8500));

    let created = shop.call(create_return(400).party(party.clone()));
    assert_eq!(created.result, ReturnResult::Processing);
    let events: Vec<ProfitSharingNotification> =
        shop.receive_notifications().iter().map(profit_sharing_event).collect();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].amount, &events[0].order_id), (Fen::new(400), &created.return_id));
    let query_return = QueryProfitSharingReturn::new(sharing_no("P1"), return_no("R1")).party(party.clone());
    let found = shop.call(query_return).found().expect("the return must be found");
    assert_eq!((found.result, found.amount), (ReturnResult::Success, Fen::new(400)));
    let query_return = QueryProfitSharingReturn::new(sharing_no("P1"), return_no("R2")).party(party.clone());
    assert_eq!(shop.call(query_return), Lookup::NotFound);

    let unfreeze = UnfreezeRemainder::new(transaction_id.clone(), sharing_no("U1"), "完结").unwrap();
    let unfrozen = shop.call(unfreeze.party(party.clone()));
    assert_eq!(
        unfrozen.receivers.iter().map(|receiver| receiver.amount).collect::<Vec<_>>(),
        [Fen::new(8500)]
    );
    shop.receive_notifications();
    assert_eq!(query(shop, party, &transaction_id, "U1").state, SharingState::Finished);
    assert_eq!(unsplit_amount(shop, &transaction_id), Fen::ZERO);
    let too_late = create(shop, party, &transaction_id, "P2");
    assert_eq!(shop.call_err(too_late).fate(), Some(Fate::Refused));

    // The receivers still have 11.00 yuan.
    let refund = |number, fen| refund_of(transaction_id.clone(), number, fen, 10_000).party(party.clone());
    let error = shop.call_err(refund("F1", 8901));
    assert_eq!(error.refusal().unwrap().code, wxpay_proto::refusal::Code::NOT_ENOUGH);
    assert_eq!(shop.call(refund("F1", 8900)).amount.refund, Fen::new(8900));
}

/// Runs the conversation for a direct merchant with certificates, and for a partner with the public key.
pub(super) fn conversations() -> [Shop; 2] {
    let (driver, network) = setup();
    let merchant = certificate_merchant(&network);
    let mut direct = Shop { driver, network, merchant };
    run(&mut direct, &Party::Direct);
    let delete = DeleteReceiver::new(person_of(&Party::Direct)).appid(direct.appid());
    direct.call(delete.clone());
    direct.call(delete);
    let mut partner_shop = Shop::open();
    let partner = partner_shop.partner();
    run(&mut partner_shop, &partner);
    let sub_mchid = partner_shop.sub_mchid();
    assert_eq!(partner_shop.call(QueryMaxRatio::of(sub_mchid)), 3000);
    [direct, partner_shop]
}

#[test]
fn payment_is_shared_partly_returned_and_unfrozen_in_both_modes() {
    for mut shop in conversations() {
        let now = shop.driver.now;
        let records = shop.network.gateway.sharings(now);
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
    let transaction_id = paid_order(&mut shop, &Party::Direct);
    shop.lose_replies("v3.profitsharing.create");
    let create = create(&shop, &Party::Direct, &transaction_id, "P1");
    let mut error = shop.call_err(create.clone());
    assert_eq!(error.fate(), Some(Fate::Unknown));
    let unresolved = error.take_unresolved().unwrap();
    let operation = format!("v3.profit_sharing?transaction_id={transaction_id}&out_order_no=P1");
    assert_eq!(unresolved.pending_operation().to_string(), operation);
    let resolve = shop.merchant.resolve::<QueryProfitSharing>(unresolved);
    let Ok(Lookup::Found(resolved)) = shop.run(resolve) else {
        panic!("must resolve to the existing operation")
    };
    shop.network.gateway.clear_faults();
    shop.wait(10);
    // The names are encrypted again: other bytes, the same content.
    let again = shop.call(create);
    assert_eq!((&again.order_id, &again.state), (&resolved.order_id, &SharingState::Finished));
    assert_eq!(unsplit_amount(&mut shop, &transaction_id), Fen::new(8500), "the payment must be shared once");
    let now = shop.driver.now;
    assert_eq!(shop.network.gateway.sharings(now).len(), 1);
}

#[test]
fn return_with_lost_replies_is_resolved_by_query() {
    let mut shop = Shop::open();
    let transaction_id = paid_order(&mut shop, &Party::Direct);
    let create = create(&shop, &Party::Direct, &transaction_id, "P1");
    shop.call(create);
    shop.wait(10);
    shop.lose_replies("v3.profitsharing.return");
    let create_return = create_return(1000);
    let mut error = shop.call_err(create_return.clone());
    let unresolved = error.take_unresolved().unwrap();
    let resolve = shop.merchant.resolve::<QueryProfitSharingReturn>(unresolved);
    let Ok(Lookup::Found(resolved)) = shop.run(resolve) else {
        panic!("must resolve to the existing operation")
    };
    shop.network.gateway.clear_faults();
    assert_eq!(shop.call(create_return).return_id, resolved.return_id);
}

#[test]
fn profit_sharing_lost_in_transit_resolves_to_not_found() {
    let mut shop = Shop::open();
    let transaction_id = paid_order(&mut shop, &Party::Direct);
    let operation = wxpay_sim::faults::Operation::from_name("v3.profitsharing.create").unwrap();
    let rule = wxpay_sim::faults::FaultRule::new(wxpay_sim::faults::Fault::DropBeforeCommit)
        .for_operation(operation);
    shop.network.gateway.inject(rule);
    let create = create(&shop, &Party::Direct, &transaction_id, "P1");
    let unresolved = shop.call_err(create).take_unresolved().unwrap();
    let resolve = shop.merchant.resolve::<QueryProfitSharing>(unresolved);
    assert_eq!(shop.run(resolve).unwrap(), Lookup::NotFound);
    assert_eq!(unsplit_amount(&mut shop, &transaction_id), Fen::new(10_000));
}

#[test]
fn profit_sharing_number_with_other_content_is_refused() {
    let mut shop = Shop::open();
    let transaction_id = paid_order(&mut shop, &Party::Direct);
    let create = create(&shop, &Party::Direct, &transaction_id, "P1");
    shop.call(create);
    let amounts = vec![receiver_amount(Account::Merchant(supplier()), 999, "货款")];
    let (payment, number) = (transaction_id.clone(), sharing_no("P1"));
    let other = CreateProfitSharing::new(payment, number, amounts, Remainder::Unfreeze).unwrap();
    let error = shop.call_err(other.appid(shop.appid()));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::Refused)));
    assert_eq!(error.refusal().unwrap().internal_number(), Some(268_498_688));
    assert_eq!(unsplit_amount(&mut shop, &transaction_id), Fen::new(8500));
}

#[test]
fn failed_amounts_and_returns_have_typed_reasons() {
    let mut shop = Shop::open();
    let transaction_id = paid_order(&mut shop, &Party::Direct);
    let create = create(&shop, &Party::Direct, &transaction_id, "P1");
    shop.call(create);
    let (mchid, now) = (shop.merchant.mchid().clone(), shop.driver.now);
    let gateway = &mut shop.network.gateway;
    let person = person();
    for reason in SharingDetailFailure::ALL {
        let parsed: FailReason = serde_json::from_value(reason.as_str().into()).unwrap();
        assert!(!matches!(parsed, FailReason::Other(_)), "{parsed:?}");
    }
    let reason = SharingDetailFailure::ReceiverReceiptLimit;
    assert!(gateway.close_receiver_amount(&mchid, "P1", person.as_str(), reason, now).is_some());
    shop.wait(10);
    let finished = query(&mut shop, &Party::Direct, &transaction_id, "P1");
    let results: Vec<_> =
        finished.receivers.into_iter().map(|receiver| (receiver.result, receiver.fail_reason)).collect();
    let closed = (ReceiverResult::Closed, Some(FailReason::ReceiverReceiptLimit));
    assert_eq!(results, [(ReceiverResult::Success, None), closed]);
    assert_eq!(unsplit_amount(&mut shop, &transaction_id), Fen::new(9000));

    let create_return = create_return(1000);
    shop.call(create_return);
    let now = shop.driver.now;
    for reason in ReturnFailure::ALL {
        let parsed: returns::ReturnFailReason = serde_json::from_value(reason.as_str().into()).unwrap();
        assert!(!matches!(parsed, returns::ReturnFailReason::Other(_)), "{parsed:?}");
    }
    let reason = ReturnFailure::BalanceNotEnough;
    assert!(shop.network.gateway.fail_return(&mchid, "R1", reason, now).is_some());
    shop.wait(10);
    let query_return = QueryProfitSharingReturn::new(sharing_no("P1"), return_no("R1"));
    let found = shop.call(query_return).found().expect("the return must be found");
    let failed = (ReturnResult::Failed, Some(returns::ReturnFailReason::BalanceNotEnough));
    assert_eq!((found.result, found.fail_reason), failed);
}

#[test]
fn receiver_is_notified_with_its_own_api_v3_key() {
    let mut shop = Shop::open();
    let transaction_id = paid_order(&mut shop, &Party::Direct);
    let receiver_merchant = shop.network.gateway.new_merchant();
    let receiver = v3::builder(&shop.network.gateway, &receiver_merchant).build();
    let account = Account::Merchant(receiver_merchant.mchid().clone());
    let add = AddReceiver::new(account.clone(), RelationType::Partner).unwrap().appid(shop.appid());
    shop.call(add.name(sensitive("某某")));
    let url = "https://receiver.example/notify";
    shop.network
        .gateway
        .merchant_mut(receiver_merchant.mchid())
        .unwrap()
        .set_sharing_notify_url(Some(url.into()));
    let receivers = vec![receiver_amount(account.clone(), 700, "货款")];
    shop.call(create_with(&shop, &transaction_id, "P1", receivers));
    shop.wait(3);
    let due = shop.network.gateway.due_deliveries(shop.driver.now);
    let (to_receiver, to_shop): (Vec<_>, Vec<_>) =
        due.into_iter().partition(|delivery| delivery.url() == url);
    assert_eq!((to_receiver.len(), to_shop.len()), (1, 1));
    assert!(
        shop.run(shop.merchant.verify_notification(v3::raw_notification(&to_receiver[0]))).is_err(),
        "the receiver's notification must not decrypt with the shop's key"
    );
    for (merchant, delivery) in [(receiver, &to_receiver[0]), (shop.merchant.clone(), &to_shop[0])] {
        let notification = shop.run(merchant.verify_notification(v3::raw_notification(delivery))).unwrap();
        assert_eq!(notification.event_type(), "PROFITSHARING.SUCCESS");
        let event = profit_sharing_event(&notification);
        assert_eq!(
            (&event.account, event.amount, &event.transaction_id),
            (&account, Fen::new(700), &transaction_id)
        );
        assert_eq!(
            &event.mchid,
            shop.merchant.mchid(),
            "the notification must name the merchant of the payment"
        );
    }
}
