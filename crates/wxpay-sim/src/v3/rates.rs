//! Rate limits: requests of a merchant to an operation per second.

use super::{
    call::Call,
    errors::{self, Refusal},
    operation::Operation,
};
use std::collections::BTreeMap;
use wxpay_proto::{UnixTime, id::MchId};

/// Requests and failures in the last seen second, by merchant, operation and path.
#[derive(Clone, Debug, Default)]
pub(super) struct RateLimiter(BTreeMap<(MchId, &'static str, &'static str), Count>);

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    at: u64,
    calls: u32,
    failures: u32,
}

impl RateLimiter {
    /// Counts a request, unless the limit of requests or of failing requests is reached.
    pub(super) fn count(
        &mut self,
        operation: &Operation,
        mchid: &MchId,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let entry = self.0.entry((mchid.clone(), operation.label, operation.path)).or_default();
        if entry.at != now.as_secs() {
            *entry = Count { at: now.as_secs(), calls: 0, failures: 0 };
        }
        let full = |limit: Option<u32>, count| limit.is_some_and(|limit| count >= limit);
        if full(operation.max_calls_per_second, entry.calls)
            || full(operation.max_failures_per_second, entry.failures)
        {
            return Err(errors::RATELIMIT_EXCEEDED.with_reason("the limit of requests per second is reached"));
        }
        entry.calls = entry.calls.saturating_add(1);
        Ok(())
    }

    /// Counts a request that its product refused.
    pub(super) fn count_failure(&mut self, call: &Call, refusal: &Refusal) {
        let counted = self.0.get_mut(&(call.mchid.clone(), call.label, call.path_template));
        if let Some(entry) = counted.filter(|_| refusal.status >= 400) {
            entry.failures = entry.failures.saturating_add(1);
        }
    }
}
