//! Replies: any bytes as the answer to each operation, through the whole call.

use super::{NAME, Signer, merchant, watching};
use std::{fmt::Debug, time::Duration};
use wxpay_proto::{
    Error, ErrorKind, Fate, Fen, UnixTime,
    exchange::{Failure, Flow, Hop, Reply},
    http::{Method, Response},
    retry::Policy,
    v3::{
        Merchant, Party, Raw, Sensitive,
        bill::Trade,
        pay::{self, App, Close, Jsapi, Native, Payer, Query, Reverse},
        refund, transfer,
    },
};

pub(super) const NUMBER: &str = "20140508001";
pub(super) const OPENID: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";

/// The first byte tells the HTTP status, the rest is the reply. Signed, it is read or refused by every operation, and a
/// success comes of 2xx alone. Unsigned, or with a changed byte, nothing comes of it, and nothing is certain.
pub fn v3_reply(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let status = [200, 200, 200, 204, 202, 301, 400, 403, 404, 429, 500, 503][usize::from(*first % 12)];
    let mut once = Policy::default();
    once.tries = 1;
    let me = merchant().retry(once).build();
    each(&me, |name, run| {
        let now = watching().now;
        let good = Signer::PublicKey.reply(status, body, now);
        match run(good) {
            // A refusal may be the answer to a question: no such order, no such bill.
            Ok(()) => assert!(matches!(status, 200 | 204) || ["query", "bill"].contains(&name), "{name}"),
            Err(error) => {
                let is_final = error.fate() == Fate::Refused;
                assert_eq!(
                    is_final,
                    (400..500).contains(&status) && status != 429 && !is_userpaying(&error),
                    "{name}"
                );
            }
        }
        for wrong in [
            Response::new(status, body.to_vec()),
            Signer::PublicKey.reply(status, &[body, b" "].concat(), now).with("Wechatpay-Nonce", b"x"),
        ] {
            let error = run(wrong).unwrap_err();
            assert_eq!(error.fate(), Fate::Unknown, "{name}");
            assert!([ErrorKind::Signature, ErrorKind::Refused].contains(&error.kind()), "{name}");
        }
    });
}

fn is_userpaying(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| refusal.code == wxpay_proto::refusal::Code::USERPAYING)
}

/// Every kind of call.
fn each(me: &Merchant, mut check: impl FnMut(&str, &dyn Fn(Response) -> Result<(), Error>)) {
    let number = || NUMBER.parse().unwrap();
    check("jsapi", &|reply| run(me.call(jsapi()), reply));
    check("app", &|reply| run(me.call(App::new(order())), reply));
    check("native", &|reply| run(me.call(Native::new(order())), reply));
    check("query", &|reply| run(me.call(Query::out_trade_no(number(), Party::Own)), reply));
    check("close", &|reply| run(me.call(Close::new(number(), Party::Own)), reply));
    check("reverse", &|reply| run(me.call(Reverse::new(appid(), number(), Party::Own)), reply));
    check("refund", &|reply| run(me.call(refunded()), reply));
    check("transfer", &|reply| run(me.call(transferred()), reply));
    check("bill", &|reply| run(me.call(Trade::of("2014-05-07".parse().unwrap())), reply));
    check("raw", &|reply| run(me.call(Raw::new(Method::Get, "/v3/whatever").unwrap()), reply));
}

fn run<F: Flow<Output: Debug>>(flow: F, reply: Response) -> Result<(), Error> {
    let mut reply = Some(reply);
    let network = move |_: Hop, _: UnixTime| -> (Reply, Duration) {
        (reply.take().ok_or_else(|| Failure::NotSent("nobody there".into())), Duration::ZERO)
    };
    watching().run(flow, &mut { network }).map(drop)
}

pub(super) fn appid() -> wxpay_proto::id::AppId {
    "wx0123456789abcdef".parse().unwrap()
}

pub(super) fn order() -> pay::Order {
    let url = "https://shop.example/notify".parse().unwrap();
    pay::Order::builder(appid(), NUMBER.parse().unwrap(), Fen::new(1999), "千足金箍棒", url).build().unwrap()
}

pub(super) fn jsapi() -> Jsapi {
    Jsapi::new(order(), Payer::new(OPENID.parse().unwrap())).unwrap()
}

pub(super) fn refunded() -> refund::Create {
    let paid: wxpay_proto::id::OutTradeNo = NUMBER.parse().unwrap();
    refund::Create::builder(paid, "R1".parse().unwrap(), Fen::new(1), Fen::new(1999)).build().unwrap()
}

pub(super) fn transferred() -> transfer::Create {
    let bill = transfer::Bill::builder(appid(), NUMBER.parse().unwrap(), Fen::new(1), "报销", "1000")
        .report("活动名称", "新会员有礼")
        .user_name(Sensitive::new(NAME.into()).unwrap());
    transfer::Create::new(bill.build().unwrap(), OPENID.parse().unwrap())
}
