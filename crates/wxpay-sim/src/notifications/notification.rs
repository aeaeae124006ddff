//! A notification: its content, its schedule, and the merchant's acceptance.

use super::{AttemptResult, DeliveryContext, DeliveryResult};
use crate::{
    faults::{ApiVersion, FaultContext, Operation},
    rng::Rng,
    settings::{Settings, SuccessMatch},
    v1, v3,
    warnings::Kind,
};
use std::time::Duration;
use wxpay_proto::id::{MchId, NotifyId, OutTradeNo};

/// A notification as stored.
#[derive(Clone, Debug)]
pub(crate) struct Notification {
    /// The order's number, or the merchant's number of the subject if the notification is not about an order.
    pub(crate) number: String,
    pub(crate) notify_id: NotifyId,
    pub(crate) content: NotificationContent,
}

/// The content of a notification. Each delivery is encrypted and signed anew.
#[derive(Clone, Debug)]
pub(crate) enum NotificationContent {
    V1(v1::notification::PaymentNotification),
    V3(v3::notification::Event),
}

/// A delivery ready to send.
#[derive(Clone)]
pub(crate) struct SignedNotification {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Notification {
    /// Returns whether the notification is about the APIv1 order with this number.
    pub(crate) fn is_of_v1(&self, number: &OutTradeNo) -> bool {
        matches!(self.content, NotificationContent::V1(_)) && self.number == number.as_str()
    }

    /// Returns whether the notification is about the APIv3 order, refund or transfer of this merchant with this number.
    pub(crate) fn is_of_v3(&self, mchid: &MchId, number: &str) -> bool {
        let is_of_merchant = matches!(&self.content, NotificationContent::V3(event) if event.mchid == *mchid);
        is_of_merchant && self.number == number
    }

    /// Returns the merchant's number; in APIv1 its `partner`.
    pub(super) fn mchid(&self) -> String {
        match &self.content {
            NotificationContent::V1(payment) => payment.credentials.partner().to_string(),
            NotificationContent::V3(event) => event.mchid.to_string(),
        }
    }

    pub(super) fn fault_context(&self) -> FaultContext {
        let api_version = match &self.content {
            NotificationContent::V1(_) => ApiVersion::V1,
            NotificationContent::V3(_) => ApiVersion::V3,
        };
        let mchid = self.mchid();
        let numbers = vec![self.number.clone()];
        FaultContext {
            api_version,
            operation: Operation::Notification,
            path: String::new(),
            mchid: Some(mchid),
            numbers,
        }
    }

    pub(super) const fn event_type(&self) -> Option<&'static str> {
        match &self.content {
            NotificationContent::V1(_) => None,
            NotificationContent::V3(event) => Some(event.event_type),
        }
    }

    pub(super) fn schedule<'a>(&'a self, settings: &'a Settings) -> &'a [Duration] {
        match &self.content {
            NotificationContent::V1(_) => &settings.notify_schedule,
            NotificationContent::V3(event) => {
                event.retry_schedule.as_deref().unwrap_or(&settings.v3.notify_schedule)
            }
        }
    }

    /// Draws whether a wrongly signed copy is sent first, like WeChat Pay's probes.
    ///
    /// Randomness is drawn only if probes are configured: otherwise the same seed would give other data.
    pub(super) fn draw_probe(&self, context: &mut DeliveryContext<'_>) -> bool {
        let probes = u64::from(context.settings.v3.probes_per_mille);
        matches!(self.content, NotificationContent::V3(_)) && probes > 0 && context.rng.below(1000) < probes
    }

    pub(super) fn sign(
        &self,
        tampering: Option<Tampering>,
        context: &mut DeliveryContext<'_>,
    ) -> SignedNotification {
        match &self.content {
            NotificationContent::V1(payment) => payment.prepare(tampering, context.rng, context.now),
            NotificationContent::V3(event) => {
                event.prepare(self.notify_id.as_str(), tampering, context.merchants, context.rng, context.now)
            }
        }
    }

    pub(super) fn evaluate_response(
        &self,
        result: &DeliveryResult,
        context: &mut DeliveryContext<'_>,
    ) -> AttemptResult {
        let DeliveryResult::Response { status, body } = result else { return AttemptResult::NoResponse };
        let accepted = match &self.content {
            NotificationContent::V1(_) => is_v1_success(*status, body, context, &self.number),
            NotificationContent::V3(_) => matches!(status, 200 | 204),
        };
        if accepted { AttemptResult::Success } else { AttemptResult::Rejected(*status) }
    }
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

/// Returns whether a response accepts an APIv1 notification: status 200 and the body `success`. Adds a warning if a
/// response only resembles that.
fn is_v1_success(status: u16, body: &[u8], context: &mut DeliveryContext<'_>, number: &str) -> bool {
    let exact = body.trim_ascii() == b"success";
    let resembles_success =
        body.trim_ascii_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"success"));
    let accepted = status == 200
        && match context.settings.success_match {
            SuccessMatch::TrimmedExact => exact,
            SuccessMatch::StartsWith => resembles_success,
        };
    if resembles_success && (!exact || status != 200) {
        let detail = "the response resembles success: the body must be success, the HTTP status 200";
        context.warnings.push(context.now, Kind::InexactSuccess, Some(number), detail);
    }
    accepted
}
