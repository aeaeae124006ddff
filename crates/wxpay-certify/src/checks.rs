//! The checks, one file per theme.

mod notifications;
mod orders;
mod refunds;

use crate::{
    check::Check,
    report::{Finding, Verdict},
    trial::{Step, Stop, Trial},
};
use notifications::refused;
use wxpay_sim::notifications::Alteration;

/// Runs a check.
pub(crate) async fn run(check: Check, mut trial: Trial<'_>) -> Finding {
    let step = Box::pin(dispatch(check, &mut trial)).await;
    trial.stage.clear();
    let verdict = match step {
        Ok(()) => Verdict::Pass,
        Err(Stop::Fail(reason)) => {
            trial.note(reason);
            Verdict::Fail
        }
        Err(Stop::NotChecked(reason)) => {
            trial.note(reason);
            Verdict::NotChecked
        }
    };
    Finding { check, verdict, evidence: trial.evidence }
}

async fn dispatch(check: Check, trial: &mut Trial<'_>) -> Step {
    match check {
        Check::OrderPlaced => orders::placed(trial).await,
        Check::OrderPayable => orders::payable(trial).await,
        Check::OrderReplyLost => orders::reply_lost(trial).await,
        Check::ReplyVerified => orders::reply_verified(trial).await,
        Check::OrderQueried => orders::queried(trial).await,
        Check::OrderClosed => orders::closed(trial).await,
        Check::OrderTimedOut => orders::timed_out(trial).await,
        Check::VerifiedBeforeParsing => notifications::verified_first(trial).await,
        Check::Probe => refused(trial, &Alteration::Probe, "with a probe's signature").await,
        Check::Unsigned => refused(trial, &Alteration::Unsigned, "without Wechatpay-Signature").await,
        Check::Stale => refused(trial, &Alteration::Stale, "signed ten minutes ago").await,
        Check::Altered => {
            refused(trial, &Alteration::TamperedBody, "with a body changed after signing").await
        }
        Check::UnknownSerial => {
            refused(trial, &Alteration::UnknownSerial, "with an unknown Wechatpay-Serial").await
        }
        Check::OtherKey => {
            refused(trial, &Alteration::OtherApiV3Key, "encrypted with another APIv3 key").await
        }
        Check::OtherMerchant => notifications::other_merchant(trial).await,
        Check::OtherAmount => notifications::other_amount(trial).await,
        Check::Accepted => notifications::accepted(trial).await,
        Check::Copies => notifications::copies(trial).await,
        Check::RefundCompleted => refunds::completed(trial).await,
        Check::RefundFailed => refunds::failed(trial).await,
        Check::RefundQueried => refunds::queried(trial).await,
        Check::RefundReplyLost => refunds::reply_lost(trial).await,
        Check::Secrets => secrets(trial),
    }
}

/// Judges all answers so far: this check is the last one.
fn secrets(trial: &mut Trial<'_>) -> Step {
    let (answers, leaks) = trial.client.leaks();
    trial.note(format!("{answers} answers of the shop were searched for the APIv3 key and the private key"));
    if leaks.is_empty() {
        return Ok(());
    }
    leaks.into_iter().take(5).for_each(|leak| trial.note(leak));
    Err(Stop::Fail("a secret of the merchant is in an answer".into()))
}
