use super::*;
use crate::channels::Channel;
use crate::merchants::merchant::tests::named;

const API: Origin = Origin::Api { version: 1 };

fn name(text: &str) -> MerchantName {
    text.parse().unwrap()
}

fn registry() -> Registry {
    let one = named("one", "1900000001", Origin::Settings);
    Registry::new([one, named("two", "1900000002", API)]).unwrap()
}

#[test]
fn a_merchant_is_required_where_more_than_one_fits() {
    let registry = registry();
    let error = registry.merchant(None, |_| true).unwrap_err();
    assert_eq!(error.to_string(), "merchant is required: there are several merchants");
    let only = registry.merchant(None, |allowed| allowed.as_str() == "two").unwrap();
    assert_eq!(only.name().as_str(), "two");
    assert_eq!(registry.merchant(Some("one"), |_| true).unwrap().mchid(), "1900000001");
    assert_eq!(Registry::default().merchant(None, |_| true).unwrap_err().rule(), "must exist");
}

#[test]
fn a_merchant_that_is_not_allowed_looks_like_an_unknown_one() {
    let registry = registry();
    let unknown = registry.merchant(Some("three"), |_| true).unwrap_err();
    let not_allowed = registry.merchant(Some("one"), |allowed| allowed.as_str() == "two").unwrap_err();
    assert_eq!(unknown, not_allowed);
}

#[test]
fn the_merchant_and_the_app_of_an_order_are_found_together() {
    let registry = registry();
    let (merchant, app) = registry.find(Some("one"), None, Channel::Native, |_| true).unwrap();
    assert_eq!((merchant.name().as_str(), app.appid.as_str()), ("one", "wxd678efh567hg6787"));
    assert_eq!(registry.find(None, None, Channel::Native, |_| true).unwrap_err().field(), "merchant");
    assert_eq!(registry.find(Some("one"), Some("x"), Channel::Native, |_| true).unwrap_err().field(), "app");
}

#[test]
fn a_number_belongs_to_one_merchant() {
    let taken = |merchant: &str, owner: &str| RegistryError::NumberTaken {
        merchant: name(merchant),
        number: "1900000001".into(),
        owner: name(owner),
    };
    let registry = registry();
    let again = || named("three", "1900000001", API);
    assert_eq!(registry.check(&again()).unwrap_err(), taken("three", "one"));
    assert_eq!(registry.put(again()).unwrap_err(), taken("three", "one"));
    assert_eq!(registry.all().len(), 2);
    let both = [named("one", "1900000001", Origin::Settings), again()];
    assert_eq!(Registry::new(both).unwrap_err(), [taken("three", "one")]);
}

#[test]
fn a_merchant_of_the_settings_is_read_only_in_the_api() {
    let registry = registry();
    assert_eq!(registry.put(named("one", "1900000009", API)), Err(RegistryError::ReadOnly(name("one"))));
    assert_eq!(registry.remove(&name("one")).unwrap_err(), RegistryError::ReadOnly(name("one")));
    assert_eq!(registry.remove(&name("two")).unwrap().unwrap().mchid(), "1900000002");
    assert!(registry.remove(&name("two")).unwrap().is_none());
}

#[test]
fn a_replaced_merchant_lives_on_for_calls_in_progress() {
    let registry = registry();
    let in_progress = registry.get(&name("two")).unwrap();
    registry.put(named("two", "1900000003", Origin::Api { version: 2 })).unwrap();
    assert_eq!(in_progress.mchid(), "1900000002");
    assert_eq!(registry.get(&name("two")).unwrap().mchid(), "1900000003");
}

#[test]
fn a_reload_replaces_the_merchants_of_one_origin() {
    let registry = registry();
    registry.reload_settings(vec![named("three", "1900000003", Origin::Settings)]).unwrap();
    let names = || registry.all().iter().map(|merchant| merchant.name().to_string()).collect::<Vec<_>>();
    assert_eq!(names(), ["three", "two"]);
    registry.reload_api(vec![named("four", "1900000004", API)]).unwrap();
    assert_eq!(names(), ["four", "three"]);
}

#[test]
fn a_reload_with_a_fault_replaces_nothing() {
    let registry = registry();
    let error = registry.reload_settings(vec![named("two", "1900000005", Origin::Settings)]).unwrap_err();
    assert_eq!(error, [RegistryError::NameTaken(name("two"))]);
    assert_eq!(registry.get(&name("one")).unwrap().mchid(), "1900000001");
    assert_eq!(registry.get(&name("two")).unwrap().mchid(), "1900000002");
}
