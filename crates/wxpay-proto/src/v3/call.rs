//! One call: write, sign, send, verify, read; fetch keys or try again if need be.
//!
//! ```text
//!  begin ─▶ write ─▶ sign and send ──▶ verified? ─ yes ─▶ 2xx ───────────▶ Done(Ok)
//!            │ ▲          ▲  ▲             │  │            └ refusal ─────▶ Done(Err, Refused)
//!   key to seal│          │  └─ key fetched┘  └─ no ───┐
//!   is fetched─┘          └── pause ◀── 202, 429, 5xx, lost, unreadable, unverified: in doubt from here on
//!                                            └ no try left ──────────────▶ Done(Err, NotSent | Unknown)
//! ```
//!
//! * **write**: nothing was sent; the money is where it was. It is written once: every try sends the same bytes,
//!   under the same number, signed anew.
//! * **sent**: WeChat Pay may have it. A reply that arrives signed by a key that is not known yet waits for the key;
//!   its time was checked when it arrived.
//! * **in doubt**: some try may have been carried out. Only a verified success of a later try ends the doubt; a
//!   refusal does not, for it may be the first try's success that it stumbles over.
//!
//! After a failure of the network or of the gateway the next try goes to the backup host, then back. No try begins
//! after the deadline, and none is waited for beyond it. `protocol/v3` sections 11 and 13.

pub use super::endpoint::Endpoint;
use super::{
    certificates::FetchKeys,
    endpoint::{Content, Draft, Repeat},
    merchant::Merchant,
    seal::{Pen, Wanted},
    verify::{Claim, Distrust, Verified},
};
use crate::{
    error::{Error, ErrorKind, Fate},
    exchange::{Failure, Flow, Hop, Reply, Sent, Step, sealed},
    http::{Request, Response},
    id::{KeyId, PublicKeyId},
    memory::KeyClaim,
    refusal::{Code, Detail, Refusal},
    retry::Tries,
    wire::json,
    world::World,
};
use alloc::{
    borrow::ToOwned as _,
    boxed::Box,
    format,
    string::{String, ToString as _},
};
use core::{fmt, time::Duration};

/// How many bytes a reply may have. Bills are streamed and not counted here.
const MAX_REPLY: usize = 4 * 1024 * 1024;

const USER_AGENT: &str = concat!("wxpay-proto/", env!("CARGO_PKG_VERSION"));

/// A call that has not begun. It is tried by the merchant's [`Policy`](crate::retry::Policy).
#[derive(Clone, Debug)]
pub struct Call<E> {
    me: Merchant,
    endpoint: E,
}

/// A call that is being written.
#[derive(Debug)]
struct Writing<E> {
    call: Call<E>,
    tries: Tries,
    /// The key to seal with was fetched for this call already.
    fetched: bool,
}

/// A call that is written, and may have been sent.
#[derive(Debug)]
struct Calling<E> {
    call: Call<E>,
    draft: Box<Draft>,
    /// The key that the draft is sealed with.
    sealed_with: Option<KeyId>,
    tries: Tries,
    /// Some earlier try may have been carried out.
    doubt: bool,
    /// How often the host was changed.
    turn: usize,
}

/// A reply that is being verified.
#[derive(Debug)]
struct Held<E> {
    calling: Calling<E>,
    reply: Response,
    claim: Claim,
    /// Keys were fetched for this reply already.
    fetched: bool,
}

/// A call with a request out.
#[derive(Debug)]
pub struct Asking<E>(Ask<E>);

#[derive(Debug)]
enum Ask<E> {
    KeyToSeal(Sent<FetchKeys>, Writing<E>),
    Operation(Calling<E>),
    KeyToVerify(Sent<FetchKeys>, Held<E>),
}

/// A call that waits.
#[derive(Debug)]
pub struct Pausing<E>(Pause<E>);

#[derive(Debug)]
enum Pause<E> {
    KeyToSeal(Writing<E>),
    BetweenTries(Calling<E>),
    KeyToVerify(Held<E>),
}

impl<E: Endpoint> Call<E> {
    pub(super) fn new(me: Merchant, endpoint: E) -> Self {
        Self { me, endpoint }
    }
}

impl<E: Endpoint> Writing<E> {
    fn write(self, world: &mut World<'_>) -> Step<Call<E>> {
        let mut pen = Pen::new(&self.call.me, world);
        let draft = self.call.endpoint.draft(&mut pen);
        let (sealed_with, wanted) = pen.put_down();
        match (draft, wanted) {
            (Ok(draft), _) => {
                let Self { call, tries, .. } = self;
                Calling { call, draft: Box::new(draft), sealed_with, tries, doubt: false, turn: 0 }.ask(world)
            }
            (Err(_), Some(Wanted::Fetch(lease))) if !self.fetched => {
                let fetch = FetchKeys::new(self.call.me.clone(), lease, Some(&self.tries), world.now);
                Self { fetched: true, ..self }.fetching(fetch.begin(world), world)
            }
            (Err(_), Some(Wanted::Wait(until))) if self.tries.may_begin(until) => {
                Step::wait(until, Pausing(Pause::KeyToSeal(self)))
            }
            (Err(error), wanted) => {
                if let Some(Wanted::Fetch(lease)) = wanted {
                    world.memory.platform_keys_of(self.call.me.mchid()).give_up(&lease);
                }
                Step::Done(Err(error.before_sending()))
            }
        }
    }

    fn fetching(self, step: Step<FetchKeys>, world: &mut World<'_>) -> Step<Call<E>> {
        match step {
            Step::Send(hop, fetch) => Step::send(hop, Asking(Ask::KeyToSeal(fetch, self))),
            Step::Wait(_, asleep) => asleep.never(),
            Step::Done(Ok(())) => self.write(world),
            Step::Done(Err(error)) => Step::Done(Err(error.before_sending())),
        }
    }
}

impl<E: Endpoint> Calling<E> {
    fn ask(self, world: &mut World<'_>) -> Step<Call<E>> {
        // It may be woken late.
        if !self.tries.may_begin(world.now) {
            return self.fail(Error::new(ErrorKind::Exhausted, Fate::NotSent));
        }
        let me = &self.call.me;
        let (base_url, timeout) = (me.base_url(self.turn), self.tries.timeout(world.now));
        match hop(me, &self.draft, self.sealed_with.as_ref(), base_url, timeout, world) {
            Ok(hop) => Step::send(hop, Asking(Ask::Operation(self))),
            Err(error) => self.fail(error),
        }
    }

    fn replied(self, reply: Response, world: &mut World<'_>) -> Step<Call<E>> {
        if is_success(reply.status())
            && let Some(verified) = Verified::unsigned(self.draft.method(), self.draft.target(), reply.body())
        {
            return match self.call.endpoint.read(verified, &self.call.me, world) {
                Ok(output) => Step::Done(Ok(output)),
                Err(error) => self.misread(error, world),
            };
        }
        let claim = Claim::of(&headers(&reply), world.now);
        match claim {
            Ok(claim) => Held { calling: self, reply, claim, fetched: false }.verify(world),
            Err(distrust) => self.distrust(distrust, &reply, world),
        }
    }

    /// A reply that is not to be believed. Whatever it says, it may be otherwise.
    fn distrust(self, distrust: Distrust, reply: &Response, world: &mut World<'_>) -> Step<Call<E>> {
        if is_success(reply.status()) {
            return self.misread(distrust.into_error(), world);
        }
        // What it says is worth showing, and tells whether trying again can help.
        let error = Refused { refusal: refusal(reply), verified: false }.into_error().caused_by(distrust);
        self.refused(reply.status(), error, world)
    }

    fn refused(self, status: u16, error: Error, world: &mut World<'_>) -> Step<Call<E>> {
        match status {
            202 | 429 => self.try_again(error, false, world),
            500.. => self.try_again(error, true, world),
            _ => self.fail(error),
        }
    }

    /// A success that cannot be read, believed, or made use of. The request may have been carried out, whatever the
    /// reader says.
    fn misread(self, error: Error, world: &mut World<'_>) -> Step<Call<E>> {
        let error = error.after_doubt(true);
        match error.kind() {
            ErrorKind::Signature | ErrorKind::Malformed => self.try_again(error, false, world),
            ErrorKind::Misuse
            | ErrorKind::Transport
            | ErrorKind::Refused
            | ErrorKind::Unavailable
            | ErrorKind::Exhausted => self.fail(error),
        }
    }

    fn lost(self, failure: Failure, world: &mut World<'_>) -> Step<Call<E>> {
        let (source, fate) = match failure {
            Failure::NotSent(source) => (source, Fate::NotSent),
            Failure::Lost(source) => (source, Fate::Unknown),
        };
        self.try_again(Error::new(ErrorKind::Transport, fate).caused_by(source), true, world)
    }

    fn try_again(mut self, error: Error, elsewhere: bool, world: &mut World<'_>) -> Step<Call<E>> {
        let doubt = self.doubt || error.fate() == Fate::Unknown;
        let may_repeat = !doubt || self.call.endpoint.repeat() != Repeat::Never;
        let again = if may_repeat { self.tries.again(world.now, &mut world.entropy) } else { None };
        match again {
            Some(until) => {
                let turn = self.turn.wrapping_add(usize::from(elsewhere));
                Step::wait(until, Pausing(Pause::BetweenTries(Self { doubt, turn, ..self })))
            }
            None => self.fail(error),
        }
    }

    fn fail(self, error: Error) -> Step<Call<E>> {
        let error = error.after_doubt(self.doubt);
        Step::Done(Err(match self.call.endpoint.debt() {
            Some(debt) => error.owing(|| debt),
            None => error,
        }))
    }
}

impl<E: Endpoint> Held<E> {
    fn verify(self, world: &mut World<'_>) -> Step<Call<E>> {
        let me = &self.calling.call.me;
        match me.key(self.claim.key(), world.memory, world.now) {
            KeyClaim::Use(key) => match self.claim.verify(self.reply.body(), &*key) {
                Ok(verified) => Self::judge(self.calling, verified, &self.reply, world),
                Err(distrust) => self.calling.distrust(distrust, &self.reply, world),
            },
            KeyClaim::Fetch(lease) if !self.fetched => {
                let fetch = FetchKeys::new(me.clone(), lease, Some(&self.calling.tries), world.now);
                Self { fetched: true, ..self }.fetching(fetch.begin(world), world)
            }
            KeyClaim::Wait(until) if self.calling.tries.may_begin(until) => {
                Step::wait(until, Pausing(Pause::KeyToVerify(self)))
            }
            claim @ (KeyClaim::Fetch(_) | KeyClaim::Wait(_) | KeyClaim::Unknown) => {
                if let KeyClaim::Fetch(lease) = claim {
                    world.memory.platform_keys_of(me.mchid()).give_up(&lease);
                }
                self.unknown_key(world)
            }
        }
    }

    fn fetching(self, step: Step<FetchKeys>, world: &mut World<'_>) -> Step<Call<E>> {
        match step {
            Step::Send(hop, fetch) => Step::send(hop, Asking(Ask::KeyToVerify(fetch, self))),
            Step::Wait(_, asleep) => asleep.never(),
            Step::Done(Ok(())) => self.verify(world),
            Step::Done(Err(_)) => self.unknown_key(world),
        }
    }

    fn unknown_key(self, world: &mut World<'_>) -> Step<Call<E>> {
        self.calling.distrust(Distrust::UnknownKey(self.claim.key().clone()), &self.reply, world)
    }

    fn judge(
        calling: Calling<E>,
        verified: Verified<'_>,
        reply: &Response,
        world: &mut World<'_>,
    ) -> Step<Call<E>> {
        let Call { me, endpoint } = &calling.call;
        if is_success(reply.status()) {
            return match endpoint.read(verified, me, world) {
                Ok(output) => Step::Done(Ok(output)),
                Err(error) => calling.misread(error, world),
            };
        }
        let refusal = refusal(reply);
        match endpoint.refused(&refusal) {
            Some(output) => Step::Done(Ok(output)),
            None => calling.refused(reply.status(), Refused { refusal, verified: true }.into_error(), world),
        }
    }
}

impl<E: Endpoint> sealed::Sealed for Call<E> {}

impl<E: Endpoint> Flow for Call<E> {
    type Sent = Asking<E>;
    type Asleep = Pausing<E>;
    type Output = E::Output;

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        let tries = Tries::new(self.me.retry(), world.now);
        Writing { call: self, tries, fetched: false }.write(world)
    }

    fn replied(Asking(ask): Asking<E>, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        match (ask, reply) {
            (Ask::KeyToSeal(fetch, writing), reply) => writing.fetching(fetch.step(reply, world), world),
            (Ask::Operation(calling), Ok(reply)) => calling.replied(reply, world),
            (Ask::Operation(calling), Err(failure)) => calling.lost(failure, world),
            (Ask::KeyToVerify(fetch, held), reply) => held.fetching(fetch.step(reply, world), world),
        }
    }

    fn woke(Pausing(pause): Pausing<E>, world: &mut World<'_>) -> Step<Self> {
        match pause {
            Pause::KeyToSeal(writing) => writing.write(world),
            Pause::BetweenTries(calling) => calling.ask(world),
            Pause::KeyToVerify(held) => held.verify(world),
        }
    }
}

/// 202 is a success of HTTP, but says that it is not over.
fn is_success(status: u16) -> bool {
    matches!(status, 200..=299) && status != 202
}

/// Signs a draft, and makes the request that carries it.
pub(super) fn hop(
    me: &Merchant,
    draft: &Draft,
    sealed_with: Option<&KeyId>,
    base_url: &str,
    timeout: Duration,
    world: &mut World<'_>,
) -> Result<Hop, Error> {
    let nonce = world.entropy.nonce();
    let authorization = me.authorize(draft.method(), draft.target(), draft.signed(), world.now, nonce)?;
    let url = format!("{base_url}{}", draft.target());
    let (content_type, body) = match draft.content() {
        // Their own SDKs send the type even where there is no body.
        Content::Nothing => ("application/json".to_owned(), alloc::vec::Vec::new()),
        Content::Json(text) => ("application/json".to_owned(), text.clone()),
        Content::Upload(upload) => (upload.content_type(), upload.body()),
    };
    let request = Request::new(draft.method(), url, body)
        .with("accept", draft.accept().to_owned())
        .with("user-agent", USER_AGENT.to_owned())
        .with("content-type", content_type)
        .with("authorization", authorization.to_string());
    let announced = me.announced_key().map(PublicKeyId::as_str);
    let request = match sealed_with.map(KeyId::as_str).or(announced) {
        Some(key) => request.with("wechatpay-serial", key.to_owned()),
        None => request,
    };
    Ok(Hop { label: draft.label(), request, client_certificate: false, timeout, max_reply: MAX_REPLY })
}

pub(super) fn headers(reply: &Response) -> impl Iterator<Item = (&str, &[u8])> + Clone {
    reply.headers().iter().map(|(name, value)| (name.as_str(), value.as_slice()))
}

/// A reply that is no success.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) verified: bool,
}

impl Refused {
    /// Only a verified 4xx that does not say "not now" is a refusal. Anything else leaves it open.
    pub(super) fn into_error(self) -> Error {
        let Self { refusal, verified } = self;
        let settles = matches!(refusal.status, 400..=499) && refusal.status != 429;
        let is_final = verified && settles && refusal.code != Code::USERPAYING;
        Error::refused(refusal, if is_final { Fate::Refused } else { Fate::Unknown })
    }
}

/// Reads what a reply says that is no success; as far as it can be read.
pub(super) fn refusal(reply: &Response) -> Refusal {
    let body: Body = json::parse(reply.body()).unwrap_or_default();
    let code = body.code.unwrap_or_else(|| format!("HTTP {}", reply.status()));
    Refusal::new(reply.status(), Code::from(code), body.message.as_deref().unwrap_or_default())
        .with_request_id(reply.header("Request-ID"))
        .with_detail(body.detail.and_then(read_detail))
}

/// `{"code","message","detail"}`, all optional; a gateway's own failures have none of it.
#[derive(Default, serde::Deserialize)]
struct Body {
    code: Option<String>,
    message: Option<String>,
    detail: Option<serde_json::Value>,
}

/// The document has the particulars in `detail`; real replies put the issue one level deeper.
fn read_detail(detail: serde_json::Value) -> Option<Detail> {
    let outer = detail;
    let at = |name: &str| outer.get("detail").and_then(|inner| inner.get(name)).or_else(|| outer.get(name));
    let text = |name: &str| at(name).and_then(serde_json::Value::as_str).map(String::from);
    let signed = at("sign_information").or_else(|| outer.get("sign_information"));
    let detail = Detail {
        field: text("field"),
        issue: text("issue"),
        location: text("location"),
        truncated_sign_message: signed
            .and_then(|signed| signed.get("truncated_sign_message"))
            .and_then(serde_json::Value::as_str)
            .map(String::from),
        sign_message_length: signed
            .and_then(|signed| signed.get("sign_message_length"))
            .and_then(serde_json::Value::as_u64),
    };
    (detail != Detail::default()).then_some(detail)
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("verified", &self.verified).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
