//! Creation of a transfer under an authorization, without confirmation by the payee.
//!
//! `POST /v3/fund-app/mch-transfer/transfer-bills/transfer`.

use super::{
    bill::{self, TransferBill},
    transfer::Transfer,
};
use crate::{
    id::{AuthorizationId, MchId, OutAuthorizationNo},
    v3::prelude::*,
};

body! {
    /// Creates a transfer under an [authorization](super::authorization). The payee does not confirm it.
    #[derive(Clone)]
    pub struct CreateAuthorizedTransfer {
        required bill: TransferBill = flattened,
        required authorization: AuthorizationRef = flattened,
        /// Sets the merchant that funds the transfer, if it is another merchant.
        optional sponsor_mchid: MchId,
    }
    Debug { bill, authorization, sponsor_mchid }
}

#[derive(Clone, Debug)]
enum AuthorizationRef {
    OutAuthorizationNo(OutAuthorizationNo),
    AuthorizationId(AuthorizationId),
}

impl Members for AuthorizationRef {
    fn write_members<M: SerializeMap>(&self, object: &mut Object<'_, M>) -> Result<(), M::Error> {
        match self {
            Self::OutAuthorizationNo(number) => object.member("out_authorization_no", number),
            Self::AuthorizationId(id) => object.member("authorization_id", id),
        }
    }
}

impl CreateAuthorizedTransfer {
    /// Creates a transfer under the authorization with this number of the merchant.
    pub fn out_authorization_no(bill: TransferBill, out_authorization_no: OutAuthorizationNo) -> Self {
        Self::required(bill, AuthorizationRef::OutAuthorizationNo(out_authorization_no))
    }

    /// Creates a transfer under the authorization with this number of WeChat Pay.
    pub fn authorization_id(bill: TransferBill, authorization_id: AuthorizationId) -> Self {
        Self::required(bill, AuthorizationRef::AuthorizationId(authorization_id))
    }
}

impl Endpoint for CreateAuthorizedTransfer {
    type Output = Transfer;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let path = "/v3/fund-app/mch-transfer/transfer-bills/transfer";
        bill::post(writer, "v3.transfer.authorized", path, self)
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
        fake::{drafted, read, sealed, sealed_for_merchant},
        transfer::{
            TransferState,
            bill::tests::{full, minimal},
        },
    };

    const LINE: &str = "POST /v3/fund-app/mch-transfer/transfer-bills/transfer";

    #[test]
    fn a_full_authorized_transfer_names_authorization_and_sponsor() {
        let number = "plfk2020042014".parse().unwrap();
        let authorized = CreateAuthorizedTransfer::out_authorization_no(full(), number)
            .sponsor_mchid("1900001109".parse().unwrap());
        let expected = format!(
            r#"{{"appid":"wxd678efh567hg6787","out_bill_no":"plfk2020042013","user_name":"{}","transfer_amount":400000,"transfer_remark":"2020年4月报销","notify_url":"https://example.com/notify","user_recv_perception":"现金奖励","transfer_scene_id":"1000","transfer_scene_report_infos":[{{"info_type":"活动名称","info_content":"新会员有礼"}},{{"info_type":"奖励说明","info_content":"注册会员抽奖一等奖"}}],"out_authorization_no":"plfk2020042014","sponsor_mchid":"1900001109"}}"#,
            sealed("张三")
        );
        assert_eq!(drafted(&authorized), (LINE.into(), expected));
    }

    #[test]
    fn a_minimal_authorized_transfer_names_the_authorization_id() {
        let authorized =
            CreateAuthorizedTransfer::authorization_id(minimal(), "165465465465".parse().unwrap());
        let expected = r#"{"appid":"wxd678efh567hg6787","out_bill_no":"plfk2020042013","transfer_amount":400000,"transfer_remark":"2020年4月报销","transfer_scene_id":"1000","transfer_scene_report_infos":[{"info_type":"活动名称","info_content":"新会员有礼"}],"authorization_id":"165465465465"}"#;
        assert_eq!(drafted(&authorized), (LINE.into(), expected.into()));
    }

    #[test]
    fn an_authorized_transfer_reply_is_read_in_full() {
        let authorized =
            CreateAuthorizedTransfer::authorization_id(minimal(), "165465465465".parse().unwrap());
        let body = format!(
            r#"{{"mch_id":"1900007291","out_bill_no":"plfk2020042013","transfer_bill_no":"1330000071100999991182020050700019480001","appid":"wxd678efh567hg6787","state":"PROCESSING","transfer_amount":400000,"transfer_remark":"2020年4月报销","openid":"o-MYE42l80oelYMDE34nYD456Xoy","user_name":"{}","create_time":"2015-05-20T13:29:35+08:00","update_time":"2015-05-20T13:29:36+08:00"}}"#,
            sealed_for_merchant("张三".as_bytes())
        );
        let transfer = read(&authorized, &body).unwrap();
        assert_eq!(transfer.state, TransferState::Processing);
        assert_eq!(transfer.openid, Some("o-MYE42l80oelYMDE34nYD456Xoy".parse().unwrap()));
        assert!(transfer.user_name.is_some() && transfer.update_time > transfer.create_time);
    }
}
