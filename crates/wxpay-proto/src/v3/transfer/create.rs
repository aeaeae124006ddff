//! Creation of a transfer that the payee confirms.
//!
//! `POST /v3/fund-app/mch-transfer/transfer-bills`.

use super::{
    bill::{self, TransferBill},
    transfer::Transfer,
};
use crate::{id::OpenId, v3::prelude::*};

body! {
    /// Creates a transfer that the payee confirms. Returns its [status](Transfer::state), and the
    /// [value](Transfer::package_info) that the payee's client needs to confirm it.
    #[derive(Clone)]
    pub struct CreateTransfer {
        required bill: TransferBill = flattened,
        required openid: OpenId,
        /// Sets the form in which the payee sees the transfer. The default is the confirmation page.
        optional user_recv_style: UserRecvStyle,
    }
    Debug { bill, openid }
}

/// The form in which the payee sees a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum UserRecvStyle {
    /// A confirmation page.
    ConfirmPage,
    /// A red packet.
    RedPacket,
}

impl CreateTransfer {
    /// Creates a transfer to this payee. `openid` is the payee's openid for the bill's app.
    pub fn new(bill: TransferBill, openid: OpenId) -> Self {
        Self::required(bill, openid)
    }
}

impl Endpoint for CreateTransfer {
    type Output = Transfer;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        bill::post(writer, "v3.transfer.create", "/v3/fund-app/mch-transfer/transfer-bills", self)
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
    use crate::{
        clock::UnixTime,
        error::ErrorKind,
        v3::{
            fake::{self, drafted, read, sealed},
            transfer::{
                TransferState,
                bill::tests::{full, minimal},
            },
        },
    };
    use core::error::Error as _;

    fn openid() -> OpenId {
        "o-MYE42l80oelYMDE34nYD456Xoy".parse().unwrap()
    }

    #[test]
    fn a_full_transfer_has_every_field_and_seals_the_name() {
        let create = CreateTransfer::new(full(), openid()).user_recv_style(UserRecvStyle::RedPacket);
        let expected = format!(
            r#"{{"appid":"wxd678efh567hg6787","out_bill_no":"plfk2020042013","user_name":"{}","transfer_amount":400000,"transfer_remark":"2020年4月报销","notify_url":"https://example.com/notify","user_recv_perception":"现金奖励","transfer_scene_id":"1000","transfer_scene_report_infos":[{{"info_type":"活动名称","info_content":"新会员有礼"}},{{"info_type":"奖励说明","info_content":"注册会员抽奖一等奖"}}],"openid":"o-MYE42l80oelYMDE34nYD456Xoy","user_recv_style":{{"type":"RED_PACKET"}}}}"#,
            sealed("张三")
        );
        assert_eq!(drafted(&create), ("POST /v3/fund-app/mch-transfer/transfer-bills".into(), expected));
    }

    #[test]
    fn a_minimal_transfer_has_the_required_fields_only() {
        let create = CreateTransfer::new(minimal(), openid());
        let expected = r#"{"appid":"wxd678efh567hg6787","out_bill_no":"plfk2020042013","transfer_amount":400000,"transfer_remark":"2020年4月报销","transfer_scene_id":"1000","transfer_scene_report_infos":[{"info_type":"活动名称","info_content":"新会员有礼"}],"openid":"o-MYE42l80oelYMDE34nYD456Xoy"}"#;
        assert_eq!(
            drafted(&create),
            ("POST /v3/fund-app/mch-transfer/transfer-bills".into(), expected.into())
        );
    }

    #[test]
    fn a_transfer_names_the_key_even_if_nothing_is_sealed() {
        let signer = fake::SigningKey::certificate(1);
        let mut harness = fake::Harness::new();
        let create = CreateTransfer::new(minimal(), openid());
        let reply_body = r#"{"out_bill_no":"plfk2020042013","transfer_bill_no":"1330000071100999991182020050700019480001","create_time":"2015-05-20T13:29:35.120+08:00","state":"ACCEPTED"}"#;
        let transfer = harness.run(fake::with_certificates().build().call(create), |transmit, now| {
            let body = if transmit.label == "v3.certificates" {
                fake::list(&[&signer])
            } else {
                reply_body.to_string()
            };
            Ok(signer.reply(200, &body, *now))
        });
        assert_eq!(transfer.unwrap().state, TransferState::Accepted);
        let [fetch, create] = &harness.sent[..] else { panic!("expected two requests") };
        assert_eq!(fetch.header("wechatpay-serial"), None);
        assert_eq!(create.header("wechatpay-serial"), Some(signer.id.as_str()));
    }

    #[test]
    fn a_transfer_reply_has_the_package_info() {
        let create = CreateTransfer::new(minimal(), openid());
        let transfer = read(
            &create,
            r#"{"out_bill_no":"plfk2020042013","transfer_bill_no":"1330000071100999991182020050700019480001","create_time":"2015-05-20T13:29:35+08:00","state":"WAIT_USER_CONFIRM","package_info":"affffddafdfafddffda=="}"#,
        )
        .unwrap();
        assert_eq!(transfer.state, TransferState::WaitUserConfirm);
        assert_eq!(transfer.package_info.as_deref(), Some("affffddafdfafddffda=="));
        // `date -d 2015-05-20T13:29:35+08:00 +%s`
        assert_eq!(transfer.create_time.map(UnixTime::as_secs), Some(1_432_099_775));
        assert!(!format!("{transfer:?}").contains("affffddafdfafddffda"));
    }

    #[test]
    fn a_reply_for_another_transfer_is_malformed() {
        let create = CreateTransfer::new(minimal(), openid());
        let error = read(
            &create,
            r#"{"out_bill_no":"plfk2020042014","transfer_bill_no":"1","create_time":"2015-05-20T13:29:35+08:00","state":"SUCCESS"}"#,
        )
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        let cause = error.source().unwrap().to_string();
        assert_eq!(cause, "out_bill_no must be that of the requested transfer");
    }
}
