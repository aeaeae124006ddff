//! The cause why a key is missing reaches every flow that needs it, in words that name the remedy.

use super::*;
use crate::v3::{Ack, RawNotification};

/// A reply to the request for the certificates.
type FetchReply = fn(&SigningKey, UnixTime) -> Reply;

/// Each way in which a fetch fails, with words that the error must contain.
const FAILURES: [(FetchReply, &[&str]); 10] = [
    (
        |_, _| Ok(error_reply(401, r#"{"code":"SIGN_ERROR","message":"签名错误"}"#)),
        &["HTTP 401 SIGN_ERROR", "private key"],
    ),
    (
        |_, _| Ok(error_reply(403, r#"{"code":"NO_AUTH","message":"商户号该产品权限未开通"}"#)),
        &["HTTP 403 NO_AUTH", "PUB_KEY_ID_"],
    ),
    (
        |_, _| Ok(error_reply(404, r#"{"code":"RESOURCE_NOT_EXISTS","message":"证书不存在"}"#)),
        &["HTTP 404 RESOURCE_NOT_EXISTS 证书不存在", "configure PUB_KEY_ID_"],
    ),
    (
        |_, _| Ok(error_reply(404, r#"{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}"#)),
        &["无可用的平台证书", "this merchant uses a WeChat Pay public key: configure PUB_KEY_ID_"],
    ),
    (|_, _| Ok(error_reply(500, "")), &["(HTTP 500)", "they will be fetched again"]),
    (|_, _| Ok(error_reply(429, r#"{"code":"FREQUENCY_LIMITED"}"#)), &["HTTP 429 FREQUENCY_LIMITED"]),
    (
        |signer, now| {
            let entry = entry(signer, &"1".repeat(32));
            Ok(signer.reply(200, &json!({ "data": [entry] }).to_string(), now))
        },
        &["cannot be decrypted; is the APIv3 key right?"],
    ),
    (
        |signer, _| Ok(Response::new(200, list(&[signer]).into_bytes())),
        &["not signed correctly", "the header Wechatpay-Timestamp is missing"],
    ),
    (|signer, now| Ok(signer.reply(200, "{}", now)), &["the list of platform certificates is unreadable"]),
    (|_, _| Err(Failure::Lost("reset".into())), &["no reply to the request", "reset"]),
];

fn error_reply(status: u16, body: &str) -> Response {
    Response::new(status, body.as_bytes().to_vec())
}

/// Returns the texts of the error and of its sources.
fn chain(error: &Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        texts.push(cause.to_string());
        source = cause.source();
    }
    texts.join(": ")
}

fn assert_words(error: &Error, words: &[&str]) {
    let chain = chain(error);
    for word in words {
        assert!(chain.contains(word), "{word}: {chain}");
    }
    assert!(!chain.contains(API_V3_KEY), "{chain}");
}

fn notification(signer: &SigningKey) -> RawNotification {
    signer.notification(&fake::envelope(API_V3_KEY, "COMPLAINT.CREATE", "complaint", "{}"), NOW)
}

#[test]
fn the_cause_is_named_after_all_attempts_and_while_the_fetch_is_throttled() {
    let signer = SigningKey::certificate(1);
    for (fetch_reply, words) in FAILURES {
        let (mut harness, merchant) = (Harness::new(), fake::with_certificates().build());
        for first in [true, false] {
            harness.sent.clear();
            let result = harness.run(merchant.call(raw()), |transmit, now| {
                if fetches(transmit) { fetch_reply(&signer, *now) } else { Ok(signer.reply(200, GOOD, *now)) }
            });
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Signature, None));
            assert_eq!(fetched(&harness), usize::from(first));
            assert!(harness.sent.len() > 1, "all attempts must fail: {}", harness.sent.len());
            assert_words(&error, words);
            assert_words(&error, &[&signer.id, "not fetched again before 2027-01-15T"]);
        }
    }
}

#[test]
fn the_cause_is_named_to_flows_that_wait_for_the_fetch() {
    let signer = SigningKey::certificate(1);
    for (fetch_reply, words) in FAILURES {
        let (mut harness, merchant) = (Harness::new(), fake::with_certificates().build());
        let begun = Step::begin(merchant.verify_notification(notification(&signer)), harness.world());
        let Step::Send(_, fetching) = begun else { panic!("expected a key fetch") };
        let call = Step::begin(merchant.call(Sealing), harness.world());
        let Step::Wait(until, call) = call else { panic!("expected a wait for the fetch") };
        let other = Step::begin(merchant.verify_notification(notification(&signer)), harness.world());
        let Step::Wait(_, other) = other else { panic!("expected a wait for the fetch") };
        let failed = fetching.resume(fetch_reply(&signer, NOW), harness.world());
        harness.now = until;
        for step in [failed, other.resume(harness.world())] {
            let Step::Done(Err(error)) = step else { panic!("expected Step::Done with an error") };
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Unavailable, None));
            assert_eq!(Ack::for_error(&error), Ack::Fail, "WeChat Pay must deliver it again");
            assert_words(&error, words);
        }
        let Step::Done(Err(error)) = call.resume(harness.world()) else { panic!("expected an error") };
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Unavailable, Some(Fate::NotSent)));
        assert_words(&error, words);
    }
}

#[test]
fn a_call_without_a_sealing_key_is_not_sent_and_names_the_cause() {
    let signer = SigningKey::certificate(1);
    for (fetch_reply, words) in FAILURES {
        let (mut harness, merchant) = (Harness::new(), fake::with_certificates().build());
        for _ in 0..2 {
            let error = harness
                .run(merchant.call(Sealing), |transmit, now| {
                    assert!(fetches(transmit));
                    fetch_reply(&signer, *now)
                })
                .unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Unavailable, Some(Fate::NotSent)));
            assert_words(&error, words);
        }
        assert_eq!(harness.sent.len(), 1);
    }
}

#[test]
fn a_refresh_names_the_cause_unless_there_are_no_certificates() {
    let signer = SigningKey::certificate(1);
    for (fetch_reply, words) in FAILURES {
        let (mut harness, merchant) = (Harness::new(), fake::with_certificates().build());
        match harness.run(merchant.refresh_platform_keys(), |_, now| fetch_reply(&signer, *now)) {
            Ok(()) => assert!(words.iter().any(|word| word.contains("configure PUB_KEY_ID_")), "{words:?}"),
            Err(error) => assert_words(&error, words),
        }
        assert_eq!(harness.sent.len(), 1);
    }
}

#[test]
fn the_cause_of_an_untrusted_key_is_its_configuration() {
    let (certificate, public) = (SigningKey::certificate(1), SigningKey::public_key());
    let cases: [(Merchant, &SigningKey, &[&str]); 3] = [
        (fake::merchant(), &certificate, &["trusts configured keys only", "migration"]),
        (pinning(&SigningKey::certificate(2)).build(), &certificate, &["trusts configured keys only"]),
        (
            fake::with_certificates().build(),
            &public,
            &["this WeChat Pay public key is not configured", "PUB_KEY_ID_0119"],
        ),
    ];
    for (merchant, signer, words) in cases {
        let mut harness = Harness::new();
        let error = call_signed_by(&mut harness, &merchant, signer, &[]).unwrap_err();
        assert_words(&error, words);
        let error = harness
            .run(merchant.verify_notification(notification(signer)), |_, _| panic!("expected no request"))
            .unwrap_err();
        assert_words(&error, words);
        assert_eq!(Ack::for_error(&error), Ack::Reject(401));
        assert_eq!(fetched(&harness), 0);
    }
}

#[test]
fn a_request_that_cannot_be_signed_is_the_cause() {
    #[derive(Debug)]
    struct Offline;
    impl crate::crypto::PrivateKey for Offline {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, crate::crypto::Unavailable> {
            Err(crate::crypto::Unavailable)
        }
        fn open(&self, _: &[u8]) -> Result<crate::secret::Secret<Vec<u8>>, crate::crypto::InvalidSignature> {
            Err(crate::crypto::InvalidSignature)
        }
    }
    let merchant = fake::builder_of(Arc::new(Offline), API_V3_KEY).build();
    let error = Harness::new()
        .run(merchant.verify_notification(notification(&SigningKey::certificate(1))), |_, _| {
            panic!("expected no request")
        })
        .unwrap_err();
    assert_words(&error, &["could not be signed", "the private key is not available"]);
    assert_eq!(Ack::for_error(&error), Ack::Fail);
}
