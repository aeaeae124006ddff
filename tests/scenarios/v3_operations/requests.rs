//! A full request of every operation, or several if the operation has alternatives.

mod bills;
mod combined;
mod media;
mod pay;
mod profit_sharing;
mod refunds;
mod security;
mod transfers;

use super::sample::Sample;
use wxpay_proto::v3::{Party, Sensitive};

pub(super) const APPID: &str = "wx0123456789abcdef";
pub(super) const SUB_APPID: &str = "wxfedcba9876543210";
pub(super) const SUB_MCHID: &str = "1900000109";
pub(super) const OPENID: &str = "oAAAABBBBCCCCDDDDEEEEFFFFGGGG";
pub(super) const OUT_TRADE_NO: &str = "20261125A1";
pub(super) const TRANSACTION_ID: &str = "4200000001202611250000000042";
pub(super) const COMBINE_TRANSACTION_ID: &str = "4300000001202611250000000042";
pub(super) const OUT_REFUND_NO: &str = "20261125R1";
pub(super) const REFUND_ID: &str = "50000000382019052709732678859";
pub(super) const OUT_BILL_NO: &str = "plfk2020042013";
pub(super) const TRANSFER_BILL_NO: &str = "1330000071100999991182020050700019480001";
pub(super) const OUT_AUTHORIZATION_NO: &str = "plfk2020042099";
pub(super) const OUT_ORDER_NO: &str = "20261125S1";
pub(super) const OUT_RETURN_NO: &str = "20261125B1";
const NOTIFY_URL: &str = "https://shop.example/notify";

pub(super) fn all() -> Vec<Sample> {
    let mut samples = pay::samples();
    samples.extend(combined::samples());
    samples.extend(profit_sharing::samples());
    samples.extend(media::samples());
    samples.extend(refunds::samples());
    samples.extend(bills::samples());
    samples.extend(security::samples());
    samples.extend(transfers::samples());
    samples
}

/// Returns a sub-merchant with an app of its own.
fn partner() -> Party {
    Party::Partner { sub_mchid: SUB_MCHID.parse().unwrap(), sub_appid: Some(SUB_APPID.parse().unwrap()) }
}

fn sensitive(text: &str) -> Sensitive {
    Sensitive::new(text.into()).unwrap()
}
