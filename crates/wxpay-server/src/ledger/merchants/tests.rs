use super::*;
use crate::{
    engine::model::Store,
    ledger::{
        OrderKey, Scan,
        order::place::PlacedTerms,
        rows::{access::AuditRow, order::ApiVersion},
        schedule::Schedule,
    },
};
use std::time::Duration;
use wxpay_proto::{Fen, UnixTime};

fn context() -> Context {
    Context { now: UnixTime::from_secs(1_700_000_000), random: 7 }
}

fn row(name: &str, mchid: &str) -> MerchantRow {
    MerchantRow {
        merchant: name.parse().unwrap(),
        mchid: mchid.into(),
        settings: "{}".into(),
        sealed_keys: "sealed-keys".into(),
        version: 0,
        updated_at: UnixTime::EPOCH,
    }
}

fn save(store: &mut Store, row: MerchantRow, seen: Option<u64>) -> SavedMerchant {
    store.run(&SaveMerchant { row, seen, actor: "cli".into() }, &context()).unwrap()
}

fn saved(store: &mut Store, row: MerchantRow, seen: Option<u64>) -> MerchantRow {
    let SavedMerchant::Saved(row) = save(store, row, seen) else { panic!("must be saved") };
    row
}

#[test]
fn a_merchants_number_belongs_to_one_merchant() {
    let mut store = Store::default();
    let first = saved(&mut store, row("shop1", "1900000001"), None);
    let taken = save(&mut store, row("shop2", "1900000001"), None);
    assert_eq!(taken, SavedMerchant::MchidTaken("shop1".parse().unwrap()));
    saved(&mut store, row("shop2", "1900000002"), None);
    let changed = MerchantRow { mchid: "1900000002".into(), ..first.clone() };
    let taken = save(&mut store, changed, Some(first.version));
    assert_eq!(taken, SavedMerchant::MchidTaken("shop2".parse().unwrap()));
}

#[test]
fn a_save_of_an_old_version_of_a_merchant_changes_nothing() {
    let mut store = Store::default();
    let first = saved(&mut store, row("shop1", "1900000001"), None);
    let second = saved(&mut store, first.clone(), Some(first.version));
    assert!(second.version > first.version);
    let stale = save(&mut store, first.clone(), Some(first.version));
    assert_eq!(stale, SavedMerchant::Stale(Some(second.clone())));
    assert_eq!(save(&mut store, first, None), SavedMerchant::Stale(Some(second)));
    assert_eq!(save(&mut store, row("shop9", "1"), Some(1)), SavedMerchant::Stale(None));
    assert!(store.scan(&Scan::<AuditRow>::of("", 10)).iter().all(|row| !row.detail.contains("sealed-keys")));
}

#[test]
fn a_merchant_that_is_deleted_and_created_has_another_version() {
    let mut store = Store::default();
    let first = saved(&mut store, row("shop1", "1900000001"), None);
    let delete = DeleteMerchant { merchant: "shop1".parse().unwrap(), actor: "cli".into() };
    assert_eq!(store.run(&delete, &context()).unwrap(), DeletedMerchant::Deleted);
    assert_eq!(store.run(&delete, &context()).unwrap(), DeletedMerchant::NotFound);
    let later = Context { now: context().now.after(Duration::from_millis(1)), random: 8 };
    let again = SaveMerchant { row: row("shop1", "1900000001"), seen: None, actor: "cli".into() };
    let SavedMerchant::Saved(second) = store.run(&again, &later).unwrap() else { panic!("must be saved") };
    assert!(second.version > first.version);
    assert_eq!(store.scan(&Scan::<AuditRow>::of("", 10)).len(), 3);
}

#[test]
fn a_merchant_is_deleted_before_its_first_order_or_not_at_all() {
    let place = |number: &str| {
        PlaceStoredMerchantsOrder(PlaceOrder {
            key: OrderKey::new("shop1".parse().unwrap(), number.parse().unwrap()),
            terms: PlacedTerms {
                json: "{}".into(),
                digest: "digest".into(),
                api_version: ApiVersion::V3,
                channel: "native".into(),
                appid: None,
                sub_mchid: None,
                total: Fen::new(100),
                currency: "CNY".into(),
                payer: None,
            },
            metadata: None,
            expires_at: context().now.after(Duration::from_hours(2)),
            call_until: UnixTime::EPOCH,
            schedule: Schedule::default(),
        })
    };
    let delete = DeleteMerchant { merchant: "shop1".parse().unwrap(), actor: "cli".into() };
    let mut store = Store::default();
    saved(&mut store, row("shop1", "1900000001"), None);
    saved(&mut store, row("shop2", "1900000002"), None);
    for number in ["A1", "A2", "A3"] {
        let mut ordered = store.clone();
        assert!(matches!(ordered.run(&place(number), &context()).unwrap(), Some(Placed::Created { .. })));
        assert_eq!(ordered.run(&delete, &context()).unwrap(), DeletedMerchant::HasOrders);
        assert_eq!(ordered.load(Prefix::<MerchantRow>::all()).len(), 2);
    }
    assert_eq!(store.run(&delete, &context()).unwrap(), DeletedMerchant::Deleted);
    assert_eq!(store.run(&place("A1"), &context()).unwrap(), None);
    assert_eq!(store.load(Prefix::<OrderRow>::all()), []);
}
