//! Money, payments, and what is remembered.

use crate::{unknown, used};
use alloc::string::String;
use core::hint::black_box;
use wxpay_proto::{
    Fen, UnixTime,
    id::AppId,
    memory::{AccessToken, Claim, Memory, Refreshable, Sight},
    payment::{Evidence, PaymentState, Payment},
};

#[unsafe(no_mangle)]
pub fn join() -> Option<()> {
    let number: wxpay_proto::id::OutTradeNo = unknown("20140508001").parse().ok()?;
    let amount = Fen::from_yuan(unknown("19.99")).ok()?;
    used(&(unknown("1999").parse::<Fen>(), amount.yuan(), amount.checked_sub(Fen::new(1))));
    let before = PaymentState::new(number.clone(), amount);
    let mut after = before.clone();
    for secs in 0..black_box(3) {
        let id = unknown("1900000109201405083141592653").parse().ok()?;
        let payment = Payment::new(id, amount, Fen::ZERO, UnixTime::from_secs(secs));
        used(&after.join(&Evidence::from_storage(number.clone(), payment)));
    }
    used(&(after.status(), after.anomalies(), after.transitions_since(&before)));
    Some(())
}

#[unsafe(no_mangle)]
pub fn remember() -> Option<()> {
    let now = UnixTime::from_secs(black_box(1));
    let mut memory = Memory::default();
    let app: AppId = unknown("wxd930ea5d5a258f4f").parse().ok()?;
    memory.put_token(&app, AccessToken::new(String::from(unknown("token")))?, now, now);
    used(&(memory.token(&app, now), memory.next_token_refresh(&app)));
    match memory.seen.meet(unknown("key"), now) {
        Sight::First(ticket) => {
            memory.seen.failed(&ticket);
            memory.seen.answered(&ticket);
        }
        other => used(&other),
    }
    used(&memory);
    let mut perishable = Refreshable::<u64>::default();
    match perishable.claim(now) {
        Claim::Fetch(lease) if black_box(true) => perishable.fill(lease, 1, now, now),
        Claim::Fetch(lease) => perishable.give_up(lease, now),
        claim => used(&claim),
    }
    perishable.invalidate(&1);
    used(&(perishable.peek(now), perishable.refresh_at()));
    Some(())
}
