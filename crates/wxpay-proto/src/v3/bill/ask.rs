//! Asking for the bills that are not sealed.
//!
//! `GET /v3/bill/tradebill`, `GET /v3/bill/fundflowbill`, `GET /v3/profitsharing/bills`.

use super::{BillDate, Outcome};
use crate::{
    error::Error,
    id::MchId,
    refusal::Refusal,
    v3::{
        download::Statement,
        endpoint::{Draft, Endpoint, Repeat, Target},
        field::open_words,
        merchant::Merchant,
        seal::Pen,
        verify::Verified,
    },
    world::World,
};
use alloc::string::ToString as _;

open_words! {
    /// Which trades a bill tells of.
    BillType {
        /// All.
        All = "ALL",
        /// Payments.
        Success = "SUCCESS",
        /// Refunds.
        Refund = "REFUND",
        /// Refunds of coupons that were charged up.
        RechargeRefund = "RECHARGE_REFUND",
    }
}

open_words! {
    /// Which account a bill tells of.
    AccountType {
        /// The account that payments go to.
        Basic = "BASIC",
        /// The account for operations.
        Operation = "OPERATION",
        /// The account for fees.
        Fees = "FEES",
        /// The account for deposits.
        Deposit = "DEPOSIT",
    }
}

/// Asks for the bill of a day's trades.
#[derive(Clone, Debug)]
pub struct Trade {
    what: What,
    bill_type: Option<BillType>,
}

/// Asks for the bill of what went in and out of an account on a day.
#[derive(Clone, Debug)]
pub struct FundFlow {
    what: What,
    account_type: Option<AccountType>,
}

/// Asks for the bill of a day's profit sharing.
#[derive(Clone, Debug)]
pub struct ProfitSharing(What);

/// What every bill is asked for by.
#[derive(Clone, Debug)]
struct What {
    bill_date: BillDate,
    sub_mchid: Option<MchId>,
    is_gzip: bool,
}

impl What {
    fn of(bill_date: BillDate) -> Self {
        Self { bill_date, sub_mchid: None, is_gzip: false }
    }

    fn ask(&self, path: &str, kind: Option<(&str, &str)>) -> Target {
        let target = Target::new(path).query("bill_date", &self.bill_date.to_string());
        let target = target.query_if("sub_mchid", self.sub_mchid.as_ref().map(MchId::as_str));
        let target = match kind {
            Some((name, word)) => target.query(name, word),
            None => target,
        };
        target.query_if("tar_type", self.is_gzip.then_some("GZIP"))
    }

    fn read(&self, reply: Verified<'_>) -> Result<Outcome<Statement>, Error> {
        Statement::read(reply, self.is_gzip).map(Outcome::Ready)
    }
}

impl Trade {
    /// All trades of the day. Of a partner: those of all its sub-merchants.
    #[must_use]
    pub fn of(bill_date: BillDate) -> Self {
        Self { what: What::of(bill_date), bill_type: None }
    }

    /// Some of them.
    #[must_use]
    pub fn bill_type(self, bill_type: BillType) -> Self {
        Self { bill_type: Some(bill_type), ..self }
    }

    /// Of a partner: those of one sub-merchant.
    #[must_use]
    pub fn sub_mchid(mut self, sub_mchid: MchId) -> Self {
        self.what.sub_mchid = Some(sub_mchid);
        self
    }

    /// Zipped.
    #[must_use]
    pub fn gzip(mut self) -> Self {
        self.what.is_gzip = true;
        self
    }
}

impl FundFlow {
    /// What went in and out of the account that payments go to.
    #[must_use]
    pub fn of(bill_date: BillDate) -> Self {
        Self { what: What::of(bill_date), account_type: None }
    }

    /// Another account.
    #[must_use]
    pub fn account_type(self, account_type: AccountType) -> Self {
        Self { account_type: Some(account_type), ..self }
    }

    /// Of a platform: the account of one sub-merchant.
    #[must_use]
    pub fn sub_mchid(mut self, sub_mchid: MchId) -> Self {
        self.what.sub_mchid = Some(sub_mchid);
        self
    }

    /// Zipped.
    #[must_use]
    pub fn gzip(mut self) -> Self {
        self.what.is_gzip = true;
        self
    }
}

impl ProfitSharing {
    /// All of the day. Of a partner: that of all its sub-merchants.
    #[must_use]
    pub fn of(bill_date: BillDate) -> Self {
        Self(What::of(bill_date))
    }

    /// Of a partner: that of one sub-merchant.
    #[must_use]
    pub fn sub_mchid(mut self, sub_mchid: MchId) -> Self {
        self.0.sub_mchid = Some(sub_mchid);
        self
    }

    /// Zipped.
    #[must_use]
    pub fn gzip(mut self) -> Self {
        self.0.is_gzip = true;
        self
    }
}

impl Endpoint for Trade {
    type Output = Outcome<Statement>;

    fn draft(&self, _: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let kind = self.bill_type.as_ref().map(|kind| ("bill_type", kind.as_str()));
        Ok(Draft::get("v3.bill.trade", self.what.ask("/v3/bill/tradebill", kind)))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        _: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Outcome<Statement>, Error> {
        self.what.read(reply)
    }

    fn refused(&self, refusal: &Refusal) -> Option<Outcome<Statement>> {
        Outcome::refused(refusal)
    }

    fn repeat(&self) -> Repeat {
        Repeat::Freely
    }
}

impl Endpoint for FundFlow {
    type Output = Outcome<Statement>;

    fn draft(&self, _: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let kind = self.account_type.as_ref().map(|kind| ("account_type", kind.as_str()));
        Ok(Draft::get("v3.bill.fundflow", self.what.ask("/v3/bill/fundflowbill", kind)))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        _: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Outcome<Statement>, Error> {
        self.what.read(reply)
    }

    fn refused(&self, refusal: &Refusal) -> Option<Outcome<Statement>> {
        Outcome::refused(refusal)
    }

    fn repeat(&self) -> Repeat {
        Repeat::Freely
    }
}

impl Endpoint for ProfitSharing {
    type Output = Outcome<Statement>;

    fn draft(&self, _: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        Ok(Draft::get("v3.bill.profitsharing", self.0.ask("/v3/profitsharing/bills", None)))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        _: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Outcome<Statement>, Error> {
        self.0.read(reply)
    }

    fn refused(&self, refusal: &Refusal) -> Option<Outcome<Statement>> {
        Outcome::refused(refusal)
    }

    fn repeat(&self) -> Repeat {
        Repeat::Freely
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        refusal::Code,
        v3::{download::HashType, toy},
    };

    fn day() -> BillDate {
        "2019-06-11".parse().unwrap()
    }

    fn sub_mchid() -> MchId {
        "1900000109".parse().unwrap()
    }

    #[test]
    fn bills_are_asked_for_by_day_and_kind() {
        let asked: [(&dyn Endpoint<Output = Outcome<Statement>>, &str); 6] = [
            (&Trade::of(day()), "/v3/bill/tradebill?bill_date=2019-06-11"),
            (
                &Trade::of(day()).bill_type(BillType::Refund).sub_mchid(sub_mchid()).gzip(),
                "/v3/bill/tradebill?bill_date=2019-06-11&sub_mchid=1900000109&bill_type=REFUND&tar_type=GZIP",
            ),
            (&FundFlow::of(day()), "/v3/bill/fundflowbill?bill_date=2019-06-11"),
            (
                &FundFlow::of(day()).account_type(AccountType::Fees).sub_mchid(sub_mchid()).gzip(),
                "/v3/bill/fundflowbill?bill_date=2019-06-11&sub_mchid=1900000109&account_type=FEES&tar_type=GZIP",
            ),
            (&ProfitSharing::of(day()), "/v3/profitsharing/bills?bill_date=2019-06-11"),
            (
                &ProfitSharing::of(day()).sub_mchid(sub_mchid()).gzip(),
                "/v3/profitsharing/bills?bill_date=2019-06-11&sub_mchid=1900000109&tar_type=GZIP",
            ),
        ];
        for (endpoint, target) in asked {
            assert_eq!(toy::target(endpoint), target);
        }
    }

    #[test]
    fn a_bill_that_is_ready_tells_where_it_is_and_whether_it_is_zipped() {
        let body = r#"{"hash_type":"SHA1","hash_value":"79bb0f45","download_url":"https://x/y"}"#;
        let Outcome::Ready(statement) = toy::read(&Trade::of(day()).gzip(), body).unwrap() else {
            panic!("it is ready");
        };
        assert_eq!((statement.hash_type, statement.is_gzip), (HashType::Sha1, true));
        assert_eq!(
            (statement.hash_value.as_str(), statement.download_url.as_str()),
            ("79bb0f45", "https://x/y")
        );
        assert!(toy::read(&Trade::of(day()), r#"{"hash_type":"SHA1","hash_value":"79bb0f45"}"#).is_err());
    }

    #[test]
    fn a_day_without_trades_and_a_bill_to_come_are_answers_and_a_bad_date_is_a_refusal() {
        for (code, outcome) in [
            (Code::NO_STATEMENT_EXIST, Some(Outcome::NothingTraded)),
            (Code::STATEMENT_CREATING, Some(Outcome::Creating)),
            (Code::INVALID_REQUEST, None),
        ] {
            assert_eq!(Trade::of(day()).refused(&Refusal::new(400, code, "")), outcome);
        }
    }
}
