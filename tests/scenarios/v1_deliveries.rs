//! Notifications of APIv1 over a hostile network, in virtual time: for each seed some payments, the faults of their
//! delivery, and the shop that receives them. What the shop concludes is compared with what was paid.
//!
//! `WXPAY_SEEDS` sets the number of seeds.

use crate::{
    rng::Rng,
    v1_readings::{ATTACKS, GENUINE, PAYER, body, query, read, sign, string_to_sign},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use wxpay_proto::{
    Fen, UnixTime,
    id::OutTradeNo,
    memory::{Deduplicator, Delivery},
    payment::{PaymentState, PaymentStatus, TransactionOwners, Transition},
    v1::{Notification, NotificationError, RawNotification},
};
use wxpay_testkit::keys::merchant;

const DEFAULT_SEEDS: u64 = 300;
const ORDERS: u64 = 3;
const FAULTS: usize = 3;
/// The price of every order, in fen.
const PRICE: u64 = 1_000;
const BEGIN: UnixTime = UnixTime::from_secs(1_399_515_000);

/// A payment in the gateway's books.
#[derive(Clone, Debug)]
struct Booked {
    order: u64,
    transaction_id: String,
    total_fee: u64,
    discount: u64,
    /// A text that the payer chose, which other software put into the order.
    attach: String,
    openid: String,
}

/// A message as it arrives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    query: String,
    body: String,
}

/// What the network, or somebody on it, does to a genuine message.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It arrives again, hours later.
    Repeated,
    /// It arrives only after everything else.
    Delayed,
    /// The handler fails, as in a crash: the gateway sends it again.
    HandlerFails,
    /// A copy with the boundaries of its fields moved arrives first.
    MovedBoundaries,
    /// A copy arrives first in which one parameter has another value.
    ChangedParameter,
    /// A copy arrives first with the signed body of another payer.
    SwappedBody,
    /// A copy arrives first with a parameter that is not signed.
    UnsignedParameter,
    /// A copy arrives first with a parameter twice.
    RepeatedParameter,
}

const ALL: [Fault; 8] = [
    Fault::Repeated,
    Fault::Delayed,
    Fault::HandlerFails,
    Fault::MovedBoundaries,
    Fault::ChangedParameter,
    Fault::SwappedBody,
    Fault::UnsignedParameter,
    Fault::RepeatedParameter,
];

fn number(order: u64) -> OutTradeNo {
    format!("MINE{order}").parse().unwrap()
}

/// Makes payments: an order is paid up to twice, at times with a wrong amount, and at times under the transaction of
/// another order, which no gateway should do.
fn pay(rng: &mut Rng) -> Vec<Booked> {
    let mut books: Vec<Booked> = Vec::new();
    for serial in 0..=rng.below(4) {
        let discount = if rng.one_in(2) { 0 } else { rng.below(PRICE) };
        let price = if rng.one_in(6) { PRICE + 1 } else { PRICE };
        let shared =
            if rng.one_in(5) { books.first().map(|first| first.transaction_id.clone()) } else { None };
        let order = rng.below(ORDERS);
        let is_new = |id: &String| books.iter().all(|paid| paid.order != order || paid.transaction_id != *id);
        let own = format!("190000000120140508314159{serial:04}");
        books.push(Booked {
            order,
            transaction_id: shared.filter(is_new).unwrap_or(own),
            total_fee: price - discount.min(price - 1),
            discount: discount.min(price - 1),
            attach: match rng.below(3) {
                0 => String::new(),
                1 => "花果山".to_owned(),
                _ => rng.pick(&ATTACKS).0.to_owned(),
            },
            openid: format!("payer{serial}"),
        });
    }
    books
}

impl Booked {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let value = |name: &str, value: &str| match name {
            "out_trade_no" => number(self.order).to_string(),
            "transaction_id" => self.transaction_id.clone(),
            "total_fee" => self.total_fee.to_string(),
            "product_fee" => (self.total_fee + self.discount).to_string(),
            "discount" => self.discount.to_string(),
            "notify_id" => format!("n{}{}", self.order, self.transaction_id),
            _ => value.to_owned(),
        };
        let fixed = GENUINE.iter().map(|(name, fixed)| (*name, value(name, fixed)));
        fixed.chain([("attach", self.attach.clone())]).filter(|(_, value)| !value.is_empty()).collect()
    }

    fn string_to_sign(&self) -> String {
        let fields = self.fields();
        string_to_sign(&fields.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
    }

    /// Returns the message with these fields, and with the signature of the genuine ones.
    fn message(&self, fields: &[(&str, &str)]) -> Message {
        let payer = PAYER.map(|(name, value)| (name, if name == "OpenId" { &*self.openid } else { value }));
        Message { query: query(fields, &sign(&self.string_to_sign())), body: body(&payer) }
    }

    fn genuine(&self) -> Message {
        let fields = self.fields();
        self.message(&fields.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
    }

    fn forged(&self, fault: Fault, other: &Self, rng: &mut Rng) -> Option<Message> {
        let genuine = self.genuine();
        let mut fields = self.fields();
        let at = rng.index(fields.len());
        match fault {
            Fault::Repeated | Fault::Delayed | Fault::HandlerFails => return None,
            Fault::MovedBoundaries => {
                let string = self.string_to_sign();
                let first = rng.index(16);
                let moved = read(&string, |index| index >= first || index == 0)?;
                let moved = self.message(&moved);
                return (moved.query != genuine.query).then_some(moved);
            }
            Fault::SwappedBody => return Some(Message { body: other.genuine().body, ..genuine }),
            Fault::ChangedParameter => {
                let digit = rng.below(10).to_string();
                fields[at].1.push_str(&digit);
            }
            Fault::UnsignedParameter => {
                let value = number(rng.below(ORDERS)).to_string();
                fields.push((rng.pick(&["Out_trade_no", "out_trade_no ", "OUT_TRADE_NO", "x"]), value));
            }
            Fault::RepeatedParameter => fields.push(fields[at].clone()),
        }
        Some(self.message(&fields.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>()))
    }
}

/// The shop, with what it remembers.
struct Shop {
    deduplicator: Deduplicator,
    owners: TransactionOwners,
    states: BTreeMap<OutTradeNo, PaymentState>,
    became_paid: BTreeMap<OutTradeNo, usize>,
    /// What was handled, [sorted](Message::sorted).
    handled: BTreeSet<Message>,
}

impl Shop {
    fn new() -> Self {
        let states =
            (0..ORDERS).map(|order| (number(order), PaymentState::new(number(order), Fen::new(PRICE))));
        Self {
            deduplicator: Deduplicator::default(),
            owners: TransactionOwners::default(),
            states: states.collect(),
            became_paid: BTreeMap::new(),
            handled: BTreeSet::new(),
        }
    }

    /// Receives a message. Returns whether the gateway would take the answer for an acknowledgement.
    fn receive(&mut self, message: &Message, fails: bool, books: &[Booked], now: UnixTime) -> bool {
        let Ok(notification) = verify(message) else { return false };
        let is_booked = books.iter().any(|paid| {
            number(paid.order) == *notification.out_trade_no()
                && paid.transaction_id == notification.transaction_id().as_str()
                && (paid.total_fee, paid.discount)
                    == (notification.total_fee().get(), notification.discount().get())
        });
        assert!(is_booked, "a payment that was never made: {message:?}");
        let processing = match self.deduplicator.begin(&notification.dedup_key(), now) {
            Delivery::New(processing) => processing,
            Delivery::Duplicate => {
                assert!(self.handled.contains(&message.sorted()), "taken for a duplicate: {message:?}");
                return true;
            }
            Delivery::InProgress(_) => panic!("messages arrive one after another"),
        };
        if fails {
            self.deduplicator.fail(&processing);
            return false;
        }
        let evidence = notification.evidence().unwrap();
        let owner = self.owners.claim(&evidence);
        let state = self.states.get_mut(notification.out_trade_no()).unwrap();
        let before = state.clone();
        state.merge(&evidence, owner).unwrap();
        let paid = state.transitions_since(&before);
        let paid = paid.iter().filter(|transition| matches!(transition, Transition::Paid(_))).count();
        *self.became_paid.entry(state.out_trade_no().clone()).or_default() += paid;
        self.handled.insert(message.sorted());
        self.deduplicator.complete(&processing);
        true
    }
}

impl Message {
    /// Returns the message with its parameters in one order: it has the same content.
    fn sorted(&self) -> Self {
        let mut parameters: Vec<_> = self.query.split('&').collect();
        parameters.sort_unstable();
        Self { query: parameters.join("&"), body: self.body.clone() }
    }
}

fn verify(message: &Message) -> Result<Notification, NotificationError> {
    let raw = RawNotification::new("POST", message.query.as_bytes(), message.body.as_bytes());
    merchant().build().verify_notification(&raw)
}

/// Delivers every message until it is acknowledged or cannot be, as the gateway does. Returns the payments that the
/// shop can know: those whose message has one reading.
fn deliver(shop: &mut Shop, books: &[Booked], rng: &mut Rng) -> Vec<Booked> {
    let mut arrivals: Vec<(u64, Message, bool)> = Vec::new();
    let mut readable = Vec::new();
    for paid in books {
        let genuine = paid.genuine();
        if verify(&genuine).is_ok() {
            readable.push(paid.clone());
        }
        let (mut at, mut fails) = (10 + rng.below(100), false);
        for _ in 0..FAULTS {
            let fault = rng.pick(&ALL);
            match fault {
                Fault::Repeated => arrivals.push((at + 3_600 * (1 + rng.below(10)), genuine.clone(), false)),
                Fault::Delayed => at += 100_000,
                Fault::HandlerFails => fails = true,
                _ => {
                    let other = &books[rng.index(books.len())];
                    let forged = paid.forged(fault, other, rng);
                    arrivals.extend(forged.map(|forged| (rng.below(10), forged, false)));
                }
            }
        }
        if fails {
            arrivals.push((at, genuine.clone(), true));
            at += 180;
        }
        arrivals.push((at, genuine, false));
    }
    arrivals.sort();
    for (at, message, fails) in arrivals {
        let is_acknowledged = shop.receive(&message, fails, books, BEGIN.after(Duration::from_secs(at)));
        assert!(
            !fails || !is_acknowledged || shop.handled.contains(&message.sorted()),
            "acknowledged, but not handled"
        );
    }
    readable
}

fn converse(seed: u64) {
    let mut rng = Rng::of(seed);
    let (mut shop, books) = (Shop::new(), pay(&mut rng));
    let readable = deliver(&mut shop, &books, &mut rng);
    for paid in &readable {
        assert!(shop.handled.contains(&paid.genuine().sorted()), "a payment is lost: {paid:?}");
    }
    let mut owners: BTreeMap<&str, OutTradeNo> = BTreeMap::new();
    for (number, state) in &shop.states {
        let status = state.status();
        if let PaymentStatus::Paid(payment) = &status {
            let id = payment.transaction_id().as_str();
            let source = books.iter().find(|paid| paid.transaction_id == id && number_of(paid) == *number);
            let source = source.expect("paid by what was paid");
            assert_eq!(source.total_fee + source.discount, PRICE, "paid with another amount");
            assert_eq!(
                owners.insert(source.transaction_id.as_str(), number.clone()),
                None,
                "one payment paid twice"
            );
        }
        let became_paid = shop.became_paid.get(number).copied().unwrap_or_default();
        assert!(became_paid <= 1, "{number} became paid {became_paid} times");
        let of_order = readable.iter().filter(|paid| number_of(paid) == *number);
        let is_payable = of_order.clone().any(|paid| {
            let is_shared = readable
                .iter()
                .any(|other| other.transaction_id == paid.transaction_id && number_of(other) != *number);
            paid.total_fee + paid.discount == PRICE && !is_shared
        });
        assert!(!is_payable || matches!(status, PaymentStatus::Paid(_)), "{number}: paid, but {status:?}");
        assert!(of_order.count() > 0 || status == PaymentStatus::Open, "{number}: {status:?} from nothing");
    }
}

fn number_of(paid: &Booked) -> OutTradeNo {
    number(paid.order)
}

#[test]
fn no_three_faults_per_notification_lose_double_or_move_a_payment() {
    let seeds = std::env::var("WXPAY_SEEDS").map_or(DEFAULT_SEEDS, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let result = std::panic::catch_unwind(|| converse(seed));
        assert!(result.is_ok(), "seed {seed}: the message is above");
    }
}
