//! What a notice says, once it was verified and opened.
//!
//! `protocol/v3` sections 12 and 16. Event types are an open set: those of the products that have a type here are
//! [read](Notice::event) as such, and all others stay at hand as they came.

use super::{
    merchant::Merchant,
    pay::Transaction,
    refund::Finished,
    seal::Boxed,
    transfer::Transfer,
    verify::{Verified, malformed},
};
use crate::{
    clock::UnixTime,
    error::Error,
    id::{Invalid, MchId},
    wire::time,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// A verified and opened notice. `Debug` does not show what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    mchid: MchId,
    id: String,
    create_time: Option<UnixTime>,
    event_type: String,
    summary: String,
    original_type: Option<String>,
    resource: Vec<u8>,
    key: String,
}

/// What a notice tells, by product.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// `TRANSACTION.SUCCESS`: an order was paid.
    Transaction(Box<Transaction>),
    /// `MCHTRANSFER.BILL.FINISHED`: a transfer was paid, failed, or was cancelled.
    Transfer(Box<Transfer>),
    /// `REFUND.SUCCESS`, `REFUND.ABNORMAL`, `REFUND.CLOSED`: a refund came to an end, or to where it cannot go on.
    Refund(Box<Finished>),
    /// Another event: see [`Notice::event_type`] and [`Notice::resource`].
    Other,
}

#[derive(serde::Deserialize)]
struct Envelope {
    id: String,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    create_time: Option<UnixTime>,
    event_type: String,
    #[serde(default)]
    summary: String,
    resource: Boxed,
}

impl Notice {
    /// Opens what was verified.
    pub(super) fn open(me: &Merchant, verified: Verified<'_>) -> Result<Self, Error> {
        let Envelope { id, create_time, event_type, summary, resource } = verified.parse()?;
        let opened = me.open_box(&resource)?;
        let digest = Sha256::new()
            .chain_update(event_type.as_bytes())
            .chain_update(b"\n")
            .chain_update(&opened)
            .finalize();
        Ok(Self {
            mchid: me.mchid().clone(),
            id,
            create_time,
            event_type,
            summary,
            original_type: resource.original_type,
            resource: opened,
            key: hex::encode(digest),
        })
    }

    /// The notice's own number. Repeats of what it tells may have others: go by the business number.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was made.
    #[must_use]
    pub fn create_time(&self) -> Option<UnixTime> {
        self.create_time
    }

    /// What happened, such as `TRANSACTION.SUCCESS`. An open set.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// A few words for people.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Of what kind the resource was before it was sealed, such as `transaction`.
    #[must_use]
    pub fn original_type(&self) -> Option<&str> {
        self.original_type.as_deref()
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
        let event = match self.event_type.as_str() {
            "TRANSACTION.SUCCESS" if self.original_type() == Some("transaction") => {
                let transaction = Transaction::read(self.resource()).map_err(Error::before_sending)?;
                self.ours(Some(&transaction.mchid))?;
                Event::Transaction(Box::new(transaction))
            }
            "MCHTRANSFER.BILL.FINISHED" => Event::Transfer(self.transfer()?),
            "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => Event::Refund(self.refund()?),
            _ => Event::Other,
        };
        Ok(event)
    }

    fn transfer(&self) -> Result<Box<Transfer>, Error> {
        let transfer = Transfer::read(self.resource()).map_err(Error::before_sending)?;
        self.ours(transfer.mchid.as_ref())?;
        Ok(Box::new(transfer))
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
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notice")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("resource_len", &self.resource.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::{ErrorKind, Fate},
        v3::toy,
    };
    use alloc::format;

    #[test]
    fn a_refund_is_told_to_whom_it_concerns() {
        let told = |mchid: &str| {
            let resource = format!(
                r#"{{"mchid":"{mchid}","out_trade_no":"20150806125346","transaction_id":"1008450740201411110005820873",
                "out_refund_no":"7752501","refund_id":"50200207182018070300011301001","refund_status":"ABNORMAL",
                "user_received_account":"支付用户零钱","amount":{{"total":999,"refund":999}}}}"#
            );
            toy::notice("REFUND.ABNORMAL", "refund", &resource).event()
        };
        assert!(
            matches!(told("1900007291"), Ok(Event::Refund(refund)) if refund.amount.refund == refund.amount.total)
        );
        let error = told("1900000109").unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, Fate::NotSent));
    }
}
