//! Parts of a sub-merchant's bill: each opens with its own key only, and only as a whole.

use super::{Signer, driver, merchant};
use crate::null::{NullProvider, public_key};
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use serde_json::json;
use sha1::{Digest as _, Sha1};
use std::{
    io::{Read as _, Write as _},
    time::Duration,
};
use wxpay_proto::{
    Error, ErrorKind, UnixTime,
    crypto::CryptoProvider as _,
    exchange::{Reply, Transmit},
    http::Response,
    secret::Secret,
    v3::bill::{AccountType, BillReply, OpenedPart, SealedPart, SubMerchantFundFlowBill},
    wire::base64,
};

const KEY: [u8; 32] = [7; 32];
const NONCE: &[u8; 12] = b"0123456789ab";

/// Checks the list of parts and the opening of a part. The input is a list, and the ciphertext of its first part. Then
/// it is the plaintext of a part, compressed or not, which must open as an independent decoder reads it, and not at all
/// after a change of one bit.
pub fn v3_bill_part(data: &[u8]) {
    if let Ok(BillReply::Ready(parts)) = list(data)
        && let Some(part) = parts.first()
    {
        assert!(parts.is_sorted_by_key(SealedPart::bill_sequence) && part.bill_sequence() == 1);
        assert!(open(part, data).is_err(), "no part can be opened without its key");
    }
    let is_gzip = data.starts_with(&[0x1f, 0x8b, 8]);
    let plain = if is_gzip { unzipped(data) } else { Some(data.to_vec()) };
    let part = part(
        &Sha1::digest(plain.as_deref().unwrap_or(data))
            .iter()
            .fold(String::new(), |hash, byte| format!("{hash}{byte:02x}")),
    );
    let sealed = NullProvider.symmetric_key(&Secret::new(KEY)).seal(NONCE, b"", data);
    let opened = open(&part, &sealed);
    if let Some(plain) = plain {
        assert_eq!(opened.unwrap().bytes, plain);
        assert_eq!(open(&part, &zipped(&sealed)).unwrap().bytes, plain);
    }
    let chosen = usize::from(data.first().copied().unwrap_or_default()) * 7;
    let mut changed = sealed;
    let at = chosen % changed.len();
    changed[at] ^= 1 << (chosen % 8);
    assert!(open(&part, &changed).is_err(), "a part that was changed was opened");
    let error = open(&part, data).unwrap_err();
    assert!(is_gzip || error.kind() == ErrorKind::Signature);
}

fn unzipped(data: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(data).read_to_end(&mut plain).ok().map(|_| plain)
}

fn zipped(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Returns a part that is sealed for the merchant, and has this digest.
fn part(hash: &str) -> SealedPart {
    let key = NullProvider.public_key(&public_key("merchant")).unwrap().seal(&KEY).unwrap();
    let body = json!({ "download_bill_count": 1, "download_bill_list": [{
        "bill_sequence": 1, "download_url": "https://api.mch.weixin.qq.com/v3/billdownload/file?token=1",
        "encrypt_key": base64::encode(&key), "hash_type": "SHA1", "hash_value": hash,
        "nonce": std::str::from_utf8(NONCE).unwrap(),
    }]});
    match list(&serde_json::to_vec(&body).unwrap()).unwrap() {
        BillReply::Ready(mut parts) => parts.remove(0),
        BillReply::Generating | BillReply::NoData => panic!("the bill is ready"),
    }
}

fn list(body: &[u8]) -> Result<BillReply<Vec<SealedPart>>, Error> {
    let day = "2019-06-11".parse().unwrap();
    let request = SubMerchantFundFlowBill::new("1900000109".parse().unwrap(), day, AccountType::Basic);
    let network = |_: Transmit, now: UnixTime| -> (Reply, Duration) {
        (Ok(Signer::PublicKey.reply(200, body, now)), Duration::ZERO)
    };
    driver().run(merchant().build().call(request), &mut { network })
}

fn open(part: &SealedPart, sealed: &[u8]) -> Result<OpenedPart, Error> {
    let network = |transmit: Transmit, _: UnixTime| -> (Reply, Duration) {
        assert!(transmit.max_reply <= 64 << 20, "a part is kept in memory");
        (Ok(Response::new(200, sealed.to_vec())), Duration::ZERO)
    };
    driver().run(merchant().build().open_bill_part(part), &mut { network })
}
