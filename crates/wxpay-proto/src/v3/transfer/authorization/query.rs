//! Querying and closing an authorization.
//!
//! `GET /v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no/{out_authorization_no}`,
//! `POST …/{out_authorization_no}/close`.

use super::Authorization;
use crate::{
    http::Method,
    id::OutAuthorizationNo,
    v3::{prelude::*, transfer::query::NOT_FOUND},
};

const BASE: &str = "/v3/fund-app/mch-transfer/user-confirm-authorization/out-authorization-no";

/// Queries an authorization, by the merchant's number. An authorization is not found if it was never applied for, or was
/// closed unconfirmed more than 30 days ago.
#[derive(Clone, Debug)]
pub struct QueryAuthorization {
    out_authorization_no: OutAuthorizationNo,
    is_display_authorization: bool,
}

/// Closes an authorization.
#[derive(Clone, Debug)]
pub struct CloseAuthorization(OutAuthorizationNo);

impl QueryAuthorization {
    /// Creates a query by the merchant's number.
    pub fn new(out_authorization_no: OutAuthorizationNo) -> Self {
        Self { out_authorization_no, is_display_authorization: false }
    }

    /// Requests [`package_info`](Authorization::package_info), too: the payee's client needs it to show the
    /// authorization.
    #[must_use]
    pub fn display_authorization(self) -> Self {
        Self { is_display_authorization: true, ..self }
    }
}

impl CloseAuthorization {
    /// Creates the operation that closes the authorization with this `out_authorization_no`.
    pub fn new(out_authorization_no: OutAuthorizationNo) -> Self {
        Self(out_authorization_no)
    }
}

impl Resolver for QueryAuthorization {
    type Object = Authorization;

    const LABEL: &'static str = "v3.authorization";

    fn pending(&self) -> Option<PendingOperation> {
        Some(PendingOperation::new(Self::LABEL).with("out_authorization_no", &self.out_authorization_no))
    }

    fn from_pending(pending: &PendingOperation) -> Option<Self> {
        pending.number("out_authorization_no").map(Self::new)
    }
}

impl Endpoint for QueryAuthorization {
    type Output = Lookup<Authorization>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new(BASE)
            .segment(self.out_authorization_no.as_str())
            .query_opt("is_display_authorization", self.is_display_authorization.then_some("true"));
        Ok(Draft::get("v3.transfer.authorization.query", target))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        _: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Lookup<Authorization>, Error> {
        Authorization::read_of(reply, &self.out_authorization_no).map(Lookup::Found)
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Lookup<Authorization>> {
        Lookup::from_refusal(refusal, &NOT_FOUND)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

impl Endpoint for CloseAuthorization {
    type Output = Authorization;

    /// Drafts a request without a body.
    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new(BASE).segment(self.0.as_str()).append("/close");
        Ok(Draft::new("v3.transfer.authorization.close", Method::Post, target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Authorization, Error> {
        Authorization::read_of(reply, &self.0)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        QueryAuthorization::new(self.0.clone()).pending()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{AuthorizationState, CloseReason},
        *,
    };
    use crate::v3::fake::{self, drafted, read, target};

    const REPLY_BODY: &str = r#"{"out_authorization_no":"plfk2020042013","appid":"wxf636efh567hg4356","openid":"o-MYE42l80oelYMDE34nYD456Xoy","user_display_name":"wx_123456","authorization_id":"165465465465","state":"CLOSED","authorize_time":"2015-05-20T13:29:35+08:00","close_info":{"close_time":"2015-05-20T13:29:36+08:00","close_reason":"CLOSE_VIA_MCH_API"},"transfer_scene_id":"1000","user_recv_perception":"现金奖励","create_time":"2015-05-20T13:29:34+08:00","package_info":"affffddafdfafddffda=="}"#;

    fn number() -> OutAuthorizationNo {
        "plfk2020042013".parse().unwrap()
    }

    #[test]
    fn an_authorization_query_names_the_merchants_number() {
        let path = format!("{BASE}/plfk2020042013");
        assert_eq!(target(&QueryAuthorization::new(number())), path);
        let display = QueryAuthorization::new(number()).display_authorization();
        assert_eq!(target(&display), format!("{path}?is_display_authorization=true"));
        assert_eq!(
            drafted(&CloseAuthorization::new(number())),
            (format!("POST {path}/close"), String::new())
        );
    }

    #[test]
    fn an_authorization_reply_is_read_in_full() {
        let authorization = read(&CloseAuthorization::new(number()), REPLY_BODY).unwrap();
        let close = authorization.close_info.as_ref().unwrap();
        assert_eq!(
            (&authorization.state, &close.close_reason),
            (&AuthorizationState::Closed, &CloseReason::CloseViaMchApi)
        );
        // `date -d 2015-05-20T13:29:36+08:00 +%s`
        assert_eq!(close.close_time.as_secs(), 1_432_099_776);
        assert_eq!(authorization.authorization_id, Some("165465465465".parse().unwrap()));
        assert_eq!(authorization.transfer_scene_id.as_deref(), Some("1000"));
        assert!(authorization.create_time < authorization.authorize_time);
        let printed = format!("{authorization:?}");
        assert!(!printed.contains("wx_123456") && !printed.contains("affffdd"), "{printed}");
        let expected = Lookup::Found(authorization);
        assert_eq!(read(&QueryAuthorization::new(number()), REPLY_BODY).unwrap(), expected);
        assert!(
            read(&QueryAuthorization::new("1".parse().unwrap()), REPLY_BODY).is_err(),
            "the reply is for another authorization"
        );
    }

    #[test]
    fn an_authorization_is_resolved_by_its_number() {
        let pending_operation = CloseAuthorization::new(number()).pending_operation().unwrap();
        let resolve = fake::merchant().resolve_pending::<QueryAuthorization>(pending_operation);
        let resolved = fake::Harness::new().run(resolve, |transmit, now| {
            assert_eq!(transmit.label, "v3.transfer.authorization.query");
            Ok(fake::SigningKey::public_key().reply(200, REPLY_BODY, *now))
        });
        let Lookup::Found(authorization) = resolved.unwrap() else { panic!("expected an authorization") };
        assert_eq!(authorization.out_authorization_no, number());
    }
}
