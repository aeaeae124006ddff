//! Transfers: confirmed by the user, with an authorization, to QQ wallets; and their receipts.

use super::{
    DAY,
    shop::{Shop, notify_url, sensitive},
};
use wxpay_proto::{
    ErrorKind, Fate, Fen,
    id::{OutAuthorizationNo, OutBillNo},
    v3::{
        Event, Lookup, Resolver,
        download::HashType,
        transfer::{
            AuthorizationInfo, CancelTransfer, CreateAuthorizedTransfer, CreatePreTransfer, CreateTransfer,
            QueryTransfer, Transfer, TransferBill, TransferScene, TransferState, UserRecvStyle,
            authorization,
            authorization::{ApplyAuthorization, Authorization, AuthorizationState, CloseReason},
            elecsign, qq_wallet,
        },
    },
};
use wxpay_sim::ledger;

fn bill_no(text: &str) -> OutBillNo {
    text.parse().unwrap()
}

fn authorization_no(text: &str) -> OutAuthorizationNo {
    text.parse().unwrap()
}

/// Returns a transfer of 20.00 yuan.
fn bill_of(shop: &Shop, number: &str, scene: &str) -> TransferBill {
    let scene = TransferScene::new(scene, "活动名称", "新会员有礼").unwrap();
    TransferBill::new(bill_no(number), Fen::new(2000), "2020年4月报销", scene)
        .unwrap()
        .appid(shop.appid())
        .notify_url(notify_url())
}

fn bill(shop: &Shop, number: &str) -> TransferBill {
    bill_of(shop, number, "1000")
}

/// Returns a transfer with the payee's name.
fn bill_with_name(shop: &Shop, number: &str) -> TransferBill {
    bill(shop, number).user_name(sensitive("张三"))
}

/// Returns an application for an authorization.
fn apply_for(shop: &Shop, number: &str, name: &str) -> ApplyAuthorization {
    ApplyAuthorization::new(authorization_no(number), shop.openid(), "1000", name)
        .unwrap()
        .appid(shop.appid())
        .authorization_notify_url(notify_url())
}

/// Returns an authorization to apply for together with a transfer.
fn authorization_info(number: &str) -> AuthorizationInfo {
    AuthorizationInfo::new(authorization_no(number), "wx_123456")
        .unwrap()
        .authorization_notify_url(notify_url())
}

fn confirm(shop: &mut Shop, number: &str) {
    let mchid = shop.merchant.mchid().clone();
    assert!(shop.network.gateway.confirm_transfer(&mchid, &bill_no(number), shop.driver.now), "{number}");
}

fn found(queried: Lookup<Transfer>) -> Transfer {
    queried.found().expect("the transfer must be found")
}

fn query(shop: &mut Shop, number: &str) -> Transfer {
    found(shop.call(QueryTransfer::out_bill_no(bill_no(number))))
}

fn query_qq(shop: &mut Shop, number: &str) -> Transfer {
    found(shop.call(qq_wallet::QueryQqTransfer::new(bill_no(number))))
}

fn query_authorization(shop: &mut Shop, number: &str) -> Authorization {
    let query = authorization::QueryAuthorization::new(authorization_no(number));
    shop.call(query).found().expect("the authorization must be found")
}

/// Returns number and state of each transfer and authorization in the notifications of the next minute.
fn notified(shop: &mut Shop) -> Vec<(String, String)> {
    let notifications = shop.receive_notifications();
    notifications
        .iter()
        .map(|notification| match notification.event().unwrap() {
            Event::Transfer(event) => (event.out_bill_no.to_string(), event.state.to_string()),
            Event::QqTransfer(event) => (format!("QQ {}", event.out_bill_no), event.state.to_string()),
            Event::Authorization(event) => (event.out_authorization_no.to_string(), event.state.to_string()),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn status(number: &str, state: &str) -> (String, String) {
    (number.into(), state.into())
}

/// Makes a transfer with the payee's name that is confirmed, notified and queried; and cancels another.
fn run_confirmed(shop: &mut Shop) {
    let openid = shop.openid();
    let create = CreateTransfer::new(bill_with_name(shop, "T1"), openid.clone())
        .user_recv_style(UserRecvStyle::ConfirmPage);
    let created = shop.call(create.clone());
    assert_eq!(created.state, TransferState::WaitUserConfirm);
    assert_eq!(shop.call(create), created, "with the name encrypted again, it must be the same transfer");
    confirm(shop, "T1");
    assert_eq!(notified(shop), [status("T1", "SUCCESS")]);
    let paid = query(shop, "T1");
    assert!(paid.is_paid() && paid.package_info.is_none());
    assert_eq!((paid.openid.as_ref(), paid.transfer_amount), (Some(&openid), Some(Fen::new(2000))));
    assert_eq!((paid.mchid.as_ref(), paid.create_time), (Some(shop.merchant.mchid()), created.create_time));
    assert_eq!(shop.merchant.open(paid.user_name.as_ref().unwrap().as_str()).unwrap().expose(), "张三");
    let again = found(shop.call(QueryTransfer::transfer_bill_no(created.transfer_bill_no.clone())));
    assert_eq!((&again.out_bill_no, &again.state), (&created.out_bill_no, &TransferState::Success));

    shop.call(CreateTransfer::new(bill(shop, "T2"), openid));
    assert_eq!(shop.call(CancelTransfer::new(bill_no("T2"))).state, TransferState::Canceling);
    assert_eq!(notified(shop), [status("T2", "CANCELLED")]);
    assert_eq!(shop.call(CancelTransfer::new(bill_no("T2"))).state, TransferState::Cancelled);
}

/// Applies for a receipt by either number, waits for it, and downloads it.
fn run_receipts(shop: &mut Shop) {
    let transfer = query(shop, "T1");
    let by_number = elecsign::QueryReceipt::out_bill_no(bill_no("T1"));
    let by_id = elecsign::QueryReceipt::transfer_bill_no(transfer.transfer_bill_no.clone());
    assert_eq!(shop.call(by_number.clone()), Lookup::NotFound);
    let applied = shop.call(elecsign::ApplyReceipt::out_bill_no(bill_no("T1")));
    assert_eq!((&applied.state, &applied.file), (&elecsign::ReceiptState::Generating, &None));
    shop.wait(10);
    let again = shop.call(elecsign::ApplyReceipt::transfer_bill_no(transfer.transfer_bill_no));
    assert_eq!((again.state, again.create_time), (elecsign::ReceiptState::Finished, applied.create_time));
    for query in [by_number, by_id] {
        let receipt = shop.call(query).found().expect("the receipt must be found");
        assert_eq!(
            (&receipt.state, receipt.create_time),
            (&elecsign::ReceiptState::Finished, applied.create_time)
        );
        let bill_file = receipt.file.unwrap();
        assert_eq!(bill_file.hash_type, HashType::Sha256);
        let file = shop.download(&bill_file).unwrap();
        assert!(file.starts_with("%PDF-1.4\n") && file.ends_with("%%EOF\n"), "{file}");
        let result = shop.download_modified(&bill_file, |mut file| {
            file[100] ^= 1;
            file
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Signature);
    }
}

/// Applies for an authorization, transfers with it by either number, and lets the payee close it.
fn run_authorization(shop: &mut Shop) {
    let device = authorization::SceneInfo::new()
        .client_ip("14.23.150.211".parse().unwrap())
        .device_type(authorization::DeviceType::Android);
    let apply =
        apply_for(shop, "A1", "wx_123456").user_recv_perception("现金奖励").unwrap().scene_info(device);
    let applied = shop.call(apply.clone());
    assert_eq!(
        (&applied.state, applied.package_info.is_some()),
        (&AuthorizationState::WaitUserConfirm, true)
    );
    assert_eq!(shop.call(apply), applied);
    let waiting =
        shop.call(authorization::QueryAuthorization::new(authorization_no("A1")).display_authorization());
    let waiting = waiting.found().expect("the authorization must be found");
    assert_eq!(waiting.package_info, applied.package_info);

    let mchid = shop.merchant.mchid().clone();
    assert!(shop.network.gateway.confirm_authorization(&mchid, &authorization_no("A1"), shop.driver.now));
    assert_eq!(notified(shop), [status("A1", "TAKING_EFFECT")]);
    let effective = query_authorization(shop, "A1");
    assert_eq!(
        (&effective.state, effective.authorize_time.is_some()),
        (&AuthorizationState::TakingEffect, true)
    );
    assert_eq!((effective.package_info, effective.openid), (None, Some(shop.openid())));
    let id = effective.authorization_id.unwrap();

    let by_number =
        CreateAuthorizedTransfer::out_authorization_no(bill_with_name(shop, "T3"), authorization_no("A1"));
    let paid = shop.call(by_number.clone());
    assert!(paid.is_paid());
    assert_eq!(shop.call(by_number).transfer_bill_no, paid.transfer_bill_no);
    assert_eq!(query(shop, "T3").openid, Some(shop.openid()));
    let sponsor = shop.sub_mchid();
    let by_id = CreateAuthorizedTransfer::authorization_id(bill(shop, "T4"), id).sponsor_mchid(sponsor);
    assert!(shop.call(by_id.clone()).is_paid());
    assert_eq!(notified(shop), [status("T3", "SUCCESS"), status("T4", "SUCCESS")]);

    let reason = ledger::CloseReason::UserClose;
    assert!(shop.network.gateway.close_authorization(
        &mchid,
        &authorization_no("A1"),
        reason,
        shop.driver.now
    ));
    assert_eq!(notified(shop), [status("A1", "CLOSED")]);
    assert_eq!(query_authorization(shop, "A1").close_info.unwrap().close_reason, CloseReason::UserClose);
    assert!(shop.call(by_id).is_paid(), "a transfer from before must be returned again");
    let transfer = CreateAuthorizedTransfer::out_authorization_no(bill(shop, "T5"), authorization_no("A1"));
    assert_eq!(shop.call_err(transfer).fate(), Some(Fate::Refused));
    assert_eq!(shop.call(QueryTransfer::out_bill_no(bill_no("T5"))), Lookup::NotFound);
}

/// Makes a transfer whose confirmation also authorizes later ones, and closes the authorization.
fn run_pre_transfer(shop: &mut Shop) {
    let create = CreatePreTransfer::new(bill_with_name(shop, "T6"), shop.openid());
    let create = create.authorization_info(authorization_info("A2"));
    let created = shop.call(create.clone());
    assert_eq!(created.out_authorization_no, Some(authorization_no("A2")));
    assert_eq!(
        (shop.call(create), created.user_display_name.as_deref()),
        (created.clone(), Some("wx_123456"))
    );
    assert_eq!(query_authorization(shop, "A2").state, AuthorizationState::WaitUserConfirm);
    confirm(shop, "T6");
    assert_eq!(notified(shop), [status("T6", "SUCCESS"), status("A2", "TAKING_EFFECT")]);
    assert!(
        shop.call(CreateAuthorizedTransfer::out_authorization_no(bill(shop, "T7"), authorization_no("A2")))
            .is_paid()
    );
    assert_eq!(notified(shop), [status("T7", "SUCCESS")]);

    let closed = shop.call(authorization::CloseAuthorization::new(authorization_no("A2")));
    assert_eq!(closed.close_info.as_ref().unwrap().close_reason, CloseReason::CloseViaMchApi);
    assert_eq!(shop.call(authorization::CloseAuthorization::new(authorization_no("A2"))), closed);
    assert_eq!(query_authorization(shop, "A2"), closed);
    assert_eq!(notified(shop), [status("A2", "CLOSED")]);
}

/// Makes three transfers to QQ wallets: one succeeds, one fails, one is cancelled.
fn run_qq_wallets(shop: &mut Shop) {
    let create = |shop: &Shop, number: &str| {
        let bill = bill_of(shop, number, "1401").user_name(sensitive("张三"));
        qq_wallet::CreateQqTransfer::new(bill, shop.openid()).unwrap().user_qq("490379403").unwrap()
    };
    let applied = create(shop, "Q1");
    let created = shop.call(applied.clone());
    assert_eq!(
        (&created.state, created.user_qq.as_deref()),
        (&TransferState::WaitUserConfirm, Some("490379403"))
    );
    assert_eq!(
        (shop.call(applied).transfer_bill_no, &created.mchid),
        (created.transfer_bill_no, &Some(shop.merchant.mchid().clone()))
    );
    confirm(shop, "Q1");
    let mchid = shop.merchant.mchid().clone();
    for number in ["Q2", "Q3"] {
        let applied = create(shop, number);
        shop.call(applied);
    }
    let reason = "PAYEE_ACCOUNT_ABNORMAL";
    assert!(shop.network.gateway.fail_transfer(&mchid, &bill_no("Q2"), reason, shop.driver.now));
    assert_eq!(shop.call(qq_wallet::CancelQqTransfer::new(bill_no("Q3"))).state, TransferState::Canceling);
    assert_eq!(
        notified(shop),
        [status("QQ Q1", "SUCCESS"), status("QQ Q2", "FAIL"), status("QQ Q3", "CANCELLED")]
    );
    assert!(query_qq(shop, "Q1").is_paid());
    let failed = query_qq(shop, "Q2");
    assert_eq!((&failed.state, failed.fail_reason.as_deref()), (&TransferState::Fail, Some(reason)));
    assert_eq!(query_qq(shop, "Q3").state, TransferState::Cancelled);
    assert_eq!(shop.merchant.open(failed.user_name.unwrap().as_str()).unwrap().expose(), "张三");
    assert_eq!(shop.call(QueryTransfer::out_bill_no(bill_no("Q1"))), Lookup::NotFound);
}

/// Runs all conversations in sequence.
pub(super) fn conversation() -> Shop {
    let mut shop = Shop::open();
    run_confirmed(&mut shop);
    run_receipts(&mut shop);
    run_authorization(&mut shop);
    run_pre_transfer(&mut shop);
    run_qq_wallets(&mut shop);
    shop
}

#[test]
fn transfers_of_every_kind_succeed_and_have_receipts() {
    let mut shop = conversation();
    let records = shop.network.gateway.transfers(shop.driver.now);
    let amounts: u64 = records
        .iter()
        .filter(|record| record.state == ledger::TransferState::Success)
        .map(|record| record.transfer_amount.get())
        .sum();
    assert_eq!((records.len(), amounts), (9, 12_000), "no transfer must be paid twice");
    assert_eq!(shop.network.gateway.authorizations(shop.driver.now).len(), 2);
}

#[test]
fn transfer_with_lost_reply_is_resolved_by_its_number() {
    let mut shop = Shop::open();
    for label in [
        "v3.transfer.create",
        "v3.transfer.pre_transfer",
        "v3.transfer.authorized",
        "v3.transfer.qq_wallet.create",
    ] {
        shop.lose_replies(label);
    }
    let openid = shop.openid();
    let error = shop.call_err(CreateTransfer::new(bill(&shop, "T1"), openid.clone()));
    let transfer = resolve(&mut shop, error, &QueryTransfer::out_bill_no(bill_no("T1")));
    assert_eq!((transfer.state, transfer.package_info), (TransferState::WaitUserConfirm, None));

    let create = CreatePreTransfer::new(bill(&shop, "T2"), openid.clone());
    let create = create.authorization_info(authorization_info("A2"));
    let error = shop.call_err(create);
    let transfer = resolve(&mut shop, error, &QueryTransfer::out_bill_no(bill_no("T2")));
    assert_eq!(transfer.state, TransferState::WaitUserConfirm);
    confirm(&mut shop, "T2");

    let error = shop
        .call_err(CreateAuthorizedTransfer::out_authorization_no(bill(&shop, "T3"), authorization_no("A2")));
    assert!(resolve(&mut shop, error, &QueryTransfer::out_bill_no(bill_no("T3"))).is_paid());

    let applied = qq_wallet::CreateQqTransfer::new(bill_of(&shop, "Q1", "1401"), openid).unwrap();
    let error = shop.call_err(applied);
    let transfer = resolve(&mut shop, error, &qq_wallet::QueryQqTransfer::new(bill_no("Q1")));
    assert_eq!(transfer.state, TransferState::WaitUserConfirm);
    assert_eq!(shop.network.gateway.transfers(shop.driver.now).len(), 4, "no transfer must be created twice");
}

#[test]
fn authorization_with_lost_reply_is_resolved_by_its_number() {
    let mut shop = Shop::open();
    for label in ["v3.transfer.authorization.apply", "v3.transfer.authorization.close"] {
        shop.lose_replies(label);
    }
    let number = authorization_no("A1");
    let query = authorization::QueryAuthorization::new(number.clone());
    let apply = apply_for(&shop, "A1", "wx_123456");
    let error = shop.call_err(apply);
    assert_eq!(resolve(&mut shop, error, &query).state, AuthorizationState::WaitUserConfirm);
    let mchid = shop.merchant.mchid().clone();
    assert!(shop.network.gateway.confirm_authorization(&mchid, &number, shop.driver.now));
    let error = shop.call_err(authorization::CloseAuthorization::new(number));
    assert_eq!(resolve(&mut shop, error, &query).state, AuthorizationState::Closed);
    assert_eq!(notified(&mut shop), [status("A1", "TAKING_EFFECT"), status("A1", "CLOSED")]);
}

#[test]
fn pending_operation_that_never_arrived_resolves_to_not_found() {
    fn is_found<Q: Resolver>(query: &Q) -> bool {
        let mut shop = Shop::open();
        let resolve = shop.merchant.resolve_pending::<Q>(query.pending().unwrap());
        shop.run(resolve).unwrap().found().is_some()
    }
    assert!(!is_found(&QueryTransfer::out_bill_no(bill_no("T1"))));
    assert!(!is_found(&qq_wallet::QueryQqTransfer::new(bill_no("T1"))));
    assert!(!is_found(&authorization::QueryAuthorization::new(authorization_no("A1"))));
}

#[test]
fn unconfirmed_transfer_and_authorization_expire_after_a_day() {
    let mut shop = Shop::open();
    let openid = shop.openid();
    shop.call(CreateTransfer::new(bill(&shop, "T1"), openid));
    let apply = apply_for(&shop, "A1", "名");
    shop.call(apply.clone());
    shop.driver.wait(DAY);
    assert_eq!(notified(&mut shop), [status("T1", "FAIL")]);
    assert_eq!(query(&mut shop, "T1").fail_reason.as_deref(), Some("OVERDUE_CLOSE"));
    let closed = query_authorization(&mut shop, "A1");
    assert_eq!(closed.close_info.unwrap().close_reason, CloseReason::UserOverdueUnconfirmed);
    let refused = shop.call_err(apply);
    assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Refused, Some(Fate::Refused)));
    shop.driver.wait(DAY * 30);
    let lookup = shop.call(authorization::QueryAuthorization::new(authorization_no("A1")));
    assert_eq!(lookup, Lookup::NotFound);
}

/// Resolves the unresolved operation of an error, which must be that of the query.
fn resolve<Q: Resolver>(shop: &mut Shop, error: wxpay_proto::Error, query: &Q) -> Q::Object {
    let mut error = error;
    assert_eq!(error.fate(), Some(Fate::Unknown));
    let unresolved = error.take_unresolved().unwrap();
    assert_eq!(Some(unresolved.pending_operation()), query.pending().as_ref());
    shop.run(shop.merchant.resolve::<Q>(unresolved)).unwrap().found().expect("the operation must exist")
}
