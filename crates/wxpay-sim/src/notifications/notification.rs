//! What a notice says, how often, and when it was heard.

use super::{AttemptResult, DeliveryResult, Means};
use crate::{
    chance::Chance,
    faults::{Generation, Operation, Scene},
    gateway::{v1, v3},
    settings::{Settings, SuccessMatch},
    warnings::Kind,
};
use std::time::Duration;
use wxpay_proto::id::{MchId, NotifyId, OutTradeNo};

/// One notice as kept.
#[derive(Clone, Debug)]
pub(crate) struct Notification {
    /// The order it is about, or the merchant's own number of what it is about.
    pub(crate) number: String,
    pub(crate) notify_id: NotifyId,
    pub(crate) says: Says,
}

/// What a notice says. Each delivery is made and signed anew.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    V1(v1::notification::Payment),
    V3(v3::notification::Event),
}

/// A delivery ready to be sent.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Notification {
    /// Whether it is about the first generation's order of that number.
    pub(crate) fn is_of_v1(&self, number: &OutTradeNo) -> bool {
        matches!(self.says, Says::V1(_)) && self.number == number.as_str()
    }

    /// Whether it is about something of a merchant of the third generation, under that number.
    pub(crate) fn is_of_v3(&self, mchid: &MchId, number: &str) -> bool {
        let is_theirs = matches!(&self.says, Says::V3(event) if event.mchid == *mchid);
        is_theirs && self.number == number
    }

    /// Whose it is: the merchant's number; in the first generation its `partner`.
    pub(super) fn mchid(&self) -> String {
        match &self.says {
            Says::V1(payment) => payment.credentials.partner().to_string(),
            Says::V3(event) => event.mchid.to_string(),
        }
    }

    pub(super) fn scene(&self) -> Scene {
        let generation = match &self.says {
            Says::V1(_) => Generation::V1,
            Says::V3(_) => Generation::V3,
        };
        let mchid = self.mchid();
        let numbers = vec![self.number.clone()];
        Scene {
            generation,
            operation: Operation::Notification,
            path: String::new(),
            mchid: Some(mchid),
            numbers,
        }
    }

    pub(super) const fn event_type(&self) -> Option<&'static str> {
        match &self.says {
            Says::V1(_) => None,
            Says::V3(event) => Some(event.event_type),
        }
    }

    pub(super) fn schedule<'a>(&'a self, settings: &'a Settings) -> &'a [Duration] {
        match &self.says {
            Says::V1(_) => &settings.notify_schedule,
            Says::V3(event) => event.schedule.as_deref().unwrap_or(&settings.v3.notify_schedule),
        }
    }

    /// Whether a wrongly signed copy goes before it, as WeChat Pay's probes do. Chance is drawn only if there are any.
    pub(super) fn is_probed(&self, means: &mut Means<'_>) -> bool {
        let probes = u64::from(means.settings.v3.probes_per_mille);
        matches!(self.says, Says::V3(_)) && probes > 0 && means.chance.below(1000) < probes
    }

    pub(super) fn made(&self, forgery: Option<Forgery>, means: &mut Means<'_>) -> Made {
        match &self.says {
            Says::V1(payment) => payment.made(forgery, means.chance, means.now),
            Says::V3(event) => {
                event.made(self.notify_id.as_str(), forgery, means.merchants, means.chance, means.now)
            }
        }
    }

    pub(super) fn judge(&self, result: &DeliveryResult, means: &mut Means<'_>) -> AttemptResult {
        let DeliveryResult::Answered { status, body } = result else { return AttemptResult::NoAnswer };
        let accepted = match &self.says {
            Says::V1(_) => says_success(*status, body, means, &self.number),
            Says::V3(_) => matches!(status, 200 | 204),
        };
        if accepted { AttemptResult::Success } else { AttemptResult::Refused(*status) }
    }
}

/// What is changed in a forged copy. Its signatures stay, and so do not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    Amount,
    Number,
    Signature,
    Payer,
    /// A signature as WeChat Pay's probes have it; in the third generation alone.
    Probe,
    /// Signed ten minutes ago; in the third generation alone.
    Stale,
}

impl Forgery {
    pub(super) fn drawn(chance: &mut Chance) -> Self {
        match chance.below(4) {
            0 => Self::Amount,
            1 => Self::Number,
            2 => Self::Signature,
            _ => Self::Payer,
        }
    }
}

/// The first generation's rule: the status and the word.
fn says_success(status: u16, body: &[u8], means: &mut Means<'_>, number: &str) -> bool {
    let exact = body.trim_ascii() == b"success";
    let loose = body.trim_ascii_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"success"));
    let accepted = status == 200
        && match means.settings.success_match {
            SuccessMatch::TrimmedExact => exact,
            SuccessMatch::StartsWith => loose,
        };
    if loose && (!exact || status != 200) {
        let detail = "the answer only resembles success: it must be the seven letters with HTTP status 200";
        means.warnings.note(means.now, Kind::LooseSuccess, Some(number), detail);
    }
    accepted
}
