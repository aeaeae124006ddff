//! Support for unit tests of the acts: a ledger without front ends.

use super::{
    Currency, Ledger, NewOrder, NumberSource, Order, OrderKey, Party, Payment, PlacedFor, RequestDigest,
    SubMerchant, Terms, TradeType,
};
use crate::{faults::ApiVersion, front_end::OrderForm, gateway::Gateway, notifications::Message, rng::Rng};
use std::{sync::Arc, time::Duration};
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, TransactionId},
};

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);
pub(crate) const MCHID: &str = "1900000001";
pub(crate) const APPID: &str = "wx8888888888888888";
pub(crate) const REQUEST: RequestDigest = RequestDigest([0; 32]);

/// The form of orders that no front end placed: nobody is notified of them.
#[derive(Debug)]
struct NoForm;

impl OrderForm for NoForm {
    fn api_version(&self) -> ApiVersion {
        ApiVersion::V3
    }

    fn transaction_id(&self, _: &MchId, _: u64, _: &mut Rng, _: UnixTime) -> Option<TransactionId> {
        None
    }

    fn default_bank_type(&self) -> &'static str {
        "OTHERS"
    }

    fn payment_message(&self, _: &Gateway, _: &Order, _: UnixTime) -> Option<Arc<dyn Message>> {
        None
    }
}

/// A ledger, with what its acts draw numbers from.
pub(crate) struct Bench {
    pub(crate) ledger: Ledger,
    serial: u64,
    rng: Rng,
}

pub(crate) fn mchid() -> MchId {
    MCHID.parse().unwrap()
}

pub(crate) fn after(seconds: u64) -> UnixTime {
    NOW.after(Duration::from_secs(seconds))
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { ledger: Ledger::default(), serial: 0, rng: Rng::new(1, "ledger") }
    }

    /// Returns the ledger, and the source of the numbers that its acts draw.
    pub(crate) fn split(&mut self) -> (&mut Ledger, NumberSource<'_>) {
        (&mut self.ledger, NumberSource { serial: &mut self.serial, rng: &mut self.rng })
    }

    /// Returns the number of serial numbers that were drawn.
    pub(crate) const fn drawn(&self) -> u64 {
        self.serial
    }

    /// Places an order of 10 yuan.
    pub(crate) fn order(&mut self, number: &str, is_profit_sharing: bool, sub: Option<&str>) -> OrderKey {
        let sub_merchant = sub.map(|mchid| SubMerchant { mchid: mchid.parse().unwrap(), appid: None });
        let order = NewOrder {
            party: Party { mchid: mchid(), appid: APPID.parse().unwrap(), sub_merchant },
            out_trade_no: number.parse().unwrap(),
            combined: None,
            trade_type: TradeType::Jsapi,
            handle: Some(format!("handle:{number}")),
            expires_at: after(7200),
            closes_at: after(86_400),
            awaits_password: false,
            terms: Terms {
                total: Fen::new(1000),
                currency: Currency::Cny,
                description: "一杯茶".into(),
                attach: None,
                device_id: None,
                placed_for: PlacedFor::default(),
                is_profit_sharing,
                notify_url: None,
                request: REQUEST,
                form: Arc::new(NoForm),
            },
        };
        let key = order.key();
        self.ledger.place(order, NOW);
        key
    }

    /// Places an order of 10 yuan and pays it.
    pub(crate) fn paid(&mut self, number: &str, is_profit_sharing: bool) -> OrderKey {
        self.paid_of(number, is_profit_sharing, None)
    }

    pub(crate) fn paid_of(&mut self, number: &str, is_profit_sharing: bool, sub: Option<&str>) -> OrderKey {
        let key = self.order(number, is_profit_sharing, sub);
        self.ledger.pay(&key, payment(number));
        key
    }
}

/// Returns WeChat Pay's number of the payment of an order of the bench.
pub(crate) fn transaction_id(number: &str) -> TransactionId {
    let digits = number.bytes().fold(String::from("42"), |digits, byte| digits + &byte.to_string());
    digits.parse().unwrap()
}

fn payment(number: &str) -> Payment {
    Payment {
        transaction_id: transaction_id(number),
        openid: "oPayer".parse().unwrap(),
        sub_openid: None,
        payer_total: Fen::new(1000),
        discount: Fen::ZERO,
        coupon_id: None,
        bank_type: "OTHERS".into(),
        bank_billno: None,
        handle: None,
        success_at: NOW.as_secs(),
    }
}
