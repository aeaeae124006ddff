//! Queries of the limits: the unsplit amount of a payment, and the maximum ratio of a sub-merchant.
//!
//! `GET /v3/profitsharing/transactions/{transaction_id}/amounts`, `GET /v3/profitsharing/merchant-configs/{sub_mchid}`.

use crate::{
    id::{MchId, TransactionId},
    v3::prelude::*,
};

/// Queries the amount of a payment that can still be shared, in fen.
#[derive(Clone, Debug)]
pub struct QueryUnsplitAmount(TransactionId);

/// Queries the maximum ratio of a payment that a partner's sub-merchant may share, in ten-thousandths (2000 is 20 %).
#[derive(Clone, Debug)]
pub struct QueryMaxRatio(MchId);

impl QueryUnsplitAmount {
    /// Creates a query about this payment.
    pub fn of(transaction_id: TransactionId) -> Self {
        Self(transaction_id)
    }
}

impl QueryMaxRatio {
    /// Creates a query about this sub-merchant.
    pub fn of(sub_mchid: MchId) -> Self {
        Self(sub_mchid)
    }
}

object! {
    struct Amounts {
        transaction_id: TransactionId,
        unsplit_amount: Fen,
    }
}

object! {
    struct Config {
        sub_mchid: MchId,
        max_ratio: u32,
    }
}

impl Endpoint for QueryUnsplitAmount {
    type Output = Fen;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target =
            Target::new("/v3/profitsharing/transactions").segment(self.0.as_str()).append("/amounts");
        Ok(Draft::get("v3.profitsharing.unsplit_amount", target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Fen, Error> {
        let Amounts { transaction_id, unsplit_amount } = reply.read()?;
        require(transaction_id == self.0, "transaction_id", "must be that of the queried payment")?;
        Ok(unsplit_amount)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

impl Endpoint for QueryMaxRatio {
    type Output = u32;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/profitsharing/merchant-configs").segment(self.0.as_str());
        Ok(Draft::get("v3.profitsharing.max_ratio", target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<u32, Error> {
        let Config { sub_mchid, max_ratio } = reply.read()?;
        require(sub_mchid == self.0, "sub_mchid", "must be that of the queried sub-merchant")?;
        Ok(max_ratio)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    #[test]
    fn the_unsplit_amount_of_a_payment_is_read() {
        let query = QueryUnsplitAmount::of("4208450740201411110007820472".parse().unwrap());
        let target = "/v3/profitsharing/transactions/4208450740201411110007820472/amounts";
        assert_eq!(fake::target(&query), target);
        let reply = r#"{"transaction_id":"4208450740201411110007820472","unsplit_amount":1000}"#;
        assert_eq!(fake::read(&query, reply).unwrap(), Fen::new(1000));
        assert!(fake::read(&query, &reply.replace("0472", "0473")).is_err());
    }

    #[test]
    fn the_max_ratio_of_a_sub_merchant_is_read() {
        let query = QueryMaxRatio::of("1900000109".parse().unwrap());
        assert_eq!(fake::target(&query), "/v3/profitsharing/merchant-configs/1900000109");
        assert_eq!(fake::read(&query, r#"{"sub_mchid":"1900000109","max_ratio":2000}"#).unwrap(), 2000);
        assert!(fake::read(&query, r#"{"sub_mchid":"1900000110","max_ratio":2000}"#).is_err());
    }
}
