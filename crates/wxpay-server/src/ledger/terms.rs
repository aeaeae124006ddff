//! The terms of an order.

use super::{Failure, column};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::{fmt, net::Ipv4Addr};
use wxpay_proto::{
    Fen, UnixTime,
    id::{InvalidField, NotifyUrl, OutTradeNo},
    v1::Order,
    wire::charset::Charset,
};

/// The terms of an order as the shop sent them. Requests with equal terms are the same order; other terms under the
/// same number are a conflict.
#[derive(Clone, PartialEq, Eq)]
pub struct Terms {
    /// The merchant's order number.
    pub(crate) out_trade_no: OutTradeNo,
    /// The price, in fen.
    pub(crate) total_fee: Fen,
    /// The description of the goods.
    pub(crate) body: String,
    /// The IPv4 address of the payer's device.
    pub(crate) spbill_create_ip: Ipv4Addr,
    /// The charset of the call and its notifications.
    pub(crate) charset: Charset,
    /// Data of the shop, returned unchanged in the notification.
    pub(crate) attach: Option<String>,
    /// The shop's own identifier of the payer.
    pub(crate) traceid: Option<String>,
    /// The time until which the order can be paid, to the second.
    pub(crate) time_expire: Option<UnixTime>,
}

/// Prints number and price only: the address and the identifier of the payer are personal data.
impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("out_trade_no", &self.out_trade_no)
            .field("total_fee", &self.total_fee)
            .finish_non_exhaustive()
    }
}

impl Terms {
    /// Returns the first field in which two orders under one number differ.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        let Self {
            out_trade_no: _,
            total_fee,
            body,
            spbill_create_ip,
            charset,
            attach,
            traceid,
            time_expire,
        } = self;
        [
            ("total_fee", *total_fee == other.total_fee),
            ("body", *body == other.body),
            ("spbill_create_ip", *spbill_create_ip == other.spbill_create_ip),
            ("charset", *charset == other.charset),
            ("attach", *attach == other.attach),
            ("traceid", *traceid == other.traceid),
            ("time_expire", *time_expire == other.time_expire),
        ]
        .into_iter()
        .find_map(|(field, same)| (!same).then_some(field))
    }

    /// Converts the terms to the core's order.
    ///
    /// # Errors
    ///
    /// If a field breaks a rule of the protocol.
    pub(crate) fn order(&self, notify_url: NotifyUrl) -> Result<Order, InvalidField> {
        let number = self.out_trade_no.clone();
        let mut order = Order::builder(number, self.total_fee, &self.body, notify_url, self.spbill_create_ip)
            .charset(self.charset);
        if let Some(attach) = &self.attach {
            order = order.attach(attach);
        }
        if let Some(traceid) = &self.traceid {
            order = order.traceid(traceid);
        }
        if let Some(time_expire) = self.time_expire {
            order = order.time_expire(time_expire);
        }
        order.build()
    }

    pub(super) fn insert(&self, db: &Connection, placed_at: UnixTime) -> Result<(), Failure> {
        db.prepare_cached(
            "INSERT INTO orders (out_trade_no, total_fee, body, spbill_create_ip, charset, attach, traceid,
                 time_expire, placed_at, status, may_exist_upstream, poll_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'open', 0, ?9)",
        )?
        .execute(params![
            self.out_trade_no.as_str(),
            column::from_fen(self.total_fee)?,
            self.body,
            self.spbill_create_ip.to_string(),
            self.charset.wire_name(),
            self.attach,
            self.traceid,
            self.time_expire.map(column::from_time),
            column::from_time(placed_at),
        ])?;
        Ok(())
    }

    pub(super) fn select(db: &Connection, number: &OutTradeNo) -> Result<Option<Self>, Failure> {
        let mut select = db.prepare_cached(
            "SELECT total_fee, body, spbill_create_ip, charset, attach, traceid, time_expire
             FROM orders WHERE out_trade_no = ?1",
        )?;
        let row = select
            .query_row([number.as_str()], |row| {
                let (fee, ip, charset): (i64, String, String) = (row.get(0)?, row.get(2)?, row.get(3)?);
                let expire: Option<i64> = row.get(6)?;
                Ok((fee, row.get(1)?, ip, charset, row.get(4)?, row.get(5)?, expire))
            })
            .optional()?;
        row.map(|(fee, body, ip, charset, attach, traceid, expire)| {
            Ok(Self {
                out_trade_no: number.clone(),
                total_fee: column::to_fen(fee)?,
                body,
                spbill_create_ip: column::to_value(&ip, "spbill_create_ip")?,
                charset: Charset::from_name(charset.as_bytes()).ok_or(Failure::corrupt("charset"))?,
                attach,
                traceid,
                time_expire: expire.map(column::to_time).transpose()?,
            })
        })
        .transpose()
    }
}
