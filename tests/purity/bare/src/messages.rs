//! Every signature of APIv1, and every parser.

use crate::{entropy, flows::order, merchant, unknown, used};
use alloc::string::String;
use core::hint::black_box;
use wxpay_proto::{
    UnixTime,
    v1::{
        AppParams, DeliveryReport, Package, PartnerKey, PaySignKey, SignedDelivery, SignedPrepay,
        SignedQuery, signature,
    },
    wire::{charset::Charset, form, json, time, xml},
};

#[unsafe(no_mangle)]
pub fn sign() -> Option<()> {
    let me = merchant()?;
    let now = UnixTime::from_secs(black_box(1_399_514_976));
    used(&entropy());
    for charset in black_box([Charset::Utf8, Charset::Gbk]) {
        let order = order(charset)?;
        used(&Package::from_order(&order, &me));
        used(&Package::string_to_sign(&order, &me));
        let signed = SignedPrepay::sign(&me, &order, now, String::from(unknown("nonce")));
        used(&(signed.package(), signed.app_signature(), signed.string_to_sign(&me), signed.body()));
    }
    let params = AppParams::sign(&me, unknown("1101").parse().ok()?, now, String::from(unknown("nonce")));
    used(&(params.string_to_sign(&me), serde_json::to_vec(&params).ok()?));
    let number = unknown("20140508001").parse().ok()?;
    let query = SignedQuery::sign(&me, &number, now);
    used(&(query.package(), query.string_to_sign(&me), query.body()));
    used(&SignedQuery::package_string_to_sign(&me, &number));
    let delivery =
        DeliveryReport::succeeded(unknown("openid").parse().ok()?, unknown("1900").parse().ok()?, number);
    let delivered = SignedDelivery::sign(&me, &delivery, now);
    used(&(delivered.string_to_sign(&me), delivered.body()));
    Some(())
}

#[unsafe(no_mangle)]
pub fn sign_fields() -> Option<()> {
    let partner_key = PartnerKey::new(unknown("fedcba9876543210").repeat(2)).ok()?;
    let pay_sign_key = PaySignKey::new(unknown("0123456789abcdef").repeat(8)).ok()?;
    let fields = [(unknown("body"), unknown("千足金箍棒")), (unknown("attach"), unknown(""))];
    let charset = Charset::from_name(unknown("gbk").as_bytes())?;
    used(&Package::from_fields(&fields, charset, &partner_key));
    let (md5, string) = signature::sign_md5(&fields, charset, &partner_key).ok()?;
    used(&(md5.matches(unknown("claimed").as_bytes()), string));
    let (sha1, string) = signature::sign_sha1(&fields, &pay_sign_key);
    used(&(sha1.matches(unknown("claimed").as_bytes()), string));
    Some(())
}

#[unsafe(no_mangle)]
pub fn parse() -> Option<()> {
    let text = unknown("a=b&c=%E6%B5%8B");
    let mut escaped = String::new();
    form::escape(text.as_bytes(), &mut escaped);
    used(&escaped);
    let pairs = form::Form::parse(text.as_bytes());
    used(&pairs);
    pairs.ok()?.iter().for_each(|pair| used(&pair));
    let document = xml::FlatXml::parse(unknown("<xml><a>b</a></xml>").as_bytes());
    used(&document);
    document.ok()?.iter().for_each(|element| used(&element));
    used(&json::parse::<json::LenientString>(unknown("1").as_bytes()));
    used(&time::parse_compact(unknown("20140508101112").as_bytes()));
    used(&time::format_compact(UnixTime::from_secs(black_box(1))));
    for charset in black_box([Charset::Utf8, Charset::Gbk]) {
        used(&charset.encode(unknown("测")));
        used(&charset.decode(unknown("测").as_bytes()));
    }
    Some(())
}
