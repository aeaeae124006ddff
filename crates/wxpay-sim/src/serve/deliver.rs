//! The task that sends notifications when they fall due.

use super::{Shared, Stopwatch, log::DeliveryEntry, real_now, webhook};
use crate::notifications::Delivery;
use std::{collections::BTreeMap, sync::Arc};
use tokio::{task::JoinSet, time::timeout};

/// Maximum number of batches of deliveries in progress at a time.
const MAX_BATCHES: usize = 8;

/// Sends notifications when they fall due.
pub(super) async fn deliver(shared: Arc<Shared>) {
    let mut deliveries_in_progress = JoinSet::new();
    loop {
        while deliveries_in_progress.try_join_next().is_some() {}
        let (deliveries, delay) = {
            let mut simulation = shared.lock();
            let now = simulation.clock.now(real_now());
            let deliveries = simulation.gateway.due_deliveries(now);
            let next = simulation.gateway.next_due().filter(|_| simulation.clock.runs());
            (deliveries, next.map(|next| next.since(now.business)))
        };
        if !deliveries.is_empty() {
            if deliveries_in_progress.len() >= MAX_BATCHES {
                deliveries_in_progress.join_next().await;
            }
            deliveries_in_progress.spawn(deliver_all(Arc::clone(&shared), deliveries));
            continue;
        }
        match delay {
            // Late and spurious wake-ups are harmless: the loop queries the gateway again.
            Some(delay) => drop(timeout(delay, shared.changed.notified()).await),
            None => shared.changed.notified().await,
        }
    }
}

/// Maximum number of series of deliveries in progress at a time, of one batch.
const MAX_SERIES: usize = 64;

/// Sends notifications: those about one number in order, others side by side. A merchant that does not respond delays
/// its own notifications only.
pub(super) async fn deliver_all(shared: Arc<Shared>, deliveries: Vec<Delivery>) {
    let mut in_progress = JoinSet::new();
    for series in into_series(deliveries) {
        if in_progress.len() >= MAX_SERIES {
            in_progress.join_next().await;
        }
        in_progress.spawn(deliver_series(Arc::clone(&shared), series));
    }
    while in_progress.join_next().await.is_some() {}
}

/// Groups deliveries by the number that they are about. A held-back delivery joins the series of the one before it.
fn into_series(deliveries: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let mut series: Vec<Vec<Delivery>> = Vec::new();
    let mut by_number = BTreeMap::new();
    let mut latest = None;
    for delivery in deliveries {
        let number = String::from(delivery.out_trade_no());
        let known = if delivery.is_held_back() { latest } else { by_number.get(&number).copied() };
        let index = known.unwrap_or(series.len());
        by_number.insert(number, index);
        latest = Some(index);
        match series.get_mut(index) {
            Some(series) => series.push(delivery),
            None => series.push(vec![delivery]),
        }
    }
    series
}

/// Sends deliveries in order, each after the response to the previous one unless it overlaps with it.
async fn deliver_series(shared: Arc<Shared>, deliveries: Vec<Delivery>) {
    let mut deliveries_in_progress = JoinSet::new();
    for delivery in deliveries {
        if !delivery.overlaps() {
            while deliveries_in_progress.join_next().await.is_some() {}
        }
        deliveries_in_progress.spawn(deliver_one(Arc::clone(&shared), delivery));
    }
    while deliveries_in_progress.join_next().await.is_some() {}
}

async fn deliver_one(shared: Arc<Shared>, delivery: Delivery) {
    let (time, stopwatch) = (real_now(), Stopwatch::start());
    let result = webhook::post(&shared.trust, &delivery).await;
    let duration = stopwatch.elapsed();
    let (after, now) = {
        let mut simulation = shared.lock();
        let now = simulation.clock.now(real_now());
        (simulation.gateway.record_delivery(delivery.id(), &result, now), now)
    };
    super::page::record_delivery(&shared, &delivery, &result, after.as_ref(), now);
    shared.changed.notify_one();
    if let Some(log) = &shared.log {
        let entry =
            after.and_then(|after| DeliveryEntry::new(&delivery, after, (time, duration), now.business));
        if let Some(entry) = entry {
            log.add_delivery(entry);
        }
    }
}
