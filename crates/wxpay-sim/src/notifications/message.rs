//! A notification's message, in the form of one front end.

use super::{Alteration, DeliveryContext};
use crate::{
    faults::ApiVersion, front_end::Signature, merchant::MerchantRegistry, rng::Rng, settings::Settings,
};
use std::{fmt, time::Duration};

/// The content of a notification, its schedule, and what accepts it. Each delivery is encrypted and signed anew.
pub(crate) trait Message: fmt::Debug + Send + Sync {
    fn api_version(&self) -> ApiVersion;

    /// Returns the merchant's number; in APIv1 its `partner`.
    fn mchid(&self) -> &str;

    /// Returns the event type, in API versions that have several.
    fn event_type(&self) -> Option<&'static str>;

    /// Returns why the notification cannot be sent at all, if so.
    fn obstacle(&self, _merchants: &MerchantRegistry) -> Option<&'static str> {
        None
    }

    /// Generates the number of a new notification.
    fn new_id(&self, rng: &mut Rng) -> String;

    /// Returns the intervals between the deliveries.
    fn schedule<'a>(&'a self, settings: &'a Settings) -> &'a [Duration];

    /// Returns the share of deliveries before which a wrongly signed copy is sent, in thousandths.
    fn probes_per_mille(&self, _settings: &Settings) -> u64 {
        0
    }

    /// Prepares a delivery, changed if it is to be a tampered copy. The signature is still to be made.
    fn prepare(
        &self,
        notify_id: &str,
        tampering: Option<Tampering>,
        context: &mut DeliveryContext<'_>,
    ) -> UnsignedDelivery;

    /// Prepares an altered copy, which is not a delivery of the queue. Returns `None` if the alteration does not apply.
    fn prepare_altered(
        &self,
        _notify_id: &str,
        _alteration: &Alteration,
        _context: &mut DeliveryContext<'_>,
    ) -> Option<UnsignedDelivery> {
        None
    }

    /// Returns the rule by which a response accepts the notification, for the reason of a failed delivery.
    fn acceptance_rule(&self) -> &'static str;

    /// Returns whether a response accepts the notification. `number` is the merchant's number that it is about.
    fn is_accepted(&self, status: u16, body: &[u8], number: &str, context: &mut DeliveryContext<'_>) -> bool;
}

/// A delivery, complete but for its signature.
#[derive(Debug)]
pub(crate) struct UnsignedDelivery {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) signature: Option<Box<dyn Signature>>,
}

/// The change made in a tampered copy. A merchant must reject each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tampering {
    /// The amount; in APIv3 the ciphertext, which contains the amount.
    Amount,
    /// WeChat Pay's payment number; in APIv3 the notification's id.
    Number,
    /// The signature.
    Signature,
    /// The payer's openid; in APIv3 the serial number of the signing key, which becomes an unknown one.
    Identity,
    /// A signature like that of WeChat Pay's probes; APIv3 only.
    Probe,
    /// A valid signature from ten minutes ago; APIv3 only.
    Stale,
}

impl Tampering {
    pub(super) fn random(rng: &mut Rng) -> Self {
        match rng.below(4) {
            0 => Self::Amount,
            1 => Self::Number,
            2 => Self::Signature,
            _ => Self::Identity,
        }
    }
}
