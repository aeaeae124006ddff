//! Transfers to a QQ wallet: creation, query and cancellation.
//!
//! `POST /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills`, `GET …/{out_bill_no}`, `POST …/{out_bill_no}/cancel`.

use super::{bill::TransferBill, query::NOT_FOUND, transfer::Transfer};
use crate::{
    error::{Error, PendingOperation},
    http::Method,
    id::{InvalidField, OpenId, OutBillNo},
    prelude::*,
    refusal::Refusal,
    v3::{
        endpoint::{Draft, Endpoint, Idempotency, Target},
        field,
        lookup::Lookup,
        merchant::Merchant,
        seal::RequestWriter,
        verify::Verified,
    },
    world::World,
};
use core::fmt;

const BASE: &str = "/v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills";

/// Creates a transfer to a QQ wallet. Returns its [status](Transfer::state). The scene is `1401`.
#[derive(Clone)]
pub struct CreateQqTransfer {
    bill: TransferBill,
    openid: OpenId,
    user_qq: Option<String>,
}

/// Queries a transfer to a QQ wallet, by the merchant's number.
#[derive(Clone, Debug)]
pub struct QueryQqTransfer(OutBillNo);

/// Cancels a transfer to a QQ wallet, by the merchant's number.
#[derive(Clone, Debug)]
pub struct CancelQqTransfer(OutBillNo);

impl CreateQqTransfer {
    /// Creates a transfer to this payee. `openid` is the payee's openid for the bill's app.
    ///
    /// # Errors
    ///
    /// When the bill has a [`user_recv_perception`](super::bill::Builder::user_recv_perception): this operation has no
    /// such field.
    pub fn new(bill: TransferBill, openid: OpenId) -> Result<Self, InvalidField> {
        if bill.has_perception() {
            return Err(InvalidField::new(
                "user_recv_perception",
                "must not be set for a transfer to a QQ wallet",
            ));
        }
        Ok(Self { bill, openid, user_qq: None })
    }

    /// Sets the payee's QQ number: 1 to 64 characters.
    ///
    /// # Errors
    ///
    /// When the number is invalid.
    pub fn user_qq(self, user_qq: &str) -> Result<Self, InvalidField> {
        let user_qq = field::text(user_qq, 64, InvalidField::new("user_qq", "must be 1 to 64 characters"))?;
        Ok(Self { user_qq: Some(user_qq), ..self })
    }

    fn pending_operation_of(out_bill_no: &OutBillNo) -> PendingOperation {
        PendingOperation::QqWalletTransfer { out_bill_no: out_bill_no.clone() }
    }
}

impl QueryQqTransfer {
    /// Creates a query by the merchant's number.
    pub fn new(out_bill_no: OutBillNo) -> Self {
        Self(out_bill_no)
    }
}

impl CancelQqTransfer {
    /// Creates the operation that cancels the transfer with this `out_bill_no`.
    pub fn new(out_bill_no: OutBillNo) -> Self {
        Self(out_bill_no)
    }
}

impl fmt::Debug for CreateQqTransfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateQqTransfer")
            .field("bill", &self.bill)
            .field("openid", &self.openid)
            .finish_non_exhaustive()
    }
}

#[derive(serde::Serialize)]
struct ExtraFields<'a> {
    openid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_qq: Option<&'a str>,
}

impl Endpoint for CreateQqTransfer {
    type Output = Transfer;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let extra = ExtraFields { openid: self.openid.as_str(), user_qq: self.user_qq.as_deref() };
        Ok(Draft::post("v3.transfer.qq_wallet.create", BASE, &self.bill.body(writer, extra)?))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Transfer, Error> {
        Transfer::read_of(reply, self.bill.out_bill_no())
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(Self::pending_operation_of(self.bill.out_bill_no()))
    }
}

impl Endpoint for QueryQqTransfer {
    type Output = Lookup<Transfer>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        Ok(Draft::get("v3.transfer.qq_wallet.query", Target::new(BASE).segment(self.0.as_str())))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Lookup<Transfer>, Error> {
        Transfer::read_of(reply, &self.0).map(Lookup::Found)
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Lookup<Transfer>> {
        Lookup::from_refusal(refusal, &NOT_FOUND)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

impl Endpoint for CancelQqTransfer {
    type Output = Transfer;

    /// Drafts a request without a body.
    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new(BASE).segment(self.0.as_str()).append("/cancel");
        Ok(Draft::new("v3.transfer.qq_wallet.cancel", Method::Post, target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Transfer, Error> {
        Transfer::read_of(reply, &self.0)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(CreateQqTransfer::pending_operation_of(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        money::Fen,
        v3::{
            fake::{self, drafted, read, sealed, sealed_for_merchant, target},
            resolve::Resolved,
            seal::Sensitive,
            transfer::{
                TransferState,
                bill::{self, tests::full},
            },
        },
    };

    fn openid() -> OpenId {
        "o-MYE42l80oelYMDE34nYD456Xoy".parse().unwrap()
    }

    fn minimal() -> bill::Builder {
        let (appid, number) = ("wxd678efh567hg6787".parse().unwrap(), "plfk2020042013".parse().unwrap());
        TransferBill::builder(appid, number, Fen::new(400_000), "游戏奖励", "1401")
            .report("活动名称", "新会员有礼")
    }

    fn reply_body() -> String {
        format!(
            r#"{{"mchid":"1900007291","out_bill_no":"plfk2020042013","transfer_bill_no":"1330000071100999991182020050700019480001","appid":"wxd678efh567hg6787","state":"SUCCESS","transfer_amount":400000,"transfer_remark":"游戏奖励","openid":"o-MYE42l80oelYMDE34nYD456Xoy","user_qq":"10001","user_name":"{}","create_time":"2015-05-20T13:29:35+08:00","update_time":"2015-05-20T13:29:36+08:00"}}"#,
            sealed_for_merchant("张三".as_bytes())
        )
    }

    #[test]
    fn a_full_qq_transfer_has_the_qq_number() {
        let bill = minimal()
            .user_name(Sensitive::new("张三".into()).unwrap())
            .notify_url("https://example.com/notify".parse().unwrap())
            .build()
            .unwrap();
        let create = CreateQqTransfer::new(bill, openid()).unwrap().user_qq("10001").unwrap();
        let expected = format!(
            r#"{{"appid":"wxd678efh567hg6787","out_bill_no":"plfk2020042013","user_name":"{}","transfer_amount":400000,"transfer_remark":"游戏奖励","notify_url":"https://example.com/notify","transfer_scene_id":"1401","transfer_scene_report_infos":[{{"info_type":"活动名称","info_content":"新会员有礼"}}],"openid":"o-MYE42l80oelYMDE34nYD456Xoy","user_qq":"10001"}}"#,
            sealed("张三")
        );
        assert_eq!(drafted(&create), (format!("POST {BASE}"), expected));
        assert!(!format!("{create:?}").contains("10001"));
    }

    #[test]
    fn a_minimal_qq_transfer_has_the_required_fields_only() {
        let create = CreateQqTransfer::new(minimal().build().unwrap(), openid()).unwrap();
        let expected = r#"{"appid":"wxd678efh567hg6787","out_bill_no":"plfk2020042013","transfer_amount":400000,"transfer_remark":"游戏奖励","transfer_scene_id":"1401","transfer_scene_report_infos":[{"info_type":"活动名称","info_content":"新会员有礼"}],"openid":"o-MYE42l80oelYMDE34nYD456Xoy"}"#;
        assert_eq!(drafted(&create), (format!("POST {BASE}"), expected.into()));
    }

    #[test]
    fn a_qq_transfer_rejects_user_recv_perception() {
        let error = CreateQqTransfer::new(full(), openid()).unwrap_err();
        assert_eq!(error.field(), "user_recv_perception");
        let create = CreateQqTransfer::new(minimal().build().unwrap(), openid()).unwrap();
        assert_eq!(create.user_qq("").unwrap_err().field(), "user_qq");
    }

    #[test]
    fn a_qq_transfer_is_queried_and_cancelled_by_its_number() {
        let number: OutBillNo = "plfk2020042013".parse().unwrap();
        assert_eq!(target(&QueryQqTransfer::new(number.clone())), format!("{BASE}/plfk2020042013"));
        let cancel = CancelQqTransfer::new(number.clone());
        assert_eq!(drafted(&cancel), (format!("POST {BASE}/plfk2020042013/cancel"), String::new()));
        let transfer = read(&cancel, &reply_body()).unwrap();
        assert_eq!((&transfer.state, transfer.user_qq.as_deref()), (&TransferState::Success, Some("10001")));
        assert_eq!(transfer.mchid, Some("1900007291".parse().unwrap()));
        assert_eq!(read(&QueryQqTransfer::new(number), &reply_body()).unwrap(), Lookup::Found(transfer));
        assert!(
            read(&QueryQqTransfer::new("1".parse().unwrap()), &reply_body()).is_err(),
            "the reply is for another transfer"
        );
    }

    #[test]
    fn a_qq_transfer_is_resolved_by_its_own_query() {
        let pending_operation =
            CreateQqTransfer::new(minimal().build().unwrap(), openid()).unwrap().pending_operation().unwrap();
        let resolved =
            fake::Harness::new().run(fake::merchant().resolve_pending(pending_operation), |transmit, now| {
                assert_eq!(transmit.label, "v3.transfer.qq_wallet.query");
                Ok(fake::SigningKey::public_key().reply(200, &reply_body(), *now))
            });
        let Resolved::Transfer(transfer) = resolved.unwrap() else { panic!("expected a transfer") };
        assert!(transfer.is_paid());
    }
}
