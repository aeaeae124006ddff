//! The watch of keys: platform certificates and access tokens are refreshed before they are needed.

use crate::{
    app::App,
    merchants::{Merchant, MerchantName},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::sleep,
};
use wxpay_proto::id::AppId;

/// The pause between two looks at the merchants, which are replaced when their settings change.
const PAUSE: Duration = Duration::from_secs(10);

/// The interval between two looks for a newer access token.
const FOLLOW_INTERVAL: Duration = Duration::from_mins(1);

/// The refreshes of one merchant.
struct Watched {
    merchant: Arc<Merchant>,
    refreshes: Vec<AbortHandle>,
}

/// Refreshes the keys of all merchants until the shutdown.
pub(super) async fn run(app: App) {
    let (mut watched, mut refreshes) = (BTreeMap::new(), JoinSet::new());
    loop {
        update(&app, &mut watched, &mut refreshes);
        // The refreshes that were aborted.
        while refreshes.try_join_next().is_some() {}
        tokio::select! {
            biased;
            () = app.shutdown().started() => return,
            () = sleep(PAUSE) => {}
        }
    }
}

fn update(app: &App, watched: &mut BTreeMap<MerchantName, Watched>, refreshes: &mut JoinSet<()>) {
    let merchants = app.merchants().all();
    watched.retain(|_, known| {
        let is_current = merchants.iter().any(|merchant| Arc::ptr_eq(merchant, &known.merchant));
        if !is_current {
            known.refreshes.iter().for_each(AbortHandle::abort);
        }
        is_current
    });
    for merchant in merchants {
        let name = merchant.name().clone();
        watched.entry(name).or_insert_with(|| {
            let refreshes = spawn(app, &merchant, refreshes);
            Watched { merchant, refreshes }
        });
    }
}

fn spawn(app: &App, merchant: &Merchant, refreshes: &mut JoinSet<()>) -> Vec<AbortHandle> {
    let client = app.upstream().client();
    let mut handles = Vec::new();
    if let Some(v3) = merchant.v3().filter(|_| merchant.settings().platform_certificates) {
        let refresh = client.refresh_platform_keys(v3.clone());
        handles.push(refreshes.spawn(async move { match refresh.await {} }));
    }
    if let Some(v1) = merchant.v1() {
        let refresh = client.refresh_tokens(v1.clone());
        handles.push(refreshes.spawn(async move { match refresh.await {} }));
        handles.push(refreshes.spawn(follow_token(app.clone(), v1.appid().clone())));
    }
    handles
}

/// Follows the access token that processes share: another one replaces it, and WeChat Pay accepts the old one for five
/// more minutes.
async fn follow_token(app: App, appid: AppId) {
    loop {
        sleep(FOLLOW_INTERVAL).await;
        app.upstream().follow_token(&appid).await;
    }
}
