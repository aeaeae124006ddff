//! One signed string of APIv1 has one reading: attacks that move the boundaries of signed fields, and properties over
//! arbitrary fields.

use core::net::Ipv4Addr;
use proptest::prelude::*;
use wxpay_proto::{
    Fen, UnixTime,
    id::OutTradeNo,
    payment::{Anomaly, Evidence, Payment, PaymentState, PaymentStatus, TransactionOwners, Transition},
    v1::{
        Notification, NotificationError, Order, Package, PartnerKey, PaySignKey, RawNotification,
        SignedPrepay, signature,
    },
    wire::{charset::Charset, form},
};
use wxpay_testkit::keys::{PARTNER_KEY, PAY_SIGN_KEY, merchant};

/// The parameters of a genuine notification: the payer paid one fen for the order `MINE`.
pub(crate) const GENUINE: [(&str, &str); 14] = [
    ("bank_type", "2032"),
    ("discount", "0"),
    ("fee_type", "1"),
    ("input_charset", "UTF-8"),
    ("notify_id", "n1"),
    ("out_trade_no", "MINE"),
    ("partner", "1900000001"),
    ("product_fee", "1"),
    ("sign_type", "MD5"),
    ("time_end", "20140508101000"),
    ("total_fee", "1"),
    ("trade_mode", "1"),
    ("trade_state", "0"),
    ("transaction_id", "1900000001201405083141592653"),
];

/// Returns the string that MD5 signs for these fields, without the key: `name=value` joined by `&`.
pub(crate) fn string_to_sign(fields: &[(&str, &str)]) -> String {
    let mut fields: Vec<_> = fields.iter().filter(|(_, value)| !value.is_empty()).collect();
    fields.sort();
    fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Returns the genuine parameters, and an `attach` that the payer chose.
fn genuine_with(attach: &str) -> String {
    let fields: Vec<_> = GENUINE.into_iter().chain([("attach", attach)]).collect();
    string_to_sign(&fields)
}

/// Returns the signature of a string, as WeChat Pay computes it.
pub(crate) fn sign(string: &str) -> String {
    // Signs the string as one field: `name=value` is split at the first `=`.
    let (name, value) = string.split_once('=').unwrap();
    let key = PartnerKey::new(PARTNER_KEY.into()).unwrap();
    signature::sign_md5(&[(name, value)], Charset::Utf8, &key).unwrap().0.to_string()
}

/// Returns a query that reads the string in this way, with the signature of the string.
pub(crate) fn query(fields: &[(&str, &str)], sign: &str) -> String {
    let mut query = String::new();
    for (name, value) in fields {
        query.push_str(name);
        query.push('=');
        form::escape(value.as_bytes(), &mut query);
        query.push('&');
    }
    query + "sign=" + sign
}

/// Returns the fields of a string with these boundaries: `true` at each `&` that separates two fields.
pub(crate) fn read(string: &str, boundaries: impl Fn(usize) -> bool) -> Option<Vec<(&str, &str)>> {
    let (mut fields, mut start) = (Vec::new(), 0);
    let ends = string.match_indices('&').map(|(at, _)| at).enumerate();
    let ends = ends.filter(|(index, _)| boundaries(*index)).map(|(_, at)| at).chain([string.len()]);
    for end in ends {
        fields.push(string.get(start..end)?.split_once('=')?);
        start = end + 1;
    }
    Some(fields)
}

pub(crate) fn body(elements: &[(&str, &str)]) -> String {
    let key = PaySignKey::new(PAY_SIGN_KEY.into()).unwrap();
    let (sign, _) = signature::sign_sha1(elements, &key);
    let elements = elements.iter().map(|(name, value)| format!("<{name}><![CDATA[{value}]]></{name}>"));
    let elements = elements.collect::<Vec<_>>().concat();
    format!("<xml>{elements}<AppSignature>{sign}</AppSignature><SignMethod>sha1</SignMethod></xml>")
}

pub(crate) const PAYER: [(&str, &str); 5] = [
    ("AppId", "wx0123456789abcdef"),
    ("IsSubscribe", "0"),
    ("NonceStr", "n"),
    ("OpenId", "o1"),
    ("TimeStamp", "1"),
];

fn verify(query: &str) -> Result<Notification, NotificationError> {
    let raw = body(&PAYER);
    merchant().build().verify_notification(&RawNotification::new("POST", query.as_bytes(), raw.as_bytes()))
}

/// Each attack: the `attach` of the order `MINE`, and the fields that its moved boundaries would show.
///
/// The genuine fields after `attach` must go somewhere. They hide in the value of the last moved field.
pub(crate) const ATTACKS: [(&str, &[&str]); 6] = [
    // The order `OTHER` is paid with 99,900 fen; the genuine order and amount hide in an unknown parameter.
    (
        "a&bank_type=W&fee_type=1&notify_id=1&out_trade_no=OTHER&partner=1900000001&time_end=20140508101000\
         &total_fee=99900&tp=",
        &[
            "attach",
            "bank_type",
            "fee_type",
            "notify_id",
            "out_trade_no",
            "partner",
            "time_end",
            "total_fee",
            "tp",
        ],
    ),
    // Only the order is another; the genuine one hides in a documented parameter that nobody reads.
    (
        "a&bank_type=W&fee_type=1&notify_id=1&out_trade_no=OTHER&partner=1900000001&product_fee=",
        &["attach", "bank_type", "fee_type", "notify_id", "out_trade_no", "partner", "product_fee"],
    ),
    // Only the discount is another: the payer pays less than the price.
    (
        "a&bank_type=W&discount=99899&fee_type=1&input_charset=",
        &["attach", "bank_type", "discount", "fee_type"],
    ),
    // The texts are read in another charset.
    (
        "a&bank_type=W&fee_type=1&input_charset=GBK&notify_id=",
        &["attach", "bank_type", "fee_type", "input_charset", "notify_id"],
    ),
    // The genuine fields hide in the name of a parameter.
    ("a&bank_type=W&buyer_alias", &["attach", "bank_type"]),
    // Everything that follows hides behind an additional signature.
    ("a&sign=", &["attach", "sign"]),
];

#[test]
fn an_order_whose_notification_could_be_read_in_two_ways_is_not_built() {
    let url = "https://shop.example/notify".parse().unwrap();
    let order = Order::builder("MINE".parse().unwrap(), Fen::new(1), "goods", url, Ipv4Addr::LOCALHOST);
    for (attach, _) in ATTACKS {
        let error = order.clone().attach(attach).build().unwrap_err();
        assert_eq!(error.field(), "attach");
    }
}

#[test]
fn moved_boundaries_and_the_string_that_allows_them_are_rejected() {
    for (attach, moved) in ATTACKS {
        let string = genuine_with(attach);
        let sign = sign(&string);
        // What WeChat Pay sends, if other software placed the order. It is the reading that must not get a second one.
        let genuine: Vec<_> = GENUINE.into_iter().chain([("attach", attach)]).collect();
        let error = verify(&query(&genuine, &sign)).unwrap_err();
        assert!(error.to_string().starts_with("attach must have no &"), "{attach}: {error}");

        // The attack: the same string and the same `sign`, with the first boundaries inside of the `attach`.
        let inside = moved.len() - 1;
        for boundaries in 0..=inside {
            for rest in 0..GENUINE.len() {
                let count = string.matches('&').count();
                let is_boundary = |index: usize| index < boundaries || index >= count.saturating_sub(rest);
                let Some(fields) = read(&string, is_boundary) else { continue };
                assert!(verify(&query(&fields, &sign)).is_err(), "{fields:?}");
            }
        }
        let all = read(&string, |_| true).unwrap_or_default();
        assert!(verify(&query(&all, &sign)).is_err(), "{attach}");
    }
}

#[test]
fn an_optional_parameter_moved_out_of_an_attachment_is_the_only_reading() {
    // `bank_billno` sorts between `attach` and `bank_type`, and is absent when the payer pays from a balance. Of the two
    // readings of this string one has a `&` in a value; it is rejected, so the other one is unique.
    let string = genuine_with("a&bank_billno=1");
    let sign = sign(&string);
    let genuine: Vec<_> = GENUINE.into_iter().chain([("attach", "a&bank_billno=1")]).collect();
    assert!(verify(&query(&genuine, &sign)).is_err());
    let moved = verify(&query(&read(&string, |_| true).unwrap(), &sign)).unwrap();
    assert_eq!((moved.out_trade_no().as_str(), moved.total_fee()), ("MINE", Fen::new(1)));
}

/// Returns the evidence that the attack of a moved `out_trade_no` would yield, if both readings were accepted.
fn both_readings() -> [Evidence; 2] {
    let id = "1900000001201405083141592653";
    let time = UnixTime::from_secs(1_399_515_000);
    [("MINE", 1), ("OTHER", 99_900)].map(|(number, fen)| {
        let payment = Payment::new(id.parse().unwrap(), Fen::new(fen), Fen::ZERO, time);
        Evidence::from_storage(number.parse().unwrap(), payment)
    })
}

#[test]
fn two_readings_of_one_payment_pay_one_order_only_in_both_orders_of_arrival() {
    // The second line of defence, which knows nothing of strings: one transaction pays one order.
    for is_reversed in [false, true] {
        let mut arrivals = both_readings();
        if is_reversed {
            arrivals.reverse();
        }
        let mut owners = TransactionOwners::default();
        let mut paid = 0;
        for evidence in &arrivals {
            let ordered = evidence.payment().total_fee();
            let before = PaymentState::new(evidence.out_trade_no().clone(), ordered);
            let mut state = before.clone();
            state.merge(evidence, owners.claim(evidence)).unwrap();
            match &state.transitions_since(&before)[..] {
                [Transition::Paid(_)] => paid += 1,
                [Transition::Anomaly(Anomaly::TransactionOfAnotherOrder { owner, .. })] => {
                    assert_eq!(owner, arrivals[0].out_trade_no());
                    assert_eq!(state.status(), PaymentStatus::Anomalous);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(paid, 1);
    }
}

#[test]
fn a_restart_does_not_release_a_transaction_that_is_restored_from_storage() {
    let [mine, other] = both_readings();
    let mut owners = TransactionOwners::default();
    owners.claim(&mine);
    // After the restart the shop claims what it has stored, before it receives anything.
    let mut restored = TransactionOwners::default();
    restored.claim(&Evidence::from_storage(mine.out_trade_no().clone(), mine.payment().clone()));
    assert_eq!(restored, owners);
    assert_eq!(restored.claim(&other), mine.out_trade_no());
}

#[test]
fn signatures_of_other_messages_under_the_same_keys_are_no_notification() {
    let number: OutTradeNo = "MINE".parse().unwrap();
    let merchant = merchant().build();
    let url = "https://shop.example/notify".parse().unwrap();
    let order =
        Order::builder(number.clone(), Fen::new(1), "goods", url, Ipv4Addr::LOCALHOST).build().unwrap();
    let query_package = wxpay_proto::v1::SignedQuery::sign(&merchant, &number, UnixTime::from_secs(1));
    for package in [Package::from_order(&order, &merchant).as_str(), query_package.package()] {
        let error = verify(package).unwrap_err();
        assert_eq!(error.ack().response().status(), 400, "{error}");
    }
    // A complaint signs only these elements, and leaves its other ones open.
    let complaint: Vec<_> =
        PAYER.into_iter().filter(|(name, _)| ["AppId", "OpenId", "TimeStamp"].contains(name)).collect();
    let callback: Vec<_> = PAYER.into_iter().chain([("ProductId", "1")]).collect();
    let string = genuine_with("a");
    let query = query(&read(&string, |_| true).unwrap(), &sign(&string));
    for elements in [complaint, callback] {
        let body = body(&elements);
        let raw = RawNotification::new("POST", query.as_bytes(), body.as_bytes());
        assert_eq!(merchant.verify_notification(&raw).unwrap_err().ack().response().status(), 400);
    }
}

/// Generates texts of pieces that look like boundaries and fields.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "&",
        "=",
        "a",
        "1",
        "0",
        "%",
        "+",
        " ",
        "测",
        "&bank_billno=1",
        "&bank_type=W",
        "&buyer_alias=",
        "&discount=1",
        "&fee_type=1",
        "&input_charset=GBK",
        "&out_trade_no=OTHER",
        "&partner=1900000001",
        "&product_fee=",
        "&sign=1",
        "&total_fee=2",
        "&tp=",
        "&key=",
        "body=",
    ]);
    prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

/// Generates the parameters of notifications, many of them valid.
fn parameters() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names = prop::sample::select(vec![
        "attach",
        "bank_billno",
        "bank_type",
        "buyer_alias",
        "discount",
        "pay_info",
        "product_fee",
        "service_version",
        "sign_key_index",
        "transport_fee",
        "tp",
        "Attach",
    ]);
    prop::collection::vec((names, texts()), 0..4).prop_map(|changed| {
        let usual = GENUINE.into_iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let mut fields: Vec<_> = usual.map(|(name, value)| (name, value.to_owned())).collect();
        for (name, value) in changed {
            if fields.iter().all(|(other, _)| *other != name) {
                fields.push((name, value));
            }
        }
        fields
    })
}

/// Another spelling of a query: order of the parameters, letter case of escapes and signature, added empty parameters.
fn respell(query: &str, is_reversed: bool, is_lower: bool, empty: Option<&str>) -> String {
    let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
    if is_lower {
        for pair in &mut pairs {
            let mut pieces = pair.split('%');
            let first = pieces.next().unwrap().to_owned();
            *pair = pieces.fold(first, |text, piece| {
                let (escape, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
                text + "%" + &escape.to_ascii_lowercase() + rest
            });
        }
    }
    pairs.extend(empty.map(|name| format!("{name}=")));
    if is_reversed {
        pairs.reverse();
    }
    pairs.join("&")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn all_accepted_readings_of_one_signed_string_are_equal(
        fields in parameters(),
        // A boundary at most `&`, so that many readings are accepted.
        readings in prop::collection::vec(
            (prop::collection::vec(prop::bool::weighted(0.9), 40), any::<bool>(), any::<bool>(),
             prop::option::of(prop::sample::select(vec!["attach", "buyer_alias", "pay_info", "tp", "discount"]))),
            8,
        ),
    ) {
        let borrowed: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let string = string_to_sign(&borrowed);
        let sign = sign(&string);
        let mut accepted: Vec<Notification> = verify(&query(&borrowed, &sign)).into_iter().collect();
        accepted.extend(verify(&query(&read(&string, |_| true).unwrap_or_default(), &sign)));
        for (boundaries, is_reversed, is_lower, empty) in readings {
            let Some(fields) = read(&string, |index| boundaries.get(index) != Some(&false)) else { continue };
            let query = query(&fields, &sign);
            accepted.extend(verify(&query));
            accepted.extend(verify(&respell(&query, is_reversed, is_lower, empty)));
        }
        for other in &accepted {
            prop_assert_eq!(other, &accepted[0], "{}", string);
            prop_assert_eq!(other.dedup_key(), accepted[0].dedup_key());
        }
    }

    #[test]
    fn a_notification_without_ampersands_is_accepted_as_signed(attach in "[a-z=%+ 测试]{0,20}") {
        let string = genuine_with(&attach);
        let notification = verify(&query(&read(&string, |_| true).unwrap(), &sign(&string))).unwrap();
        prop_assert_eq!(notification.attach().unwrap_or_default(), attach);
    }

    #[test]
    fn two_different_orders_never_have_the_same_strings_to_sign(
        one in (texts(), texts(), texts(), texts(), 1_u64..3, any::<bool>()),
        other in (texts(), texts(), texts(), texts(), 1_u64..3, any::<bool>()),
    ) {
        let merchant = merchant().build();
        let orders = [one, other].map(|(body, attach, goods_tag, traceid, fen, is_gbk)| {
            let url = "https://shop.example/notify".parse().unwrap();
            let number = "MINE".parse().unwrap();
            Order::builder(number, Fen::new(fen), &body, url, Ipv4Addr::LOCALHOST)
                .attach(&attach)
                .goods_tag(&goods_tag)
                .traceid(&traceid)
                .charset(if is_gbk { Charset::Gbk } else { Charset::Utf8 })
                .build()
        });
        if let [Ok(one), Ok(other)] = orders {
            let strings = [&one, &other].map(|order| {
                let signed = SignedPrepay::sign(&merchant, order, UnixTime::from_secs(1), "n".into());
                [Package::string_to_sign(order, &merchant), signed.string_to_sign(&merchant)]
                    .map(|string| string.expose().to_vec())
            });
            prop_assert_eq!(one == other, strings[0] == strings[1]);
        }
    }

    #[test]
    fn all_accepted_readings_of_one_signed_body_are_equal(
        elements in prop::collection::vec(texts(), 5),
        boundaries in prop::collection::vec(prop::bool::weighted(0.9), 40),
    ) {
        const NAMES: [&str; 5] = ["appid", "issubscribe", "noncestr", "openid", "timestamp"];
        const SPELLED: [&str; 5] = ["AppId", "IsSubscribe", "NonceStr", "OpenId", "TimeStamp"];
        let usual = ["wx0123456789abcdef", "0", "n", "o1", "1"];
        let values: Vec<_> = elements.iter().zip(usual)
            .map(|(text, usual)| if text.len() % 2 == 0 { usual.to_owned() } else { format!("{usual}{text}") })
            .collect();
        let fields: Vec<_> = NAMES.into_iter().zip(values.iter().map(String::as_str)).collect();
        let key = PaySignKey::new(PAY_SIGN_KEY.into()).unwrap();
        let (sign, _) = signature::sign_sha1(&fields, &key);
        let string = string_to_sign(&fields);
        let order = genuine_with("a");
        let query = query(&read(&order, |_| true).unwrap(), &self::sign(&order));
        let mut accepted = Vec::new();
        for read in [Some(fields), read(&string, |_| true), read(&string, |index| boundaries.get(index) != Some(&false))] {
            let elements: Vec<_> = read.unwrap_or_default().into_iter().map(|(name, value)| {
                let name = NAMES.iter().position(|known| *known == name).map_or(name, |index| SPELLED[index]);
                format!("<{name}><![CDATA[{value}]]></{name}>")
            }).collect();
            let elements = elements.concat();
            let body = format!("<xml>{elements}<AppSignature>{sign}</AppSignature><SignMethod>sha1</SignMethod></xml>");
            let raw = RawNotification::new("POST", query.as_bytes(), body.as_bytes());
            accepted.extend(merchant().build().verify_notification(&raw));
        }
        prop_assert!(accepted.iter().all(|other| *other == accepted[0]), "{}", string);
    }
}
