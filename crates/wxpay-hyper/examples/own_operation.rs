//! Two operations that `wxpay-proto` does not have: a query of the merchant's balance, and a withdrawal of it.
//!
//! ```text
//! . ./merchant.env && cargo run -p wxpay-hyper --example own_operation
//! ```
//!
//! They are defined as every operation of `wxpay-proto` is, and so they are signed, sent, retried and verified like
//! every other. The operations belong to platforms (收付通), and the simulator does not have them.
#![allow(clippy::print_stdout, reason = "an example: it prints")]

use serde::{Deserialize, Serialize};
use std::error::Error;
use wxpay_hyper::WxPay;
use wxpay_proto::{
    Fen,
    id::InvalidField,
    v3::{Draft, Endpoint, Idempotency, Merchant, RequestWriter, Target, Verified},
    world::World,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let wxpay = WxPay::from_env()?;
    let balance = wxpay.call(QueryBalance { account_type: "BASIC" }).await?;
    println!("balance: {} yuan", balance.available_amount.yuan());
    let withdrawal = Withdraw::new("WITHDRAWAL0001", "BASIC", balance.available_amount)?;
    println!("withdrawal: {}", wxpay.call(withdrawal).await?);
    Ok(())
}

/// Queries the balance of an account of the merchant: `GET /v3/merchant/fund/balance/{account_type}`.
#[derive(Debug)]
struct QueryBalance {
    account_type: &'static str,
}

/// The balance of an account.
#[derive(Deserialize)]
struct Balance {
    available_amount: Fen,
}

impl Endpoint for QueryBalance {
    type Output = Balance;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, wxpay_proto::Error> {
        let target = Target::new("/v3/merchant/fund/balance").segment(self.account_type);
        Ok(Draft::get("v3.fund.balance", target))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        _: &Merchant,
        _: &mut World<'_>,
    ) -> Result<Balance, wxpay_proto::Error> {
        reply.parse()
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

/// Withdraws an amount to the merchant's bank account: `POST /v3/merchant/fund/withdraw`.
///
/// It has the merchant's own number, so it may be retried: [`Idempotency::ByNumber`] is the default.
#[derive(Debug, Serialize)]
struct Withdraw {
    out_request_no: &'static str,
    account_type: &'static str,
    amount: Fen,
}

impl Withdraw {
    fn new(
        out_request_no: &'static str,
        account_type: &'static str,
        amount: Fen,
    ) -> Result<Self, InvalidField> {
        if amount == Fen::ZERO {
            return Err(InvalidField::new("amount", "must be at least 1 fen"));
        }
        Ok(Self { out_request_no, account_type, amount })
    }
}

/// The members of the reply that the result rests on. All others are ignored.
#[derive(Deserialize)]
struct WithdrawReply<'a> {
    out_request_no: &'a str,
    withdraw_id: String,
}

impl Endpoint for Withdraw {
    type Output = String;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, wxpay_proto::Error> {
        Ok(Draft::post("v3.fund.withdraw", Target::new("/v3/merchant/fund/withdraw"), self))
    }

    fn read(
        &self,
        reply: Verified<'_>,
        _: &Merchant,
        _: &mut World<'_>,
    ) -> Result<String, wxpay_proto::Error> {
        let WithdrawReply { out_request_no, withdraw_id } = reply.parse()?;
        // The signature does not cover the request: the number proves that the reply is to this one.
        if out_request_no == self.out_request_no {
            Ok(withdraw_id)
        } else {
            Err(reply.malformed(InvalidField::new("out_request_no", "must be that of the request")))
        }
    }
}
