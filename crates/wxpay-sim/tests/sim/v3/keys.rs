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
use serde_json::{Value, json};
use wxpay_proto::{crypto::Certificate, http::Method, wire::time::parse_rfc3339};
use wxpay_sim::{Gateway, Outcome, Settings, keys::KeySource, merchant::KeyMode};

fn set_mode(shop: &mut Shop, mode: KeyMode) {
    let mchid = shop.me.mchid().clone();
    shop.gateway.merchant_mut(&mchid).unwrap().platform_mut().set_mode(mode);
}

#[test]
fn certificates_are_encrypted_with_the_apiv3_key() {
    let mut shop = Shop::open();
    let said = shop.get("/v3/certificates?algorithm_type=RSA");
    let [listed] = said.body["data"].as_array().unwrap().as_slice() else { panic!("{said:?}") };
    assert_eq!(listed["encrypt_certificate"]["associated_data"], "certificate");
    let pem = shop.decrypt(&listed["encrypt_certificate"]);
    let certificate = Certificate::parse_pem(&pem).unwrap();
    assert_eq!(listed["serial_no"], certificate.serial());
    assert_eq!(said.headers["wechatpay-serial"], certificate.serial());
    assert_eq!(listed["serial_no"].as_str().unwrap().len(), 40);
    let time = |name: &str| parse_rfc3339(listed[name].as_str().unwrap()).unwrap();
    assert_eq!(time("effective_time"), certificate.not_before());
    assert_eq!(time("expire_time"), certificate.not_after());
    assert_eq!(shop.get("/v3/certificates?algorithm_type=SM2").status, 404);
}

#[test]
fn merchant_in_public_key_mode_has_no_certificates() {
    let mut shop = Shop::open();
    set_mode(&mut shop, KeyMode::PublicKey);
    let said = shop.get("/v3/certificates");
    assert_eq!((said.status, said.code()), (404, "RESOURCE_NOT_EXISTS"));
    assert_eq!(said.headers["wechatpay-serial"], shop.public_key_id());
}

#[test]
fn reply_signer_follows_wechatpay_serial_after_the_switch() {
    let mut shop = Shop::open();
    let (certificate, key) = (shop.platform_serial(), shop.public_key_id());
    let signer = |shop: &mut Shop, mode, names: Option<&str>| {
        set_mode(shop, mode);
        shop.wechatpay_serial = names.map(String::from);
        shop.get("/v3/certificates").headers["wechatpay-serial"].clone()
    };
    let switching = KeyMode::Switching { since: shop.now };
    let merchants = shop.serial();
    for (mode, names, expected) in [
        (KeyMode::Certificates, Some(key.as_str()), &certificate),
        (KeyMode::Obtained, Some(key.as_str()), &certificate),
        (switching, Some(key.as_str()), &key),
        (switching, Some(certificate.as_str()), &certificate),
        (switching, Some(merchants.as_str()), &certificate),
        (switching, None, &certificate),
        (KeyMode::PublicKey, None, &key),
        (KeyMode::PublicKey, Some(certificate.as_str()), &key),
    ] {
        assert_eq!(signer(&mut shop, mode, names), *expected, "{mode:?} {names:?}");
    }
}

#[test]
fn rotated_certificate_is_listed_for_a_day_before_it_signs() {
    let mut shop = Shop::open();
    let old = shop.platform_serial();
    let mchid = shop.me.mchid().clone();
    shop.gateway.rotate_certificate(&mchid, shop.now).unwrap();
    let said = shop.get("/v3/certificates");
    assert_eq!(said.body["data"].as_array().unwrap().len(), 2);
    assert_eq!(said.headers["wechatpay-serial"], old);
    shop.wait(86_400);
    let said = shop.get("/v3/certificates");
    assert_eq!(said.headers["wechatpay-serial"], said.body["data"][1]["serial_no"].as_str().unwrap());
    assert_ne!(said.headers["wechatpay-serial"], old);
}

#[test]
fn two_merchant_certificates_work_until_one_is_revoked() {
    let mut shop = Shop::open();
    let mchid = shop.me.mchid().clone();
    let second = shop.gateway.issue_api_key(&mchid, shop.now).unwrap();
    assert_eq!(shop.get("/v3/certificates").status, 200);
    let first = shop.me.api_keys()[0].certificate.serial().clone();
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

fn sealed(spki: &[u8], text: &str) -> String {
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(spki).unwrap()).unwrap();
    let mut sealed = vec![0; key.ciphertext_size()];
    key.encrypt(&OAEP_SHA1_MGF1SHA1, text.as_bytes(), &mut sealed, None).unwrap();
    STANDARD.encode(sealed)
}

fn echo(shop: &mut Shop, sealed: &str) -> super::shop::ParsedReply {
    let body = json!({ "echo_message": "hello", "encrypted_echo_message": sealed, "notify_url": "https://shop.example/n" });
    shop.post("/v3/security/echo", &body)
}

#[test]
fn echo_returns_the_message_encrypted_for_the_merchant() {
    let mut shop = Shop::open();
    let (key, certificate) = (shop.public_key_id(), shop.platform_serial());
    let by_key = shop.me.platform().public_key().unwrap().key_pair.public().der();
    let by_certificate = shop.me.platform().certificates(shop.now).next().unwrap().key_pair.public().der();
    for (names, spki) in [(&key, &by_key), (&certificate, &by_certificate)] {
        shop.wechatpay_serial = Some(names.clone());
        let said = echo(&mut shop, &sealed(spki, "机密"));
        assert_eq!((said.status, &said.body["echo_message"]), (200, &json!("hello")));
        let back = STANDARD.decode(said.body["encrypted_echo_message"].as_str().unwrap()).unwrap();
        let own = PrivateDecryptingKey::from_pkcs8(&shop.me.api_keys()[0].key_pair.private_der()).unwrap();
        let own = OaepPrivateDecryptingKey::new(own).unwrap();
        let mut plain = vec![0; own.min_output_size()];
        assert_eq!(own.decrypt(&OAEP_SHA1_MGF1SHA1, &back, &mut plain, None).unwrap(), "机密".as_bytes());
        let [told] = shop.due().try_into().unwrap();
        let (envelope, plain) = shop.read_notification(&told);
        assert_eq!(envelope["event_type"], "SECURITY_ECHO.SUCCESS");
        assert_eq!(plain["echo_message"], "hello");
        assert_eq!(told.headers().iter().find(|(name, _)| *name == "wechatpay-serial").unwrap().1, *names);
        shop.acknowledge(&told, 204);
    }
}

#[test]
fn encrypted_field_requires_a_matching_wechatpay_serial() {
    let mut shop = Shop::open();
    let spki = shop.me.platform().public_key().unwrap().key_pair.public().der();
    let text = sealed(&spki, "secret");
    let location = |said: &super::shop::ParsedReply| -> Value { said.body["detail"]["location"].clone() };
    let said = echo(&mut shop, &text);
    assert_eq!((said.refusal().1, location(&said)), ("PARAM_ERROR", json!("header")));
    shop.wechatpay_serial = Some("5FFF".into());
    let said = echo(&mut shop, &text);
    assert_eq!(said.body["detail"]["issue"], "平台证书序列号Wechatpay-Serial错误");
    shop.wechatpay_serial = Some(shop.platform_serial());
    let said = echo(&mut shop, &text);
    assert_eq!((said.refusal().1, location(&said)), ("PARAM_ERROR", json!("body")));
    assert_eq!(said.body["detail"]["issue"], "敏感信息解密失败");
}

/// The signature scheme for mass tests, computed here from its definition.
#[test]
fn fake_keys_sign_with_hashes_and_have_real_certificates() {
    let mut settings = Settings::default();
    settings.v3.key_source = KeySource::Fake;
    let mut gateway = Gateway::new(settings, 1);
    let me = gateway.merchant().clone();
    let sha256 = |parts: &[&[u8]]| digest::digest(&digest::SHA256, &parts.concat()).as_ref().to_vec();
    let sign = |spki: &[u8], message: &str| sha256(&[&sha256(&[spki]), message.as_bytes()]).repeat(8);
    let (own, now) = (&me.api_keys()[0].certificate, START.as_secs());
    let signed = sign(&own.public_key().der(), &format!("GET\n/v3/certificates\n{now}\nn\n\n"));
    let authorization = format!(
        "WECHATPAY2-SHA256-RSA2048 mchid={},nonce_str=n,signature={},timestamp={now},serial_no={}",
        me.mchid(),
        STANDARD.encode(signed),
        own.serial()
    );
    let request = bare(Method::Get, "/v3/certificates", "").with_header("authorization", authorization);
    let Outcome::Reply(reply) = gateway.answer(&request, START) else { panic!("no fault was injected") };
    assert_eq!(reply.status(), 200);
    let header = |name| std::str::from_utf8(reply.header(name).unwrap()).unwrap().to_owned();
    let listed = me.platform().certificates(START).next().unwrap();
    assert_eq!(header("wechatpay-serial"), listed.certificate.serial().as_str());
    let certificate = Certificate::parse_pem(listed.certificate.pem().unwrap().as_bytes()).unwrap();
    let body = std::str::from_utf8(reply.body()).unwrap();
    let message = format!("{}\n{}\n{body}\n", header("wechatpay-timestamp"), header("wechatpay-nonce"));
    assert_eq!(header("wechatpay-signature"), STANDARD.encode(sign(certificate.spki(), &message)));
}
