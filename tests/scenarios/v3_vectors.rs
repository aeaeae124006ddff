//! APIv3 against the published values: each is reproduced stage by stage, or rejected for the expected reason.
//!
//! The values are read from `../shared/vectors` next to the checkout. Without it the tests are ignored.

use super::{
    v3_signed::{
        Signed, assert_cause, cause, driver_at, merchant, run_with_reply, run_without_network,
        with_trusted_keys,
    },
    v3_stages::invalid_variants,
};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::{collections::BTreeMap, error::Error as _, io::Read as _, time::Duration};
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    Error, ErrorKind, UnixTime,
    crypto::{Certificate, CryptoProvider as _, InvalidSignature},
    exchange::{Failure, Reply, Transmit},
    http::Method,
    secret::Secret,
    v3::{
        ApiV3Key, Authorization, DecryptError, Event, Merchant, Notification, Raw, VerifyError,
        bill::{BillReply, TradeBill},
        message,
        pay::{AppParams, JsapiParams},
    },
    wire::{base64, multipart::Upload},
};
use wxpay_testkit::keys::v3::{self, API_V3_KEY, KEY, PUBLIC_KEY, PUBLIC_KEY_ID};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors");

/// The kinds of values that are out of scope, each with the reason.
const OUT_OF_SCOPE: [(&str, &str); 9] = [
    ("v2_sign", "APIv2"),
    ("v2_sign_string", "APIv2"),
    ("v2_key_order", "APIv2"),
    ("v2_refund_req_info_decrypt", "APIv2"),
    ("aes_256_ecb_pkcs7_encrypt", "the cipher of APIv2 refund notifications"),
    ("md5_hex", "the digest of APIv2"),
    ("sm2_sm3_verify", "the SM2 scheme, not openly available"),
    ("sm2_decrypt_asn1_c1c3c2", "the SM2 scheme, not openly available"),
    ("sm4_gcm_decrypt", "the SM2 scheme, not openly available"),
];

/// Returns the values of both files.
fn cases() -> Vec<Case> {
    let read = |name: &str| -> Vec<Value> {
        let text =
            std::fs::read(format!("{FOLDER}/{name}")).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_slice(&text).unwrap()
    };
    ["v2-v3.json", "v2-v3-derived.json"].into_iter().flat_map(read).map(Case).collect()
}

/// The result of checking a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The value was reproduced as published.
    Reproduced,
    /// The value was published as invalid, and was rejected for the expected reason.
    Rejected,
    /// The value is valid elsewhere, but violates a rule of the protocol, and was rejected by that rule.
    Forbidden,
    /// The key was not published.
    Withheld,
    /// The value does not belong to APIv3.
    OutOfScope,
}

use Outcome::{Forbidden, OutOfScope, Rejected, Reproduced, Withheld};

#[test]
#[cfg_attr(not(published_values), ignore = "needs ../shared/vectors")]
#[allow(clippy::print_stdout, reason = "shows the name of a value that fails")]
fn published_values_are_reproduced_rejected_or_out_of_scope() {
    let cases = cases();
    let mut counts = BTreeMap::new();
    for case in &cases {
        println!("{}", case.text("name"));
        let outcome = case.check();
        let is_published_as_valid = case.0["verified"] == true;
        assert!(is_published_as_valid || [Withheld, OutOfScope].contains(&outcome), "{}", case.text("name"));
        *counts.entry(outcome).or_insert(0) += 1;
    }
    let expected = [(Reproduced, 41), (Rejected, 10), (Forbidden, 9), (Withheld, 3), (OutOfScope, 32)];
    assert_eq!(counts, BTreeMap::from(expected));
    for (kind, why) in OUT_OF_SCOPE {
        assert!(cases.iter().any(|case| case.text("kind") == kind), "no value of kind {kind} ({why})");
    }
}

struct Case(Value);

impl Case {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("{name} of {}", self.0["name"]))
    }

    fn at(&self) -> UnixTime {
        UnixTime::from_secs(self.text("timestamp").parse().unwrap())
    }

    fn method(&self) -> Method {
        if self.text("method") == "POST" { Method::Post } else { Method::Get }
    }

    /// Returns the merchant with the published key.
    fn merchant(&self) -> Merchant {
        merchant(self.text("private_key_pem"), API_V3_KEY).build()
    }

    fn check(&self) -> Outcome {
        let kind = self.text("kind");
        if OUT_OF_SCOPE.iter().any(|(listed, _)| *listed == kind) {
            return OutOfScope;
        }
        let keys = ["private_key_pem", "public_key_pem", "certificate_pem"];
        if self.0["verified"] == false && keys.iter().all(|name| self.0[name].is_null()) {
            return Withheld;
        }
        match kind {
            "v3_sign_message" => self.check_message(),
            "v3_request_sign" => self.check_request(),
            "v3_authorization" => self.check_authorization(),
            "v3_authorization_shape" => self.check_authorization_order(),
            "v3_client_sign_jsapi" => self.check_jsapi(),
            "v3_client_sign_app" => self.check_app(),
            "v3_response_verify" | "v3_notify_verify" => self.check_incoming(),
            "v3_certificates_decrypt" => self.check_certificates(),
            "aes_gcm_decrypt" => self.check_decrypt(),
            "aes_gcm_encrypt" => self.check_encrypt(),
            "rsa_sha256_sign" => self.check_signature(),
            "rsa_sha256_verify" => self.check_verification(),
            "rsa_oaep_sha1_decrypt" => self.check_oaep(),
            "rsa_pkcs1v15_decrypt" => self.check_pkcs1v15(),
            "certificate_serial" => {
                let certificate = v3::certificate(self.text("certificate_pem"));
                assert_eq!(certificate.serial(), self.text("expected"));
                Reproduced
            }
            "sha256_hex" => {
                // Uploads are the only messages with a SHA-256 digest.
                let upload = Upload::new("a.png", self.text("message").into()).unwrap();
                let meta: Value = serde_json::from_slice(upload.meta()).unwrap();
                assert_eq!(meta["sha256"], self.text("expected"));
                Reproduced
            }
            "sha1_hex" => self.check_digest(self.text("message").as_bytes()),
            "sha1_of_gunzip_hex" => {
                let zipped = base64::decode(self.text("gzip_b64").as_bytes()).unwrap();
                let mut bill = Vec::new();
                GzDecoder::new(zipped.as_slice()).read_to_end(&mut bill).unwrap();
                assert!(
                    !has_digest(self.text("expected"), &zipped),
                    "the digest must be that of the unzipped bill"
                );
                self.check_digest(&bill)
            }
            other => panic!("unknown kind: {other}"),
        }
    }

    fn message_to_sign(&self) -> Vec<u8> {
        let seconds = self.at().as_secs();
        let body = self.text("body").as_bytes();
        message::request(self.method(), self.text("url"), seconds, self.text("nonce"), body)
    }

    fn check_message(&self) -> Outcome {
        if !["GET", "POST"].contains(&self.text("method")) {
            // An invented value with method 6 and path 7.
            let path = Raw::new(Method::Get, self.text("url")).unwrap_err();
            assert_eq!(path.field(), "path");
            return Forbidden;
        }
        assert_eq!(String::from_utf8(self.message_to_sign()).unwrap(), self.text("expected"));
        Reproduced
    }

    fn check_request(&self) -> Outcome {
        let (url, body) = (self.text("url"), self.text("body").as_bytes());
        let authorization = self
            .merchant()
            .authorize(self.method(), url, body, self.at(), self.text("nonce").into())
            .unwrap();
        assert_eq!(base64::encode(&authorization.signature), self.text("expected"));
        assert_eq!(self.merchant().sign(&self.message_to_sign()).unwrap(), authorization.signature);
        // The request is sent as it was signed.
        let raw = Raw::new(self.method(), url).unwrap();
        let raw = if body.is_empty() { raw } else { raw.json(body).unwrap() };
        let network = |transmit: Transmit, _: UnixTime| -> (Reply, Duration) {
            assert_eq!(transmit.request.url(), format!("https://api.mch.weixin.qq.com{url}"));
            assert_eq!(transmit.request.body(), body);
            let header: Authorization = transmit.request.header("authorization").unwrap().parse().unwrap();
            let expected =
                self.merchant().authorize(self.method(), url, body, self.at(), header.nonce_str.clone());
            assert_eq!(expected.unwrap(), header);
            (Err(Failure::NotSent("no connection".into())), Duration::ZERO)
        };
        drop(driver_at(self.at()).run(self.merchant().call(raw), &mut { network }).unwrap_err());
        Reproduced
    }

    fn check_authorization(&self) -> Outcome {
        let serial = self.text("serial_no").parse().unwrap();
        let key = v3::private_key(self.text("private_key_pem"));
        let api_v3_key = ApiV3Key::new(API_V3_KEY.into()).unwrap();
        let merchant =
            Merchant::builder(v3::provider(), self.text("mchid").parse().unwrap(), serial, key, &api_v3_key)
                .build();
        let (url, body) = (self.text("url"), self.text("body").as_bytes());
        let authorization =
            merchant.authorize(self.method(), url, body, self.at(), self.text("nonce").into()).unwrap();
        assert_eq!(authorization.to_string(), self.text("expected"));
        assert_eq!(self.text("expected").parse(), Ok(authorization));
        Reproduced
    }

    /// Parses the five parameters in another order. The published placeholder values are invalid; the order is free.
    fn check_authorization_order(&self) -> Outcome {
        let shape = self.text("expected");
        assert_eq!(shape.parse::<Authorization>().unwrap_err().field(), "signature");
        let valid = shape.replace("\"3\"", "\"c2ln\"").replace("\"5\"", "\"05\"");
        let parsed: Authorization = valid.parse().unwrap();
        assert_eq!((parsed.mchid.as_str(), parsed.nonce_str.as_str(), parsed.timestamp), ("1", "2", 4));
        assert_eq!((parsed.signature.as_slice(), parsed.serial_no.as_str()), (&b"sig"[..], "05"));
        Forbidden
    }

    fn check_jsapi(&self) -> Outcome {
        let prepay_id = self.text("package").strip_prefix("prepay_id=").unwrap().parse().unwrap();
        let [appid, nonce] = [self.text("appid"), self.text("nonce")];
        let params =
            JsapiParams::sign(&self.merchant(), appid.parse().unwrap(), &prepay_id, self.at(), nonce.into())
                .unwrap();
        assert_eq!(params.package, self.text("package"));
        assert_eq!(params.pay_sign, self.text("expected"));
        Reproduced
    }

    fn check_app(&self) -> Outcome {
        let [appid, prepayid, nonce] = ["appid", "prepayid", "nonce"].map(|name| self.text(name));
        let params = AppParams::sign(
            &self.merchant(),
            appid.parse().unwrap(),
            "1900007291".parse().unwrap(),
            prepayid.parse().unwrap(),
            self.at(),
            nonce.into(),
        )
        .unwrap();
        assert_eq!(params.sign, self.text("expected"));
        Reproduced
    }

    /// Returns the message as WeChat Pay would send it, and a merchant that trusts its key.
    fn signed_message(&self) -> (Signed, Merchant) {
        let [serial, timestamp, nonce, signature, body] =
            ["serial", "timestamp", "nonce", "signature", "body"].map(|name| self.text(name));
        let signed = Signed::new(serial, timestamp, nonce, signature, body.as_bytes());
        let me = match self.0["certificate_pem"].as_str() {
            Some(pem) => {
                let certificate = v3::certificate(pem);
                assert_eq!(certificate.serial(), serial);
                // With a public key in addition, so that nothing is fetched.
                let other = v3::public_key(PUBLIC_KEY);
                merchant(KEY, API_V3_KEY)
                    .platform_certificate(&certificate)
                    .unwrap()
                    .public_key(PUBLIC_KEY_ID.parse().unwrap(), other)
            }
            None => merchant(KEY, API_V3_KEY)
                .public_key(serial.parse().unwrap(), v3::public_key(self.text("public_key_pem"))),
        };
        (signed, me.build())
    }

    /// Verifies a reply or a notification as the reply to a call; a notification also as a notification.
    fn check_incoming(&self) -> Outcome {
        let (signed, merchant) = self.signed_message();
        let call = |signed: &Signed, at: UnixTime| {
            let status = match signed.body.as_slice() {
                [] => 204,
                body if body.starts_with(br#"{"code":"#) => 400,
                _ => 200,
            };
            let raw = Raw::new(Method::Get, "/v3/whatever").unwrap();
            unwrap_verified(
                run_with_reply(merchant.call(raw), signed.reply(status), at)
                    .map(|reply| reply.bytes().to_vec()),
            )
        };
        let verify = |signed: &Signed, at: UnixTime| {
            run_without_network(merchant.verify_notification(signed.raw_notification()), at)
        };
        let is_notification = self.text("kind") == "v3_notify_verify";
        if self.0["expected"] == false {
            assert_eq!(call(&signed, self.at()), Err(VerifyError::InvalidSignature.to_string()));
            if is_notification {
                let error = verify(&signed, self.at()).unwrap_err();
                assert_eq!(
                    (error.kind(), cause(&error)),
                    (ErrorKind::Signature, VerifyError::InvalidSignature.to_string())
                );
            }
            return Rejected;
        }
        assert_eq!(self.0["expected"], true);
        let body = call(&signed, self.at()).unwrap();
        assert!(body.is_empty() == signed.body.starts_with(b"{\"code\":") || body == signed.body);
        if is_notification {
            // Encrypted with another APIv3 key: the signature is valid, and the decryption fails.
            let error = verify(&signed, self.at()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "the signature is valid");
            assert_eq!(cause(&error), DecryptError.to_string());
        }
        for (invalid, at, expected) in invalid_variants(&signed, self.at()) {
            let refused = call(&invalid, at).unwrap_err();
            assert!(refused.contains(&expected), "{expected}: {refused}");
            if is_notification {
                assert_cause(&verify(&invalid, at).unwrap_err(), &expected);
            }
        }
        Reproduced
    }

    /// Decrypts the certificate, and compares it with the values of its entry.
    fn check_certificates(&self) -> Outcome {
        let list: Value = serde_json::from_str(self.text("response_body")).unwrap();
        let [entry] = list["data"].as_array().unwrap().as_slice() else { panic!("expected one certificate") };
        let Some(decrypted) = self.open(&entry["encrypt_certificate"]) else { return Forbidden };
        let certificate = Certificate::parse_pem(&decrypted.unwrap()).unwrap();
        assert_eq!(certificate.serial(), self.0["expected"]["serial_no"]);
        assert_eq!(certificate.serial(), entry["serial_no"]);
        if let Some(name) = self.0["expected"]["subject_cn"].as_str() {
            assert_eq!(certificate.common_name(), Some(name));
        }
        Reproduced
    }

    fn check_decrypt(&self) -> Outcome {
        let resource = serde_json::json!({
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": self.0["nonce"],
            "associated_data": self.0["associated_data"],
            "ciphertext": self.0["ciphertext_b64"],
        });
        let must_fail = self.0["expected_error"] == true;
        match self.open(&resource) {
            Some(Ok(plaintext)) => {
                assert!(!must_fail);
                assert_eq!(String::from_utf8(plaintext).unwrap(), self.text("expected"));
                Reproduced
            }
            Some(Err(cause)) => {
                assert!(must_fail, "{cause}");
                assert_eq!(cause, DecryptError.to_string());
                Rejected
            }
            // With a key of valid length, it is still rejected for its own fault.
            None if must_fail => {
                let cause = open(&self.text("key_utf8").repeat(2), &resource).unwrap_err();
                let is_base64 = base64::decode(self.text("ciphertext_b64").as_bytes()).is_ok();
                let invalid = DecryptError.to_string();
                assert_eq!(cause, if is_base64 { invalid } else { "invalid Base64 at byte 7".to_owned() });
                Rejected
            }
            None => Forbidden,
        }
    }

    /// Decrypts a resource. Returns `None` if the key is not a valid APIv3 key.
    fn open(&self, resource: &Value) -> Option<Result<Vec<u8>, String>> {
        let key = self.text("key_utf8");
        if key.len() != 32 {
            let invalid = ApiV3Key::new(key.into()).unwrap_err();
            assert_eq!(invalid.to_string(), "apiv3_key must be 32 letters and digits");
            return None;
        }
        Some(open(key, resource))
    }

    fn check_encrypt(&self) -> Outcome {
        let key = AwsLc.symmetric_key(&Secret::new(self.text("key_utf8").as_bytes().try_into().unwrap()));
        let data = self.text("associated_data").as_bytes();
        let Ok(nonce) = <&[u8; 12]>::try_from(self.text("nonce").as_bytes()) else {
            // Valid for AES-GCM, but WeChat Pay's nonces have 12 bytes.
            let resource = serde_json::json!({
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": self.0["nonce"],
                "associated_data": self.0["associated_data"],
                "ciphertext": self.0["expected"],
            });
            assert_eq!(open(self.text("key_utf8"), &resource).unwrap_err(), "nonce must be 12 bytes");
            return Forbidden;
        };
        let sealed = key.seal(nonce, data, self.text("plaintext").as_bytes());
        assert_eq!(base64::encode(&sealed), self.text("expected"));
        Reproduced
    }

    fn check_signature(&self) -> Outcome {
        let signature = self.merchant().sign(self.text("message").as_bytes()).unwrap();
        assert_eq!(base64::encode(&signature), self.text("expected"));
        Reproduced
    }

    fn check_verification(&self) -> Outcome {
        let key = match self.0["certificate_pem"].as_str() {
            Some(pem) => AwsLc.public_key(v3::certificate(pem).spki()).unwrap(),
            None => v3::public_key(self.text("public_key_pem")),
        };
        let signature = base64::decode(self.text("signature").as_bytes()).unwrap();
        let is_valid = key.verify(self.text("message").as_bytes(), &signature).is_ok();
        assert_eq!(is_valid, self.0["expected"] == true);
        if is_valid { Reproduced } else { Rejected }
    }

    fn check_oaep(&self) -> Outcome {
        let plaintext = self.merchant().open(self.text("ciphertext_b64")).unwrap();
        assert_eq!(plaintext.expose(), self.text("expected"));
        Reproduced
    }

    /// Checks a SHA-1 digest through a bill, the only message with one.
    fn check_digest(&self, file: &[u8]) -> Outcome {
        assert!(has_digest(self.text("expected"), file));
        assert!(has_digest(&self.text("expected").to_uppercase(), file));
        assert!(!has_digest(self.text("expected"), &[file, b"\n"].concat()));
        Reproduced
    }

    /// PKCS #1 v1.5 padding, used by a few old fields. It is not supported, because it allows padding oracles.
    fn check_pkcs1v15(&self) -> Outcome {
        let error = self.merchant().open(self.text("ciphertext_b64")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(cause(&error), InvalidSignature.to_string());
        Forbidden
    }
}

/// Decrypts a resource with this APIv3 key, inside a notification that is signed here.
fn open(api_v3_key: &str, resource: &Value) -> Result<Vec<u8>, String> {
    let at = UnixTime::from_secs(1_795_600_000);
    let body = serde_json::json!({ "id": "EV-1", "event_type": "X.Y", "resource": resource });
    let signed = Signed::sign(&serde_json::to_vec(&body).unwrap(), at);
    let me = with_trusted_keys(merchant(KEY, api_v3_key));
    let notification =
        run_without_network(me.verify_notification(signed.raw_notification()), at).map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::Malformed);
            cause(&error)
        })?;
    Ok(notification.resource().bytes().to_vec())
}

/// Returns whether the bill download accepts a file for this digest.
fn has_digest(hash_value: &str, file: &[u8]) -> bool {
    let at = UnixTime::from_secs(1_795_600_000);
    let body = serde_json::json!({
        "hash_type": "SHA1",
        "hash_value": hash_value,
        "download_url": "https://api.mch.weixin.qq.com/v3/billdownload/file?token=t",
    });
    let me = with_trusted_keys(merchant(KEY, API_V3_KEY));
    let reply = Signed::sign(&serde_json::to_vec(&body).unwrap(), at).reply(200);
    let request = TradeBill::of("2026-11-24".parse().unwrap());
    let BillReply::Ready(bill_file) = run_with_reply(me.call(request), reply, at).unwrap() else {
        panic!("the bill must be ready")
    };
    let mut check = run_without_network(me.prepare_download(&bill_file), at).unwrap().digest_check;
    check.update(file);
    check.finish().is_ok()
}

/// Treats a verified refusal like a verified success; returns the cause of any other error.
fn unwrap_verified(result: Result<Vec<u8>, Error>) -> Result<Vec<u8>, String> {
    match result {
        Ok(body) => Ok(body),
        Err(error) if error.source().is_none() => {
            let refusal = error.refusal().unwrap();
            assert_eq!((refusal.status, refusal.code.as_str()), (400, "PARAM_ERROR"));
            let detail = refusal.detail.as_ref().unwrap();
            assert_eq!(detail.field.as_deref(), Some("/amount/currency"));
            Ok(Vec::new())
        }
        Err(error) => {
            assert_eq!(error.fate(), None);
            Err(cause(&error))
        }
    }
}

fn find<'a>(cases: &'a [Case], name: &str) -> &'a Case {
    cases.iter().find(|case| case.text("name") == name).unwrap_or_else(|| panic!("{name}"))
}

/// Verifies and decrypts one of the derived notifications with its key.
fn verify_notification(cases: &[Case], name: &str) -> Notification {
    let (signature, content) =
        (find(cases, &format!("{name}-verify")), find(cases, &format!("{name}-decrypt")));
    let (signed, _) = signature.signed_message();
    let certificate = v3::certificate(signature.text("certificate_pem"));
    let me = merchant(KEY, content.text("key_utf8")).platform_certificate(&certificate).unwrap().build();
    let notification =
        run_without_network(me.verify_notification(signed.raw_notification()), signature.at()).unwrap();
    assert_eq!(notification.resource().bytes(), content.text("expected").as_bytes());
    notification
}

#[test]
#[cfg_attr(not(published_values), ignore = "needs ../shared/vectors")]
fn published_notifications_are_verified_decrypted_and_parsed() {
    let cases = cases();
    let paid = verify_notification(&cases, "derived-notify-transaction");
    assert_eq!((paid.event_type(), paid.original_type()), ("TRANSACTION.SUCCESS", Some("transaction")));
    // The order belongs to another merchant.
    assert_eq!(cause(&paid.event().unwrap_err()), "mchid must be this merchant's");
    let refunded = verify_notification(&cases, "derived-notify-refund");
    assert_eq!((refunded.event_type(), refunded.original_type()), ("REFUND.SUCCESS", Some("refund")));
}

#[test]
#[cfg_attr(not(published_values), ignore = "needs ../shared/vectors")]
fn published_payment_notification_is_parsed_by_its_merchant() {
    let cases = cases();
    let (signature, content) = (
        find(&cases, "derived-notify-transaction-verify"),
        find(&cases, "derived-notify-transaction-decrypt"),
    );
    let (signed, _) = signature.signed_message();
    let merchant = Merchant::builder(
        v3::provider(),
        "1900007291".parse().unwrap(),
        "0A".parse().unwrap(),
        v3::private_key(KEY),
        &ApiV3Key::new(content.text("key_utf8").into()).unwrap(),
    )
    .platform_certificate(&v3::certificate(signature.text("certificate_pem")))
    .unwrap()
    .build();
    let notification =
        run_without_network(merchant.verify_notification(signed.raw_notification()), signature.at()).unwrap();
    let Event::Transaction(transaction) = notification.event().unwrap() else {
        panic!("expected a payment event")
    };
    let published: Value = serde_json::from_str(content.text("expected")).unwrap();
    assert_eq!(transaction.out_trade_no.as_str(), published["out_trade_no"]);
    assert_eq!(transaction.transaction_id.as_ref().unwrap().as_str(), published["transaction_id"]);
    assert_eq!(transaction.amount.total.unwrap().get(), published["amount"]["total"].as_u64().unwrap());
    assert!(transaction.evidence().is_some());
}

#[test]
#[cfg_attr(not(published_values), ignore = "needs ../shared/vectors")]
fn published_certificate_list_is_verified_and_its_keys_trusted() {
    let cases = cases();
    let list = find(&cases, "derived-certificates-bootstrap-verify");
    let key = find(&cases, "derived-certificates-decrypt").text("key_utf8");
    let (signed, _) = list.signed_message();
    let me = merchant(KEY, key).build();
    let mut driver = driver_at(list.at());
    let reply = signed.reply(200);
    let network = |_: Transmit, _: UnixTime| -> (Reply, Duration) { (Ok(reply.clone()), Duration::ZERO) };
    driver.run(me.refresh_platform_keys(), &mut { network }).unwrap();

    // Signatures of the key in the list are now trusted, without another fetch.
    let native = find(&cases, "derived-native-200");
    let reply = native.signed_message().0.reply(200);
    let network = |_: Transmit, _: UnixTime| -> (Reply, Duration) { (Ok(reply.clone()), Duration::ZERO) };
    let raw = Raw::new(Method::Post, "/v3/pay/transactions/native").unwrap();
    let reply = driver.run(me.call(raw), &mut { network }).unwrap();
    assert_eq!(reply.bytes(), native.text("body").as_bytes());
    assert_eq!((driver.count("v3.certificates"), driver.count("v3.raw")), (1, 1));

    // With another APIv3 key the list is rejected.
    let other = merchant(KEY, API_V3_KEY).build();
    let error = run_with_reply(other.refresh_platform_keys(), signed.reply(200), list.at()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_cause(&error, "cannot be decrypted; is the APIv3 key right?");
}
