//! What a notice says, once it was verified and opened.
//!
//! `protocol/v3` sections 12 and 16. Event types are an open set: those of the products that have a type here are
//! [read](Notice::event) as such, and all others stay at hand as they came.

use super::{
    merchant::Merchant,
    pay::{Transaction, combine},
    profitsharing::Moved,
    refund::Finished,
    seal::Boxed,
    security::Echoed,
    transfer::{Authorization, Transfer},
    verify::{Verified, malformed},
};
use crate::{
    clock::UnixTime,
    error::Error,
    id::{Invalid, MchId},
    wire::{json::Text, time},
};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// A verified and opened notice. `Debug` does not show what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    mchid: MchId,
    create_time: Option<UnixTime>,
    words: Words,
    resource: Vec<u8>,
}

/// The texts around what a notice says, one behind the other: a notice is kept in few pieces.
#[derive(Clone, PartialEq, Eq)]
struct Words {
    text: String,
    /// Where each ends, in this order: `id`, `event_type`, `summary`, `original_type`.
    ends: [usize; 4],
    has_original_type: bool,
}

/// What a notice tells, by product.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// `TRANSACTION.SUCCESS`: an order was paid.
    Transaction(Box<Transaction>),
    /// `TRANSACTION.SUCCESS`: orders were paid together.
    Combine(Box<combine::Transaction>),
    /// `MCHTRANSFER.BILL.FINISHED`: a transfer was paid, failed, or was cancelled.
    Transfer(Box<Transfer>),
    /// `MCHTRANSFER.QQWALLETBILL.FINISHED`: the same of a transfer to a wallet of QQ.
    QqTransfer(Box<Transfer>),
    /// `MCHTRANSFER.AUTHORIZATION.CONFIRMED`, `MCHTRANSFER.AUTHORIZATION.CLOSED`: a payee allowed to be paid without
    /// confirming, or does so no more.
    Authorization(Box<Authorization>),
    /// `PROFITSHARING.SUCCESS`: a receiver got a part of a payment.
    ProfitSharing(Box<Moved>),
    /// `PROFITSHARING.RETURN`: a receiver gave a part back.
    ProfitSharingReturn(Box<Moved>),
    /// `REFUND.SUCCESS`, `REFUND.ABNORMAL`, `REFUND.CLOSED`: a refund came to an end, or to where it cannot go on.
    Refund(Box<Finished>),
    /// `SECURITY_ECHO.SUCCESS`: WeChat Pay says back what it was told.
    Echo(Echoed),
    /// Another event: see [`Notice::event_type`] and [`Notice::resource`].
    Other,
}

#[derive(serde::Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    create_time: Option<UnixTime>,
    #[serde(borrow)]
    event_type: Text<'a>,
    #[serde(borrow, default)]
    summary: Text<'a>,
    #[serde(borrow)]
    resource: Boxed<'a>,
}

impl Notice {
    /// Opens what was verified.
    pub(super) fn open(me: &Merchant, verified: Verified<'_>) -> Result<Self, Error> {
        let envelope: Envelope<'_> = verified.parse()?;
        let resource = me.open_box(&envelope.resource)?;
        let (mchid, create_time) = (me.mchid().clone(), envelope.create_time);
        Ok(Self { mchid, create_time, words: Words::of(&envelope), resource })
    }

    /// The notice's own number. Repeats of what it tells may have others: go by the business number.
    #[must_use]
    pub fn id(&self) -> &str {
        self.words.id()
    }

    /// When it was made.
    #[must_use]
    pub fn create_time(&self) -> Option<UnixTime> {
        self.create_time
    }

    /// What happened, such as `TRANSACTION.SUCCESS`. An open set.
    #[must_use]
    pub fn event_type(&self) -> &str {
        self.words.event_type()
    }

    /// A few words for people.
    #[must_use]
    pub fn summary(&self) -> &str {
        self.words.summary()
    }

    /// Of what kind the resource was before it was sealed, such as `transaction`.
    #[must_use]
    pub fn original_type(&self) -> Option<&str> {
        self.words.original_type()
    }

    /// Whom it was sent to: the merchant that heard it.
    #[must_use]
    pub fn mchid(&self) -> &MchId {
        &self.mchid
    }

    /// What it says, as it was opened.
    #[must_use]
    pub fn resource(&self) -> Verified<'_> {
        Verified::opened(&self.resource)
    }

    /// Reads what it says as a type of one's own.
    ///
    /// # Errors
    ///
    /// When it is not what the type wants.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.resource().parse().map_err(Error::before_sending)
    }

    /// Reads what it says, by its event type.
    ///
    /// # Errors
    ///
    /// When it is not what the document promises, or tells of another merchant's business.
    pub fn event(&self) -> Result<Event, Error> {
        let event = match self.event_type() {
            "TRANSACTION.SUCCESS" if self.original_type() == Some("transaction") => self.paid()?,
            "MCHTRANSFER.BILL.FINISHED" => Event::Transfer(self.transfer()?),
            "MCHTRANSFER.QQWALLETBILL.FINISHED" => Event::QqTransfer(self.transfer()?),
            "MCHTRANSFER.AUTHORIZATION.CONFIRMED" | "MCHTRANSFER.AUTHORIZATION.CLOSED" => {
                Event::Authorization(self.authorization()?)
            }
            "PROFITSHARING.SUCCESS" => Event::ProfitSharing(self.moved()?),
            "PROFITSHARING.RETURN" => Event::ProfitSharingReturn(self.moved()?),
            "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => Event::Refund(self.refund()?),
            "SECURITY_ECHO.SUCCESS" => {
                Event::Echo(Echoed::read(self.resource()).map_err(Error::before_sending)?)
            }
            _ => Event::Other,
        };
        Ok(event)
    }

    /// Single orders and combined ones come under one name. What can be read as a single one is one: combined ones
    /// have no `out_trade_no` of their own.
    fn paid(&self) -> Result<Event, Error> {
        match Transaction::read(self.resource()) {
            Ok(transaction) => {
                self.ours(Some(&transaction.mchid))?;
                Ok(Event::Transaction(Box::new(transaction)))
            }
            Err(_) if combine::Transaction::is_told_by(self.resource()) => {
                let transaction =
                    combine::Transaction::read(self.resource()).map_err(Error::before_sending)?;
                self.ours(Some(&transaction.combine_mchid))?;
                Ok(Event::Combine(Box::new(transaction)))
            }
            Err(error) => Err(error.before_sending()),
        }
    }

    fn transfer(&self) -> Result<Box<Transfer>, Error> {
        let transfer = Transfer::read(self.resource()).map_err(Error::before_sending)?;
        self.ours(transfer.mchid.as_ref())?;
        Ok(Box::new(transfer))
    }

    fn authorization(&self) -> Result<Box<Authorization>, Error> {
        let authorization = Authorization::read(self.resource()).map_err(Error::before_sending)?;
        self.ours(authorization.mchid.as_ref())?;
        Ok(Box::new(authorization))
    }

    /// It is told to the receiver, whosever payment it was.
    fn moved(&self) -> Result<Box<Moved>, Error> {
        Moved::read(self.resource()).map(Box::new).map_err(Error::before_sending)
    }

    fn refund(&self) -> Result<Box<Finished>, Error> {
        let refund = Finished::read(self.resource()).map_err(Error::before_sending)?;
        self.ours(Some(&refund.mchid))?;
        Ok(Box::new(refund))
    }

    /// What is told must be of the merchant that heard it, if it tells whose it is.
    fn ours(&self, mchid: Option<&MchId>) -> Result<(), Error> {
        if mchid.is_none_or(|mchid| *mchid == self.mchid) {
            Ok(())
        } else {
            Err(malformed().caused_by(Invalid::new("mchid", "must be ours")).before_sending())
        }
    }

    /// A digest of everything it says, the same in every repetition: for [`Seen`](crate::memory::Seen).
    #[must_use]
    pub fn key(&self) -> String {
        let digest = Sha256::new()
            .chain_update(self.event_type().as_bytes())
            .chain_update(b"\n")
            .chain_update(&self.resource)
            .finalize();
        hex::encode(digest)
    }
}

impl Words {
    fn of(envelope: &Envelope<'_>) -> Self {
        let Envelope { id, event_type, summary, resource, .. } = envelope;
        let original_type = resource.original_type.as_deref();
        let parts = [&**id, &**event_type, &**summary, original_type.unwrap_or_default()];
        let length = parts.iter().map(|part| part.len()).fold(0, usize::saturating_add);
        let mut text = String::with_capacity(length);
        let ends = parts.map(|part| {
            text.push_str(part);
            text.len()
        });
        Self { text, ends, has_original_type: original_type.is_some() }
    }

    fn id(&self) -> &str {
        let [end, ..] = self.ends;
        self.part(0, end)
    }

    fn event_type(&self) -> &str {
        let [begin, end, ..] = self.ends;
        self.part(begin, end)
    }

    fn summary(&self) -> &str {
        let [_, begin, end, _] = self.ends;
        self.part(begin, end)
    }

    fn original_type(&self) -> Option<&str> {
        let [.., begin, end] = self.ends;
        self.has_original_type.then(|| self.part(begin, end))
    }

    /// The ends are those of whole texts.
    fn part(&self, begin: usize, end: usize) -> &str {
        self.text.get(begin..end).unwrap_or_default()
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice")
            .field("id", &self.id())
            .field("event_type", &self.event_type())
            .field("resource_len", &self.resource.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
