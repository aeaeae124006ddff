//! A verified and decrypted notification.
//!
//! Event types are an open set. Events that have a type here are [parsed](Notification::event) into it; all others
//! remain available as decrypted bytes.

use super::{
    merchant::Merchant,
    pay::{Transaction, combine},
    profitsharing::ProfitSharingNotification,
    refund::RefundNotification,
    seal::EncryptedResource,
    security::EchoNotification,
    transfer::{Authorization, Transfer},
    verify::{Verified, require},
};
use crate::{
    clock::UnixTime,
    error::Error,
    id::MchId,
    prelude::*,
    wire::json::{Text, object},
};
use core::fmt;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// A verified and decrypted notification. `Debug` omits its content.
#[derive(Clone, PartialEq, Eq)]
pub struct Notification {
    mchid: MchId,
    create_time: Option<UnixTime>,
    texts: EnvelopeTexts,
    resource: Vec<u8>,
}

/// The envelope's texts, concatenated, so that a queued notification takes few allocations.
#[derive(Clone, PartialEq, Eq)]
struct EnvelopeTexts {
    text: String,
    /// The end of each text in `text`, in this order: `id`, `event_type`, `summary`, `original_type`.
    ends: [usize; 4],
    has_original_type: bool,
}

/// The content of a notification, by product.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// `TRANSACTION.SUCCESS`: an order was paid.
    Transaction(Box<Transaction>),
    /// `TRANSACTION.SUCCESS`: a combined order was paid.
    Combine(Box<combine::Transaction>),
    /// `MCHTRANSFER.BILL.FINISHED`: a transfer was paid, failed, or was cancelled.
    Transfer(Box<Transfer>),
    /// `MCHTRANSFER.QQWALLETBILL.FINISHED`: a transfer to a QQ wallet was paid, failed, or was cancelled.
    QqTransfer(Box<Transfer>),
    /// `MCHTRANSFER.AUTHORIZATION.CONFIRMED`, `MCHTRANSFER.AUTHORIZATION.CLOSED`: a payee authorized transfers without
    /// confirmation, or the authorization was closed.
    Authorization(Box<Authorization>),
    /// `PROFITSHARING.SUCCESS`, or `TRANSACTION.SUCCESS` of a profit sharing: a receiver was paid its share of a payment.
    ProfitSharing(Box<ProfitSharingNotification>),
    /// `PROFITSHARING.RETURN`: a receiver returned money.
    ProfitSharingReturn(Box<ProfitSharingNotification>),
    /// `REFUND.SUCCESS`, `REFUND.ABNORMAL`, `REFUND.CLOSED`: a refund succeeded, cannot proceed, or was closed.
    Refund(Box<RefundNotification>),
    /// `SECURITY_ECHO.SUCCESS`: WeChat Pay returned the message of an [`Echo`](super::security::Echo).
    Echo(EchoNotification),
    /// An event that has no type here: see [`Notification::event_type`] and [`Notification::resource`].
    Other,
}

object! {
    struct Envelope<'a> {
        id: Text<'a> = or_default,
        create_time: Option<UnixTime>,
        event_type: Text<'a>,
        summary: Text<'a> = or_default,
        resource: EncryptedResource<'a>,
    }
}

object! {
    /// The members that tell apart the products that share `TRANSACTION.SUCCESS`.
    struct ProductMembers {
        combine_out_trade_no: Option<String>,
        out_order_no: Option<String>,
    }
}

impl Notification {
    /// Decrypts a verified notification.
    pub(super) fn decrypt(merchant: &Merchant, verified: Verified<'_>) -> Result<Self, Error> {
        let envelope: Envelope<'_> = verified.read()?;
        let resource = merchant.decrypt_resource(&envelope.resource)?;
        let (mchid, create_time) = (merchant.mchid().clone(), envelope.create_time);
        Ok(Self { mchid, create_time, texts: EnvelopeTexts::of(&envelope), resource })
    }

    /// Returns the notification's id. Several notifications of one event may have different ids: identify the event by
    /// its business number, such as `out_trade_no`.
    pub fn id(&self) -> &str {
        self.texts.id()
    }

    /// Returns the time at which the notification was created.
    pub fn create_time(&self) -> Option<UnixTime> {
        self.create_time
    }

    /// Returns the event type, such as `TRANSACTION.SUCCESS`. An open set.
    pub fn event_type(&self) -> &str {
        self.texts.event_type()
    }

    /// Returns a short summary, for display.
    pub fn summary(&self) -> &str {
        self.texts.summary()
    }

    /// Returns the type of the resource before encryption, such as `transaction`.
    pub fn original_type(&self) -> Option<&str> {
        self.texts.original_type()
    }

    /// Returns the merchant that received and verified the notification.
    pub fn mchid(&self) -> &MchId {
        &self.mchid
    }

    /// Returns the decrypted resource.
    pub fn resource(&self) -> Verified<'_> {
        Verified::decrypted(&self.resource)
    }

    /// Parses the resource into a type of your own.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the resource does not match the type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.resource().parse().map_err(Error::of_read)
    }

    /// Reads the resource according to the event type. Several products share `TRANSACTION.SUCCESS`; the members of the
    /// resource tell them apart. [`Event::Other`] is returned only for event types that have no type here.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the resource belongs to another merchant, or lacks a member that its event requires: the
    /// cause names the member. Do not acknowledge the notification then, so that WeChat Pay repeats it. The payment of
    /// a product that has no type here, such as parking, is such an error, too: [read](Self::read) it into a type of
    /// your own instead.
    pub fn event(&self) -> Result<Event, Error> {
        let event = match self.event_type() {
            "TRANSACTION.SUCCESS" => self.transaction()?,
            "MCHTRANSFER.BILL.FINISHED" => Event::Transfer(self.transfer()?),
            "MCHTRANSFER.QQWALLETBILL.FINISHED" => Event::QqTransfer(self.transfer()?),
            "MCHTRANSFER.AUTHORIZATION.CONFIRMED" | "MCHTRANSFER.AUTHORIZATION.CLOSED" => {
                Event::Authorization(self.authorization()?)
            }
            "PROFITSHARING.SUCCESS" => Event::ProfitSharing(self.profit_sharing()?),
            "PROFITSHARING.RETURN" => Event::ProfitSharingReturn(self.profit_sharing()?),
            "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => Event::Refund(self.refund()?),
            "SECURITY_ECHO.SUCCESS" => {
                Event::Echo(EchoNotification::read(self.resource()).map_err(Error::of_read)?)
            }
            _ => Event::Other,
        };
        Ok(event)
    }

    /// Reads a paid order. Several products share its event type, and `original_type` does not tell them apart, so the
    /// members decide: neither a combined order nor a profit sharing has an `out_trade_no` at the top level, and so
    /// neither can be read as a single order.
    fn transaction(&self) -> Result<Event, Error> {
        let error = match Transaction::read(self.resource()) {
            Ok(transaction) => {
                self.check_mchid(Some(&transaction.mchid))?;
                return Ok(Event::Transaction(Box::new(transaction)));
            }
            Err(error) => error.of_read(),
        };
        match self.resource().read() {
            Ok(ProductMembers { combine_out_trade_no: Some(_), .. }) => {
                let transaction = combine::Transaction::read(self.resource()).map_err(Error::of_read)?;
                self.check_mchid(Some(&transaction.combine_mchid))?;
                Ok(Event::Combine(Box::new(transaction)))
            }
            Ok(ProductMembers { out_order_no: Some(_), .. }) => {
                Ok(Event::ProfitSharing(self.profit_sharing()?))
            }
            // Neither a silent `Other` nor a guess: the payment of a product without a type here is an error that
            // names the member.
            Ok(_) | Err(_) => Err(error),
        }
    }

    fn transfer(&self) -> Result<Box<Transfer>, Error> {
        let transfer = Transfer::read(self.resource()).map_err(Error::of_read)?;
        self.check_mchid(transfer.mchid.as_ref())?;
        Ok(Box::new(transfer))
    }

    fn authorization(&self) -> Result<Box<Authorization>, Error> {
        let authorization = Authorization::read(self.resource()).map_err(Error::of_read)?;
        self.check_mchid(authorization.mchid.as_ref())?;
        Ok(Box::new(authorization))
    }

    /// Reads a profit-sharing event. The merchant number is not checked: a receiver is also notified of payments of
    /// other merchants.
    fn profit_sharing(&self) -> Result<Box<ProfitSharingNotification>, Error> {
        ProfitSharingNotification::read(self.resource()).map(Box::new).map_err(Error::of_read)
    }

    fn refund(&self) -> Result<Box<RefundNotification>, Error> {
        let refund = RefundNotification::read(self.resource()).map_err(Error::of_read)?;
        self.check_mchid(Some(&refund.mchid))?;
        Ok(Box::new(refund))
    }

    /// Checks that the resource belongs to the merchant that received it, if it names a merchant.
    fn check_mchid(&self, mchid: Option<&MchId>) -> Result<(), Error> {
        let is_own = mchid.is_none_or(|mchid| *mchid == self.mchid);
        require(is_own, "mchid", "must be this merchant's").map_err(Error::of_read)
    }

    /// Returns a digest of event type and resource, the key for deduplication: equal in every delivery of one event.
    /// See [`Deduplicator`](crate::memory::Deduplicator).
    pub fn dedup_key(&self) -> String {
        let digest = Sha256::new()
            .chain_update(self.event_type().as_bytes())
            .chain_update(b"\n")
            .chain_update(&self.resource)
            .finalize();
        hex::encode(digest)
    }
}

impl EnvelopeTexts {
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

    /// Returns one text. The ends lie on text boundaries, so slicing cannot fail.
    fn part(&self, begin: usize, end: usize) -> &str {
        self.text.get(begin..end).unwrap_or_default()
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("id", &self.id())
            .field("event_type", &self.event_type())
            .field("resource_len", &self.resource.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
