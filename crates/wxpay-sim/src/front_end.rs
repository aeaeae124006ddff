//! Protocol front ends, and what each provides. APIv1 and APIv3 are two of them; none knows another, and the ledger knows none.
//!
//! A front end answers a request in three steps, so that no RSA runs under the gateway's lock:
//!
//! ```text
//!  read                    execute                       sign
//!  parse once, verify  ──► translate into acts of    ──► sign the reply
//!  (no lock)               the ledger (locked)           (no lock)
//! ```
//!
//! What an order's front end must know later, when the payer pays, is the order's [`OrderForm`].

#[cfg(test)]
mod tests;

use crate::{
    clock::Now,
    compression,
    faults::{ApiVersion, Fault, FaultContext},
    gateway::Gateway,
    ledger::{Order, OrderKey},
    merchant::MerchantRegistry,
    notifications::Message,
    rng::Rng,
    settings::Settings,
};
use std::{any::Any, fmt, sync::Arc};
use wxpay_proto::{
    UnixTime,
    http::{Request, Response},
    id::{MchId, TransactionId},
};

/// A protocol front end.
pub(crate) trait FrontEnd: fmt::Debug + Send + Sync {
    /// Returns whether the front end answers requests to this path.
    fn serves(&self, path: &str) -> bool;

    /// Parses a request and verifies its signature. Errors become refusals, in [`Exchange::execute`].
    fn read<'a>(&self, request: &'a Request, directory: &Directory, now: Now) -> Box<dyn Exchange + 'a>;
}

/// The facts about merchants that a front end needs to read a request: a snapshot that is read without the gateway's
/// lock.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(crate) merchants: Arc<MerchantRegistry>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) front_ends: Arc<[&'static dyn FrontEnd]>,
    /// The description of the operations that are answered besides the implemented ones.
    pub(crate) catalogue: Option<Arc<wxpay_catalogue::Catalogue>>,
}

/// A request that was read, on its way to a reply.
pub(crate) trait Exchange: Send {
    /// Returns what fault rules match, as far as it can be read. Nothing of it is verified.
    fn claims(&self) -> FaultContext;

    /// Executes the request, with a fault that only this front end knows how to inject.
    fn execute(&mut self, gateway: &mut Gateway, fault: Option<Fault>) -> Draft;

    /// Returns the reply that a fault puts in place of the real one.
    fn substitute(&mut self, gateway: &mut Gateway, fault: Fault) -> Draft;

    /// Records a request that a fault keeps from being executed.
    fn discard(&mut self, gateway: &mut Gateway, fault: Fault);
}

/// A reply, complete but for its signature.
#[derive(Debug)]
pub struct Draft {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// True if the request was carried out.
    pub(crate) is_success: bool,
    pub(crate) signature: Option<Box<dyn Signature>>,
    /// The `Accept-Encoding` of the request, if the reply may be compressed. The signature covers the body before that.
    pub(crate) accept_encoding: Option<String>,
}

/// A signature that is still to be made.
pub(crate) trait Signature: fmt::Debug + Send + Sync {
    /// Signs a body and returns the headers of the signature. An injected fault may change the body afterwards.
    fn sign(&self, body: &mut Vec<u8>) -> Vec<(&'static str, String)>;
}

impl Draft {
    /// Signs the reply.
    pub(crate) fn sign(self) -> Response {
        let Self { status, mut headers, mut body, signature, accept_encoding, .. } = self;
        headers.extend(signature.map(|signature| signature.sign(&mut body)).into_iter().flatten());
        // A 204 cannot have a body, so a tampered one is sent as 200.
        let status = if status == 204 && !body.is_empty() { 200 } else { status };
        let response = Response::new(status, body);
        let response = headers
            .into_iter()
            .fold(response, |response, (name, value)| response.with_header(name, value.as_bytes()));
        compression::compress(response, accept_encoding.as_deref())
    }
}

/// The form in which the front end that placed an order speaks of it later: the numbers of its payments, and its
/// notifications. It also holds what only that front end keeps of the request, such as a sign type.
pub(crate) trait OrderForm: Any + fmt::Debug + Send + Sync {
    fn api_version(&self) -> ApiVersion;

    /// Returns WeChat Pay's number of a new payment to a merchant. `serial` has at most ten digits.
    fn transaction_id(
        &self,
        mchid: &MchId,
        serial: u64,
        rng: &mut Rng,
        now: UnixTime,
    ) -> Option<TransactionId>;

    /// Returns the bank of a payer that names none.
    fn default_bank_type(&self) -> &'static str;

    /// Returns the bank's number of a payment, in API versions that report one.
    fn bank_billno(&self, _bank_type: &str, _rng: &mut Rng, _now: UnixTime) -> Option<String> {
        None
    }

    /// Builds the notification of the latest payment. Returns `None` if the order is notified in another way.
    fn payment_message(&self, gateway: &Gateway, order: &Order, now: UnixTime) -> Option<Arc<dyn Message>>;

    /// Builds the notification of the payment of a combined order, in API versions that have combined orders.
    fn combined_message(
        &self,
        _gateway: &Gateway,
        _key: &OrderKey,
        _now: UnixTime,
    ) -> Option<Arc<dyn Message>> {
        None
    }
}

impl dyn OrderForm {
    /// Returns the form as the type of one front end, if that front end placed the order.
    pub(crate) fn of<T: OrderForm>(&self) -> Option<&T> {
        let form: &dyn Any = self;
        form.downcast_ref()
    }
}
