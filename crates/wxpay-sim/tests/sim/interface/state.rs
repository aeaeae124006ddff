//! What the gateway noticed, and what is never told.

use super::{Interface, Opened, START, opened};

#[test]
fn warnings_are_shown() {
    let Opened { mut shop, .. } = opened();
    shop.errcode_of(&[("total_fee", "0")]);
    let warnings = Interface::of(shop.gateway, START).show("warnings");
    assert_eq!(warnings[0]["kind"], "refused");
    assert_eq!(warnings[0]["detail"], "genprepay 40035: total_fee must be at least 1");
}

#[test]
fn nothing_secret_is_printed() {
    let Opened { mut shop, .. } = opened();
    shop.pay("A1");
    let delivery = shop.due().remove(0);
    let printed = format!("{:?} {delivery:?}", Interface::of(shop.gateway.clone(), START).simulation);
    for secret in [shop.me.app_secret(), shop.me.pay_sign_key(), shop.me.partner_key()] {
        assert!(!printed.contains(secret.expose().as_str()));
    }
    assert!(!printed.contains(&shop.token));
    assert!(!printed.contains(shop.gateway.payer().as_str()));
}
