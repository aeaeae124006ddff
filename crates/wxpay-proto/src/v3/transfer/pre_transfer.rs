//! Creation of a transfer that the payee confirms, combined with an application for an authorization.
//!
//! `POST /v3/fund-app/mch-transfer/transfer-bills/pre-transfer-with-authorization`.

use super::{
    bill::{self, TransferBill},
    transfer::Transfer,
};
use crate::{
    id::{MchId, NotifyUrl, OpenId, OutAuthorizationNo},
    v3::prelude::*,
};

body! {
    /// Creates a transfer that the payee confirms, and applies in the same request for an authorization of
    /// [later transfers](super::CreateAuthorizedTransfer) without confirmation.
    ///
    /// Returns the status of the transfer. The status of the authorization is in a notification and in a
    /// [query](super::authorization::QueryAuthorization).
    #[derive(Clone)]
    pub struct CreatePreTransfer {
        required bill: TransferBill = flattened,
        required openid: OpenId,
        /// Applies for this authorization.
        optional authorization_info: AuthorizationInfo,
        /// Sets the merchant that funds the transfer, if it is another merchant.
        optional sponsor_mchid: MchId,
    }
    Debug { bill, openid, authorization_info, sponsor_mchid }
}

body! {
    /// An authorization to apply for.
    #[derive(Clone)]
    pub struct AuthorizationInfo {
        required user_display_name: Chars<32>,
        required out_authorization_no: OutAuthorizationNo,
        /// Sets the notification URL. The default is the [merchant's](crate::v3::Builder::notify_url).
        optional authorization_notify_url: NotifyUrl = notify_url_or_default,
    }
    Debug { out_authorization_no }
}

impl CreatePreTransfer {
    /// Creates a transfer to this payee. `openid` is the payee's openid for the bill's app.
    pub fn new(bill: TransferBill, openid: OpenId) -> Self {
        Self::required(bill, openid)
    }
}

impl AuthorizationInfo {
    /// Creates an authorization: its number at the merchant, and the name of the payee's account at the merchant (1 to 32
    /// characters).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the name is invalid.
    pub fn new(
        out_authorization_no: OutAuthorizationNo,
        user_display_name: impl AsRef<str>,
    ) -> Result<Self, InvalidField> {
        Ok(Self::required(Chars::new("user_display_name", user_display_name)?, out_authorization_no))
    }
}

impl Endpoint for CreatePreTransfer {
    type Output = Transfer;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let path = "/v3/fund-app/mch-transfer/transfer-bills/pre-transfer-with-authorization";
        bill::post(writer, "v3.transfer.pre_transfer", path, self)
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Transfer, Error> {
        Transfer::read_of(reply, self.bill.out_bill_no())
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        self.bill.pending_operation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::{
        fake::{drafted, read, sealed},
        transfer::{
            TransferState,
            bill::tests::{full, minimal},
        },
    };

    const LINE: &str = "POST /v3/fund-app/mch-transfer/transfer-bills/pre-transfer-with-authorization";

    fn openid() -> OpenId {
        "o-MYE42l80oelYMDE34nYD456Xoy".parse().unwrap()
    }

    fn full_request() -> CreatePreTransfer {
        let info = AuthorizationInfo::new("plfk2020042014".parse().unwrap(), "wx_123456").unwrap();
        let info = info.authorization_notify_url("https://example.com/allowed".parse().unwrap());
        CreatePreTransfer::new(full(), openid())
            .authorization_info(info)
            .sponsor_mchid("1900001109".parse().unwrap())
    }

    #[test]
    fn a_full_pre_transfer_has_transfer_and_authorization() {
        let expected = format!(
            r#"{{"appid":"wxd678efh567hg6787","out_bill_no":"plfk2020042013","user_name":"{}","transfer_amount":400000,"transfer_remark":"2020年4月报销","notify_url":"https://example.com/notify","user_recv_perception":"现金奖励","transfer_scene_id":"1000","transfer_scene_report_infos":[{{"info_type":"活动名称","info_content":"新会员有礼"}},{{"info_type":"奖励说明","info_content":"注册会员抽奖一等奖"}}],"openid":"o-MYE42l80oelYMDE34nYD456Xoy","authorization_info":{{"user_display_name":"wx_123456","out_authorization_no":"plfk2020042014","authorization_notify_url":"https://example.com/allowed"}},"sponsor_mchid":"1900001109"}}"#,
            sealed("张三")
        );
        assert_eq!(drafted(&full_request()), (LINE.into(), expected));
    }

    #[test]
    fn a_minimal_pre_transfer_has_the_required_fields_only() {
        let expected = r#"{"appid":"wxd678efh567hg6787","out_bill_no":"plfk2020042013","transfer_amount":400000,"transfer_remark":"2020年4月报销","transfer_scene_id":"1000","transfer_scene_report_infos":[{"info_type":"活动名称","info_content":"新会员有礼"}],"openid":"o-MYE42l80oelYMDE34nYD456Xoy"}"#;
        let minimal = CreatePreTransfer::new(minimal(), openid());
        assert_eq!(drafted(&minimal), (LINE.into(), expected.into()));
    }

    #[test]
    fn a_pre_transfer_reply_has_transfer_and_authorization() {
        let body = r#"{"out_bill_no":"plfk2020042013","transfer_bill_no":"1330000071100999991182020050700019480001","create_time":"2015-05-20T13:29:35+08:00","state":"WAIT_USER_CONFIRM","package_info":"affffddafdfafddffda==","user_display_name":"wx_123456","out_authorization_no":"plfk2020042014"}"#;
        let transfer = read(&full_request(), body).unwrap();
        assert_eq!(transfer.state, TransferState::WaitUserConfirm);
        assert_eq!(transfer.out_authorization_no, Some("plfk2020042014".parse().unwrap()));
        assert_eq!(transfer.user_display_name.as_deref(), Some("wx_123456"));
    }

    #[test]
    fn a_display_name_is_1_to_32_characters_and_is_not_printed() {
        for name in ["", &"名".repeat(33), "a\u{0}"] {
            let info = AuthorizationInfo::new("1".parse().unwrap(), name);
            assert_eq!(info.unwrap_err().field(), "user_display_name");
        }
        assert!(!format!("{:?}", full_request()).contains("wx_123456"));
    }
}
