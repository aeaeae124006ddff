//! The gateway of a conversation: it carries out one operation under one number, and a fault changes what the merchant
//! sees of it.

use crate::{
    clock::UnixTime,
    entropy::Entropy,
    exchange::{Failure, Reply, Transmit},
    http::Response,
    prelude::*,
    v3::fake::SigningKey,
};
use core::time::Duration;

pub(super) const NUMBER: &str = "1217752501";

/// A fault of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NotSent,
    LostRequest,
    LostReply,
    /// The request seems lost, and arrives up to 15 seconds later.
    Late(u64),
    /// The request arrives, and a copy of it once more later; the reply is lost.
    Duplicate(u64),
    /// The signed reply has another status.
    Status(u16),
    /// The check of fields refuses, unsigned; the request is not carried out.
    FieldRefusal,
    /// The same reply, forged: the request is carried out, if money moves by it at once.
    ForgedFieldRefusal,
    /// An unsigned "not found".
    UnsignedNotFound,
    /// An unsigned page of a proxy, before or after the request was carried out.
    Proxy(u16, bool),
    /// The reply is changed after it was signed.
    Altered,
    /// A signed `SYSTEM_ERROR`, before or after the request was carried out.
    Busy(bool),
    /// A signed code that no document lists, after the request was carried out.
    UnknownCode,
    /// A signed success of unexpected shape.
    Misfit,
    /// A signed success without a body.
    Empty,
}

impl Fault {
    pub(super) fn pick(entropy: &mut Entropy) -> Self {
        const STATUSES: [u16; 9] = [200, 202, 204, 302, 400, 404, 429, 500, 503];
        let status = STATUSES.get(usize::try_from(entropy.below(9)).unwrap()).copied().unwrap();
        let (late, carried_out) = (u64::from(entropy.below(15)), entropy.below(2) == 1);
        match entropy.below(15) {
            0 => Self::NotSent,
            1 => Self::LostRequest,
            2 => Self::LostReply,
            3 => Self::Late(late),
            4 => Self::Duplicate(late),
            5 => Self::Status(status),
            6 => Self::FieldRefusal,
            7 => Self::ForgedFieldRefusal,
            8 => Self::UnsignedNotFound,
            9 => Self::Proxy(status, carried_out),
            10 => Self::Altered,
            11 => Self::Busy(carried_out),
            12 => Self::UnknownCode,
            13 => Self::Misfit,
            _ => Self::Empty,
        }
    }
}

/// The gateway, with what one number stands for.
#[allow(clippy::struct_excessive_bools, reason = "independent facts about one number")]
pub(super) struct Gateway {
    signer: SigningKey,
    /// The request under this number was carried out, and was not undone.
    pub(super) has_effect: bool,
    pub(super) has_order: bool,
    refuses: bool,
    refuses_reversal: bool,
    /// For a charge: the payer enters a password, this long after it.
    password: Option<Duration>,
    confirms_at: Option<UnixTime>,
    is_reversed: bool,
    late: Vec<(UnixTime, &'static str)>,
}

impl Gateway {
    pub(super) fn new(entropy: &mut Entropy) -> Self {
        Self {
            signer: SigningKey::public_key(),
            has_effect: false,
            has_order: false,
            refuses: entropy.below(4) == 0,
            refuses_reversal: entropy.below(4) == 0,
            password: (entropy.below(2) == 0).then(|| Duration::from_secs(entropy.below(80).into())),
            confirms_at: None,
            is_reversed: false,
            late: Vec::new(),
        }
    }

    /// Delivers one request under a fault. Returns what the merchant sees, and whether that proves a write.
    pub(super) fn exchange(
        &mut self,
        transmit: &Transmit,
        fault: Option<Fault>,
        now: UnixTime,
    ) -> (Reply, bool) {
        self.advance(now);
        let label = transmit.label;
        let lost = || Err(Failure::Lost("cut".into()));
        let unsigned = |status, body: &str| Ok(Response::new(status, body.into()));
        let is_order = matches!(label, "v3.pay.native" | "v3.pay.close");
        let reply = match fault {
            None | Some(Fault::Status(_)) => {
                let (status, body) = self.carry_out(label, now);
                let status = if let Some(Fault::Status(forged)) = fault { forged } else { status };
                let is_proof = !body.contains(r#""code":"#);
                return (Ok(self.signer.reply(status, &body, now)), is_proof);
            }
            Some(Fault::NotSent) => Err(Failure::NotSent("no route".into())),
            Some(Fault::LostRequest) => lost(),
            Some(Fault::LostReply) => {
                self.carry_out(label, now);
                lost()
            }
            Some(Fault::Late(secs)) => {
                self.late.push((now.after(Duration::from_secs(secs)), label));
                lost()
            }
            Some(Fault::Duplicate(secs)) => {
                self.carry_out(label, now);
                self.late.push((now.after(Duration::from_secs(secs)), label));
                lost()
            }
            Some(fault @ (Fault::FieldRefusal | Fault::ForgedFieldRefusal)) => {
                if fault == Fault::ForgedFieldRefusal && !is_order {
                    self.carry_out(label, now);
                }
                unsigned(400, r#"{"code":"PARAM_ERROR","message":"x"}"#)
            }
            Some(Fault::UnsignedNotFound) => {
                self.carry_out(label, now);
                unsigned(404, &format!(r#"{{"code":"{}"}}"#, not_found(label)))
            }
            Some(Fault::Proxy(status, carried_out)) => {
                if carried_out {
                    self.carry_out(label, now);
                }
                unsigned(status, "<html>")
            }
            Some(Fault::Altered) => {
                let (status, body) = self.carry_out(label, now);
                let signed = self.signer.headers(b"other", now);
                let reply = Response::new(status, body.into());
                Ok(signed
                    .iter()
                    .fold(reply, |reply, (name, value)| reply.with_header(name, value.as_bytes())))
            }
            Some(Fault::Busy(carried_out)) => {
                if carried_out {
                    self.carry_out(label, now);
                }
                Ok(self.signer.reply(500, r#"{"code":"SYSTEM_ERROR"}"#, now))
            }
            Some(Fault::UnknownCode) => {
                self.carry_out(label, now);
                Ok(self.signer.reply(400, r#"{"code":"SETTLING"}"#, now))
            }
            Some(fault @ (Fault::Misfit | Fault::Empty)) => {
                let (status, body) = self.carry_out(label, now);
                if body.contains(r#""code":"#) {
                    return (Ok(self.signer.reply(status, &body, now)), false);
                }
                let body = if fault == Fault::Misfit { r#"{"unexpected":[]}"# } else { "" };
                return (Ok(self.signer.reply(status, body, now)), fault == Fault::Misfit);
            }
        };
        (reply, false)
    }

    /// Lets time pass: late requests arrive, and the payer confirms.
    pub(super) fn advance(&mut self, now: UnixTime) {
        let (due, late) = self.late.drain(..).partition(|(at, _)| *at <= now);
        self.late = late;
        let due: Vec<(UnixTime, &'static str)> = due;
        for (at, label) in due {
            self.carry_out(label, at);
        }
        if self.confirms_at.is_some_and(|at| at <= now) && !self.is_reversed {
            self.has_effect = true;
        }
    }

    /// Carries out one request, and returns status and body of the reply.
    fn carry_out(&mut self, label: &str, now: UnixTime) -> (u16, String) {
        let error = |status, code: &str| (status, format!(r#"{{"code":"{code}","message":"x"}}"#));
        match label {
            "v3.pay.native" | "v3.pay.close" | "v3.refund.create" | "v3.transfer.create" if self.refuses => {
                error(403, "NOT_ENOUGH")
            }
            "v3.pay.native" => {
                (self.has_effect, self.has_order) = (true, true);
                (200, r#"{"code_url":"weixin://x"}"#.to_string())
            }
            "v3.pay.close" => {
                self.has_effect = true;
                (204, String::new())
            }
            "v3.refund.create" => {
                self.has_effect = true;
                (200, refund())
            }
            "v3.transfer.create" => {
                self.has_effect = true;
                (200, transfer())
            }
            "v3.pay.codepay" if self.refuses => error(403, "NOT_ENOUGH"),
            "v3.pay.codepay" if self.has_order => error(400, "ORDERPAID"),
            "v3.pay.codepay" => {
                self.has_order = true;
                self.has_effect = self.password.is_none();
                self.confirms_at = self.password.map(|password| now.after(password));
                if self.has_effect { (200, transaction("SUCCESS")) } else { (202, transaction("USERPAYING")) }
            }
            "v3.pay.reverse" if !self.has_order => error(404, not_found(label)),
            "v3.pay.reverse" if self.refuses_reversal => error(400, "REVERSE_EXPIRE"),
            "v3.pay.reverse" => {
                (self.has_effect, self.is_reversed) = (false, true);
                (200, format!(r#"{{"out_trade_no":"{NUMBER}"}}"#))
            }
            "v3.pay.query" if self.has_order => (200, transaction(self.trade_state())),
            "v3.refund.query" if self.has_effect => (200, refund()),
            "v3.transfer.query" if self.has_effect => (200, transfer()),
            _ => error(404, not_found(label)),
        }
    }

    fn trade_state(&self) -> &'static str {
        match self {
            Self { is_reversed: true, .. } => "REVOKED",
            Self { confirms_at: Some(_), has_effect: false, .. } => "USERPAYING",
            Self { has_effect: true, .. } => "SUCCESS",
            _ => "NOTPAY",
        }
    }
}

fn not_found(label: &str) -> &'static str {
    match label {
        "v3.refund.query" => "RESOURCE_NOT_EXISTS",
        "v3.transfer.query" => "NOT_FOUND",
        _ => "ORDER_NOT_EXIST",
    }
}

fn transaction(state: &str) -> String {
    format!(
        r#"{{"appid":"wxd678efh567hg6787","mchid":"1900007291","out_trade_no":"{NUMBER}","trade_state":"{state}",
            "trade_state_desc":"","transaction_id":"4200000000000000000000000001",
            "success_time":"2027-01-15T16:00:03+08:00","amount":{{"total":100,"payer_total":100}}}}"#
    )
}

fn refund() -> String {
    format!(
        r#"{{"refund_id":"1","out_refund_no":"{NUMBER}","transaction_id":"4200000001","out_trade_no":"{NUMBER}",
            "create_time":"2027-01-15T16:00:03+08:00","status":"PROCESSING","amount":{{"total":2,"refund":1}}}}"#
    )
}

fn transfer() -> String {
    format!(
        r#"{{"mch_id":"1900007291","out_bill_no":"{NUMBER}","transfer_bill_no":"1","state":"ACCEPTED",
            "transfer_amount":1,"create_time":"2027-01-15T16:00:03+08:00"}}"#
    )
}
