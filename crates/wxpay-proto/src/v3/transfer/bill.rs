//! The transfer bill: the fields that every kind of transfer shares.

use super::query::QueryTransfer;
use crate::{
    id::{AppId, NotifyUrl, OutBillNo},
    v3::{field::SceneId, prelude::*},
};

body! {
    /// A transfer to create, without the payee. The operation that creates the transfer takes the payee.
    #[derive(Clone)]
    pub struct TransferBill {
        /// Sets the app that the payee's openid belongs to. The default is the [merchant's](crate::v3::Builder::appid).
        optional appid: AppId = appid_or_default,
        required out_bill_no: OutBillNo,
        /// Sets the payee's real name, which WeChat Pay checks. It is sent encrypted. Required from 2000 yuan.
        optional user_name: Sensitive,
        required transfer_amount: Fen,
        required transfer_remark: Chars<32>,
        /// Sets the notification URL. The default is the [merchant's](crate::v3::Builder::notify_url), if it has one.
        optional notify_url: NotifyUrl = or_default,
        /// Sets the reason for payment that the payee sees: one of the texts that the scene permits, 1 to 256 characters.
        text user_recv_perception: Chars<256>,
        required scene: TransferScene = flattened,
    }
    Debug { out_bill_no, transfer_amount }
}

body! {
    /// The scene of a transfer: its id, and the report that the scene requires. The merchant applies for scenes on the
    /// merchant platform.
    #[derive(Clone)]
    pub struct TransferScene {
        required transfer_scene_id: SceneId,
        required transfer_scene_report_infos: Vec<SceneReport>,
    }
    Debug { transfer_scene_id }
}

#[derive(Clone, serde::Serialize)]
struct SceneReport {
    info_type: Chars<15>,
    info_content: Chars<32>,
}

impl TransferBill {
    /// Creates a bill: the merchant's number, the amount in fen, the remark that the payee reads (1 to 32 characters),
    /// and the scene.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the amount or the remark is invalid.
    pub fn new(
        out_bill_no: OutBillNo,
        transfer_amount: Fen,
        transfer_remark: impl AsRef<str>,
        scene: TransferScene,
    ) -> Result<Self, InvalidField> {
        let transfer_amount = field::amount(transfer_amount, "transfer_amount")?;
        let transfer_remark = Chars::new("transfer_remark", transfer_remark)?;
        Ok(Self::required(out_bill_no, transfer_amount, transfer_remark, scene))
    }

    /// Returns the merchant's number of the transfer.
    pub fn out_bill_no(&self) -> &OutBillNo {
        &self.out_bill_no
    }

    /// Returns the amount, in fen.
    pub fn transfer_amount(&self) -> Fen {
        self.transfer_amount
    }

    pub(super) fn has_appid(&self) -> bool {
        self.appid.is_some()
    }

    pub(super) fn has_perception(&self) -> bool {
        self.user_recv_perception.is_some()
    }

    /// Returns the pending operation to resolve if the outcome is unknown.
    pub(super) fn pending_operation(&self) -> Option<PendingOperation> {
        QueryTransfer::out_bill_no(self.out_bill_no.clone()).pending()
    }
}

impl TransferScene {
    /// Creates a scene from its id, such as `1000` (1 to 36 letters and digits), and the first entry of the report. Each
    /// entry is a kind of 1 to 15 characters, as the scene's documentation spells it, and a text of 1 to 32 characters:
    /// for example `活动名称` and the campaign's name.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if a text is invalid.
    pub fn new(
        transfer_scene_id: impl AsRef<str>,
        info_type: impl AsRef<str>,
        info_content: impl AsRef<str>,
    ) -> Result<Self, InvalidField> {
        Self::required(SceneId::new("transfer_scene_id", transfer_scene_id)?, Vec::new())
            .report(info_type, info_content)
    }

    /// Adds an entry to the report.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if a text is invalid.
    pub fn report(
        mut self,
        info_type: impl AsRef<str>,
        info_content: impl AsRef<str>,
    ) -> Result<Self, InvalidField> {
        self.transfer_scene_report_infos.push(SceneReport {
            info_type: Chars::new("info_type", info_type)?,
            info_content: Chars::new("info_content", info_content)?,
        });
        Ok(self)
    }
}

/// Drafts a transfer. It names the key in `Wechatpay-Serial` even if no name is sealed, because the documentation
/// requires it.
pub(super) fn post(
    writer: &mut RequestWriter<'_, '_>,
    label: &'static str,
    path: &str,
    transfer: &impl Members,
) -> Result<Draft, Error> {
    let draft = writer.post(label, path, transfer)?;
    writer.set_serial_header()?;
    Ok(draft)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        error::Fate,
        v3::{fake, transfer::CreateTransfer},
    };

    fn scene() -> TransferScene {
        TransferScene::new("1000", "活动名称", "新会员有礼").unwrap()
    }

    fn bill(scene: TransferScene) -> TransferBill {
        TransferBill::new("plfk2020042013".parse().unwrap(), Fen::new(400_000), "2020年4月报销", scene)
            .unwrap()
            .appid("wxd678efh567hg6787".parse().unwrap())
    }

    /// Returns a bill with the required fields only.
    pub(in super::super) fn minimal() -> TransferBill {
        bill(scene())
    }

    /// Returns a bill with every field set.
    pub(in super::super) fn full() -> TransferBill {
        bill(scene().report("奖励说明", "注册会员抽奖一等奖").unwrap())
            .user_name(Sensitive::new("张三".into()).unwrap())
            .notify_url("https://example.com/notify".parse().unwrap())
            .user_recv_perception("现金奖励")
            .unwrap()
    }

    #[test]
    fn the_merchants_app_and_notification_url_are_the_defaults() {
        let openid = || "o-MYE42l80oelYMDE34nYD456Xoy".parse().unwrap();
        let number = "plfk2020042013".parse().unwrap();
        let bill = TransferBill::new(number, Fen::new(400_000), "2020年4月报销", scene()).unwrap();
        let error = fake::drafted_by(&fake::merchant(), &CreateTransfer::new(bill.clone(), openid()));
        assert_eq!(error.unwrap_err().fate(), Some(Fate::NotSent));
        let (appid, url) = ("wxd678efh567hg6787", "https://example.com/notify");
        let me = fake::builder().appid(appid.parse().unwrap()).notify_url(url.parse().unwrap()).build();
        let explicit = minimal().notify_url(url.parse().unwrap());
        assert_eq!(
            fake::drafted_by(&me, &CreateTransfer::new(bill, openid())).unwrap(),
            fake::drafted(&CreateTransfer::new(explicit, openid()))
        );
    }

    #[test]
    fn an_invalid_field_is_named() {
        let bill = |fen, remark: &str, id: &str, info_type: &str, info_content: &str| {
            let scene = TransferScene::new(id, info_type, info_content)?;
            TransferBill::new("1".parse()?, Fen::new(fen), remark, scene)
        };
        assert!(bill(1, "备注", "1000", "类型", "内容").is_ok());
        assert!(bill(2_147_483_647, &"备".repeat(32), &"1".repeat(36), "类型", "内容").is_ok());
        for (result, field) in [
            (bill(0, "备注", "1000", "类型", "内容"), "transfer_amount"),
            (bill(2_147_483_648, "备注", "1000", "类型", "内容"), "transfer_amount"),
            (bill(1, "", "1000", "类型", "内容"), "transfer_remark"),
            (bill(1, &"备".repeat(33), "1000", "类型", "内容"), "transfer_remark"),
            (bill(1, "🎉", "1000", "类型", "内容"), "transfer_remark"),
            (bill(1, "备注", "", "类型", "内容"), "transfer_scene_id"),
            (bill(1, "备注", "10-0", "类型", "内容"), "transfer_scene_id"),
            (bill(1, "备注", "1000", "", "内容"), "info_type"),
            (bill(1, "备注", "1000", &"类".repeat(16), "内容"), "info_type"),
            (bill(1, "备注", "1000", "类型", &"内".repeat(33)), "info_content"),
            (minimal().user_recv_perception("a\nb"), "user_recv_perception"),
        ] {
            assert_eq!(result.unwrap_err().field(), field);
        }
    }

    #[test]
    fn debug_output_names_nobody() {
        let printed = format!("{:?} {:?}", full(), minimal());
        assert!(printed.contains("plfk2020042013"));
        assert!(!printed.contains("张三") && !printed.contains("报销"), "{printed}");
    }
}
