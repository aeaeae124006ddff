//! A payment of APIv1 with its own driver: a blocking client on `std::net`, without an async runtime and without
//! `wxpay-hyper`.
//!
//! ```text
//! wxpay sim --listen 127.0.0.1:8090 --env-file sim.env &
//! . ./sim.env && WXPAY_SIM=1 cargo run -p wxpay-hyper --example blocking_driver
//! ```
//!
//! It places an order, pays it as the simulator's payer if `WXPAY_SIM=1` is set, queries the order, and prints
//! `paid`. It speaks plain HTTP only, so it works with the simulator and not over the internet.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "an example: it prints, and reads the environment, the clock and random bytes as a program may"
)]

use std::{
    env,
    error::Error,
    io::{self, Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    thread,
    time::{Duration, Instant, SystemTime},
};
use wxpay_proto::{
    Error as PayError, Fen, UnixTime,
    entropy::Entropy,
    exchange::{Failure, Flow, Reply, Step, Transmit},
    http::{Request, Response},
    id::OutTradeNo,
    memory::Memory,
    v1::{AppSecret, Merchant, Order, PartnerKey, PaySignKey, QueryOutcome},
    world::World,
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", pay_once(|name| env::var(name).ok())?);
    Ok(())
}

/// Places, pays and queries one order. `setting` returns the value of an environment variable.
///
/// # Errors
///
/// If a setting is missing, a call fails, or the order is not paid in the end.
pub(crate) fn pay_once(setting: impl Fn(&str) -> Option<String>) -> Result<&'static str, Box<dyn Error>> {
    let required = |name: &str| setting(name).ok_or_else(|| format!("{name} is required"));
    let base_url = required("WXPAY_BASE_URL")?;
    let merchant = Merchant::builder(
        required("WXPAY_V1_APPID")?.parse()?,
        AppSecret::new(required("WXPAY_V1_APP_SECRET")?)?,
        PaySignKey::new(required("WXPAY_V1_PAY_SIGN_KEY")?)?,
        required("WXPAY_V1_PARTNER")?.parse()?,
        PartnerKey::new(required("WXPAY_V1_PARTNER_KEY")?)?,
    )
    .base_url(&base_url)?
    .build();

    let mut memory = Memory::default();
    let number: OutTradeNo = format!("blocking{}", now().as_millis()).parse()?;
    let notify_url = "http://127.0.0.1:8080/unused".parse()?;
    let order =
        Order::builder(number.clone(), Fen::new(1), "a test", notify_url, [203, 0, 113, 7].into()).build()?;
    let params = run(merchant.prepay(order), &mut memory)?;
    println!("prepayid {}", params.prepayid);

    if setting("WXPAY_SIM").as_deref() == Some("1") {
        let url = format!("{base_url}/_sim/v1/orders/{number}/pay");
        let pay = Request::post(url, "application/json", Vec::new());
        send(&pay, Duration::from_secs(10), 65536).map_err(|failure| format!("{failure:?}"))?;
    }
    match run(merchant.query(number), &mut memory)? {
        QueryOutcome::Paid(_) => Ok("paid"),
        other => Err(format!("not paid: {other:?}").into()),
    }
}

/// Runs a flow to its end: the complete driver. It runs one flow at a time, so its memory needs no lock, and a private
/// key may block.
fn run<F: Flow>(flow: F, memory: &mut Memory) -> Result<F::Output, PayError> {
    let mut step = Step::begin(flow, World::new(now(), entropy(), memory));
    loop {
        step = match step {
            Step::Send(transmit, awaiting) => {
                awaiting.resume(send_transmit(&transmit), World::new(now(), entropy(), memory))
            }
            Step::Wait(until, waiting) => {
                thread::sleep(until.since(now()));
                waiting.resume(World::new(now(), entropy(), memory))
            }
            Step::Done(result) => return result,
        };
    }
}

fn now() -> UnixTime {
    UnixTime::EPOCH.after(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

#[allow(clippy::expect_used, reason = "a program without random bytes must not sign")]
fn entropy() -> Entropy {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the operating system must return random bytes");
    Entropy::new(seed)
}

fn send_transmit(transmit: &Transmit) -> Reply {
    send(&transmit.request, transmit.timeout, transmit.max_reply)
}

/// Sends one request on a connection of its own. A failure before the first byte is written is `NotSent`; from then
/// on it is `Lost`.
fn send(request: &Request, timeout: Duration, max_reply: usize) -> Reply {
    let began = Instant::now();
    let remaining = || timeout.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
    let not_sent = |cause: io::Error| Failure::NotSent(cause.into());
    let lost = |cause: io::Error| Failure::Lost(cause.into());

    let (host, target) = split(request.url()).map_err(not_sent)?;
    let address = host.to_socket_addrs().map_err(not_sent)?.next().ok_or(io::ErrorKind::AddrNotAvailable);
    let address = address.map_err(|kind| not_sent(kind.into()))?;
    let mut stream = TcpStream::connect_timeout(&address, remaining()).map_err(not_sent)?;

    let mut head = format!("{} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", request.method());
    for (name, value) in request.headers() {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.extend(["content-length: ", &request.body().len().to_string(), "\r\n\r\n"]);
    stream.set_write_timeout(Some(remaining())).map_err(not_sent)?;
    stream.write_all(&[head.as_bytes(), request.body()].concat()).map_err(lost)?;

    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        stream.set_read_timeout(Some(remaining())).map_err(lost)?;
        let n = stream.read(&mut buffer).map_err(lost)?;
        received.extend(buffer.iter().take(n));
        if began.elapsed() >= timeout {
            return Err(lost(io::ErrorKind::TimedOut.into()));
        }
        if received.len() > max_reply.saturating_add(16 * 1024) {
            return Err(lost(io::ErrorKind::FileTooLarge.into()));
        }
        if n == 0 {
            return parse_reply(&received, max_reply).ok_or_else(|| lost(io::ErrorKind::InvalidData.into()));
        }
    }
}

/// Splits `http://host:port/path?query` into `host:port` and `/path?query`. The error does not quote the URL.
fn split(url: &str) -> io::Result<(String, &str)> {
    let rest = url.strip_prefix("http://").ok_or(io::ErrorKind::Unsupported)?;
    let (host, target) = rest.split_at(rest.find('/').ok_or(io::ErrorKind::InvalidInput)?);
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    Ok((host, target))
}

/// Parses a complete reply with a `content-length`. Returns `None` for anything else.
fn parse_reply(received: &[u8], max_reply: usize) -> Option<Response> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = received.split_at(end.checked_add(4)?);
    let mut lines = str::from_utf8(head).ok()?.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    let reply = lines
        .filter_map(|line| line.split_once(':'))
        .fold(Response::new(status, body.to_vec()), |reply, (name, value)| {
            reply.with_header(name, value.trim().as_bytes())
        });
    let content_length: usize = str::from_utf8(reply.header("content-length")?).ok()?.parse().ok()?;
    (content_length == body.len() && content_length <= max_reply).then_some(reply)
}
