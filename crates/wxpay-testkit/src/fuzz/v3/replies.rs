//! APIv3 replies: any bytes as the reply to each operation, through the whole call.

use super::{NAME, Signer, driver, merchant};
use crate::keys::v3::MCHID;
use std::{fmt::Debug, time::Duration};
use wxpay_proto::{
    Error, ErrorKind, Fate, Fen, UnixTime,
    exchange::{Failure, Flow, Reply, Transmit},
    http::{Method, Response},
    refusal::Code,
    retry::Policy,
    v3::{
        Merchant, Raw, Sensitive,
        bill::{AccountType, SubMerchantFundFlowBill, TradeBill},
        media::UploadImage,
        pay::{
            self, AppOrder, CloseOrder, JsapiOrder, NativeOrder, Payer, QueryOrder, ReverseOrder, combine,
        },
        profitsharing::{
            self, Account, AddReceiver, CreateProfitSharing, QueryMaxRatio, QueryUnsplitAmount,
            ReceiverAmount, RelationType, Remainder, ReturnAmount, ReturnProfitSharing, UnfreezeRemainder,
        },
        refund,
        security::Echo,
        transfer::{self, authorization, elecsign, qq_wallet},
    },
    wire::multipart::Upload,
};

pub(super) const NUMBER: &str = "20140508001";
pub(super) const OPENID: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";

/// Checks replies. The first byte selects the HTTP status and the operations, the rest is the body.
///
/// Each operation parses or rejects a signed reply. The HTTP status, which is not signed, changes neither success nor
/// fate. An error object is never a success, except that it can be the result of a query; anything else is never a
/// refusal. An unsigned or changed reply is never a success, and leaves the fate unknown; only a refusal by the check of
/// fields is final for placing and closing orders.
pub fn v3_reply(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let status = [200, 200, 200, 204, 202, 301, 400, 403, 404, 429, 500, 503][usize::from(*first % 12)];
    let mut policy = Policy::default();
    policy.max_attempts = 1;
    let me = merchant().retry(policy).build();
    let calls = [orders, refunds_and_combined, sharings, transfers][usize::from(*first / 12 % 4)];
    calls(&me, &mut |name, run| {
        let now = driver().now;
        let signed = |status| run(Signer::PublicKey.reply(status, body, now));
        let is_error = is_error_object(body);
        let fate = match signed(status) {
            // A query returns "not found" for some refusals: no such order, no such bill.
            Ok(()) => {
                assert!(!is_error || name.starts_with("query"), "{name}");
                None
            }
            Err(error) => {
                assert_eq!(error.fate().is_none(), is_read(name), "{name}");
                assert!(is_error || error.fate() != Some(Fate::Refused), "{name}");
                Some(error.fate())
            }
        };
        assert_eq!(fate, signed(200).err().map(|error| error.fate()), "{name}: {status} is not as 200");
        for invalid in [
            Response::new(status, body.to_vec()),
            Signer::PublicKey.reply(status, &[body, b" "].concat(), now).with_header("Wechatpay-Nonce", b"x"),
        ] {
            let is_unsigned = invalid.header("Wechatpay-Signature").is_none();
            let error = run(invalid).unwrap_err();
            let is_trusted = matches!(name, "jsapi" | "app" | "native" | "close");
            let is_field_refusal = is_unsigned
                && status == 400
                && error.refusal().is_some_and(|refusal| {
                    [Code::PARAM_ERROR, Code::INVALID_REQUEST].contains(&refusal.code)
                });
            let fate = if is_trusted && is_field_refusal { Fate::Refused } else { Fate::Unknown };
            assert_eq!(error.fate(), (!is_read(name)).then_some(fate), "{name}");
            assert!([ErrorKind::Signature, ErrorKind::Refused].contains(&error.kind()), "{name}");
        }
    });
}

/// Returns whether the operation of this name changes nothing.
fn is_read(name: &str) -> bool {
    name.starts_with("query") || matches!(name, "raw" | "echo")
}

/// Returns whether the body is a JSON object with a textual `code`.
pub(super) fn is_error_object(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|body: serde_json::Value| body["code"].is_string())
}

/// The check of one operation. Takes its name, and a function that runs it against a reply.
type Check<'a> = dyn FnMut(&str, &dyn Fn(Response) -> Result<(), Error>) + 'a;

fn orders(merchant: &Merchant, check: &mut Check<'_>) {
    let number = || NUMBER.parse().unwrap();
    check("jsapi", &|reply| run(merchant.call(jsapi()), reply));
    check("app", &|reply| run(merchant.call(AppOrder::new(order())), reply));
    check("native", &|reply| run(merchant.call(NativeOrder::new(order())), reply));
    check("query an order", &|reply| run(merchant.call(QueryOrder::out_trade_no(number())), reply));
    check("close", &|reply| run(merchant.call(CloseOrder::new(number())), reply));
    check("reverse", &|reply| run(merchant.call(ReverseOrder::new(number()).appid(appid())), reply));
    check("refund", &|reply| run(merchant.call(refund()), reply));
    check("transfer", &|reply| run(merchant.call(transfer()), reply));
    check("query a bill", &|reply| run(merchant.call(TradeBill::of("2014-05-07".parse().unwrap())), reply));
    check("raw", &|reply| run(merchant.call(Raw::new(Method::Get, "/v3/whatever").unwrap()), reply));
}

fn refunds_and_combined(merchant: &Merchant, check: &mut Check<'_>) {
    let number = || NUMBER.parse().unwrap();
    let file = || Upload::new("a.png", b"PNG".to_vec()).unwrap();
    let day = || "2014-05-07".parse().unwrap();
    let sub_mchid = || MCHID.parse().unwrap();
    check("query a refund", &|reply| {
        run(merchant.call(refund::QueryRefund::new("R1".parse().unwrap())), reply)
    });
    check("query a combined order", &|reply| {
        run(merchant.call(combine::QueryOrder::combine_out_trade_no(number())), reply)
    });
    check("upload", &|reply| run(merchant.call(UploadImage::new(file()).unwrap()), reply));
    check("echo", &|reply| run(merchant.call(Echo::new("text").unwrap()), reply));
    check("query an encrypted bill", &|reply| {
        run(merchant.call(SubMerchantFundFlowBill::new(sub_mchid(), day(), AccountType::Basic)), reply)
    });
}

fn sharings(merchant: &Merchant, check: &mut Check<'_>) {
    let paid = || "4200000001201405070000000042".parse().unwrap();
    let number = || "S1".parse().unwrap();
    let account = || Account::PersonalOpenid(OPENID.parse().unwrap());
    let profit_sharing = || {
        let receivers = vec![ReceiverAmount::new(account(), Fen::new(1), "佣金").unwrap()];
        let create = CreateProfitSharing::new(paid(), number(), receivers, Remainder::KeepFrozen);
        create.unwrap().appid(appid())
    };
    let sharing_return = || {
        let amount = ReturnAmount::new(MCHID.parse().unwrap(), Fen::new(1), "退货").unwrap();
        ReturnProfitSharing::new(number(), "B1".parse().unwrap(), amount)
    };
    let receiver = || AddReceiver::new(account(), RelationType::Partner).unwrap().appid(appid());
    check("create a profit sharing", &|reply| run(merchant.call(profit_sharing()), reply));
    check("unfreeze", &|reply| {
        run(merchant.call(UnfreezeRemainder::new(paid(), number(), "完结").unwrap()), reply)
    });
    check("query a profit sharing", &|reply| {
        run(merchant.call(profitsharing::QueryProfitSharing::new(paid(), number())), reply)
    });
    check("return a profit sharing", &|reply| run(merchant.call(sharing_return()), reply));
    check("add a receiver", &|reply| run(merchant.call(receiver()), reply));
    check("query the unsplit amount", &|reply| run(merchant.call(QueryUnsplitAmount::of(paid())), reply));
    check("query the maximum ratio", &|reply| {
        run(merchant.call(QueryMaxRatio::of(MCHID.parse().unwrap())), reply)
    });
}

fn transfers(merchant: &Merchant, check: &mut Check<'_>) {
    let number = || NUMBER.parse().unwrap();
    let authorization_no = || "A1".parse().unwrap();
    check("query a transfer", &|reply| {
        run(merchant.call(transfer::QueryTransfer::out_bill_no(number())), reply)
    });
    check("cancel a transfer", &|reply| run(merchant.call(transfer::CancelTransfer::new(number())), reply));
    check("apply for a receipt", &|reply| {
        run(merchant.call(elecsign::ApplyReceipt::out_bill_no(number())), reply)
    });
    check("query a receipt", &|reply| {
        run(merchant.call(elecsign::QueryReceipt::out_bill_no(number())), reply)
    });
    check("query an authorization", &|reply| {
        run(merchant.call(authorization::QueryAuthorization::new(authorization_no())), reply)
    });
    check("close an authorization", &|reply| {
        run(merchant.call(authorization::CloseAuthorization::new(authorization_no())), reply)
    });
    check("query a transfer to QQ", &|reply| {
        run(merchant.call(qq_wallet::QueryQqTransfer::new(number())), reply)
    });
    check("cancel a transfer to QQ", &|reply| {
        run(merchant.call(qq_wallet::CancelQqTransfer::new(number())), reply)
    });
}

fn run<F: Flow<Output: Debug>>(flow: F, reply: Response) -> Result<(), Error> {
    let mut reply = Some(reply);
    let network = move |_: Transmit, _: UnixTime| -> (Reply, Duration) {
        (reply.take().ok_or_else(|| Failure::NotSent("connection refused".into())), Duration::ZERO)
    };
    driver().run(flow, &mut { network }).map(drop)
}

pub(super) fn appid() -> wxpay_proto::id::AppId {
    "wx0123456789abcdef".parse().unwrap()
}

pub(super) fn order() -> pay::Order {
    let url = "https://shop.example/notify".parse().unwrap();
    let order = pay::Order::new(NUMBER.parse().unwrap(), Fen::new(1999), "千足金箍棒").unwrap();
    order.appid(appid()).notify_url(url)
}

pub(super) fn jsapi() -> JsapiOrder {
    JsapiOrder::new(order(), Payer::new(OPENID.parse().unwrap())).unwrap()
}

pub(super) fn refund() -> refund::CreateRefund {
    let paid: wxpay_proto::id::OutTradeNo = NUMBER.parse().unwrap();
    let amount = refund::RefundAmount::new(Fen::new(1), Fen::new(1999)).unwrap();
    refund::CreateRefund::new(paid, "R1".parse().unwrap(), amount)
}

pub(super) fn transfer() -> transfer::CreateTransfer {
    let scene = transfer::TransferScene::new("1000", "活动名称", "新会员有礼").unwrap();
    let bill = transfer::TransferBill::new(NUMBER.parse().unwrap(), Fen::new(1), "报销", scene).unwrap();
    let bill = bill.appid(appid()).user_name(Sensitive::new(NAME.into()).unwrap());
    transfer::CreateTransfer::new(bill, OPENID.parse().unwrap())
}
