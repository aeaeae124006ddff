use super::*;
use crate::{
    error::ErrorKind,
    exchange::Failure,
    v3::{
        Ack, KeyProblem,
        fake::{self, API_V3_KEY, Harness, NOW, SigningKey, key_problem, list},
    },
};
use core::error::Error as _;

const RESOURCE: &str = r#"{"planted":"张三"}"#;

fn body() -> String {
    fake::envelope(API_V3_KEY, "COMPLAINT.CREATE", "complaint", RESOURCE)
}

/// Returns the headers of a valid notification.
fn headers() -> Vec<(&'static str, String)> {
    SigningKey::public_key().headers(body().as_bytes(), NOW)
}

fn raw(headers: &[(&str, String)], body: &str) -> RawNotification {
    let raw = RawNotification::new(body.as_bytes().to_vec());
    headers.iter().fold(raw, |raw, (name, value)| raw.header(name, value.as_bytes()))
}

/// Verifies a notification without fetching a key.
fn verify(raw: RawNotification) -> Result<Notification, Error> {
    Harness::new().run(fake::merchant().verify_notification(raw), |_, _| panic!("expected no request"))
}

/// Returns the reason why verification failed.
fn verify_error<T: fmt::Debug>(result: Result<T, Error>) -> VerifyError {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Signature, None));
    assert_eq!(Ack::for_error(&error), Ack::Reject(401));
    error.source().unwrap().downcast_ref::<VerifyError>().unwrap().clone()
}

#[test]
fn a_valid_notification_is_verified_without_a_request() {
    let notification = verify(raw(&headers(), &body())).unwrap();
    assert_eq!(notification.event_type(), "COMPLAINT.CREATE");
    assert_eq!(notification.original_type(), Some("complaint"));
    assert_eq!(notification.id(), "EV-2018022511223320873");
    assert_eq!(notification.summary(), "支付成功");
    assert_eq!(notification.create_time(), Some(NOW));
    assert_eq!(notification.mchid().as_str(), "1900007291");
    assert_eq!(notification.resource().bytes(), RESOURCE.as_bytes());
    assert!(!format!("{notification:?} {:?}", raw(&headers(), &body())).contains("张三"));
}

#[test]
fn header_names_are_case_insensitive_and_other_headers_are_ignored() {
    let mut headers: Vec<(String, String)> =
        headers().into_iter().map(|(name, value)| (name.to_uppercase(), value)).collect();
    headers.push(("Request-ID".into(), "08F78BB5AF0610D302189F99DD5C20BA56F89845-0".into()));
    headers.push(("支付".into(), "x".into()));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert!(verify(raw(&headers, &body())).is_ok());
}

#[test]
fn each_header_is_required_exactly_once() {
    for (at, (name, value)) in headers().into_iter().enumerate() {
        let mut headers = headers();
        headers.remove(at);
        assert_eq!(verify_error(verify(raw(&headers, &body()))), VerifyError::MissingHeader(name));
        headers.extend([(name, value.clone()), (name, value)]);
        assert_eq!(verify_error(verify(raw(&headers, &body()))), VerifyError::MalformedHeader(name));
    }
}

#[test]
fn headers_are_checked_without_the_body() {
    let without_body = raw(&headers(), "");
    without_body.check_headers(NOW).unwrap();
    let late = NOW.after(Duration::from_secs(301));
    assert_eq!(verify_error(without_body.check_headers(late)), VerifyError::TimestampOutOfRange);
    assert!(verify(without_body.body(body().into_bytes())).is_ok());
    let unsigned = raw(&[], "");
    assert_eq!(verify_error(unsigned.check_headers(NOW)), VerifyError::MissingHeader("Wechatpay-Timestamp"));
}

#[test]
fn a_malformed_header_is_rejected() {
    for (name, values, expected) in [
        (
            "Wechatpay-Timestamp",
            &["", "+1800000000", "1800000000 ", "1.8e9", "99999999999999999999"][..],
            None,
        ),
        ("Wechatpay-Serial", &["", "0A00", "PUB_KEY_ID_", "PUB_KEY_ID_x", "xyz"], None),
        ("Wechatpay-Signature", &["", "%", "YQ", "YQ= "], Some(VerifyError::InvalidSignature)),
    ] {
        for value in values {
            let mut headers = headers();
            headers.iter_mut().find(|(key, _)| *key == name).unwrap().1 = (*value).into();
            let result = verify(raw(&headers, &body()));
            if *value == "0A00" {
                let error = result.unwrap_err();
                assert!(matches!(key_problem(&error), KeyProblem::NotFetched), "{error:?}");
                assert_eq!((error.kind(), Ack::for_error(&error)), (ErrorKind::Signature, Ack::Reject(401)));
                continue;
            }
            let expected = expected.clone().unwrap_or(VerifyError::MalformedHeader(name));
            assert_eq!(verify_error(result), expected, "{name}: {value}");
        }
    }
    let not_text = RawNotification::new(body().into_bytes());
    let not_text = headers().iter().fold(not_text, |raw, (name, value)| match *name {
        "Wechatpay-Nonce" => raw.header(name, b"\xff"),
        _ => raw.header(name, value.as_bytes()),
    });
    assert_eq!(verify_error(verify(not_text)), VerifyError::MalformedHeader("Wechatpay-Nonce"));
}

#[test]
fn a_named_signature_scheme_must_be_the_supported_one() {
    let named = |scheme: &str| {
        let mut headers = headers();
        headers.push(("Wechatpay-Signature-Type", scheme.into()));
        verify(raw(&headers, &body()))
    };
    assert!(named("WECHATPAY2-SHA256-RSA2048").is_ok());
    for other in ["WECHATPAY2-SM2-WITH-SM3", "wechatpay2-sha256-rsa2048", ""] {
        assert_eq!(verify_error(named(other)), VerifyError::UnsupportedScheme, "{other}");
    }
}

#[test]
fn a_timestamp_may_differ_from_local_time_by_at_most_300_seconds() {
    for (offset, good) in [(0, true), (299, true), (300, true), (301, false), (86_400, false)] {
        let offset = Duration::from_secs(offset);
        for then in [NOW.before(offset), NOW.after(offset)] {
            let result = verify(SigningKey::public_key().notification(&body(), then));
            assert_eq!(result.is_ok(), good, "{offset:?}");
            if !good {
                assert_eq!(verify_error(result), VerifyError::TimestampOutOfRange);
            }
        }
    }
}

#[test]
fn a_notification_changed_after_signing_is_rejected() {
    let changed = body().replace("COMPLAINT.CREATE", "COMPLAINT.CREATF");
    assert_eq!(verify_error(verify(raw(&headers(), &changed))), VerifyError::InvalidSignature);
    assert_eq!(verify_error(verify(raw(&headers(), &format!("{} ", body())))), VerifyError::InvalidSignature);
    for (name, value) in [
        ("Wechatpay-Nonce", "c5ac7061fccab6be".to_string()),
        ("Wechatpay-Timestamp", (NOW.as_secs() + 1).to_string()),
    ] {
        let mut headers = headers();
        headers.iter_mut().find(|(key, _)| *key == name).unwrap().1 = value;
        assert_eq!(verify_error(verify(raw(&headers, &body()))), VerifyError::InvalidSignature, "{name}");
    }
}

#[test]
fn a_signature_probe_fails_like_any_invalid_signature() {
    for probe in ["WECHATPAY/SIGNTEST/", "WECHATPAY/SIGNTEST/nTCfjV0mS9m6", "WECHATPAY/SIGNTEST/YQ=="] {
        let mut headers = headers();
        headers.iter_mut().find(|(name, _)| *name == "Wechatpay-Signature").unwrap().1 = probe.into();
        assert_eq!(verify_error(verify(raw(&headers, &body()))), VerifyError::InvalidSignature, "{probe}");
    }
}

#[test]
fn an_uncached_key_is_fetched_and_the_notification_verified() {
    let (mut harness, signer) = (Harness::new(), SigningKey::certificate(1));
    let merchant = fake::with_certificates().build();
    let notification =
        harness.run(merchant.verify_notification(signer.notification(&body(), NOW)), |transmit, now| {
            assert!(transmit.timeout <= KEY_FETCH_TIMEOUT, "WeChat Pay waits five seconds for the response");
            Ok(signer.reply(200, &list(&[&signer]), *now))
        });
    assert_eq!(notification.unwrap().event_type(), "COMPLAINT.CREATE");
    assert_eq!(harness.sent.len(), 1);
    let again = harness.run(merchant.verify_notification(signer.notification(&body(), NOW)), |_, _| {
        panic!("expected the cached key")
    });
    assert!(again.is_ok());
}

#[test]
fn an_unknown_key_is_rejected_and_an_unavailable_key_leads_to_redelivery() {
    let (signer, stranger) = (SigningKey::certificate(1), SigningKey::certificate(2));
    let merchant = fake::with_certificates().build();
    let mut harness = Harness::new();
    let result = harness.run(merchant.verify_notification(stranger.notification(&body(), NOW)), |_, now| {
        Ok(signer.reply(200, &list(&[&signer]), *now))
    });
    let unknown = result.unwrap_err();
    assert_eq!((unknown.kind(), unknown.fate()), (ErrorKind::Signature, None));
    assert_eq!(Ack::for_error(&unknown), Ack::Reject(401));
    assert!(matches!(key_problem(&unknown), KeyProblem::NotListed));
    for failure in [Failure::NotSent("refused".into()), Failure::Lost("late".into())] {
        let mut failure = Some(failure);
        let result = Harness::new()
            .run(merchant.verify_notification(signer.notification(&body(), NOW)), |_, _| {
                Err(failure.take().unwrap())
            });
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Unavailable, None));
        assert!(matches!(key_problem(&error), KeyProblem::NoReply(_)));
        assert_eq!(Ack::for_error(&error), Ack::Fail);
    }
}

#[test]
fn a_notification_waits_at_most_four_seconds_for_its_key() {
    let (mut harness, signer) = (Harness::new(), SigningKey::certificate(1));
    let merchant = fake::with_certificates().build();
    let Step::Send(_, fetching) =
        Step::begin(merchant.verify_notification(signer.notification(&body(), NOW)), harness.world())
    else {
        panic!("expected a key fetch")
    };
    let waited = harness.run(merchant.verify_notification(signer.notification(&body(), NOW)), |_, _| {
        panic!("expected no second fetch")
    });
    let error = waited.unwrap_err();
    assert_eq!((error.kind(), Ack::for_error(&error)), (ErrorKind::Exhausted, Ack::Fail));
    assert!(matches!(key_problem(&error), KeyProblem::Unfinished));
    assert!(harness.now.since(NOW) <= KEY_FETCH_TIMEOUT && harness.now.since(NOW) > Duration::from_secs(3));
    let Step::Wait(_, waiting) =
        Step::begin(merchant.verify_notification(signer.notification(&body(), NOW)), harness.world())
    else {
        panic!("expected Step::Wait")
    };
    let certificates = Ok(signer.reply(200, &list(&[&signer]), NOW));
    assert!(matches!(fetching.resume(certificates, harness.world()), Step::Done(Ok(_))));
    harness.now = harness.now.after(Duration::from_secs(1));
    assert!(matches!(waiting.resume(harness.world()), Step::Done(Ok(_))));
}

#[test]
fn the_previous_apiv3_key_decrypts_notifications_in_flight() {
    let previous_key = "1".repeat(32);
    let old = fake::envelope(&previous_key, "COMPLAINT.CREATE", "complaint", RESOURCE);
    let verify_notification = |merchant: &Merchant, body: &str| {
        let received = SigningKey::public_key().notification(body, NOW);
        Harness::new().run(merchant.verify_notification(received), |_, _| panic!("expected no request"))
    };
    let error = verify_notification(&fake::merchant(), &old).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, None));
    assert_eq!(Ack::for_error(&error), Ack::Reject(400));
    let both =
        fake::builder().previous_api_v3_key(&super::super::ApiV3Key::new(previous_key).unwrap()).build();
    assert_eq!(verify_notification(&both, &old).unwrap().resource().bytes(), RESOURCE.as_bytes());
    assert_eq!(verify_notification(&both, &body()).unwrap().resource().bytes(), RESOURCE.as_bytes());
}

#[test]
fn a_signed_body_that_is_not_a_notification_is_malformed() {
    let short_nonce = body().replace("fdasflkja484", "fdasflkja48");
    let other_data = body().replace(r#""associated_data":"complaint""#, r#""associated_data":"""#);
    let other_algorithm = body().replace("AEAD_AES_256_GCM", "AEAD_SM4_GCM");
    assert!(short_nonce != body() && other_data != body() && other_algorithm != body());
    for (body, problem) in [
        ("", "the body is empty"),
        ("[]", "the body is a list"),
        (r#"{"id":"1","event_type":"X"}"#, "resource is missing"),
        (&*short_nonce, "the nonce is too short"),
        (&*other_data, "the associated data differ"),
        (&*other_algorithm, "the algorithm is not supported"),
    ] {
        let error = verify(SigningKey::public_key().notification(body, NOW)).unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, None), "{problem}");
    }
    let long = "x".repeat(MAX_BODY_BYTES + 1);
    let error = verify(SigningKey::public_key().notification(&long, NOW)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

#[test]
fn a_notification_encrypted_for_another_merchant_is_malformed() {
    let other = fake::builder_of(fake::merchant_key(), &"1".repeat(32));
    let signer = SigningKey::certificate(1);
    // Both trust the same certificate: it is one platform.
    let pinned = crate::crypto::Certificate::parse_pem(signer.pem.as_bytes()).unwrap();
    let other = other.platform_certificate(&pinned).unwrap().build();
    let merchant = fake::with_certificates().platform_certificate(&pinned).unwrap().build();
    let verify_notification = |merchant: &Merchant| {
        Harness::new().run(merchant.verify_notification(signer.notification(&body(), NOW)), |_, _| {
            panic!("expected no request")
        })
    };
    assert!(verify_notification(&merchant).is_ok());
    assert_eq!(verify_notification(&other).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn the_string_to_sign_is_available_for_debugging() {
    let raw = raw(&headers(), "body");
    assert_eq!(raw.string_to_sign(), b"1800000000\nc5ac7061fccab6bf\nbody\n");
}
