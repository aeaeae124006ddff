//! A notification: its content, its schedule, and the merchant's acceptance.

use super::{AttemptResult, DeliveryContext, DeliveryResult};
use crate::{
    faults::{ApiVersion, FaultContext, Operation},
    gateway::{v1, v3},
    rng::Rng,
    settings::{Settings, SuccessMatch},
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

    /// Returns whether the notification is about this number of an APIv3 merchant.
    pub(crate) fn is_of_v3(&self, mchid: &MchId, number: &str) -> bool {
        let is_theirs = matches!(&self.content, NotificationContent::V3(event) if event.mchid == *mchid);
        is_theirs && self.number == number
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

    /// Draws whether a wrongly signed copy is sent first, like WeChat Pay's probes. Randomness is drawn only if
    /// probes are configured.
    pub(super) fn draw_probe(&self, means: &mut DeliveryContext<'_>) -> bool {
        let probes = u64::from(means.settings.v3.probes_per_mille);
        matches!(self.content, NotificationContent::V3(_)) && probes > 0 && means.chance.below(1000) < probes
    }

    pub(super) fn sign(
        &self,
        forgery: Option<Tampering>,
        means: &mut DeliveryContext<'_>,
    ) -> SignedNotification {
        match &self.content {
            NotificationContent::V1(payment) => payment.prepare(forgery, means.chance, means.now),
            NotificationContent::V3(event) => {
                event.prepare(self.notify_id.as_str(), forgery, means.merchants, means.chance, means.now)
            }
        }
    }

    pub(super) fn evaluate_reply(
        &self,
        result: &DeliveryResult,
        means: &mut DeliveryContext<'_>,
    ) -> AttemptResult {
        let DeliveryResult::Response { status, body } = result else { return AttemptResult::NoResponse };
        let accepted = match &self.content {
            NotificationContent::V1(_) => is_v1_success(*status, body, means, &self.number),
            NotificationContent::V3(_) => matches!(status, 200 | 204),
        };
        if accepted { AttemptResult::Success } else { AttemptResult::Rejected(*status) }
    }
}

/// The change made in a tampered copy. The signature stays, so it does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tampering {
    Amount,
    Number,
    Signature,
    Payer,
    /// A signature like that of WeChat Pay's probes; APIv3 only.
    Probe,
    /// A valid signature from ten minutes ago; APIv3 only.
    Stale,
}

impl Tampering {
    pub(super) fn random(chance: &mut Rng) -> Self {
        match chance.below(4) {
            0 => Self::Amount,
            1 => Self::Number,
            2 => Self::Signature,
            _ => Self::Payer,
        }
    }
}

/// Returns whether APIv1 accepts a response: status 200 and the body `success`. Warns about one that only resembles
/// it.
fn is_v1_success(status: u16, body: &[u8], means: &mut DeliveryContext<'_>, number: &str) -> bool {
    let exact = body.trim_ascii() == b"success";
    let loose = body.trim_ascii_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"success"));
    let accepted = status == 200
        && match means.settings.success_match {
            SuccessMatch::TrimmedExact => exact,
            SuccessMatch::StartsWith => loose,
        };
    if loose && (!exact || status != 200) {
        let detail = "the response resembles success: the body must be success, the HTTP status 200";
        means.warnings.push(means.now, Kind::InexactSuccess, Some(number), detail);
    }
    accepted
}
