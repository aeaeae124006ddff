//! The keys of the platform and the merchant: download, rotation, migration, encryption.

use super::shop::{START, Shop, bare};
use aws_lc_rs::{
    digest,
    rsa::{
        OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
        PublicEncryptingKey,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use wxpay_proto::{crypto::Certificate, http::Method, wire::time::parse_rfc3339};
use wxpay_sim::{Gateway, Outcome, Settings, keys::KeySource, merchant::KeyMode};

fn set_mode(shop: &mut Shop, mode: KeyMode) {
    let mchid = shop.merchant.mchid().clone();
    shop.gateway.merchant_mut(&mchid).unwrap().platform_mut().set_mode(mode);
}

#[test]
fn certificates_are_encrypted_with_the_apiv3_key() {
    let mut shop = Shop::open();
    let reply = shop.get("/v3/certificates?algorithm_type=RSA");
    let [certificate_entry] = reply.body["data"].as_array().unwrap().as_slice() else { panic!("{reply:?}") };
    assert_eq!(certificate_entry["encrypt_certificate"]["associated_data"], "certificate");
    let pem = shop.decrypt(&certificate_entry["encrypt_certificate"]);
    let certificate = Certificate::parse_pem(&pem).unwrap();
    assert_eq!(certificate_entry["serial_no"], certificate.serial());
    assert_eq!(reply.headers["wechatpay-serial"], certificate.serial());
    assert_eq!(certificate_entry["serial_no"].as_str().unwrap().len(), 40);
    let time = |name: &str| parse_rfc3339(certificate_entry[name].as_str().unwrap()).unwrap();
    assert_eq!(time("effective_time"), certificate.not_before());
    assert_eq!(time("expire_time"), certificate.not_after());
    assert_eq!(shop.get("/v3/certificates?algorithm_type=SM2").status, 404);
}

#[test]
fn merchant_in_public_key_mode_has_no_certificates() {
    let mut shop = Shop::open();
    set_mode(&mut shop, KeyMode::PublicKey);
    let reply = shop.get("/v3/certificates");
    assert_eq!((reply.status, reply.code()), (404, "RESOURCE_NOT_EXISTS"));
    assert_eq!(reply.headers["wechatpay-serial"], shop.public_key_id());
}

#[test]
fn reply_signer_follows_wechatpay_serial_after_the_switch() {
    let mut shop = Shop::open();
    let (certificate, key) = (shop.platform_serial(), shop.public_key_id());
    let signer = |shop: &mut Shop, mode, serial: Option<&str>| {
        set_mode(shop, mode);
        shop.wechatpay_serial = serial.map(String::from);
        shop.get("/v3/certificates").headers["wechatpay-serial"].clone()
    };
    let switching = KeyMode::Switching { since: shop.now };
    let api_certificate = shop.serial();
    for (mode, serial, expected) in [
        (KeyMode::Certificates, Some(key.as_str()), &certificate),
        (KeyMode::Obtained, Some(key.as_str()), &certificate),
        (switching, Some(key.as_str()), &key),
        (switching, Some(certificate.as_str()), &certificate),
        (switching, Some(api_certificate.as_str()), &certificate),
        (switching, None, &certificate),
        (KeyMode::PublicKey, None, &key),
        (KeyMode::PublicKey, Some(certificate.as_str()), &key),
    ] {
        assert_eq!(signer(&mut shop, mode, serial), *expected, "{mode:?} {serial:?}");
    }
}

#[test]
fn rotated_certificate_is_listed_for_a_day_before_it_signs() {
    let mut shop = Shop::open();
    let old = shop.platform_serial();
    let mchid = shop.merchant.mchid().clone();
    shop.gateway.rotate_certificate(&mchid, shop.now).unwrap();
    let reply = shop.get("/v3/certificates");
    assert_eq!(reply.body["data"].as_array().unwrap().len(), 2);
    assert_eq!(reply.headers["wechatpay-serial"], old);
    shop.wait(86_400);
    let reply = shop.get("/v3/certificates");
    assert_eq!(reply.headers["wechatpay-serial"], reply.body["data"][1]["serial_no"].as_str().unwrap());
    assert_ne!(reply.headers["wechatpay-serial"], old);
}

#[test]
fn two_merchant_certificates_work_until_one_is_revoked() {
    let mut shop = Shop::open();
    let mchid = shop.merchant.mchid().clone();
    let second = shop.gateway.issue_api_key(&mchid, shop.now).unwrap();
    assert_eq!(shop.get("/v3/certificates").status, 200);
    let first = shop.merchant.api_keys()[0].certificate.serial().clone();
    shop.gateway.merchant_mut(&mchid).unwrap().revoke_api_key(&first);
    assert_eq!(shop.get("/v3/certificates").refusal().1, "SIGN_ERROR");
    assert!(
        shop.gateway
            .merchant_by_mchid(&mchid)
            .unwrap()
            .public_key(second.certificate.serial().as_str())
            .is_some()
    );
}

fn encrypt(spki: &[u8], plaintext: &str) -> String {
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(spki).unwrap()).unwrap();
    let mut ciphertext = vec![0; key.ciphertext_size()];
    key.encrypt(&OAEP_SHA1_MGF1SHA1, plaintext.as_bytes(), &mut ciphertext, None).unwrap();
    STANDARD.encode(ciphertext)
}

fn echo(shop: &mut Shop, ciphertext: &str) -> super::shop::ParsedReply {
    let body = json!({ "echo_message": "hello", "encrypted_echo_message": ciphertext, "notify_url": "https://shop.example/n" });
    shop.post("/v3/security/echo", &body)
}

#[test]
fn echo_returns_the_message_encrypted_for_the_merchant() {
    let mut shop = Shop::open();
    let (key, certificate) = (shop.public_key_id(), shop.platform_serial());
    let by_key = shop.merchant.platform().public_key().unwrap().key_pair.public().der();
    let by_certificate =
        shop.merchant.platform().certificates(shop.now).next().unwrap().key_pair.public().der();
    for (serial, spki) in [(&key, &by_key), (&certificate, &by_certificate)] {
        shop.wechatpay_serial = Some(serial.clone());
        let reply = echo(&mut shop, &encrypt(spki, "机密"));
        assert_eq!((reply.status, &reply.body["echo_message"]), (200, &json!("hello")));
        let ciphertext = STANDARD.decode(reply.body["encrypted_echo_message"].as_str().unwrap()).unwrap();
        let private_key =
            PrivateDecryptingKey::from_pkcs8(&shop.merchant.api_keys()[0].key_pair.private_der()).unwrap();
        let private_key = OaepPrivateDecryptingKey::new(private_key).unwrap();
        let mut plaintext = vec![0; private_key.min_output_size()];
        assert_eq!(
            private_key.decrypt(&OAEP_SHA1_MGF1SHA1, &ciphertext, &mut plaintext, None).unwrap(),
            "机密".as_bytes()
        );
        let [delivery] = shop.due().try_into().unwrap();
        let (envelope, content) = shop.read_notification(&delivery);
        assert_eq!(envelope["event_type"], "SECURITY_ECHO.SUCCESS");
        assert_eq!(content["echo_message"], "hello");
        assert_eq!(
            delivery.headers().iter().find(|(name, _)| *name == "wechatpay-serial").unwrap().1,
            *serial
        );
        shop.acknowledge(&delivery, 204);
    }
}

#[test]
fn encrypted_field_requires_a_matching_wechatpay_serial() {
    let mut shop = Shop::open();
    let spki = shop.merchant.platform().public_key().unwrap().key_pair.public().der();
    let ciphertext = encrypt(&spki, "secret");
    for (serial, message) in [
        (None, "HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)"),
        (Some("5FFF".into()), "平台证书序列号Wechatpay-Serial错误"),
        (Some(shop.serial()), "平台证书序列号Wechatpay-Serial错误"),
        // The key of the certificate did not encrypt it (PowerWeChat#654).
        (Some(shop.platform_serial()), "请确认待处理的消息是否为加密后的密文"),
    ] {
        shop.wechatpay_serial = serial;
        let reply = echo(&mut shop, &ciphertext);
        assert_eq!((reply.refusal(), reply.message()), ((400, "PARAM_ERROR", 268_435_461), message));
    }
}

/// Computes the signatures of the fake keys from their definition.
#[test]
fn fake_keys_sign_with_hashes_and_have_real_certificates() {
    let mut settings = Settings::default();
    settings.v3.key_source = KeySource::Fake;
    let mut gateway = Gateway::new(settings, 1);
    let merchant = gateway.merchant().clone();
    let sha256 = |parts: &[&[u8]]| digest::digest(&digest::SHA256, &parts.concat()).as_ref().to_vec();
    let sign = |spki: &[u8], message: &str| sha256(&[&sha256(&[spki]), message.as_bytes()]).repeat(8);
    let (certificate, now) = (&merchant.api_keys()[0].certificate, START.as_secs());
    let signed = sign(&certificate.public_key().der(), &format!("GET\n/v3/certificates\n{now}\nn\n\n"));
    let authorization = format!(
        "WECHATPAY2-SHA256-RSA2048 mchid={},nonce_str=n,signature={},timestamp={now},serial_no={}",
        merchant.mchid(),
        STANDARD.encode(signed),
        certificate.serial()
    );
    let request = bare(Method::Get, "/v3/certificates", "").with_header("authorization", authorization);
    let Outcome::Reply(reply) = gateway.answer(&request, START) else { panic!("no fault was injected") };
    assert_eq!(reply.status(), 200);
    let header = |name| std::str::from_utf8(reply.header(name).unwrap()).unwrap().to_owned();
    let listed = merchant.platform().certificates(START).next().unwrap();
    assert_eq!(header("wechatpay-serial"), listed.certificate.serial().as_str());
    let certificate = Certificate::parse_pem(listed.certificate.pem().unwrap().as_bytes()).unwrap();
    let body = std::str::from_utf8(reply.body()).unwrap();
    let message = format!("{}\n{}\n{body}\n", header("wechatpay-timestamp"), header("wechatpay-nonce"));
    assert_eq!(header("wechatpay-signature"), STANDARD.encode(sign(certificate.spki(), &message)));
}
