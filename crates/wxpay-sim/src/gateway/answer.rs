//! The way of a request: read, executed on the gateway with the fault of the first rule that applies, and signed.

use super::{Gateway, OrderRef, Payer, RequestRecord};
use crate::{
    clock::Now,
    faults::Fault,
    front_end::{Directory, Draft, Exchange},
};
use std::{fmt, time::Duration};
use wxpay_proto::{
    UnixTime,
    http::{Request, Response},
    id::{MchId, OutTradeNo},
};

/// The outcome of a request as the client sees it. The driver (for example the HTTP server) must produce it.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums, reason = "a driver must handle every outcome")]
pub enum Outcome<R = Response> {
    /// A complete reply.
    Reply(R),
    /// A complete reply, sent after the notifications that are due.
    AfterNotifications(R),
    /// A complete reply, delayed by this long. The request has been executed already.
    Delayed(R, Duration),
    /// The headers of the reply and this many bytes of its body. Then the connection breaks.
    Truncated(R, usize),
    /// A complete reply whose body is sent at this many bytes per second.
    Slow(R, u32),
    /// No reply: the connection is closed.
    ConnectionClosed {
        /// `true` if the request was executed.
        committed: bool,
    },
    /// No reply: the connection is reset.
    ConnectionReset {
        /// `true` if the request was executed.
        committed: bool,
    },
    /// No connection. This one and all others are refused for this long.
    ConnectionRefused(Duration),
}

impl Outcome<Draft> {
    /// Signs the reply. This takes an RSA operation, and needs no access to the gateway.
    pub fn sign(self) -> Outcome {
        match self {
            Self::Reply(draft) => Outcome::Reply(draft.sign()),
            Self::AfterNotifications(draft) => Outcome::AfterNotifications(draft.sign()),
            Self::Delayed(draft, delay) => Outcome::Delayed(draft.sign(), delay),
            Self::Truncated(draft, bytes) => {
                let reply = draft.sign();
                // At least one byte is missing.
                let length = bytes.min(reply.body().len().saturating_sub(1));
                Outcome::Truncated(reply, length)
            }
            Self::Slow(draft, rate) => Outcome::Slow(draft.sign(), rate),
            Self::ConnectionClosed { committed } => Outcome::ConnectionClosed { committed },
            Self::ConnectionReset { committed } => Outcome::ConnectionReset { committed },
            Self::ConnectionRefused(delay) => Outcome::ConnectionRefused(delay),
        }
    }
}

/// A request that was parsed and whose signature was checked. [`Gateway::execute`] executes it.
pub struct ReadRequest<'a> {
    /// The exchange, unless no front end serves the path.
    exchange: Option<Box<dyn Exchange + 'a>>,
    request: &'a Request,
    now: Now,
}

impl fmt::Debug for ReadRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadRequest").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Directory {
    /// Parses a request and verifies its signature. This takes an RSA operation, and needs no access to the gateway.
    pub fn read<'a>(&self, request: &'a Request, now: impl Into<Now>) -> ReadRequest<'a> {
        let now = now.into();
        let path = path_of(request);
        let front_end = self.front_ends.iter().find(|front_end| front_end.serves(path));
        let exchange = front_end.map(|front_end| front_end.read(request, self, now));
        ReadRequest { exchange, request, now }
    }
}

/// Returns the path of a request as received, without the query.
fn path_of(request: &Request) -> &str {
    let target = target(request);
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// Returns path and query exactly as received: signatures cover the bytes on the wire.
pub(crate) fn target(request: &Request) -> &str {
    let url = request.url();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/")
}

impl Gateway {
    /// Answers a request from the merchant, in one call: [`Directory::read`], [`execute`](Self::execute) and
    /// [`Outcome::sign`]. An unknown path is answered with 404.
    pub fn answer(&mut self, request: &Request, now: impl Into<Now>) -> Outcome {
        let request = self.directory().read(request, now);
        self.execute(request).sign()
    }

    /// Returns a snapshot of the facts by which requests are read. It costs as much as a reference.
    pub fn directory(&self) -> Directory {
        self.directory.clone()
    }

    /// Executes a request that was read. Sign the outcome with [`Outcome::sign`]; neither needs a lock on the gateway.
    pub fn execute(&mut self, request: ReadRequest<'_>) -> Outcome<Draft> {
        let ReadRequest { exchange, request, now } = request;
        self.run_due_tasks(now.business);
        let Some(mut exchange) = exchange else {
            let reason = Some(String::from("no operation has this path"));
            let record = RequestRecord::unread(request, now.business);
            self.requests.add(RequestRecord { status: 404, reason, ..record });
            return Outcome::Reply(Draft {
                status: 404,
                headers: Vec::new(),
                body: b"404 page not found".to_vec(),
                is_success: false,
                signature: None,
                accept_encoding: None,
            });
        };
        let fault = self.faults.inject(|| exchange.claims(), now.business);
        match fault {
            None => Outcome::Reply(exchange.execute(self, None)),
            Some(fault) => self.execute_with_fault(&mut *exchange, fault, now.business),
        }
    }

    fn execute_with_fault(
        &mut self,
        exchange: &mut (dyn Exchange + '_),
        fault: Fault,
        now: UnixTime,
    ) -> Outcome<Draft> {
        if fault.substitute().is_some() {
            return Outcome::Reply(exchange.substitute(self, fault));
        }
        match fault {
            Fault::ConnectionRefused { millis } => {
                exchange.discard(self, fault);
                Outcome::ConnectionRefused(Duration::from_millis(millis))
            }
            Fault::DropBeforeCommit => {
                exchange.discard(self, fault);
                Outcome::ConnectionClosed { committed: false }
            }
            Fault::ResetBeforeCommit => {
                exchange.discard(self, fault);
                Outcome::ConnectionReset { committed: false }
            }
            Fault::CommitThenDropResponse => {
                exchange.execute(self, Some(fault));
                Outcome::ConnectionClosed { committed: true }
            }
            Fault::CommitThenReset => {
                exchange.execute(self, Some(fault));
                Outcome::ConnectionReset { committed: true }
            }
            Fault::Delayed { millis } | Fault::AnswerAfterClientTimeout { millis } => {
                Outcome::Delayed(exchange.execute(self, Some(fault)), Duration::from_millis(millis))
            }
            Fault::Cut { bytes } => Outcome::Truncated(exchange.execute(self, Some(fault)), bytes),
            Fault::Slow { bytes_per_second } => {
                Outcome::Slow(exchange.execute(self, Some(fault)), bytes_per_second)
            }
            Fault::Early => {
                let draft = exchange.execute(self, Some(fault));
                // The payment is due now, not after `notify_delay`: its notification must be sent before the reply.
                if draft.is_success && self.pay_claimed(exchange, now, now) {
                    Outcome::AfterNotifications(draft)
                } else {
                    Outcome::Reply(draft)
                }
            }
            Fault::PaidDuringClose => {
                let due = now.after(self.settings().notify_delay);
                self.pay_claimed(exchange, due, now);
                Outcome::Reply(exchange.execute(self, Some(fault)))
            }
            Fault::ServerError { .. }
            | Fault::BadGateway { .. }
            | Fault::Unavailable { .. }
            | Fault::Garbage { .. }
            | Fault::SystemError { .. }
            | Fault::Accepted { .. }
            | Fault::RateLimited
            | Fault::UnsignedReply
            | Fault::WrongSignature
            | Fault::SigntestProbe
            | Fault::UnknownSerial
            | Fault::StaleTimestamp
            | Fault::MissingHeader
            | Fault::TamperedBody
            | Fault::CertificateRotated
            | Fault::MigrationStep { .. }
            | Fault::TokenReplaced
            | Fault::TokenExpired
            | Fault::QuotaUsedUp
            | Fault::SecondPayment
            | Fault::NotificationLost
            | Fault::NotificationDelayed { .. }
            | Fault::NotificationDuplicated
            | Fault::NotificationReordered
            | Fault::NotificationForged
            | Fault::NotificationUnknownSerial
            | Fault::NotificationProbe
            | Fault::NotificationStale => Outcome::Reply(exchange.execute(self, Some(fault))),
        }
    }

    /// Pays the orders that a request names, as far as they can be paid. Returns `true` if one is paid.
    fn pay_claimed(&mut self, exchange: &(dyn Exchange + '_), due: UnixTime, now: UnixTime) -> bool {
        let claims = exchange.claims();
        let Some(mchid) = claims.mchid.as_ref().and_then(|mchid| mchid.parse::<MchId>().ok()) else {
            return false;
        };
        let numbers: Vec<OutTradeNo> =
            claims.numbers.iter().filter_map(|number| number.parse().ok()).collect();
        let mut is_paid = false;
        for number in numbers {
            let order_ref = OrderRef::OfMerchant(mchid.clone(), number);
            is_paid |= self.charge(&order_ref, &Payer::default(), false, due, now).is_ok();
        }
        is_paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_is_path_and_query_as_received() {
        for (url, expected) in [
            ("https://h/v3/a%2Db?c=%3D&d", "/v3/a%2Db?c=%3D&d"),
            ("http://h", "/"),
            ("http://h?x=1", "?x=1"),
            ("http://h/a#f", "/a"),
        ] {
            assert_eq!(target(&Request::get(url.into())), expected);
        }
    }
}
