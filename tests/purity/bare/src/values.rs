//! Amounts, payment states, and memory.

use crate::{unknown, used};
use alloc::string::String;
use core::hint::black_box;
use wxpay_proto::{
    Fen, UnixTime,
    id::AppId,
    memory::{AccessToken, Claim, Delivery, Memory, Refreshable},
    payment::{Evidence, Payment, PaymentState, TransactionOwners},
};

#[unsafe(no_mangle)]
pub fn merge() -> Option<()> {
    let number: wxpay_proto::id::OutTradeNo = unknown("20140508001").parse().ok()?;
    let amount = Fen::from_yuan(unknown("19.99")).ok()?;
    used(&(unknown("1999").parse::<Fen>(), amount.yuan(), amount.checked_sub(Fen::new(1))));
    let before = PaymentState::new(number.clone(), amount);
    let mut after = before.clone();
    let mut owners = TransactionOwners::default();
    for secs in 0..black_box(3) {
        let id = unknown("1900000109201405083141592653").parse().ok()?;
        let payment = Payment::new(id, amount, Fen::ZERO, UnixTime::from_secs(secs));
        let evidence = Evidence::from_storage(number.clone(), payment);
        used(&after.merge(&evidence, owners.claim(&evidence)));
    }
    used(&(after.status(), after.anomalies(), after.transitions_since(&before)));
    Some(())
}

#[unsafe(no_mangle)]
pub fn use_memory() -> Option<()> {
    let now = UnixTime::from_secs(black_box(1));
    let mut memory = Memory::default();
    let app: AppId = unknown("wxd930ea5d5a258f4f").parse().ok()?;
    memory.put_token(&app, AccessToken::new(String::from(unknown("token")))?, now, now);
    used(&(memory.token(&app, now), memory.next_token_refresh(&app)));
    match memory.deduplicator.begin(unknown("key"), now) {
        Delivery::New(processing) => {
            memory.deduplicator.fail(&processing);
            memory.deduplicator.complete(&processing);
        }
        other => used(&other),
    }
    used(&memory);
    let mut refreshable = Refreshable::<u64>::default();
    match refreshable.claim(now) {
        Claim::Fetch(lease) if black_box(true) => refreshable.fill(lease, 1, now, now, now),
        Claim::Fetch(lease) => refreshable.release(lease, now),
        claim => used(&claim),
    }
    refreshable.invalidate(&1);
    used(&(refreshable.peek(now), refreshable.refresh_at()));
    Some(())
}
