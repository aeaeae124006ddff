//! How much may be shared, and is left to be.
//!
//! `GET /v3/profitsharing/transactions/{transaction_id}/amounts`, `GET /v3/profitsharing/merchant-configs/{sub_mchid}`.

use crate::{
    error::Error,
    id::{Invalid, MchId, TransactionId},
    money::Fen,
    v3::{
        endpoint::{Draft, Endpoint, Repeat, Target},
        merchant::Merchant,
        seal::Pen,
        verify::{Verified, malformed},
    },
    world::World,
};

/// Asks how much of a payment is left to be shared.
#[derive(Clone, Debug)]
pub struct UnsplitAmount(TransactionId);

/// Asks a partner's question: how much of its payments a sub-merchant may share, in ten-thousandths (2000 is a fifth).
#[derive(Clone, Debug)]
pub struct MaxRatio(MchId);

impl UnsplitAmount {
    /// Of this payment.
    #[must_use]
    pub fn of(transaction_id: TransactionId) -> Self {
        Self(transaction_id)
    }
}

impl MaxRatio {
    /// Of this sub-merchant.
    #[must_use]
    pub fn of(sub_mchid: MchId) -> Self {
        Self(sub_mchid)
    }
}

#[derive(serde::Deserialize)]
struct Amounts {
    transaction_id: TransactionId,
    unsplit_amount: Fen,
}

#[derive(serde::Deserialize)]
struct Config {
    sub_mchid: MchId,
    max_ratio: u32,
}

impl Endpoint for UnsplitAmount {
    type Output = Fen;

    fn draft(&self, _: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/profitsharing/transactions").segment(self.0.as_str()).then("/amounts");
        Ok(Draft::get("v3.profitsharing.unsplit_amount", target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Fen, Error> {
        let Amounts { transaction_id, unsplit_amount } = reply.parse()?;
        if transaction_id == self.0 {
            Ok(unsplit_amount)
        } else {
            Err(malformed()
                .caused_by(Invalid::new("transaction_id", "must be of the payment that was asked for")))
        }
    }

    fn repeat(&self) -> Repeat {
        Repeat::Freely
    }
}

impl Endpoint for MaxRatio {
    type Output = u32;

    fn draft(&self, _: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/profitsharing/merchant-configs").segment(self.0.as_str());
        Ok(Draft::get("v3.profitsharing.max_ratio", target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<u32, Error> {
        let Config { sub_mchid, max_ratio } = reply.parse()?;
        if sub_mchid == self.0 {
            Ok(max_ratio)
        } else {
            Err(malformed().caused_by(Invalid::new("sub_mchid", "must be the one that was asked for")))
        }
    }

    fn repeat(&self) -> Repeat {
        Repeat::Freely
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::toy;

    #[test]
    fn what_is_left_of_a_payment_is_told() {
        let ask = UnsplitAmount::of("4208450740201411110007820472".parse().unwrap());
        let target = "/v3/profitsharing/transactions/4208450740201411110007820472/amounts";
        assert_eq!(toy::target(&ask), target);
        let told = r#"{"transaction_id":"4208450740201411110007820472","unsplit_amount":1000}"#;
        assert_eq!(toy::read(&ask, told).unwrap(), Fen::new(1000));
        assert!(toy::read(&ask, &told.replace("0472", "0473")).is_err());
    }

    #[test]
    fn what_a_sub_merchant_may_share_is_told() {
        let ask = MaxRatio::of("1900000109".parse().unwrap());
        assert_eq!(toy::target(&ask), "/v3/profitsharing/merchant-configs/1900000109");
        assert_eq!(toy::read(&ask, r#"{"sub_mchid":"1900000109","max_ratio":2000}"#).unwrap(), 2000);
        assert!(toy::read(&ask, r#"{"sub_mchid":"1900000110","max_ratio":2000}"#).is_err());
    }
}
