//! APIv3 against the test vectors of this repository (`tests/vectors`), compared stage by stage.

use super::{
    stages::Case,
    v3_signed::{
        Signed, assert_cause, cause, driver_at, merchant, run_with_reply, run_without_network,
        with_trusted_keys,
    },
};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::{error::Error as _, io::Read as _, time::Duration};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    Error, ErrorKind, UnixTime,
    crypto::CryptoProvider as _,
    exchange::{Reply, Step, Transmit},
    http::{Method, Response},
    id::SerialNo,
    secret::Secret,
    v3::{
        Authorization, DecryptError, Event, Merchant, Raw, RawReply, VerifiedBy, VerifyError,
        bill::{BillReply, TradeBill},
        message,
        pay::{AppParams, JsapiParams, TradeState},
    },
    wire::{base64, multipart::Upload},
};
use wxpay_testkit::keys::v3::{self, API_V3_KEY, KEY, MCHID, PLATFORM, PUBLIC_KEY, PUBLIC_KEY_ID, Platform};

const APPID: &str = "wx0123456789abcdef";

/// The input of an APIv3 case, and comparisons with its stages.
impl Case {
    fn method(&self) -> Method {
        let methods = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];
        methods.into_iter().find(|method| method.as_str() == self.text("method")).unwrap()
    }

    /// Decodes a file of Base64.
    fn bytes(&self, name: &str) -> Vec<u8> {
        base64::decode(&self.file(name)).unwrap()
    }

    /// Compares the message, its signature and the header.
    fn signed(&self, me: &Merchant, body: &[u8]) {
        let (method, target, nonce) = (self.method(), self.text("target"), self.text("nonce_str"));
        self.stage("message.txt", message::request(method, target, self.at().as_secs(), nonce, body));
        let authorization = me.authorize(method, target, body, self.at(), nonce.to_owned()).unwrap();
        self.stage("signature.txt", base64::encode(&authorization.signature));
        self.stage("authorization.txt", authorization.to_string());
        let header = String::from_utf8(self.file("authorization.txt")).unwrap();
        assert_eq!(header.parse(), Ok(authorization));
    }

    /// Returns the case as WeChat Pay would send it.
    fn incoming(&self) -> Signed {
        let signature = String::from_utf8(self.file("signature.txt")).unwrap();
        let timestamp = self.at().to_string();
        Signed::new(self.text("serial"), &timestamp, self.text("nonce"), &signature, &self.file("body.json"))
    }
}

fn default_merchant() -> Merchant {
    merchant(KEY, API_V3_KEY).build()
}

/// Returns a merchant that trusts a platform certificate and a public key.
fn trusting_merchant() -> Merchant {
    with_trusted_keys(merchant(KEY, API_V3_KEY))
}

/// Returns the first request of a call.
fn transmit(me: &Merchant, raw: Raw, at: UnixTime) -> Transmit {
    match Step::begin(me.call(raw), driver_at(at).world()) {
        Step::Send(transmit, _) => transmit,
        other => panic!("the call must send a request: {other:?}"),
    }
}

#[test]
fn request_is_signed_as_sent() {
    for case in Case::all("v3", "request") {
        let (me, body) = (default_merchant(), case.file("body.json"));
        case.signed(&me, &body);
        // The same through a call, which generates its own nonce.
        let raw = Raw::new(case.method(), case.text("target")).unwrap();
        let raw = if body.is_empty() { raw } else { raw.json(&body).unwrap() };
        let request = transmit(&me, raw, case.at()).request;
        assert_eq!(request.url(), format!("https://api.mch.weixin.qq.com{}", case.text("target")));
        case.stage("body.json", request.body());
        let sent: Authorization = request.header("authorization").unwrap().parse().unwrap();
        let nonce = sent.nonce_str.clone();
        assert_eq!((nonce.len(), sent.timestamp), (32, case.at().as_secs()));
        assert_eq!(me.authorize(case.method(), case.text("target"), &body, case.at(), nonce).unwrap(), sent);
    }
}

#[test]
fn upload_signs_the_meta_part_only() {
    for case in Case::all("v3", "upload") {
        let upload = Upload::new(case.text("filename"), case.file("file.bin")).unwrap();
        case.stage("meta.json", upload.meta());
        case.signed(&default_merchant(), upload.meta());
        case.stage("body.bin", upload.body());
    }
}

#[test]
fn jsapi_params_are_signed() {
    for case in Case::all("v3", "jsapi") {
        let (at, nonce) = (case.at().to_string(), case.text("nonce_str"));
        let package = format!("prepay_id={}", case.text("prepay_id"));
        case.stage("message.txt", message::jsapi(APPID, &at, nonce, &package));
        let prepay_id = case.text("prepay_id").parse().unwrap();
        let appid = APPID.parse().unwrap();
        let params =
            JsapiParams::sign(&default_merchant(), appid, &prepay_id, case.at(), nonce.into()).unwrap();
        case.stage("signature.txt", &params.pay_sign);
        case.stage("params.json", serde_json::to_vec(&params).unwrap());
    }
}

#[test]
fn app_params_are_signed() {
    for case in Case::all("v3", "app") {
        let (at, nonce) = (case.at().to_string(), case.text("nonce_str"));
        case.stage("message.txt", message::app(APPID, &at, nonce, case.text("prepay_id")));
        let [appid, partnerid] = [APPID, case.text("partnerid")];
        let params = AppParams::sign(
            &default_merchant(),
            appid.parse().unwrap(),
            partnerid.parse().unwrap(),
            case.text("prepay_id").parse().unwrap(),
            case.at(),
            nonce.into(),
        )
        .unwrap();
        case.stage("signature.txt", &params.sign);
        case.stage("params.json", serde_json::to_vec(&params).unwrap());
    }
}

#[test]
fn reply_is_verified_before_it_is_parsed() {
    for case in Case::all("v3", "reply") {
        let incoming = case.incoming();
        case.stage("message.txt", message::reply(&case.at().to_string(), case.text("nonce"), &incoming.body));
        let status = u16::try_from(case.context["status"].as_u64().unwrap()).unwrap();
        let call = |reply: Response, at: UnixTime| -> Result<RawReply, Error> {
            let raw = Raw::new(Method::Get, "/v3/whatever").unwrap();
            run_with_reply(trusting_merchant().call(raw), reply, at)
        };
        match call(incoming.reply(status), case.at()) {
            Ok(reply) => {
                assert!(status < 300);
                assert_eq!(
                    (reply.bytes(), reply.verified_by()),
                    (incoming.body.as_slice(), VerifiedBy::Signature)
                );
            }
            Err(error) => {
                assert_eq!((error.kind(), status), (ErrorKind::Refused, 403));
                assert!(error.source().is_none(), "the reply is verified");
                let refusal = error.refusal().unwrap();
                assert_eq!(
                    (refusal.code.as_str(), &*refusal.message),
                    ("OUT_TRADE_NO_USED", "商户订单号重复")
                );
            }
        }
        for (invalid, at, expected) in invalid_variants(&incoming, case.at()) {
            let error = call(invalid.reply(status), at).unwrap_err();
            assert_eq!(error.fate(), None);
            assert_cause(&error, &expected);
        }
    }
}

/// Returns invalid variants of a signed message, each with one fault, a time, and a text that its error must contain.
pub(crate) fn invalid_variants(good: &Signed, at: UnixTime) -> Vec<(Signed, UnixTime, String)> {
    const NAMES: [&str; 4] =
        ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"];
    let [time, nonce, signature, serial] = NAMES;
    let mut invalid = Vec::new();
    for name in NAMES {
        invalid.push((good.clone().without(name), at, VerifyError::MissingHeader(name)));
        invalid.push((good.clone().with(name, good.header(name)), at, VerifyError::MalformedHeader(name)));
    }
    for text in ["", "now", "-1", "+1795600000", "1795600000.0", "99999999999999999999"] {
        invalid.push((good.clone().replace(time, text), at, VerifyError::MalformedHeader(time)));
    }
    for text in ["", "XY", "PUB_KEY_ID_", "PUB_KEY_ID_X"] {
        invalid.push((good.clone().replace(serial, text), at, VerifyError::MalformedHeader(serial)));
    }
    let scheme = "Wechatpay-Signature-Type";
    invalid.push((good.clone().with(scheme, "WECHATPAY2-SM2-WITH-SM3"), at, VerifyError::UnsupportedScheme));
    let late = |secs| at.after(Duration::from_secs(secs));
    let early = |secs| at.before(Duration::from_secs(secs));
    invalid.push((good.clone(), late(301), VerifyError::TimestampOutOfRange));
    invalid.push((good.clone(), early(301), VerifyError::TimestampOutOfRange));
    invalid.push((good.clone().replace(time, "0"), at, VerifyError::TimestampOutOfRange));
    let mut unknown = Vec::new();
    for other in ["0A0B0C", "PUB_KEY_ID_01"] {
        unknown.push((good.clone().replace(serial, other), at, format!("no key {other} (Wechatpay-Serial)")));
    }

    let mut tampered = Vec::new();
    let other_time = late(1).to_string();
    tampered.push(good.clone().replace(time, &other_time));
    tampered.push(good.clone().replace(nonce, "593BEC0C930BF1AFEB40B4A08C8FB243"));
    let text = good.header(signature).to_owned();
    let probe = format!("WECHATPAY/SIGNTEST/{}", text.get(19..).unwrap());
    let shortened = text.strip_suffix("==").unwrap().to_owned();
    for text in ["", "?", &probe, &shortened, &text.replace('=', ""), &format!("{text}\n"), &"A".repeat(344)]
    {
        tampered.push(good.clone().replace(signature, text));
    }
    let mut longer = good.clone();
    longer.body.push(b'\n');
    tampered.push(longer);
    if !good.body.is_empty() {
        for at in [0, good.body.len() / 2, good.body.len() - 1] {
            let mut changed = good.clone();
            changed.body[at] ^= 1;
            tampered.push(changed);
        }
        let mut shorter = good.clone();
        shorter.body.pop();
        tampered.push(shorter);
    }
    invalid.extend(tampered.into_iter().map(|tampered| (tampered, at, VerifyError::InvalidSignature)));
    let invalid = invalid.into_iter().map(|(signed, at, expected)| (signed, at, expected.to_string()));
    invalid.chain(unknown).collect()
}

#[test]
fn notification_is_verified_decrypted_and_parsed() {
    for case in Case::all("v3", "notification") {
        let (me, incoming) = (trusting_merchant(), case.incoming());
        case.stage("message.txt", incoming.raw_notification().string_to_sign());
        let body: Value = serde_json::from_slice(&incoming.body).unwrap();
        let resource = &body["resource"];
        assert_eq!(resource["ciphertext"].as_str().unwrap().as_bytes(), case.file("ciphertext.txt"));
        let key = AwsLc.symmetric_key(&Secret::new(API_V3_KEY.as_bytes().try_into().unwrap()));
        let nonce = resource["nonce"].as_str().unwrap().as_bytes();
        let data = resource["associated_data"].as_str().unwrap_or_default().as_bytes();
        case.stage("plaintext.json", key.open(nonce, data, &case.bytes("ciphertext.txt")).unwrap());
        assert_eq!(key.seal(nonce, data, &case.file("plaintext.json")), case.bytes("ciphertext.txt"));

        let notification =
            run_without_network(me.verify_notification(incoming.raw_notification()), case.at()).unwrap();
        assert_eq!(notification.id(), body["id"]);
        assert_eq!(notification.event_type(), case.text("event_type"));
        assert_eq!(notification.original_type(), Some(case.text("original_type")));
        assert_eq!(notification.summary(), "支付成功");
        assert_eq!(notification.create_time().unwrap().as_secs(), 1_795_487_696);
        assert_eq!(
            (notification.mchid().as_str(), notification.resource().verified_by()),
            (MCHID, VerifiedBy::Aead)
        );
        case.stage("plaintext.json", notification.resource().bytes());
        if let Event::Transaction(transaction) = notification.event().unwrap() {
            assert_eq!(transaction.trade_state, TradeState::Success);
            assert_eq!(transaction.out_trade_no.as_str(), "20261125A1");
            assert!(transaction.evidence().is_some());
        } else {
            assert_ne!(case.text("event_type"), "TRANSACTION.SUCCESS");
        }

        for (invalid, at, expected) in invalid_variants(&incoming, case.at()) {
            let error =
                run_without_network(me.verify_notification(invalid.raw_notification()), at).unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Signature, None));
            assert_cause(&error, &expected);
        }
    }
}

/// Faults of the encrypted resource inside a correctly signed notification.
#[test]
fn invalid_resource_is_rejected_with_its_reason() {
    let case = Case::all("v3", "notification").remove(0);
    let body: Value = serde_json::from_slice(&case.file("body.json")).unwrap();
    let me = trusting_merchant();
    let verify = |change: &dyn Fn(&mut Value)| {
        let mut body = body.clone();
        change(&mut body["resource"]);
        let signed = Signed::sign(&serde_json::to_vec(&body).unwrap(), case.at());
        run_without_network(me.verify_notification(signed.raw_notification()), case.at()).map_err(|error| {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, None));
            cause(&error)
        })
    };
    assert!(verify(&|_| {}).is_ok());
    let invalid = &*DecryptError.to_string();
    let set = |name: &'static str, value: &'static str| {
        move |resource: &mut Value| resource[name] = Value::from(value)
    };
    for (name, value, expected) in [
        ("algorithm", "AEAD_SM4_GCM", "algorithm must be AEAD_AES_256_GCM"),
        ("nonce", "fdasflkja48", "nonce must be 12 bytes"),
        ("nonce", "fdasflkja4844", "nonce must be 12 bytes"),
        ("nonce", "fdasflkja485", invalid),
        ("associated_data", "refund", invalid),
        ("ciphertext", "", "resource.ciphertext: is missing"),
        ("ciphertext", "AAAAAAAAAAAAAAAAAAAA", invalid),
        ("ciphertext", "invalid cipher", "invalid Base64 at byte 7"),
    ] {
        assert_eq!(verify(&set(name, value)), Err(expected.to_owned()), "{name} {value}");
    }
    for name in ["algorithm", "nonce", "ciphertext"] {
        let result = verify(&|resource| drop(resource.as_object_mut().unwrap().remove(name)));
        assert_eq!(result.unwrap_err(), format!("resource.{name}: is missing"));
    }
    // Another APIv3 key.
    let other = with_trusted_keys(merchant(KEY, &API_V3_KEY.to_lowercase()));
    let error = run_without_network(other.verify_notification(case.incoming().raw_notification()), case.at())
        .unwrap_err();
    assert_eq!((error.kind(), cause(&error).as_str()), (ErrorKind::Malformed, invalid));
}

#[test]
fn certificate_list_is_decrypted_verified_and_trusted() {
    for case in Case::all("v3", "certificates") {
        let incoming = case.incoming();
        let list: Value = serde_json::from_slice(&incoming.body).unwrap();
        let resources = list["data"].as_array().unwrap().iter().map(|entry| &entry["encrypt_certificate"]);
        let ciphertexts: Vec<_> =
            resources.map(|resource| resource["ciphertext"].as_str().unwrap()).collect();
        case.stage("ciphertext.txt", ciphertexts.join("\n"));
        case.stage("message.txt", message::reply(&case.at().to_string(), case.text("nonce"), &incoming.body));

        let listed: Vec<SerialNo> = case.context["serials"]
            .as_array()
            .unwrap()
            .iter()
            .map(|serial| serial.as_str().unwrap().parse().unwrap())
            .collect();
        for platform in PLATFORM {
            let is_listed = listed.contains(&platform.serial_no.parse().unwrap());
            assert_eq!(is_trusted(&platform, &incoming, case.at()), is_listed, "{}", platform.serial_no);
        }
        for (invalid, at, expected) in invalid_variants(&incoming, case.at()) {
            let error = run_with_reply(fetching_merchant().refresh_platform_keys(), invalid.reply(200), at)
                .unwrap_err();
            // A list with a changed byte may be rejected before its signature is verified.
            if invalid.body == incoming.body {
                assert_cause(&error, &expected);
            }
        }
    }
}

/// Returns a merchant that fetches certificates, and also trusts the public key.
fn fetching_merchant() -> Merchant {
    let public_key = v3::public_key(PUBLIC_KEY);
    merchant(KEY, API_V3_KEY)
        .public_key(PUBLIC_KEY_ID.parse().unwrap(), public_key)
        .platform_certificates()
        .build()
}

/// Returns whether this key's signature is trusted after a refresh with the list, without another fetch.
fn is_trusted(platform: &Platform, list: &Signed, at: UnixTime) -> bool {
    let me = fetching_merchant();
    let mut driver = driver_at(at);
    let reply = list.reply(200);
    let network = |transmit: Transmit, _: UnixTime| -> (Reply, Duration) {
        assert_eq!((transmit.label, transmit.request.method()), ("v3.certificates", Method::Get));
        (Ok(reply.clone()), Duration::ZERO)
    };
    driver.run(me.refresh_platform_keys(), &mut { network }).unwrap();
    assert_eq!(driver.count("v3.certificates"), 1);

    let body = b"{}";
    let message = message::reply(&at.to_string(), "N", body);
    let signature = base64::encode(&v3::private_key(platform.key).sign(&message).unwrap());
    let reply = Signed::new(platform.serial_no, &at.to_string(), "N", &signature, body).reply(200);
    let network = |_: Transmit, _: UnixTime| -> (Reply, Duration) { (Ok(reply.clone()), Duration::ZERO) };
    let result = driver.run(me.call(Raw::new(Method::Get, "/v3/whatever").unwrap()), &mut { network });
    assert_eq!(driver.count("v3.certificates"), 1, "the list must not be fetched again");
    result.is_ok()
}

#[test]
fn sensitive_field_decrypts_only_with_the_merchants_key() {
    for case in Case::all("v3", "sealed") {
        let sealed = String::from_utf8(case.file("sealed.txt")).unwrap();
        case.stage("plain.txt", default_merchant().open(&sealed).unwrap().expose());
        let other = merchant(PLATFORM[0].key, API_V3_KEY).build();
        let error = other.open(&sealed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(cause(&error), "the signature or the ciphertext is invalid: wrong key or modified data");
        assert!(
            cause(&default_merchant().open(sealed.get(1..).unwrap()).unwrap_err())
                .starts_with("invalid Base64")
        );
    }
}

#[test]
fn bill_is_accepted_only_with_the_digest_of_the_whole_unzipped_file() {
    for case in Case::all("v3", "bill") {
        let at = UnixTime::from_secs(1_795_600_000);
        let body = serde_json::json!({
            "hash_type": "SHA1",
            "hash_value": String::from_utf8(case.file("digest.txt")).unwrap(),
            "download_url": "https://api.mch.weixin.qq.com/v3/billdownload/file?token=t",
        });
        let request = TradeBill::of("2026-11-24".parse().unwrap()).gzip();
        let reply = Signed::sign(&serde_json::to_vec(&body).unwrap(), at).reply(200);
        let BillReply::Ready(bill_file) =
            run_with_reply(trusting_merchant().call(request), reply, at).unwrap()
        else {
            panic!("the bill must be ready")
        };
        let mut bill = Vec::new();
        GzDecoder::new(case.file("zipped.bin").as_slice()).read_to_end(&mut bill).unwrap();
        case.stage("bill.csv", &bill);
        let is_accepted = |pieces: &[&[u8]]| {
            let mut check = run_without_network(trusting_merchant().prepare_download(&bill_file), at)
                .unwrap()
                .digest_check;
            for piece in pieces {
                check.update(piece);
            }
            check.finish().is_ok()
        };
        let (head, tail) = bill.split_at(bill.len() / 2);
        assert!(is_accepted(&[&bill]) && is_accepted(&[head, tail]));
        for pieces in
            [&[head][..], &[tail, head], &[&bill, b"\n"], &[&bill[3..]], &[&case.file("zipped.bin")]]
        {
            assert!(!is_accepted(pieces), "{}", case.folder.display());
        }
    }
}
