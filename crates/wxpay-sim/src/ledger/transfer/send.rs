//! Making a transfer.

use super::{
    Authorization, AuthorizationState, NewAuthorization, Transfer, TransferMethod, TransferState, Transfers,
};
use crate::ledger::{Ledger, NumberSource, RequestDigest};
use std::sync::Arc;
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OpenId, OutBillNo},
    secret::Secret,
};

/// A transfer to make.
pub(crate) struct NewTransfer {
    pub(crate) mchid: MchId,
    pub(crate) out_bill_no: OutBillNo,
    pub(crate) appid: String,
    pub(crate) payee: Payee,
    pub(crate) amount: Fen,
    pub(crate) user_name: Option<Arc<Secret<String>>>,
    pub(crate) remark: String,
    pub(crate) notify_url: Option<String>,
    pub(crate) user_qq: Option<String>,
    pub(crate) request: RequestDigest,
    pub(crate) request_serial: Option<String>,
}

/// The recipient of a transfer, and the way to it.
pub(crate) enum Payee {
    /// The payee confirms the transfer.
    Confirming(OpenId),
    /// The payee confirms the transfer and, with it, the requested authorization.
    Authorizing(OpenId, Option<NewAuthorization>),
    /// The payee confirmed an authorization before.
    Authorized(AuthorizationUse),
    /// The payee confirms the transfer and receives it in a QQ wallet.
    QqWallet(OpenId),
}

/// An authorization that a transfer uses, by either number, and the scene that it must be for.
pub(crate) struct AuthorizationUse {
    pub(crate) authorization_id: Option<String>,
    pub(crate) out_authorization_no: Option<String>,
    pub(crate) transfer_scene_id: String,
}

/// The reason why a transfer cannot be made. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransferError {
    /// The number of the requested authorization belongs to another one.
    AuthorizationNumberTaken,
    /// The merchant has no such authorization.
    NoSuchAuthorization,
    /// The two numbers name different authorizations.
    DifferentAuthorizations,
    /// The authorization is not in force.
    NotInForce,
    /// The authorization is for another app.
    OtherApp,
    /// The authorization is for another scene.
    OtherScene,
    /// WeChat Pay's number cannot be generated.
    NoNumber,
}

impl Ledger {
    /// Makes a transfer, with the authorization that it requests. It is accepted until its
    /// [funds are locked](Self::lock_funds).
    pub(crate) fn transfer(
        &mut self,
        new: NewTransfer,
        numbers: &mut NumberSource<'_>,
        now: UnixTime,
    ) -> Result<(), TransferError> {
        let transfers = &mut self.transfers;
        let (method, openid, authorization) = match new.payee {
            Payee::Confirming(openid) => (TransferMethod::UserConfirm, openid, None),
            Payee::QqWallet(openid) => (TransferMethod::QqWallet, openid, None),
            Payee::Authorizing(openid, requested) => {
                let requested = requested.map(|requested| {
                    let number = requested.out_authorization_no.as_str();
                    if transfers.authorizations.get(&new.mchid, number).is_some() {
                        return Err(TransferError::AuthorizationNumberTaken);
                    }
                    let bill = new.out_bill_no.clone();
                    Ok(requested.into_authorization(&new.mchid, Some(bill), None, numbers, now))
                });
                (TransferMethod::UserConfirmAndAuthorize, openid, requested.transpose()?)
            }
            Payee::Authorized(used) => {
                let authorization = transfers.usable(&new.mchid, &new.appid, &used)?;
                let openid = authorization.scope.openid.clone();
                (TransferMethod::Authorized, openid, Some(authorization.clone()))
            }
        };
        let transfer = Transfer {
            mchid: new.mchid,
            out_bill_no: new.out_bill_no,
            transfer_bill_no: numbers.transfer_bill_no(now).ok_or(TransferError::NoNumber)?,
            method,
            appid: new.appid,
            openid,
            amount: new.amount,
            user_name: new.user_name,
            remark: new.remark,
            notify_url: new.notify_url,
            user_qq: new.user_qq,
            out_authorization_no: authorization.as_ref().map(|each| each.out_authorization_no.clone()),
            request: new.request,
            request_serial: new.request_serial,
            package_info: numbers.package_info(),
            confirm_by: None,
            state: TransferState::Accepted,
            fail_reason: None,
            receipt: None,
            created_at: now,
            updated_at: now,
            age: 0,
        };
        if let (TransferMethod::UserConfirmAndAuthorize, Some(requested)) = (method, authorization) {
            transfers.authorizations.add(requested);
        }
        transfers.add(transfer);
        Ok(())
    }
}

impl Transfers {
    /// Returns the authorization that a transfer from this app uses, if the transfer may use it.
    fn usable(
        &self,
        mchid: &MchId,
        appid: &str,
        used: &AuthorizationUse,
    ) -> Result<&Authorization, TransferError> {
        let missing = TransferError::NoSuchAuthorization;
        let find_id = |id: &String| self.authorizations.by_id(mchid, id).ok_or(missing);
        let find_number = |number: &String| self.authorizations.get(mchid, number).ok_or(missing);
        let by_id = used.authorization_id.as_ref().map(find_id).transpose()?;
        let by_number = used.out_authorization_no.as_ref().map(find_number).transpose()?;
        let authorization = by_id.or(by_number).ok_or(missing)?;
        if by_number.is_some_and(|other| other.out_authorization_no != authorization.out_authorization_no) {
            return Err(TransferError::DifferentAuthorizations);
        }
        if authorization.state != AuthorizationState::TakingEffect {
            return Err(TransferError::NotInForce);
        }
        if authorization.scope.appid.as_str() != appid {
            return Err(TransferError::OtherApp);
        }
        if authorization.scope.transfer_scene_id != used.transfer_scene_id {
            return Err(TransferError::OtherScene);
        }
        Ok(authorization)
    }
}
