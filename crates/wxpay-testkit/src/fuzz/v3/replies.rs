//! Replies: any bytes as the answer to each operation, through the whole call.

use super::{NAME, Signer, merchant, watching};
use crate::keys::v3::MCHID;
use std::{fmt::Debug, time::Duration};
use wxpay_proto::{
    Error, ErrorKind, Fate, Fen, UnixTime,
    exchange::{Failure, Flow, Hop, Reply},
    http::{Method, Response},
    retry::Policy,
    v3::{
        Merchant, Party, Raw, Sensitive,
        bill::{AccountType, SubMerchantFundFlow, Trade},
        media::UploadImage,
        pay::{self, App, Close, Jsapi, Native, Payer, Query, Reverse, combine},
        profitsharing::{
            self, Account, AddReceiver, GiveBack, MaxRatio, Portion, RelationType, Rest, Share, Unfreeze,
            UnsplitAmount,
        },
        refund,
        security::Echo,
        transfer::{self, authorization, elecsign, qq_wallet},
    },
    wire::multipart::Upload,
};

pub(super) const NUMBER: &str = "20140508001";
pub(super) const OPENID: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";

/// The first byte tells the HTTP status and which operations are called, the rest is the reply. Signed, it is read or
/// refused by each of them, and a success comes of 2xx alone. Unsigned, or with a changed byte, nothing comes of it, and nothing is certain.
pub fn v3_reply(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let status = [200, 200, 200, 204, 202, 301, 400, 403, 404, 429, 500, 503][usize::from(*first % 12)];
    let mut once = Policy::default();
    once.tries = 1;
    let me = merchant().retry(once).build();
    let calls = [orders, refunds_and_combined, sharings, transfers][usize::from(*first / 12 % 4)];
    calls(&me, &mut |name, run| {
        let now = watching().now;
        let good = Signer::PublicKey.reply(status, body, now);
        match run(good) {
            // A refusal may be the answer to a question: no such order, no such bill.
            Ok(()) => assert!(matches!(status, 200 | 204) || name.starts_with("ask for"), "{name}"),
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

/// What is told of each operation: its name, and what comes of a reply to it.
type Check<'a> = dyn FnMut(&str, &dyn Fn(Response) -> Result<(), Error>) + 'a;

fn orders(me: &Merchant, check: &mut Check<'_>) {
    let number = || NUMBER.parse().unwrap();
    check("jsapi", &|reply| run(me.call(jsapi()), reply));
    check("app", &|reply| run(me.call(App::new(order())), reply));
    check("native", &|reply| run(me.call(Native::new(order())), reply));
    check("ask for an order", &|reply| run(me.call(Query::out_trade_no(number(), Party::Own)), reply));
    check("close", &|reply| run(me.call(Close::new(number(), Party::Own)), reply));
    check("reverse", &|reply| run(me.call(Reverse::new(appid(), number(), Party::Own)), reply));
    check("refund", &|reply| run(me.call(refunded()), reply));
    check("transfer", &|reply| run(me.call(transferred()), reply));
    check("ask for a bill", &|reply| run(me.call(Trade::of("2014-05-07".parse().unwrap())), reply));
    check("raw", &|reply| run(me.call(Raw::new(Method::Get, "/v3/whatever").unwrap()), reply));
}

fn refunds_and_combined(me: &Merchant, check: &mut Check<'_>) {
    let number = || NUMBER.parse().unwrap();
    let file = || Upload::new("a.png", b"PNG".to_vec()).unwrap();
    let day = || "2014-05-07".parse().unwrap();
    let sub_mchid = || MCHID.parse().unwrap();
    check("ask for a refund", &|reply| {
        run(me.call(refund::Query::new("R1".parse().unwrap(), Party::Own)), reply)
    });
    check("ask for a combined order", &|reply| {
        run(me.call(combine::Query::combine_out_trade_no(number())), reply)
    });
    check("upload", &|reply| run(me.call(UploadImage::new(file()).unwrap()), reply));
    check("echo", &|reply| run(me.call(Echo::new("text").unwrap()), reply));
    check("ask for a sealed bill", &|reply| {
        run(me.call(SubMerchantFundFlow::new(sub_mchid(), day(), AccountType::Basic)), reply)
    });
}

fn sharings(me: &Merchant, check: &mut Check<'_>) {
    let paid = || "4200000001201405070000000042".parse().unwrap();
    let number = || "S1".parse().unwrap();
    let account = || Account::PersonalOpenid(OPENID.parse().unwrap());
    let portion = || Portion::new(account(), Fen::new(1), "佣金");
    let share =
        || Share::new(appid(), Party::Own, paid(), number(), vec![portion()], Rest::StayFrozen).unwrap();
    let give_back = || {
        let to = MCHID.parse().unwrap();
        GiveBack::new(Party::Own, number(), "B1".parse().unwrap(), to, Fen::new(1), "退货").unwrap()
    };
    let receiver = || AddReceiver::new(appid(), Party::Own, account(), RelationType::Partner).unwrap();
    check("share", &|reply| run(me.call(share()), reply));
    check("unfreeze", &|reply| {
        run(me.call(Unfreeze::new(Party::Own, paid(), number(), "完结").unwrap()), reply)
    });
    check("ask for a sharing", &|reply| {
        run(me.call(profitsharing::Query::new(Party::Own, paid(), number())), reply)
    });
    check("give back", &|reply| run(me.call(give_back()), reply));
    check("add a receiver", &|reply| run(me.call(receiver()), reply));
    check("ask for what is left", &|reply| run(me.call(UnsplitAmount::of(paid())), reply));
    check("ask for the ratio", &|reply| run(me.call(MaxRatio::of(MCHID.parse().unwrap())), reply));
}

fn transfers(me: &Merchant, check: &mut Check<'_>) {
    let number = || NUMBER.parse().unwrap();
    let allowed = || "A1".parse().unwrap();
    check("ask for a transfer", &|reply| run(me.call(transfer::Query::out_bill_no(number())), reply));
    check("take a transfer back", &|reply| run(me.call(transfer::Cancel::new(number())), reply));
    check("order a receipt", &|reply| run(me.call(elecsign::Apply::out_bill_no(number())), reply));
    check("ask for a receipt", &|reply| run(me.call(elecsign::Query::out_bill_no(number())), reply));
    check("ask for a permission", &|reply| run(me.call(authorization::Query::new(allowed())), reply));
    check("end a permission", &|reply| run(me.call(authorization::Close::new(allowed())), reply));
    check("ask for a transfer to QQ", &|reply| run(me.call(qq_wallet::Query::new(number())), reply));
    check("take one to QQ back", &|reply| run(me.call(qq_wallet::Cancel::new(number())), reply));
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
