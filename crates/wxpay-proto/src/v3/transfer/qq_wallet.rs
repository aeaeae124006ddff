//! Transfers to a QQ wallet: creation, query and cancellation.
//!
//! `POST /v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills`, `GET …/{out_bill_no}`, `POST …/{out_bill_no}/cancel`.

use super::{
    bill::{self, TransferBill},
    query::NOT_FOUND,
    transfer::Transfer,
};
use crate::{
    http::Method,
    id::{OpenId, OutBillNo},
    v3::prelude::*,
};

const BASE: &str = "/v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills";

body! {
    /// Creates a transfer to a QQ wallet. Returns its [status](Transfer::state). The scene is `1401`.
    #[derive(Clone)]
    pub struct CreateQqTransfer {
        required bill: TransferBill = flattened,
        required openid: OpenId,
        /// Sets the payee's QQ number: 1 to 64 characters.
        text user_qq: Chars<64>,
    }
    Debug { bill, openid }
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
    /// Returns [`InvalidField`] if the bill has no [`appid`](TransferBill::appid), because the merchant's default is no
    /// QQ app. Also if it has a [`user_recv_perception`](TransferBill::user_recv_perception): this operation has no such
    /// field.
    pub fn new(bill: TransferBill, openid: OpenId) -> Result<Self, InvalidField> {
        if !bill.has_appid() {
            return Err(InvalidField::new("appid", "is required for a transfer to a QQ wallet"));
        }
        if bill.has_perception() {
            return Err(InvalidField::new(
                "user_recv_perception",
                "must not be set for a transfer to a QQ wallet",
            ));
        }
        Ok(Self::required(bill, openid))
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

impl Endpoint for CreateQqTransfer {
    type Output = Transfer;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        bill::post(writer, "v3.transfer.qq_wallet.create", BASE, self)
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Transfer, Error> {
        Transfer::read_of(reply, self.bill.out_bill_no())
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        QueryQqTransfer::new(self.bill.out_bill_no().clone()).pending()
    }
}

impl Resolver for QueryQqTransfer {
    type Object = Transfer;

    const LABEL: &'static str = "v3.qq_transfer";

    fn pending(&self) -> Option<PendingOperation> {
        Some(PendingOperation::new(Self::LABEL).with("out_bill_no", &self.0))
    }

    fn from_pending(pending: &PendingOperation) -> Option<Self> {
        pending.number("out_bill_no").map(Self::new)
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
        QueryQqTransfer::new(self.0.clone()).pending()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::{
        fake::{self, drafted, read, sealed, sealed_for_merchant, target},
        transfer::{
            TransferState,
            bill::{TransferScene, tests::full},
        },
    };

    fn openid() -> OpenId {
        "o-MYE42l80oelYMDE34nYD456Xoy".parse().unwrap()
    }

    fn without_app() -> TransferBill {
        let scene = TransferScene::new("1401", "活动名称", "新会员有礼").unwrap();
        TransferBill::new("plfk2020042013".parse().unwrap(), Fen::new(400_000), "游戏奖励", scene).unwrap()
    }

    fn minimal() -> TransferBill {
        without_app().appid("wxd678efh567hg6787".parse().unwrap())
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
            .notify_url("https://example.com/notify".parse().unwrap());
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
        let create = CreateQqTransfer::new(minimal(), openid()).unwrap();
        let expected = r#"{"appid":"wxd678efh567hg6787","out_bill_no":"plfk2020042013","transfer_amount":400000,"transfer_remark":"游戏奖励","transfer_scene_id":"1401","transfer_scene_report_infos":[{"info_type":"活动名称","info_content":"新会员有礼"}],"openid":"o-MYE42l80oelYMDE34nYD456Xoy"}"#;
        assert_eq!(drafted(&create), (format!("POST {BASE}"), expected.into()));
    }

    #[test]
    fn a_qq_transfer_requires_an_app_and_rejects_user_recv_perception() {
        assert_eq!(CreateQqTransfer::new(without_app(), openid()).unwrap_err().field(), "appid");
        let error = CreateQqTransfer::new(full(), openid()).unwrap_err();
        assert_eq!(error.field(), "user_recv_perception");
        let create = CreateQqTransfer::new(minimal(), openid()).unwrap();
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
            CreateQqTransfer::new(minimal(), openid()).unwrap().pending_operation().unwrap();
        let resolve = fake::merchant().resolve_pending::<QueryQqTransfer>(pending_operation);
        let resolved = fake::Harness::new().run(resolve, |transmit, now| {
            assert_eq!(transmit.label, "v3.transfer.qq_wallet.query");
            Ok(fake::SigningKey::public_key().reply(200, &reply_body(), *now))
        });
        let Lookup::Found(transfer) = resolved.unwrap() else { panic!("expected a transfer") };
        assert!(transfer.is_paid());
    }
}
