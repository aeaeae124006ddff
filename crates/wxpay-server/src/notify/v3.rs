//! Notifications of APIv3.

use super::{InboxKey, Incoming, Recorded, Refused};
use crate::{
    actions::{ActionError, learn::payment_of, refund},
    app::{App, NotifyKind},
    channels::ApiVersion,
    ledger::{
        OrderKey, Subject, SubjectKind,
        case::OpenCase,
        inbox::RecordNotification,
        refund::RefundReport,
        rows::{case::CaseKind, inbox::InboxResult, payment::Source},
    },
    merchants::Merchant,
    observe::metrics::NotificationResult,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{error::Error as _, sync::Arc};
use wxpay_proto::{
    Error, ErrorKind,
    id::{AppId, InvalidField, MchId},
    v3::{
        Event, Notification, RawNotification, VerifyError, notify::MAX_BODY_BYTES, pay::Transaction,
        refund::RefundNotification,
    },
};

/// The beginning of the signatures by which WeChat Pay tests whether signatures are checked.
const PROBE: &str = "WECHATPAY/SIGNTEST/";

impl App {
    pub(super) async fn receive_v3(
        &self,
        merchant: &Arc<Merchant>,
        kind: NotifyKind,
        incoming: &Incoming,
    ) -> Result<Recorded, Refused> {
        let Some(v3) = merchant.v3() else {
            return Err(Refused::misdirected("the merchant has no keys of APIv3"));
        };
        let raw = RawNotification::new(incoming.body.clone());
        let raw = incoming.headers.iter().fold(raw, |raw, (name, value)| raw.header(name, value));
        let notification = match self.upstream().client().run(v3.verify_notification(raw)).await {
            Ok(notification) => notification,
            Err(error) if is_unreadable(&error, incoming) => {
                return Err(self.unreadable(merchant, kind, incoming, None, &error).await);
            }
            Err(error) => return Err(unverified(&error, incoming)),
        };
        match (notification.event(), kind) {
            (Ok(Event::Transaction(transaction)), NotifyKind::Payment) => {
                self.receive_payment(merchant, &notification, &transaction, incoming).await
            }
            (Ok(Event::Refund(refund)), NotifyKind::Refund) => {
                self.receive_refund(merchant, &notification, &refund, incoming).await
            }
            (Ok(Event::Transaction(_) | Event::Refund(_)), _) => {
                Err(Refused::misdirected("the notification is of another kind than its path"))
            }
            // An event that this server does not handle: stored, and not sent again.
            (Ok(_), _) => self.ignore(merchant, kind, &notification, incoming).await,
            (Err(error), _) if is_of_another_merchant(&error) => {
                Err(Refused::misdirected("the notification is of another merchant"))
            }
            (Err(error), _) => {
                Err(self.unreadable(merchant, kind, incoming, Some(&notification), &error).await)
            }
        }
    }

    async fn receive_payment(
        &self,
        merchant: &Arc<Merchant>,
        notification: &Notification,
        transaction: &Transaction,
        incoming: &Incoming,
    ) -> Result<Recorded, Refused> {
        let key = OrderKey::new(merchant.name().clone(), transaction.out_trade_no.clone());
        self.check_party(merchant, &key, transaction.appid.as_ref(), transaction.sub_mchid.as_ref()).await?;
        let Some(payment) = payment_of(transaction) else {
            return self.ignore(merchant, NotifyKind::Payment, notification, incoming).await;
        };
        let digest = notification.dedup_key();
        let mut inbox =
            self.inbox_row(merchant, NotifyKind::Payment, digest, InboxResult::Accepted, incoming);
        inbox.subject = Some(key.subject());
        let recorded = InboxKey::of(&inbox);
        let learned =
            self.recorded(self.learn(key, payment, Source::Notification, None, Some(inbox))).await?;
        Ok(Recorded::new(recorded, learned.is_new))
    }

    async fn receive_refund(
        &self,
        merchant: &Arc<Merchant>,
        notification: &Notification,
        refund: &RefundNotification,
        incoming: &Incoming,
    ) -> Result<Recorded, Refused> {
        let key = OrderKey::new(merchant.name().clone(), refund.out_trade_no.clone());
        self.check_party(merchant, &key, None, refund.sub_mchid.as_ref()).await?;
        let report = RefundReport {
            out_refund_no: refund.out_refund_no.clone(),
            refund_id: Some(refund.refund_id.clone()),
            transaction_id: refund.transaction_id.clone(),
            amount: refund.amount.refund,
            status: refund::status(&refund.refund_status),
            success_at: refund.success_time,
        };
        let digest = notification.dedup_key();
        let mut inbox = self.inbox_row(merchant, NotifyKind::Refund, digest, InboxResult::Accepted, incoming);
        inbox.subject = Some(Subject::refund(merchant.name().clone(), &refund.out_refund_no));
        let recorded = InboxKey::of(&inbox);
        let learning = self.learn_refund(key, report, Source::Notification, Some(inbox));
        let learned = self.recorded::<_, ActionError>(learning).await?;
        Ok(Recorded::new(recorded, learned.is_new))
    }

    /// Checks that the app and the sub-merchant of a notification are the merchant's, and those of the order.
    async fn check_party(
        &self,
        merchant: &Merchant,
        key: &OrderKey,
        appid: Option<&AppId>,
        sub_mchid: Option<&MchId>,
    ) -> Result<(), Refused> {
        let known = self.recorded(self.order(key)).await?;
        let known = known.as_ref().map(|state| &state.order);
        // An order that was placed keeps its app, also when the app is removed from the settings.
        let is_app_of_order =
            |appid: &AppId| known.and_then(|order| order.appid.as_deref()) == Some(appid.as_str());
        if appid.is_some_and(|appid| !merchant.has_app(appid, ApiVersion::V3) && !is_app_of_order(appid)) {
            return Err(Refused::misdirected(
                "the notification is of an app that the merchant does not have",
            ));
        }
        // The order numbers of sub-merchants are independent of each other.
        let is_other = match known.filter(|order| order.terms.is_some()) {
            Some(order) => order.sub_mchid.as_deref() != sub_mchid.map(MchId::as_str),
            None => merchant.sub_merchant(sub_mchid).is_err(),
        };
        if is_other {
            return Err(Refused::misdirected("the notification is of another sub-merchant"));
        }
        Ok(())
    }

    async fn ignore(
        &self,
        merchant: &Arc<Merchant>,
        kind: NotifyKind,
        notification: &Notification,
        incoming: &Incoming,
    ) -> Result<Recorded, Refused> {
        let digest = notification.dedup_key();
        let inbox = self.inbox_row(merchant, kind, digest, InboxResult::Ignored, incoming);
        let recorded = InboxKey::of(&inbox);
        let stored = self.recorded(self.run(RecordNotification { inbox })).await?;
        Ok(Recorded::new(recorded, stored.count == 1))
    }

    /// Stores a verified notification that cannot be read, with its case, and returns the refusal.
    async fn unreadable(
        &self,
        merchant: &Arc<Merchant>,
        kind: NotifyKind,
        incoming: &Incoming,
        notification: Option<&Notification>,
        error: &Error,
    ) -> Refused {
        // Each delivery is encrypted anew, but the id stays.
        let id =
            notification.map(|notification| notification.id().to_owned()).or_else(|| envelope_id(incoming));
        let cause = id.unwrap_or_else(|| hex::encode(Sha256::digest(&incoming.body)));
        let digest = hex::encode(Sha256::digest(format!("unreadable\n{cause}")));
        let reason = reason(error);
        let subject = Subject::new(SubjectKind::Merchant, merchant.name().clone(), &digest);
        let mut inbox = self.inbox_row(merchant, kind, digest, InboxResult::Unreadable, incoming);
        inbox.subject = Some(subject.clone());
        let data = json!({
            "notification_id": cause,
            "event_type": notification.map(Notification::event_type),
            "kind": kind.name(),
            "reason": reason,
        });
        let open =
            OpenCase { subject, kind: CaseKind::UnreadableNotification, cause, data, inbox: Some(inbox) };
        match self.recorded(self.run(open)).await {
            Ok(_) => Refused::new(NotificationResult::Unreadable, 503, reason),
            Err(failed) => failed,
        }
    }
}

/// Returns whether the signature is valid, and the content cannot be read. Only verified ones fail in this way.
fn is_unreadable(error: &Error, incoming: &Incoming) -> bool {
    error.kind() == ErrorKind::Malformed && incoming.body.len() <= MAX_BODY_BYTES && error.source().is_some()
}

fn is_of_another_merchant(error: &Error) -> bool {
    let invalid = error.source().and_then(|source| source.downcast_ref::<InvalidField>());
    invalid.is_some_and(|invalid| invalid.field() == "mchid" && invalid.rule().ends_with("this merchant's"))
}

fn unverified(error: &Error, incoming: &Incoming) -> Refused {
    let is_probe = incoming.header("wechatpay-signature").is_some_and(|text| text.starts_with(PROBE));
    let verify_error = error.source().and_then(|source| source.downcast_ref::<VerifyError>());
    let result = match (error.kind(), verify_error) {
        (ErrorKind::Signature, Some(VerifyError::TimestampOutOfRange)) => NotificationResult::Stale,
        (ErrorKind::Signature, _) if is_probe => NotificationResult::Probe,
        (ErrorKind::Signature | ErrorKind::Malformed | ErrorKind::Misuse, _) => NotificationResult::Forged,
        // The key could not be fetched: the notification may be genuine.
        _ => return Refused::failed(reason(error)),
    };
    Refused::new(result, if error.kind() == ErrorKind::Signature { 401 } else { 400 }, reason(error))
}

fn envelope_id(incoming: &Incoming) -> Option<String> {
    let envelope: Value = serde_json::from_slice(&incoming.body).ok()?;
    let id = envelope.get("id")?.as_str()?;
    (id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_graphic())).then(|| id.to_owned())
}

/// Returns the error with its cause. Neither contains received data.
fn reason(error: &Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
