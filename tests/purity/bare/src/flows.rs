//! The flows of APIv1, and a driver for every flow.

use crate::{entropy, merchant, unknown, used};
use alloc::boxed::Box;
use core::{error::Error, fmt, fmt::Debug, hint::black_box, net::Ipv4Addr};
use wxpay_proto::{
    Fen, UnixTime,
    exchange::{Failure, Flow, Reply, Step},
    http::Response,
    memory::Memory,
    v1::{DeliveryReport, Order, RawNotification, notification},
    wire::charset::Charset,
    world::World,
};

/// A network that fails, or returns a reply that is opaque to the optimiser.
fn network(requests: u32) -> Reply {
    match black_box(requests) {
        0 => Err(Failure::NotSent(Box::new(Down))),
        1 => Err(Failure::Lost(Box::new(Down))),
        _ => Ok(Response::new(black_box(200), unknown("{\"errcode\":0}").into()).with_header("date", b"now")),
    }
}

#[derive(Debug)]
struct Down;

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("down")
    }
}

impl Error for Down {}

pub(crate) fn drive<F: Flow<Output: Debug>>(flow: F) -> Option<wxpay_proto::Error> {
    let mut memory = Memory::default();
    let mut now = UnixTime::from_secs(black_box(1_399_514_976));
    let mut step = Step::begin(flow, World::new(now, entropy(), &mut memory));
    let mut requests = 0;
    loop {
        used(&step);
        step = match step {
            Step::Send(transmit, sent) => {
                used(&transmit);
                black_box((transmit.request.url(), transmit.request.headers(), transmit.request.body()));
                requests += 1;
                sent.resume(network(requests), World::new(now, entropy(), &mut memory))
            }
            Step::Wait(until, waiting) => {
                now = until;
                waiting.resume(World::new(now, entropy(), &mut memory))
            }
            Step::Done(Ok(output)) => {
                used(&output);
                return None;
            }
            Step::Done(Err(error)) => {
                used(&error);
                used(&(error.kind(), error.fate(), error.refusal(), error.source()));
                return Some(error);
            }
        };
    }
}

pub(crate) fn order(charset: Charset) -> Option<Order> {
    let now = UnixTime::from_secs(black_box(1_399_514_976));
    Order::builder(
        unknown("20140508001").parse().ok()?,
        Fen::new(black_box(1999)),
        unknown("千足金箍棒"),
        unknown("https://shop.example/notify").parse().ok()?,
        Ipv4Addr::from(black_box([203, 0, 113, 7])),
    )
    .charset(charset)
    .traceid(unknown("visitor"))
    .attach(unknown("basket"))
    .time_start(now)
    .time_expire(now.after(core::time::Duration::from_secs(black_box(7200))))
    .fees(Fen::ZERO, Fen::new(black_box(1999)))
    .goods_tag(unknown("tag"))
    .build()
    .ok()
}

#[unsafe(no_mangle)]
pub fn prepay_and_resolve() -> Option<()> {
    let me = merchant()?;
    let mut error = drive(me.prepay(order(black_box(Charset::Gbk))?))?;
    drive(me.resolve(error.take_unresolved()?)).as_ref().map(used)
}

#[unsafe(no_mangle)]
pub fn query() -> Option<()> {
    drive(merchant()?.query(unknown("20140508001").parse().ok()?)).as_ref().map(used)
}

#[unsafe(no_mangle)]
pub fn notify_delivery() -> Option<()> {
    let delivery = DeliveryReport::succeeded(
        unknown("oX99MDgNcgwnz3zFN3DNmo8uwa-w").parse().ok()?,
        unknown("1900000109201405083141592653").parse().ok()?,
        unknown("20140508001").parse().ok()?,
    );
    drive(merchant()?.notify_delivery(delivery.failed(unknown("sold out")).ok()?)).as_ref().map(used)
}

#[unsafe(no_mangle)]
pub fn refresh_token() -> Option<()> {
    drive(merchant()?.refresh_token()).as_ref().map(used)
}

#[unsafe(no_mangle)]
pub fn verify_notification() -> Option<()> {
    let me = merchant()?;
    let raw =
        RawNotification::new(unknown("POST"), unknown("sign=1").as_bytes(), unknown("<xml/>").as_bytes());
    used(&notification::strings_to_sign(&me, &raw));
    match me.verify_notification(&raw) {
        Ok(notification) => {
            used(&notification);
            used(&(
                notification.evidence(),
                notification.dedup_key(),
                notification.attach(),
                notification.sent_at(),
                notification.openid(),
            ));
        }
        Err(error) => {
            used(&error);
            used(&error.ack().response());
        }
    }
    Some(())
}
