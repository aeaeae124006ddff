//! The status of a refund in a notification: `REFUND.SUCCESS`, `REFUND.ABNORMAL`, `REFUND.CLOSED`.

use super::refund::RefundStatus;
use crate::{
    id::{MchId, OutRefundNo, OutTradeNo, RefundId, TransactionId},
    payment::{RefundEvidence, SucceededRefund},
    secret::PersonalData,
    v3::prelude::*,
    wire::json::InvalidMember,
};

/// The status of a refund that succeeded, was closed, or is abnormal. It is read only from a [verified](Verified)
/// notification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefundNotification {
    /// The direct merchant, or the partner in partner mode.
    pub mchid: MchId,
    /// The sub-merchant, in partner mode.
    pub sub_mchid: Option<MchId>,
    /// The merchant's order number.
    pub out_trade_no: OutTradeNo,
    /// WeChat Pay's number of the payment.
    pub transaction_id: TransactionId,
    /// The merchant's refund number.
    pub out_refund_no: OutRefundNo,
    /// WeChat Pay's refund number.
    pub refund_id: RefundId,
    /// The status of the refund.
    pub refund_status: RefundStatus,
    /// The time at which the refund succeeded.
    pub success_time: Option<UnixTime>,
    /// A readable description of the receiving account. It identifies the payer's card.
    pub user_received_account: Option<PersonalData>,
    /// The amounts.
    pub amount: Amount,
}

object! {
    /// The amounts of a refund, in fen.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Amount {
        /// The price of the whole order.
        pub total: Fen,
        /// The refunded part of the price.
        pub refund: Fen,
        /// The amount that the payer paid.
        pub payer_total: Option<Fen>,
        /// The amount that the payer receives.
        pub payer_refund: Option<Fen>,
    }
}

object! {
    struct Wire {
        mchid: Option<MchId> = strict,
        sp_mchid: Option<MchId> = strict,
        sub_mchid: Option<MchId> = strict,
        out_trade_no: OutTradeNo,
        transaction_id: TransactionId,
        out_refund_no: OutRefundNo,
        refund_id: RefundId,
        refund_status: RefundStatus,
        success_time: Option<UnixTime>,
        user_received_account: Option<PersonalData>,
        amount: Amount,
    }
}

impl RefundNotification {
    /// Returns the evidence of the refund, if it succeeded.
    pub fn evidence(&self) -> Option<RefundEvidence> {
        let refunded = SucceededRefund::new(
            self.refund_id.clone(),
            self.out_refund_no.clone(),
            self.transaction_id.clone(),
            self.amount.refund,
            self.amount.total,
        );
        (self.refund_status == RefundStatus::Success)
            .then(|| RefundEvidence::new(self.out_trade_no.clone(), refunded))
    }

    /// Reads the content of a notification.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.read()?;
        Ok(Self {
            // In partner mode `sp_mchid` takes the place of `mchid`.
            mchid: wire
                .mchid
                .or(wire.sp_mchid)
                .ok_or_else(|| malformed().caused_by(InvalidMember::missing().of("mchid")))?,
            sub_mchid: wire.sub_mchid,
            out_trade_no: wire.out_trade_no,
            transaction_id: wire.transaction_id,
            out_refund_no: wire.out_refund_no,
            refund_id: wire.refund_id,
            refund_status: wire.refund_status,
            success_time: wire.success_time,
            user_received_account: wire.user_received_account,
            amount: wire.amount,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    #[test]
    fn a_notification_has_its_status_in_refund_status() {
        let text = r#"{"sp_mchid":"1900000100","sub_mchid":"1900000109","out_trade_no":"20150806125346",
            "transaction_id":"1008450740201411110005820873","out_refund_no":"7752501201407033233368018",
            "refund_id":"50200207182018070300011301001","refund_status":"SUCCESS",
            "success_time":"2018-06-08T10:34:56+08:00","user_received_account":"支付用户零钱",
            "amount":{"total":999,"refund":998,"payer_total":997,"payer_refund":996}}"#;
        let notification = RefundNotification::read(fake::verified(text)).unwrap();
        assert_eq!(
            (notification.mchid.as_str(), &notification.refund_status),
            ("1900000100", &RefundStatus::Success)
        );
        let evidence = notification.evidence().unwrap();
        assert_eq!(evidence.out_trade_no().as_str(), "20150806125346");
        assert_eq!(
            (evidence.refunded().refund(), evidence.refunded().total()),
            (Fen::new(998), Fen::new(999))
        );
        assert_eq!(notification.success_time.unwrap().as_secs(), 1_528_425_296);
        assert_eq!(
            (notification.amount.refund, notification.amount.payer_refund),
            (Fen::new(998), Some(Fen::new(996)))
        );

        let closed = text.replace("SUCCESS", "CLOSED").replace("sp_mchid", "mchid");
        let closed = closed.replace(r#""success_time":"2018-06-08T10:34:56+08:00","#, "");
        let notification = RefundNotification::read(fake::verified(&closed)).unwrap();
        assert_eq!((&notification.refund_status, notification.success_time), (&RefundStatus::Closed, None));
        assert_eq!(notification.evidence(), None);
        for status in ["PROCESSING", "ABNORMAL", "PENDING"] {
            let pending = closed.replace("CLOSED", status);
            let notification = RefundNotification::read(fake::verified(&pending)).unwrap();
            assert_eq!(notification.evidence(), None, "{status}");
        }

        let status = text.replace("refund_status", "status");
        assert!(RefundNotification::read(fake::verified(&status)).is_err());
        let without_mchid = text.replace("sp_mchid", "x");
        assert!(RefundNotification::read(fake::verified(&without_mchid)).is_err());
    }
}
