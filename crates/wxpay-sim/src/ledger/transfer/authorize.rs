//! Requesting, confirming and closing authorizations.

use super::{Authorization, AuthorizationState, CloseReason, Scope};
use crate::ledger::{Ledger, NumberSource, RequestDigest};
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutAuthorizationNo, OutBillNo},
};

/// An authorization to request.
pub(crate) struct NewAuthorization {
    pub(crate) out_authorization_no: OutAuthorizationNo,
    pub(crate) scope: Scope,
    pub(crate) user_display_name: String,
    pub(crate) user_recv_perception: Option<String>,
    pub(crate) notify_url: String,
    /// The identity of the request, unless a transfer requests the authorization.
    pub(crate) request: Option<RequestDigest>,
    pub(crate) request_serial: Option<String>,
}

/// The reason why an authorization cannot be requested: the payee authorized the merchant in this scene, or is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScopeTaken;

/// The reason why a merchant cannot close an authorization. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseAuthorizationError {
    /// The merchant has no such authorization.
    NoSuchAuthorization,
    /// The authorization ended for another reason.
    ClosedOtherwise,
}

impl NewAuthorization {
    pub(super) fn into_authorization(
        self,
        mchid: &MchId,
        out_bill_no: Option<OutBillNo>,
        confirm_by: Option<UnixTime>,
        numbers: &mut NumberSource<'_>,
        now: UnixTime,
    ) -> Authorization {
        Authorization {
            mchid: mchid.clone(),
            out_authorization_no: self.out_authorization_no,
            authorization_id: None,
            scope: self.scope,
            user_display_name: self.user_display_name,
            user_recv_perception: self.user_recv_perception,
            notify_url: self.notify_url,
            request: self.request,
            out_bill_no,
            request_serial: self.request_serial,
            package_info: numbers.package_info(),
            confirm_by,
            state: AuthorizationState::WaitUserConfirm,
            created_at: now,
            authorized_at: None,
            closed: None,
            age: 0,
        }
    }
}

impl Ledger {
    /// Requests an authorization, which can be confirmed within the window.
    pub(crate) fn apply_authorization(
        &mut self,
        mchid: &MchId,
        new: NewAuthorization,
        confirm_window: Duration,
        numbers: &mut NumberSource<'_>,
        now: UnixTime,
    ) -> Result<(), ScopeTaken> {
        let authorizations = &mut self.transfers.authorizations;
        let open_states = [AuthorizationState::WaitUserConfirm, AuthorizationState::TakingEffect];
        if open_states.into_iter().any(|state| authorizations.has_state(mchid, &new.scope, state)) {
            return Err(ScopeTaken);
        }
        let confirm_by = Some(now.after(confirm_window));
        authorizations.add(new.into_authorization(mchid, None, confirm_by, numbers, now));
        Ok(())
    }

    /// Confirms an authorization as its payee. One that was requested with a transfer is confirmed with the transfer
    /// only. Returns `None` if no such authorization waits for confirmation, or if another one is in force.
    pub(crate) fn confirm_authorization(
        &mut self,
        mchid: &MchId,
        number: &str,
        numbers: &mut NumberSource<'_>,
        now: UnixTime,
    ) -> Option<&Authorization> {
        let is_alone = self.transfers.authorizations.get(mchid, number)?.out_bill_no.is_none();
        if is_alone { self.put_in_force(mchid, number, numbers, now) } else { None }
    }

    /// Refuses an authorization as its payee. Returns `false` if no such authorization waits for confirmation.
    pub(crate) fn refuse_authorization(&mut self, mchid: &MchId, number: &str, now: UnixTime) -> bool {
        let (from, reason) = (AuthorizationState::WaitUserConfirm, CloseReason::UserClose);
        self.close_from(from, mchid, number, reason, now).is_some()
    }

    /// Closes an authorization whose time for confirmation is over.
    pub(crate) fn expire_authorization(&mut self, mchid: &MchId, number: &str, now: UnixTime) {
        let authorization = self.transfers.authorizations.get(mchid, number);
        // A forgotten authorization may have had the same number, and an earlier end.
        if authorization.and_then(|each| each.confirm_by).is_some_and(|end| end <= now) {
            self.drop_authorization(mchid, number, now);
        }
    }

    /// Ends an authorization in force, as the payee or the platform. Returns `None` if no such one is in force.
    pub(crate) fn end_authorization(
        &mut self,
        mchid: &MchId,
        number: &str,
        reason: CloseReason,
        now: UnixTime,
    ) -> Option<&Authorization> {
        self.close_from(AuthorizationState::TakingEffect, mchid, number, reason, now)
    }

    /// Closes an authorization as the merchant; closing it again has no effect. Returns the authorization if it was in
    /// force.
    pub(crate) fn close_authorization(
        &mut self,
        mchid: &MchId,
        number: &str,
        now: UnixTime,
    ) -> Result<Option<&Authorization>, CloseAuthorizationError> {
        let authorization = self.transfers.authorizations.get(mchid, number);
        let authorization = authorization.ok_or(CloseAuthorizationError::NoSuchAuthorization)?;
        let (from, reason) = (authorization.state, CloseReason::CloseViaMchApi);
        if authorization.closed.is_some_and(|(_, other)| other != reason) {
            return Err(CloseAuthorizationError::ClosedOtherwise);
        }
        if from == AuthorizationState::Closed {
            return Ok(None);
        }
        let closed = self.close_from(from, mchid, number, reason, now);
        Ok(closed.filter(|_| from == AuthorizationState::TakingEffect))
    }

    /// Puts an authorization in force that waits for confirmation, unless another one of its scope is.
    pub(super) fn put_in_force(
        &mut self,
        mchid: &MchId,
        number: &str,
        numbers: &mut NumberSource<'_>,
        now: UnixTime,
    ) -> Option<&Authorization> {
        let authorizations = &mut self.transfers.authorizations;
        let waiting = authorizations.get(mchid, number)?;
        if waiting.state != AuthorizationState::WaitUserConfirm
            || authorizations.has_state(mchid, &waiting.scope, AuthorizationState::TakingEffect)
        {
            return None;
        }
        authorizations.set_id(mchid, number, numbers.authorization_id()?);
        let authorization = authorizations.get_mut(mchid, number)?;
        (authorization.state, authorization.authorized_at) = (AuthorizationState::TakingEffect, Some(now));
        Some(authorization)
    }

    /// Closes an authorization that was not confirmed.
    pub(super) fn drop_authorization(&mut self, mchid: &MchId, number: &str, now: UnixTime) {
        let (from, reason) = (AuthorizationState::WaitUserConfirm, CloseReason::UserOverdueUnconfirmed);
        self.close_from(from, mchid, number, reason, now);
    }

    /// Closes an authorization that is in the state `from`. Returns `None` if it is in another state.
    fn close_from(
        &mut self,
        from: AuthorizationState,
        mchid: &MchId,
        number: &str,
        reason: CloseReason,
        now: UnixTime,
    ) -> Option<&Authorization> {
        let authorizations = &mut self.transfers.authorizations;
        let authorization = authorizations.get_mut(mchid, number).filter(|each| each.state == from)?;
        (authorization.state, authorization.closed) = (AuthorizationState::Closed, Some((now, reason)));
        let age = authorization.age;
        authorizations.ages.finished(age);
        authorizations.get(mchid, number)
    }
}
