//! Requests for the bills that are not encrypted.
//!
//! `GET /v3/bill/tradebill`, `GET /v3/bill/fundflowbill`, `GET /v3/profitsharing/bills`.

use super::{BillDate, BillReply};
use crate::{
    id::MchId,
    v3::{download::BillFile, prelude::*},
};
use core::fmt;

open_enum! {
    /// The trades in a bill.
    BillType {
        /// All trades.
        All = "ALL",
        /// Successful payments.
        Success = "SUCCESS",
        /// Refunds.
        Refund = "REFUND",
        /// Refunds of prefunded coupons.
        RechargeRefund = "RECHARGE_REFUND",
    }
}

open_enum! {
    /// The account of a bill.
    AccountType {
        /// The basic account, which receives the payments.
        Basic = "BASIC",
        /// The operation account.
        Operation = "OPERATION",
        /// The fee account.
        Fees = "FEES",
        /// The deposit account.
        Deposit = "DEPOSIT",
    }
}

/// Requests a bill of a day. `K` is the kind: see [`TradeBill`], [`FundFlowBill`] and [`ProfitSharingBill`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RequestBill<K> {
    bill_date: BillDate,
    sub_mchid: Option<MchId>,
    is_gzip: bool,
    kind: K,
}

/// Requests the bill of a day's trades. The default is all trades; [`bill_type`](Self::bill_type) restricts them. A
/// partner receives the trades of all its sub-merchants.
pub type TradeBill = RequestBill<TradeKind>;

/// Requests the bill of a day's fund flow, in and out of an account. The default is the basic account;
/// [`account_type`](Self::account_type) sets another.
pub type FundFlowBill = RequestBill<FundFlowKind>;

/// Requests the bill of a day's profit sharing. A partner receives that of all its sub-merchants.
pub type ProfitSharingBill = RequestBill<ProfitSharingKind>;

/// The kind of a [`TradeBill`], and its filter.
#[derive(Clone, Debug, Default)]
pub struct TradeKind(Option<BillType>);

/// The kind of a [`FundFlowBill`], and its account.
#[derive(Clone, Debug, Default)]
pub struct FundFlowKind(Option<AccountType>);

/// The kind of a [`ProfitSharingBill`].
#[derive(Clone, Debug, Default)]
pub struct ProfitSharingKind(());

impl<K: Default> RequestBill<K> {
    /// Creates a request for the whole bill of this day.
    pub fn of(bill_date: BillDate) -> Self {
        Self { bill_date, sub_mchid: None, is_gzip: false, kind: K::default() }
    }
}

impl<K> RequestBill<K> {
    /// Restricts the bill to one sub-merchant, for a partner or a platform.
    pub fn sub_mchid(self, sub_mchid: MchId) -> Self {
        Self { sub_mchid: Some(sub_mchid), ..self }
    }

    /// Requests the file gzip-compressed.
    pub fn gzip(self) -> Self {
        Self { is_gzip: true, ..self }
    }
}

impl TradeBill {
    /// Restricts the bill to trades of this type.
    pub fn bill_type(self, bill_type: BillType) -> Self {
        Self { kind: TradeKind(Some(bill_type)), ..self }
    }
}

impl FundFlowBill {
    /// Sets the account. The default is the basic account.
    pub fn account_type(self, account_type: AccountType) -> Self {
        Self { kind: FundFlowKind(Some(account_type)), ..self }
    }
}

/// A kind of bill: its label, its path and its filter.
trait BillKind: fmt::Debug + Send + 'static {
    const LABEL: &str;
    const PATH: &str;

    fn filter(&self) -> Option<(&str, &str)>;
}

impl BillKind for TradeKind {
    const LABEL: &str = "v3.bill.trade";
    const PATH: &str = "/v3/bill/tradebill";

    fn filter(&self) -> Option<(&str, &str)> {
        self.0.as_ref().map(|kind| ("bill_type", kind.as_str()))
    }
}

impl BillKind for FundFlowKind {
    const LABEL: &str = "v3.bill.fundflow";
    const PATH: &str = "/v3/bill/fundflowbill";

    fn filter(&self) -> Option<(&str, &str)> {
        self.0.as_ref().map(|kind| ("account_type", kind.as_str()))
    }
}

impl BillKind for ProfitSharingKind {
    const LABEL: &str = "v3.bill.profitsharing";
    const PATH: &str = "/v3/profitsharing/bills";

    fn filter(&self) -> Option<(&str, &str)> {
        None
    }
}

#[allow(private_bounds, reason = "the three kinds are all defined here")]
impl<K: BillKind> Endpoint for RequestBill<K> {
    type Output = BillReply<BillFile>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new(K::PATH)
            .query("bill_date", &self.bill_date.to_string())
            .query_opt("sub_mchid", self.sub_mchid.as_ref().map(MchId::as_str));
        let target = match self.kind.filter() {
            Some((name, value)) => target.query(name, value),
            None => target,
        };
        Ok(Draft::get(K::LABEL, target.query_opt("tar_type", self.is_gzip.then_some("GZIP"))))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        _: &Merchant,
        _: &mut World<'_>,
    ) -> Result<BillReply<BillFile>, Error> {
        BillFile::read(reply, self.is_gzip).map(BillReply::Ready)
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<BillReply<BillFile>> {
        BillReply::from_refusal(refusal)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        refusal::Code,
        v3::{download::HashType, fake},
    };

    fn day() -> BillDate {
        "2019-06-11".parse().unwrap()
    }

    fn sub_mchid() -> MchId {
        "1900000109".parse().unwrap()
    }

    #[test]
    fn bill_requests_name_day_kind_and_filter() {
        let requests: [(&dyn Endpoint<Output = BillReply<BillFile>>, &str); 6] = [
            (&TradeBill::of(day()), "/v3/bill/tradebill?bill_date=2019-06-11"),
            (
                &TradeBill::of(day()).bill_type(BillType::Refund).sub_mchid(sub_mchid()).gzip(),
                "/v3/bill/tradebill?bill_date=2019-06-11&sub_mchid=1900000109&bill_type=REFUND&tar_type=GZIP",
            ),
            (&FundFlowBill::of(day()), "/v3/bill/fundflowbill?bill_date=2019-06-11"),
            (
                &FundFlowBill::of(day()).account_type(AccountType::Fees).sub_mchid(sub_mchid()).gzip(),
                "/v3/bill/fundflowbill?bill_date=2019-06-11&sub_mchid=1900000109&account_type=FEES&tar_type=GZIP",
            ),
            (&ProfitSharingBill::of(day()), "/v3/profitsharing/bills?bill_date=2019-06-11"),
            (
                &ProfitSharingBill::of(day()).sub_mchid(sub_mchid()).gzip(),
                "/v3/profitsharing/bills?bill_date=2019-06-11&sub_mchid=1900000109&tar_type=GZIP",
            ),
        ];
        for (endpoint, target) in requests {
            assert_eq!(fake::target(endpoint), target);
        }
    }

    #[test]
    fn a_ready_bill_has_a_url_a_digest_and_a_gzip_flag() {
        let body = r#"{"hash_type":"SHA1","hash_value":"79bb0f45","download_url":"https://x/y"}"#;
        let BillReply::Ready(file) = fake::read(&TradeBill::of(day()).gzip(), body).unwrap() else {
            panic!("expected BillReply::Ready");
        };
        assert_eq!((file.hash_type, file.is_gzip), (HashType::Sha1, true));
        assert_eq!((file.hash_value.as_str(), file.download_url.as_str()), ("79bb0f45", "https://x/y"));
        assert!(
            fake::read(&TradeBill::of(day()), r#"{"hash_type":"SHA1","hash_value":"79bb0f45"}"#).is_err()
        );
    }

    #[test]
    fn no_data_and_generating_are_results_and_a_bad_date_is_an_error() {
        for (code, outcome) in [
            (Code::NO_STATEMENT_EXIST, Some(BillReply::NoData)),
            (Code::STATEMENT_CREATING, Some(BillReply::Generating)),
            (Code::INVALID_REQUEST, None),
        ] {
            assert_eq!(TradeBill::of(day()).read_refusal(&Refusal::new(400, code, "")), outcome);
        }
    }
}
