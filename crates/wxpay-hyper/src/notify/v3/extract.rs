//! A notification as the argument of a handler of axum.

use super::{LABEL, RESPONSE_TIMEOUT, receive};
use crate::{
    ambient,
    notify::{ProcessingGuard, begin, into_http_response},
    wxpay::WxPay,
};
use axum::{
    body::Body,
    extract::{FromRef, FromRequest, FromRequestParts as _, OriginalUri, Request},
    response::{IntoResponse, Response},
};
use std::ops::Deref;
use wxpay_proto::{
    Error,
    v3::{Ack, Notification},
};

/// A verified notification that the handler must [acknowledge](Self::acknowledge): an extractor for axum.
///
/// It is the last argument of the handler, because it reads the body. The state of the router is the [`WxPay`] of the
/// merchant, or a type of your own that contains it and implements [`FromRef`]; an `Arc` cannot:
///
/// ```
/// use axum::{Router, extract::FromRef, routing::post};
/// use wxpay_hyper::{WxPay, notify::v3::{AckResponse, VerifiedNotification}};
/// use wxpay_proto::v3::{Ack, Event};
///
/// #[derive(Clone)]
/// struct Shop {
///     wxpay: WxPay,
/// }
///
/// impl FromRef<Shop> for WxPay {
///     fn from_ref(shop: &Shop) -> Self {
///         shop.wxpay.clone()
///     }
/// }
///
/// async fn notify(notification: VerifiedNotification) -> Result<AckResponse, AckResponse> {
///     if let Event::Transaction(transaction) = notification.event()? {
///         record(transaction.out_trade_no.as_str()).await.map_err(|_| Ack::Fail)?;
///     }
///     Ok(notification.acknowledge())
/// }
///
/// fn router(shop: Shop) -> Router {
///     Router::new().route("/notify", post(notify)).with_state(shop)
/// }
/// # async fn record(_: &str) -> Result<(), std::io::Error> { Ok(()) }
/// ```
///
/// The request is verified as by [`NotificationService`](super::NotificationService), with its default response timeout.
/// Whatever is not verified is rejected with the status and the JSON body that WeChat Pay expects, and does not reach
/// the handler. The body is limited by [`MAX_BODY_BYTES`](wxpay_proto::v3::notify::MAX_BODY_BYTES), not by the
/// `DefaultBodyLimit` of axum.
///
/// # Acknowledgement and duplicates
///
/// [`acknowledge`](Self::acknowledge) marks the notification as handled. Call it after the event was committed, and
/// return its response. Later duplicates at the same URL are answered with 204 without a call of the handler.
///
/// Dropping this value without a call is a failure: the handler returned an error, panicked, or was cancelled. The next
/// delivery calls the handler again, so return a status other than 200 and 204, after which WeChat Pay retries.
/// Meanwhile, duplicates wait for the first, and one of them takes over if it fails. Duplicates are recognised in this
/// process alone, so **the handler must be idempotent**.
///
/// Axum drops a handler whose client closes the connection, and nothing limits the handler's time. If it must complete,
/// move this value into a task of its own, as [`NotificationService`](super::NotificationService) does.
#[derive(Debug)]
pub struct VerifiedNotification {
    notification: Notification,
    /// `None` once acknowledged.
    processing: Option<ProcessingGuard>,
}

impl VerifiedNotification {
    /// Marks the notification as handled and returns the response for it: 204.
    pub fn acknowledge(mut self) -> AckResponse {
        if let Some(processing) = self.processing.take() {
            processing.complete();
        }
        Ack::Success.into()
    }
}

impl Drop for VerifiedNotification {
    fn drop(&mut self) {
        if self.processing.is_some() {
            tracing::warn!(label = LABEL, "the handler dropped a notification without acknowledging it");
        }
    }
}

impl Deref for VerifiedNotification {
    type Target = Notification;

    fn deref(&self) -> &Notification {
        &self.notification
    }
}

impl<S> FromRequest<S> for VerifiedNotification
where
    S: Send + Sync,
    WxPay: FromRef<S>,
{
    type Rejection = AckResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, AckResponse> {
        let began = ambient::monotonic_now();
        let deadline = began.checked_add(RESPONSE_TIMEOUT).unwrap_or(began);
        let wxpay = WxPay::from_ref(state);
        let (mut head, body) = request.into_parts();
        let Ok(OriginalUri(uri)) = OriginalUri::from_request_parts(&mut head, state).await;
        let notification = receive(&wxpay, Request::from_parts(head, body), deadline).await?;
        // Each URL has its own handler, so the same notification at another one is not a duplicate.
        let key = format!("{} {}", uri.path(), notification.dedup_key());
        let processing = begin::<Ack>(wxpay.client(), &key, deadline).await?;
        Ok(Self { notification, processing: Some(processing) })
    }
}

/// The response of axum to a notification: an [`Ack`], also the one [for an error](Ack::for_error).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct AckResponse(Ack);

impl From<Ack> for AckResponse {
    fn from(ack: Ack) -> Self {
        Self(ack)
    }
}

/// Rejects the notification as [`Ack::for_error`] does: WeChat Pay sends it again.
impl From<Error> for AckResponse {
    fn from(error: Error) -> Self {
        Self(Ack::for_error(&error))
    }
}

impl IntoResponse for AckResponse {
    fn into_response(self) -> Response {
        into_http_response(self.0).map(Body::new)
    }
}
