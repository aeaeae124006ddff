//! Calls that are written before they are sent, and what the absence of their result proves.

use std::time::Duration;

/// The longest time from before the beginning of a call is committed until its last request has ended. The sender
/// measures the commit by its monotonic clock, and sends nothing if it was slow. The rest is 45 seconds, and little more
/// than a minute if the local clock, by which the core measures deadlines, is set back in the middle of a call.
pub(crate) const MAX_CALL: Duration = Duration::from_mins(2);

/// The time for which "it does not exist" must hold after the last request: what WeChat Pay is just creating may not be
/// found yet, and a request may be on its way for a while after its timeout.
pub(crate) const ABSENCE_HOLD: Duration = Duration::from_secs(20);

/// Returns the time between two signed replies that prove together that a number does not exist at WeChat Pay. Both are
/// replies to queries that began after the last call had begun.
///
/// A call that was begun and did not end may still be sent, by this process or by another. No local clock can say until
/// when: the clock of the process that began it, or of the one that queries, may be wrong or may jump. But the call was
/// begun before the first of the replies was signed, and lasts for [`MAX_CALL`] at most. So only WeChat Pay's own clock
/// counts, and only the difference of two of its times.
pub(crate) fn absence_hold(may_be_sent: bool) -> Duration {
    if may_be_sent { MAX_CALL.saturating_add(ABSENCE_HOLD) } else { ABSENCE_HOLD }
}
