//! Tests of APIv3 from a merchant's side.

mod arbitrary;
mod bill;
mod catalogue;
mod combine;
mod day;
mod faults;
mod faults_on_the_wire;
mod http;
mod keys;
mod media;
mod notifications;
mod partner;
mod pay;
mod payer;
mod profitsharing;
mod profitsharing_bill;
mod profitsharing_failures;
mod profitsharing_partner;
mod refund;
mod refusals;
mod replies;
mod retention;
pub mod shop;
mod transfer;
mod validate;
