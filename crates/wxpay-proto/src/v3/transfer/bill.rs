//! The transfer bill: the fields that every kind of transfer shares.

use crate::{
    error::{Error, PendingOperation},
    id::{AppId, InvalidField, NotifyUrl, OutBillNo},
    money::Fen,
    prelude::*,
    v3::{
        field,
        seal::{RequestWriter, Sealed, Sensitive},
    },
};
use core::fmt;

/// A transfer to create, without the payee. [`builder`](Self::builder) takes the required fields; the rest is optional.
/// The operation that creates the transfer takes the payee.
///
/// `Debug` shows number and amount only: texts may contain personal data.
#[derive(Clone)]
pub struct TransferBill {
    appid: AppId,
    out_bill_no: OutBillNo,
    user_name: Option<Sensitive>,
    transfer_amount: Fen,
    transfer_remark: String,
    notify_url: Option<NotifyUrl>,
    user_recv_perception: Option<String>,
    transfer_scene_id: String,
    reports: Vec<SceneReport>,
}

/// A report entry that the scene requires. The scene's documentation specifies the kinds.
#[derive(Clone, serde::Serialize)]
struct SceneReport {
    info_type: String,
    info_content: String,
}

/// The builder of a transfer bill; see [`TransferBill::builder`].
#[must_use]
pub struct Builder {
    bill: TransferBill,
    transfer_remark: String,
    transfer_scene_id: String,
    user_recv_perception: Option<String>,
}

impl TransferBill {
    /// Returns a builder with the required fields: the app that the payee's openid belongs to, the merchant's number,
    /// the amount in fen, the remark that the payee reads (1 to 32 characters), and the id of the transfer scene, such
    /// as `1000`. The merchant applies for scenes on the merchant platform. At least one [report](Builder::report) is
    /// required, too.
    pub fn builder(
        appid: AppId,
        out_bill_no: OutBillNo,
        transfer_amount: Fen,
        transfer_remark: impl Into<String>,
        transfer_scene_id: impl Into<String>,
    ) -> Builder {
        let bill = Self {
            appid,
            out_bill_no,
            user_name: None,
            transfer_amount,
            transfer_remark: String::new(),
            notify_url: None,
            user_recv_perception: None,
            transfer_scene_id: String::new(),
            reports: Vec::new(),
        };
        Builder {
            bill,
            transfer_remark: transfer_remark.into(),
            transfer_scene_id: transfer_scene_id.into(),
            user_recv_perception: None,
        }
    }

    /// Returns the app.
    pub fn appid(&self) -> &AppId {
        &self.appid
    }

    /// Returns the merchant's number of the transfer.
    pub fn out_bill_no(&self) -> &OutBillNo {
        &self.out_bill_no
    }

    /// Returns the amount, in fen.
    pub fn transfer_amount(&self) -> Fen {
        self.transfer_amount
    }

    pub(super) fn has_perception(&self) -> bool {
        self.user_recv_perception.is_some()
    }

    /// Returns the pending operation to resolve if the outcome is unknown.
    pub(super) fn pending_operation(&self) -> PendingOperation {
        PendingOperation::Transfer { out_bill_no: self.out_bill_no.clone() }
    }
}

impl fmt::Debug for TransferBill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferBill")
            .field("out_bill_no", &self.out_bill_no)
            .field("transfer_amount", &self.transfer_amount)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Builder").field(&self.bill).finish()
    }
}

impl Builder {
    /// Adds a report entry that the scene requires, such as `活动名称` and the campaign's name: a kind of 1 to 15
    /// characters, as the scene's documentation spells it, and a text of 1 to 32 characters.
    pub fn report(mut self, info_type: impl Into<String>, info_content: impl Into<String>) -> Self {
        self.bill
            .reports
            .push(SceneReport { info_type: info_type.into(), info_content: info_content.into() });
        self
    }

    /// Sets the payee's real name, which WeChat Pay checks. It is sent encrypted. Required from 2000 yuan.
    pub fn user_name(mut self, user_name: Sensitive) -> Self {
        self.bill.user_name = Some(user_name);
        self
    }

    /// Sets the notification URL.
    pub fn notify_url(mut self, notify_url: NotifyUrl) -> Self {
        self.bill.notify_url = Some(notify_url);
        self
    }

    /// Sets the reason for payment that the payee sees: one of the texts that the scene permits, 1 to 256 characters.
    pub fn user_recv_perception(mut self, user_recv_perception: impl Into<String>) -> Self {
        self.user_recv_perception = Some(user_recv_perception.into());
        self
    }

    /// Builds the bill.
    ///
    /// # Errors
    ///
    /// When a field is invalid, or no report was added; the error names the field.
    pub fn build(self) -> Result<TransferBill, InvalidField> {
        let Self { mut bill, transfer_remark, transfer_scene_id, user_recv_perception } = self;
        field::amount(bill.transfer_amount, "transfer_amount")?;
        let rule = InvalidField::new("transfer_remark", "must be 1 to 32 characters, none beyond U+FFFF");
        bill.transfer_remark = field::text(&transfer_remark, 32, rule)?;
        bill.transfer_scene_id = check_scene_id(&transfer_scene_id)?;
        bill.user_recv_perception = check_perception(user_recv_perception.as_deref())?;
        if bill.reports.is_empty() {
            return Err(InvalidField::new("transfer_scene_report_infos", "must have at least one entry"));
        }
        for SceneReport { info_type, info_content } in &bill.reports {
            field::text(info_type, 15, InvalidField::new("info_type", "must be 1 to 15 characters"))?;
            field::text(info_content, 32, InvalidField::new("info_content", "must be 1 to 32 characters"))?;
        }
        Ok(bill)
    }
}

/// Validates the id of a transfer scene. The ids are an open set.
pub(super) fn check_scene_id(text: &str) -> Result<String, InvalidField> {
    let is_valid = (1..=36).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_valid {
        Ok(text.into())
    } else {
        Err(InvalidField::new("transfer_scene_id", "must be 1 to 36 letters and digits"))
    }
}

/// Validates the reason for payment that the payee sees.
pub(super) fn check_perception(text: Option<&str>) -> Result<Option<String>, InvalidField> {
    let rule = InvalidField::new("user_recv_perception", "must be 1 to 256 characters, none beyond U+FFFF");
    field::text_opt(text, 256, rule)
}

/// The body of a transfer, as on the wire. `E` is the type of the fields that one kind of transfer adds.
#[derive(serde::Serialize)]
pub(super) struct Body<'a, E> {
    appid: &'a AppId,
    out_bill_no: &'a OutBillNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<Sealed>,
    transfer_amount: Fen,
    transfer_remark: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a NotifyUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_recv_perception: Option<&'a str>,
    transfer_scene_id: &'a str,
    transfer_scene_report_infos: &'a [SceneReport],
    #[serde(flatten)]
    extra: E,
}

impl TransferBill {
    /// Returns the body. Sets `Wechatpay-Serial` even if no name is sealed, because the documentation requires it.
    pub(super) fn body<E>(&self, writer: &mut RequestWriter<'_, '_>, extra: E) -> Result<Body<'_, E>, Error> {
        writer.set_serial_header()?;
        Ok(Body {
            appid: &self.appid,
            out_bill_no: &self.out_bill_no,
            user_name: writer.seal_opt(self.user_name.as_ref())?,
            transfer_amount: self.transfer_amount,
            transfer_remark: &self.transfer_remark,
            notify_url: self.notify_url.as_ref(),
            user_recv_perception: self.user_recv_perception.as_deref(),
            transfer_scene_id: &self.transfer_scene_id,
            transfer_scene_report_infos: &self.reports,
            extra,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a builder with the required fields only.
    pub(in super::super) fn minimal() -> Builder {
        let (appid, number) = ("wxd678efh567hg6787".parse().unwrap(), "plfk2020042013".parse().unwrap());
        TransferBill::builder(appid, number, Fen::new(400_000), "2020年4月报销", "1000")
            .report("活动名称", "新会员有礼")
    }

    /// Returns a bill with every field set.
    pub(in super::super) fn full() -> TransferBill {
        minimal()
            .user_name(Sensitive::new("张三".into()).unwrap())
            .notify_url("https://example.com/notify".parse().unwrap())
            .user_recv_perception("现金奖励")
            .report("奖励说明", "注册会员抽奖一等奖")
            .build()
            .unwrap()
    }

    #[test]
    fn an_invalid_field_is_named() {
        let (appid, number) =
            ("wxd678efh567hg6787".parse::<AppId>().unwrap(), "1".parse::<OutBillNo>().unwrap());
        let bill = |fen, remark: &str, scene: &str| {
            TransferBill::builder(appid.clone(), number.clone(), Fen::new(fen), remark, scene)
                .report("类型", "内容")
        };
        assert!(bill(1, "备注", "1000").build().is_ok());
        assert!(bill(2_147_483_647, &"备".repeat(32), &"1".repeat(36)).build().is_ok());
        for (bill, field) in [
            (bill(0, "备注", "1000"), "transfer_amount"),
            (bill(2_147_483_648, "备注", "1000"), "transfer_amount"),
            (bill(1, "", "1000"), "transfer_remark"),
            (bill(1, &"备".repeat(33), "1000"), "transfer_remark"),
            (bill(1, "🎉", "1000"), "transfer_remark"),
            (bill(1, "备注", ""), "transfer_scene_id"),
            (bill(1, "备注", "10-0"), "transfer_scene_id"),
            (bill(1, "备注", "1000").report("", "内容"), "info_type"),
            (bill(1, "备注", "1000").report("类".repeat(16), "内容"), "info_type"),
            (bill(1, "备注", "1000").report("类型", "内".repeat(33)), "info_content"),
            (bill(1, "备注", "1000").user_recv_perception("a\nb"), "user_recv_perception"),
        ] {
            assert_eq!(bill.build().unwrap_err().field(), field);
        }
        let none = TransferBill::builder(appid, number, Fen::new(1), "备注", "1000").build().unwrap_err();
        assert_eq!(none, InvalidField::new("transfer_scene_report_infos", "must have at least one entry"));
    }

    #[test]
    fn debug_output_names_nobody() {
        let printed = format!("{:?} {:?}", full(), minimal());
        assert!(printed.contains("plfk2020042013"));
        assert!(!printed.contains("张三") && !printed.contains("报销"), "{printed}");
    }
}
