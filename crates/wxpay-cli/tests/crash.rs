//! The server is killed repeatedly under load. Everything it acknowledged before must hold afterwards.
//!
//! `WXPAY_KILLS` sets the number of kills; the default is 30.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use std::{net::TcpListener, thread, time::Duration};
use support::{
    ShopListener,
    load::{Acknowledged, Ending, RandomDelays, Site, check_all},
};

const SHOPPERS: u64 = 4;

/// Only notifications may bring payments here: a query would repair, and hide, a lost notification.
const POLL_INTERVALS: &str = "1h";

#[test]
fn a_killed_server_loses_no_order_and_no_payment_and_counts_none_twice() {
    let kills: u32 = std::env::var("WXPAY_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(30);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let site = Site::new(address, None);
    let shop = ShopListener::start();
    let key = site.stdout(&["api-key", "create", "shop"]);
    site.stdout(&["webhook", "add", shop.url()]);

    let acknowledged = Acknowledged::default();
    thread::scope(|scope| {
        for _ in 0..SHOPPERS {
            scope.spawn(|| acknowledged.shop(&site.url(), &key, site.sim.url(), Duration::ZERO));
        }
        let _ending = Ending(&acknowledged);
        let mut delays = RandomDelays(7);
        for _ in 0..kills {
            let mut server = site.serve(&site.address, POLL_INTERVALS);
            thread::sleep(delays.next());
            server.kill();
        }
    });

    let mut server = site.serve(&site.address, POLL_INTERVALS);
    check_all(&site, server.url(), &key, &shop, &acknowledged.into_numbers());
    assert!(server.terminate());
    assert_eq!(site.stdout(&["audit"]), "ok: every order equals what its evidence gives");
}
