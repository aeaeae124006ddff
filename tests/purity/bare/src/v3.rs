//! Every module of APIv3, with a cryptography provider that does nothing.

use crate::{flows::drive, unknown, used};
use alloc::{sync::Arc, vec::Vec};
use core::{hint::black_box, net::Ipv4Addr};
use wxpay_proto::{
    Fen, UnixTime,
    crypto::{
        Certificate, CryptoProvider, InvalidKey, InvalidSignature, PrivateKey, PublicKey, SymmetricKey,
        TooLong, Unavailable, pem, proof,
    },
    http::Method,
    secret::Secret,
    v3::{
        Ack, ApiV3Key, Merchant, Party, Raw, RawNotification, Sensitive,
        pay::{AppOrder, CloseOrder, H5Info, H5Order, JsapiOrder, NativeOrder, Order, Payer, QueryOrder},
    },
};

/// A provider whose results are opaque to the optimiser.
#[derive(Debug)]
struct Idle;

impl CryptoProvider for Idle {
    fn private_key(&self, _: &Secret<Vec<u8>>) -> Result<Arc<dyn PrivateKey>, InvalidKey> {
        if black_box(true) { Ok(Arc::new(Self)) } else { Err(InvalidKey) }
    }

    fn public_key(&self, _: &[u8]) -> Result<Arc<dyn PublicKey>, InvalidKey> {
        if black_box(true) { Ok(Arc::new(Self)) } else { Err(InvalidKey) }
    }

    fn symmetric_key(&self, _: &Secret<[u8; 32]>) -> Arc<dyn SymmetricKey> {
        Arc::new(Self)
    }
}

impl PrivateKey for Idle {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        if black_box(true) { Ok(black_box(message).to_vec()) } else { Err(Unavailable) }
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        if black_box(true) { Ok(Secret::new(sealed.to_vec())) } else { Err(InvalidSignature) }
    }
}

impl PublicKey for Idle {
    fn verify(&self, _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        if black_box(true) { Ok(()) } else { Err(InvalidSignature) }
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, TooLong> {
        if black_box(true) { Ok(plain.to_vec()) } else { Err(TooLong) }
    }
}

impl SymmetricKey for Idle {
    fn open(&self, _: &[u8], _: &[u8], sealed: &[u8]) -> Result<Vec<u8>, InvalidSignature> {
        if black_box(true) { Ok(sealed.to_vec()) } else { Err(InvalidSignature) }
    }

    fn seal(&self, _: &[u8], _: &[u8], plain: &[u8]) -> Vec<u8> {
        plain.to_vec()
    }
}

fn merchant() -> Option<Merchant> {
    let key = ApiV3Key::new(unknown("0123456789abcdef").repeat(2)).ok()?;
    let certificate = Certificate::parse_pem(unknown("-----BEGIN").as_bytes()).ok()?;
    let builder = Merchant::builder(
        Arc::new(Idle),
        unknown("1900007291").parse().ok()?,
        unknown("408B07E79B8269FE").parse().ok()?,
        Idle.private_key(&pem::private_key(unknown("-----BEGIN").as_bytes()).ok()?).ok()?,
        &key,
    );
    let public = Idle.public_key(&pem::public_key(unknown("-----BEGIN").as_bytes()).ok()?).ok()?;
    let builder = builder
        .public_key(unknown("PUB_KEY_ID_1").parse().ok()?, public)
        .platform_certificates()
        .platform_certificate(&certificate)
        .ok()?
        .previous_api_v3_key(&key)
        .base_url(unknown("https://gateway.example"))
        .ok()?
        .backup_url(unknown("https://backup.example"))
        .ok()?
        .retry(black_box(Default::default()));
    used(&builder);
    Some(builder.build())
}

fn order() -> Option<Order> {
    Order::new(unknown("20261124001").parse().ok()?, Fen::new(black_box(1999)), unknown("千足金箍棒"))
        .ok()?
        .appid(unknown("wxd930ea5d5a258f4f").parse().ok()?)
        .notify_url(unknown("https://shop.example/notify").parse().ok()?)
        .party(Party::partner(unknown("1900000109").parse().ok()?))
        .time_expire(UnixTime::from_secs(black_box(1_794_758_400)))
        .payer_client_ip(Ipv4Addr::from(black_box([203, 0, 113, 7])).into())
        .attach(unknown("basket"))
        .ok()
}

#[unsafe(no_mangle)]
pub fn check_provider() -> Option<()> {
    used(&proof::check(&Idle));
    Some(())
}

#[unsafe(no_mangle)]
pub fn place_v3_orders() -> Option<()> {
    let me = merchant()?;
    let payer = Payer::new(unknown("oX99MDgNcgwnz3zFN3DNmo8uwa-w").parse().ok()?);
    let jsapi = drive(me.call(JsapiOrder::new(order()?, payer).ok()?));
    for error in [
        jsapi,
        drive(me.call(AppOrder::new(order()?))),
        drive(me.call(H5Order::new(order()?, H5Info::wap()).ok()?)),
        drive(me.call(NativeOrder::new(order()?))),
    ] {
        drive(me.resolve::<QueryOrder>(error?.take_unresolved()?)).as_ref().map(used);
    }
    Some(())
}

#[unsafe(no_mangle)]
pub fn query_close_and_refresh() -> Option<()> {
    let me = merchant()?;
    let number: wxpay_proto::id::OutTradeNo = unknown("20261124001").parse().ok()?;
    drive(me.call(QueryOrder::out_trade_no(number.clone()))).as_ref().map(used);
    drive(me.call(CloseOrder::new(number))).as_ref().map(used);
    let pending = unknown("v3.order?out_trade_no=20261124001").parse().ok()?;
    drive(me.resolve_pending::<QueryOrder>(pending)).as_ref().map(used);
    drive(me.refresh_platform_keys()).as_ref().map(used);
    let raw = Raw::new(Method::Post, unknown("/v3/anything")).ok()?.json(unknown("{}").as_bytes()).ok()?;
    drive(me.call(raw)).as_ref().map(used);
    used(&me.open(unknown("c2VhbGVk")));
    used(&Sensitive::new(unknown("name").into()));
    Some(())
}

#[unsafe(no_mangle)]
pub fn verify_v3_notification() -> Option<()> {
    let raw = RawNotification::new(unknown("{}").into())
        .header(unknown("Wechatpay-Serial"), unknown("PUB_KEY_ID_1").as_bytes())
        .header(unknown("Wechatpay-Timestamp"), unknown("1").as_bytes())
        .header(unknown("Wechatpay-Nonce"), unknown("2").as_bytes())
        .header(unknown("Wechatpay-Signature"), unknown("c2ln").as_bytes());
    used(&raw.string_to_sign());
    let error = drive(merchant()?.verify_notification(raw))?;
    used(&Ack::for_error(&error).response());
    Some(())
}
