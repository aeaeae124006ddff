mod causes;

use super::*;
use crate::{
    clock::UnixTime,
    crypto::Certificate,
    error::{ErrorKind, Fate},
    exchange::Transmit,
    http::Method,
    refusal::Refusal,
    v3::{
        Builder, Endpoint, Raw, Sensitive,
        fake::{self, API_V3_KEY, Harness, NOW, SigningKey, entry, key_problem, list},
        seal::RequestWriter,
        verify::Verified,
    },
};
use serde_json::json;

const GOOD: &str = r#"{"ok":true}"#;

fn raw() -> Raw {
    Raw::new(Method::Get, "/v3/x").unwrap()
}

/// Returns whether the request fetches the certificates.
fn fetches(transmit: &Transmit) -> bool {
    let fetches = transmit.label == "v3.certificates";
    assert_eq!(fetches, transmit.request.url().ends_with("/v3/certificates"));
    fetches
}

/// Returns how often the certificates were fetched so far.
fn fetched(harness: &Harness) -> usize {
    harness.sent.iter().filter(|request| request.url().ends_with("/v3/certificates")).count()
}

/// Calls once; the replies and the list are signed by one key.
fn call_signed_by(
    harness: &mut Harness,
    merchant: &Merchant,
    signer: &SigningKey,
    listed: &[&SigningKey],
) -> Result<(), Error> {
    let result = harness.run(merchant.call(raw()), |transmit, now| {
        let body = if fetches(transmit) { list(listed) } else { GOOD.into() };
        Ok(signer.reply(200, &body, *now))
    });
    result.map(|reply| assert_eq!(reply.bytes(), GOOD.as_bytes()))
}

#[test]
fn an_uncached_key_is_fetched_once_and_the_call_is_not_repeated() {
    let (mut harness, merchant, signer) =
        (Harness::new(), fake::with_certificates().build(), SigningKey::certificate(1));
    call_signed_by(&mut harness, &merchant, &signer, &[&signer]).unwrap();
    assert_eq!((harness.sent.len(), fetched(&harness)), (2, 1));
    assert!(harness.sent[0].url().ends_with("/v3/x"), "keys are fetched only when needed");
    call_signed_by(&mut harness, &merchant, &signer, &[]).unwrap();
    assert_eq!((harness.sent.len(), fetched(&harness)), (3, 1));
}

#[test]
fn a_reply_is_checked_against_its_arrival_time_after_a_slow_key_fetch() {
    let (mut harness, merchant, signer) =
        (Harness::new(), fake::with_certificates().build(), SigningKey::certificate(1));
    let result = harness.run(merchant.call(raw()), |transmit, now| {
        if fetches(transmit) {
            *now = now.after(Duration::from_secs(9));
            Ok(signer.reply(200, &list(&[&signer]), *now))
        } else {
            // The maximum age of a reply.
            Ok(signer.reply(200, GOOD, now.before(Duration::from_secs(300))))
        }
    });
    assert!(result.is_ok());
    assert_eq!(fetched(&harness), 1);
}

#[test]
fn two_calls_wait_for_one_fetch() {
    let (mut harness, merchant, signer) =
        (Harness::new(), fake::with_certificates().build(), SigningKey::certificate(1));
    let reply = || Ok(signer.reply(200, GOOD, NOW));
    let Step::Send(_, one) = Step::begin(merchant.call(raw()), harness.world()) else {
        panic!("expected Step::Send")
    };
    let Step::Send(_, other) = Step::begin(merchant.call(raw()), harness.world()) else {
        panic!("expected Step::Send")
    };
    let Step::Send(fetch, one) = one.resume(reply(), harness.world()) else { panic!("expected a key fetch") };
    assert!(fetches(&fetch));
    let Step::Wait(until, other) = other.resume(reply(), harness.world()) else {
        panic!("expected a wait for the other fetch")
    };
    harness.now = until;
    let Step::Wait(until, other) = other.resume(harness.world()) else { panic!("expected another wait") };
    let reply = Ok(signer.reply(200, &list(&[&signer]), NOW));
    assert!(matches!(one.resume(reply, harness.world()), Step::Done(Ok(_))));
    harness.now = until;
    assert!(matches!(other.resume(harness.world()), Step::Done(Ok(_))));
}

#[test]
fn a_call_that_waits_for_a_failed_key_fetch_does_not_trust_its_reply() {
    let (mut harness, merchant, signer) =
        (Harness::new(), fake::with_certificates().build(), SigningKey::certificate(1));
    let lost = || Err(Failure::Lost("reset".into()));
    let Step::Send(_, one) = Step::begin(merchant.call(raw().without_retry()), harness.world()) else {
        panic!("expected Step::Send")
    };
    let Step::Send(_, other) = Step::begin(merchant.call(raw().without_retry()), harness.world()) else {
        panic!("expected Step::Send")
    };
    let Step::Send(_, one) = one.resume(Ok(signer.reply(200, GOOD, NOW)), harness.world()) else {
        panic!("expected a key fetch")
    };
    let waiting = other.resume(Ok(signer.reply(200, GOOD, NOW)), harness.world());
    let Step::Wait(until, other) = waiting else { panic!("expected a wait for the other fetch") };
    for step in [one.resume(lost(), harness.world()), {
        harness.now = until;
        other.resume(harness.world())
    }] {
        let Step::Done(Err(error)) = step else { panic!("expected Step::Done with an error") };
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Signature, None));
        let cause = error.source().unwrap().downcast_ref::<KeyError>().unwrap();
        assert_eq!(cause.key_id().unwrap().as_str(), signer.id);
        assert!(matches!(cause.problem().root(), KeyProblem::NoReply(_)));
        assert_eq!(cause.source().unwrap().to_string(), "reset");
    }
}

#[test]
fn a_certificate_list_with_any_invalid_entry_is_rejected_whole() {
    let (one, other, stranger) =
        (SigningKey::certificate(1), SigningKey::certificate(2), SigningKey::certificate(3));
    let expired = SigningKey::certificate_of(4, "260101000000", "20270101000000");
    let signed = |body: &str| one.reply(200, body, NOW);
    let of = |entries: &[serde_json::Value]| json!({ "data": entries }).to_string();
    let good = of(&[entry(&one, API_V3_KEY), entry(&other, API_V3_KEY)]);
    let misnamed = {
        let mut entry = entry(&other, API_V3_KEY);
        entry["serial_no"] = json!(stranger.id);
        of(&[self::entry(&one, API_V3_KEY), entry])
    };
    let of_another_key = of(&[entry(&one, API_V3_KEY), entry(&other, &"1".repeat(32))]);
    let no_certificate = {
        let mut entry = entry(&other, API_V3_KEY);
        entry["encrypt_certificate"] =
            fake::aead_resource(API_V3_KEY, "certificate", "-----BEGIN CERTIFICATE-----");
        of(&[self::entry(&one, API_V3_KEY), entry])
    };
    let of_short_nonce = {
        let mut entry = entry(&other, API_V3_KEY);
        entry["encrypt_certificate"]["nonce"] = json!("short");
        of(&[self::entry(&one, API_V3_KEY), entry])
    };
    let of_a_notification = {
        let mut entry = entry(&other, API_V3_KEY);
        entry["encrypt_certificate"] = fake::aead_resource(API_V3_KEY, "transaction", &other.pem);
        of(&[self::entry(&one, API_V3_KEY), entry])
    };
    let twice = of(&[entry(&other, API_V3_KEY), entry(&one, API_V3_KEY), entry(&other, API_V3_KEY)]);
    let not_yet_valid = SigningKey::certificate_of(5, "270116000000", "20320101000000");
    let too_many = of(&vec![entry(&one, API_V3_KEY); 33]);
    let forged = {
        let reply = Response::new(200, good.as_bytes().to_vec());
        let headers = one.headers(b"other bytes", NOW);
        headers.iter().fold(reply, |reply, (name, value)| reply.with_header(name, value.as_bytes()))
    };
    for (reply, problem) in [
        (signed(&misnamed), "a certificate's serial number differs from the entry's"),
        (signed(&of_another_key), "a certificate is encrypted with another APIv3 key"),
        (signed(&no_certificate), "a certificate cannot be parsed"),
        (signed(&of_short_nonce), "a nonce is too short"),
        (signed(&of_a_notification), "a certificate has the associated data of a notification"),
        (signed(&twice), "a serial number occurs twice"),
        (
            not_yet_valid.reply(200, &list(&[&one, &not_yet_valid]), NOW),
            "the signing certificate is not valid yet",
        ),
        (signed(&too_many), "the list is too long"),
        (signed("{}"), "the list is missing"),
        (forged, "the signature does not match the bytes"),
        (Response::new(200, good.as_bytes().to_vec()), "the list is not signed"),
        (stranger.reply(200, &good, NOW), "the signing certificate is not in the list"),
        (expired.reply(200, &list(&[&one, &expired]), NOW), "the signing certificate has expired"),
        (one.reply(200, &good, NOW.before(Duration::from_secs(301))), "the reply is too old"),
        (SigningKey::public_key().reply(200, &good, NOW), "the signing public key is not configured"),
        (one.reply(202, &good, NOW), "the status is not 200"),
        (one.reply(404, r#"{"code":"NOT_FOUND"}"#, NOW), "the 404 has another code"),
    ] {
        let (mut harness, merchant) = (Harness::new(), fake::with_certificates().build());
        let result = harness.run(merchant.call(raw().without_retry()), |transmit, now| {
            Ok(if fetches(transmit) { reply.clone() } else { one.reply(200, GOOD, *now) })
        });
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Signature, None), "{problem}");
        assert_eq!(fetched(&harness), 1);
        // Nothing was cached: signatures by the valid certificate of the list are not trusted either.
        let claim = |signer: &SigningKey, harness: &mut Harness| {
            let id = signer.id.parse().unwrap();
            merchant.key(&id, &mut fake::world(&mut harness.memory)).is_ok()
        };
        assert!(!claim(&one, &mut harness) && !claim(&other, &mut harness), "{problem}");
        assert_eq!(harness.memory.next_platform_key_refresh(merchant.mchid()), None, "{problem}");
    }
}

#[test]
fn after_404_the_certificates_are_not_fetched_again_for_a_minute() {
    let (mut harness, merchant, signer) =
        (Harness::new(), fake::with_certificates().build(), SigningKey::certificate(1));
    let none = r#"{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}"#;
    for (after, expected) in [(0, 1), (59, 1), (60, 2)] {
        harness.now = NOW.after(Duration::from_secs(after));
        let result = harness.run(merchant.call(raw().without_retry()), |transmit, now| {
            // This reply is not signed: a merchant without certificates could not verify it.
            Ok(if fetches(transmit) {
                Response::new(404, none.into())
            } else {
                signer.reply(200, GOOD, *now)
            })
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Signature);
        assert_eq!(fetched(&harness), expected);
    }
}

#[test]
fn forged_serials_cause_at_most_one_key_fetch_a_minute() {
    let (mut harness, merchant, signer) =
        (Harness::new(), fake::with_certificates().build(), SigningKey::certificate(1));
    for second in 0..120_u64 {
        harness.now = NOW.after(Duration::from_secs(second));
        let mut stranger = SigningKey::certificate(9);
        stranger.id = format!("{second:06X}");
        let body = fake::envelope(API_V3_KEY, "TRANSACTION.SUCCESS", "transaction", "{}");
        let raw = stranger.notification(&body, harness.now);
        let result = harness
            .run(merchant.verify_notification(raw), |_, now| Ok(signer.reply(200, &list(&[&signer]), *now)));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Signature);
    }
    assert_eq!(fetched(&harness), 2);
    call_signed_by(&mut harness, &merchant, &signer, &[]).unwrap();
}

#[test]
fn a_merchant_with_a_public_key_fetches_no_certificates() {
    let (mut harness, merchant) = (Harness::new(), fake::merchant());
    call_signed_by(&mut harness, &merchant, &SigningKey::public_key(), &[]).unwrap();
    let signer = SigningKey::certificate(1);
    let error = harness
        .run(merchant.call(raw().without_retry()), |_, now| Ok(signer.reply(200, GOOD, *now)))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Signature);
    harness.run(merchant.refresh_platform_keys(), |_, _| panic!("expected no request")).unwrap();
    assert_eq!(fetched(&harness), 0);
    let announced = harness.sent.iter().map(|request| request.header("wechatpay-serial"));
    assert!(announced.into_iter().all(|serial| serial == Some("PUB_KEY_ID_0119")));
}

#[test]
fn during_a_migration_both_kinds_of_key_are_trusted_each_under_its_id() {
    let (mut harness, merchant) = (Harness::new(), fake::builder().platform_certificates().build());
    let (certificate, public) = (SigningKey::certificate(1), SigningKey::public_key());
    call_signed_by(&mut harness, &merchant, &certificate, &[&certificate]).unwrap();
    call_signed_by(&mut harness, &merchant, &public, &[]).unwrap();
    call_signed_by(&mut harness, &merchant, &certificate, &[]).unwrap();
    assert_eq!(fetched(&harness), 1);
    // The right key under the other key's id is rejected.
    let mut crossed = certificate.clone();
    crossed.id = public.id.clone();
    assert!(call_signed_by(&mut harness, &merchant, &crossed, &[]).is_err());
}

#[test]
fn the_certificate_list_may_be_signed_by_the_configured_public_key() {
    let (mut harness, merchant) = (Harness::new(), fake::builder().platform_certificates().build());
    let (certificate, public) = (SigningKey::certificate(1), SigningKey::public_key());
    let result = harness.run(merchant.call(raw()), |transmit, now| {
        Ok(if fetches(transmit) {
            public.reply(200, &list(&[&certificate]), *now)
        } else {
            certificate.reply(200, GOOD, *now)
        })
    });
    assert!(result.is_ok());
}

#[test]
fn during_a_rotation_the_old_key_is_trusted_until_it_expires() {
    let (mut harness, merchant) = (Harness::new(), fake::with_certificates().build());
    // `date -u -d '2027-01-20' +%s`
    let end = UnixTime::from_secs(1_800_403_200);
    let old = SigningKey::certificate_of(1, "270101000000", "20270120000000");
    let new = SigningKey::certificate(2);
    call_signed_by(&mut harness, &merchant, &old, &[&old]).unwrap();
    harness.now = NOW.after(Duration::from_secs(3600));
    call_signed_by(&mut harness, &merchant, &new, &[&new]).unwrap();
    call_signed_by(&mut harness, &merchant, &old, &[]).unwrap();
    assert_eq!(fetched(&harness), 2);
    harness.now = end;
    let error = harness.run(merchant.call(raw().without_retry()), |transmit, now| {
        Ok(if fetches(transmit) { new.reply(200, &list(&[&new]), *now) } else { old.reply(200, GOOD, *now) })
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Signature);
}

/// Returns a builder that trusts this certificate, which needs no fetch.
fn pinning(signer: &SigningKey) -> Builder {
    let pinned = Certificate::parse_pem(signer.pem.as_bytes()).unwrap();
    fake::with_certificates().platform_certificate(&pinned).unwrap()
}

#[test]
fn with_a_configured_certificate_none_is_fetched() {
    let configured = SigningKey::certificate_of(1, "270101000000", "20270120000000");
    let (mut harness, merchant) = (Harness::new(), pinning(&configured).build());
    call_signed_by(&mut harness, &merchant, &configured, &[]).unwrap();
    // Neither another certificate nor the end of its validity causes a fetch.
    let stranger = SigningKey::certificate(2);
    let error = call_signed_by(&mut harness, &merchant, &stranger, &[&stranger]).unwrap_err();
    assert!(matches!(key_problem(&error), KeyProblem::NotFetched));
    harness.run(merchant.call(Sealing), |_, now| Ok(configured.reply(200, "", *now))).unwrap();
    let sealing = harness.sent.last().unwrap();
    assert_eq!(sealing.header("wechatpay-serial"), Some(configured.id.as_str()));
    assert!(configured.has_sealed(sealing.body(), "张三"));
    harness.run(merchant.refresh_platform_keys(), |_, _| panic!("expected no request")).unwrap();
    harness.now = UnixTime::from_secs(1_800_403_200);
    let error = call_signed_by(&mut harness, &merchant, &configured, &[&configured]).unwrap_err();
    assert!(matches!(key_problem(&error), KeyProblem::NotFetched));
    let error = harness.run(merchant.call(Sealing), |_, _| panic!("expected no request")).unwrap_err();
    assert!(matches!(key_problem(&error), KeyProblem::NotFetched));
    assert_eq!(fetched(&harness), 0);
}

#[test]
fn a_configured_certificate_is_not_exchanged_by_a_fetched_list() {
    let configured = SigningKey::certificate(1);
    // A certificate with the same serial number and another key, by somebody who holds the APIv3 key.
    let mut forged = SigningKey::certificate(2);
    forged.pem = forged.pem_with_serial(1);
    forged.id.clone_from(&configured.id);
    let (mut harness, merchant) = (Harness::new(), pinning(&configured).platform_certificates().build());
    assert!(call_signed_by(&mut harness, &merchant, &forged, &[&forged]).is_err());
    call_signed_by(&mut harness, &merchant, &configured, &[]).unwrap();
    let unknown = SigningKey::certificate(3);
    let result = harness.run(merchant.call(raw().without_retry()), |transmit, now| {
        let body = if fetches(transmit) { list(&[&forged, &unknown]) } else { GOOD.into() };
        Ok(if fetches(transmit) { &forged } else { &unknown }.reply(200, &body, *now))
    });
    assert!(matches!(key_problem(&result.unwrap_err()), KeyProblem::InvalidList(_)));
}

#[test]
fn a_list_that_exchanges_the_key_of_a_cached_certificate_is_rejected() {
    let (mut harness, merchant, genuine) =
        (Harness::new(), fake::with_certificates().build(), SigningKey::certificate(1));
    call_signed_by(&mut harness, &merchant, &genuine, &[&genuine]).unwrap();
    let mut forged = SigningKey::certificate(2);
    forged.pem = forged.pem_with_serial(1);
    forged.id.clone_from(&genuine.id);
    harness.now = NOW.after(Duration::from_secs(6 * 3600));
    let refresh = harness
        .run(merchant.refresh_platform_keys(), |_, now| Ok(forged.reply(200, &list(&[&forged]), *now)));
    assert!(matches!(key_problem(&refresh.unwrap_err()), KeyProblem::InvalidList(_)));
    call_signed_by(&mut harness, &merchant, &genuine, &[]).unwrap();
    assert!(call_signed_by(&mut harness, &merchant, &forged, &[]).is_err());
}

#[test]
fn a_certificate_that_is_not_valid_yet_verifies_nothing() {
    let future = SigningKey::certificate_of(1, "270116000000", "20320101000000");
    let merchant = pinning(&future).build();
    let error = call_signed_by(&mut Harness::new(), &merchant, &future, &[]).unwrap_err();
    assert!(matches!(key_problem(&error), KeyProblem::NotFetched));
    let (mut harness, merchant, valid) =
        (Harness::new(), fake::with_certificates().build(), SigningKey::certificate(2));
    harness
        .run(merchant.refresh_platform_keys(), |_, now| Ok(valid.reply(200, &list(&[&valid, &future]), *now)))
        .unwrap();
    let error = call_signed_by(&mut harness, &merchant, &future, &[]).unwrap_err();
    assert!(matches!(key_problem(&error), KeyProblem::NotListed));
}

#[test]
fn platform_keys_are_refreshed_after_six_hours() {
    let (mut harness, merchant, signer) =
        (Harness::new(), fake::with_certificates().build(), SigningKey::certificate(1));
    for (hours, expected) in [(0, 1), (1, 1), (5, 1), (6, 2), (7, 2)] {
        harness.now = NOW.after(Duration::from_secs(hours * 3600));
        harness
            .run(merchant.refresh_platform_keys(), |_, now| Ok(signer.reply(200, &list(&[&signer]), *now)))
            .unwrap();
        assert_eq!(fetched(&harness), expected, "after {hours} hours");
    }
    let due = harness.memory.next_platform_key_refresh(merchant.mchid()).unwrap();
    assert_eq!(due, NOW.after(Duration::from_secs(12 * 3600)));
    call_signed_by(&mut harness, &merchant, &signer, &[]).unwrap();
    assert_eq!(fetched(&harness), 2);
}

/// An operation with a field to seal.
#[derive(Debug)]
struct Sealing;

impl Endpoint for Sealing {
    type Output = ();

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let name = writer.seal(&Sensitive::new("张三".into()).unwrap())?;
        Ok(Draft::post("v3.sealing", "/v3/sealing", &name))
    }

    fn read(&self, _: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn read_refusal(&self, _: &Refusal) -> Option<()> {
        None
    }
}

#[test]
fn the_sealing_key_is_fetched_first_and_named() {
    let (mut harness, merchant) = (Harness::new(), fake::with_certificates().build());
    let (old, new) =
        (SigningKey::certificate(1), SigningKey::certificate_of(2, "270110000000", "20320101000000"));
    let future = SigningKey::certificate_of(3, "270201000000", "20320101000000");
    let respond = |transmit: &Transmit, now: &mut UnixTime| {
        let body = if fetches(transmit) { list(&[&old, &new, &future]) } else { String::new() };
        Ok(new.reply(200, &body, *now))
    };
    harness.run(merchant.call(Sealing), respond).unwrap();
    let [fetch, sealing] = &harness.sent[..] else { panic!("expected two requests") };
    assert_eq!(fetch.header("wechatpay-serial"), None);
    assert_eq!(sealing.header("wechatpay-serial"), Some(new.id.as_str()), "the newest in force");
    assert!(new.has_sealed(sealing.body(), "张三"));
    harness.run(merchant.call(Sealing), respond).unwrap();
    assert_eq!(fetched(&harness), 1);
}

#[test]
fn sealing_with_a_public_key_fetches_nothing() {
    for merchant in [fake::merchant(), fake::builder().platform_certificates().build()] {
        let mut harness = Harness::new();
        harness
            .run(merchant.call(Sealing), |_, now| Ok(SigningKey::public_key().reply(200, "", *now)))
            .unwrap();
        assert_eq!(fetched(&harness), 0);
        assert_eq!(harness.sent[0].header("wechatpay-serial"), Some("PUB_KEY_ID_0119"));
        assert!(SigningKey::public_key().has_sealed(harness.sent[0].body(), "张三"));
    }
}

#[test]
fn two_sealing_calls_wait_for_one_fetch() {
    let (mut harness, merchant, signer) =
        (Harness::new(), fake::with_certificates().build(), SigningKey::certificate(1));
    let Step::Send(_, one) = Step::begin(merchant.call(Sealing), harness.world()) else {
        panic!("expected a key fetch")
    };
    let Step::Wait(until, other) = Step::begin(merchant.call(Sealing), harness.world()) else {
        panic!("expected Step::Wait")
    };
    let reply = Ok(signer.reply(200, &list(&[&signer]), NOW));
    assert!(
        matches!(one.resume(reply, harness.world()), Step::Send(transmit, _) if transmit.label == "v3.sealing")
    );
    harness.now = until;
    assert!(
        matches!(other.resume(harness.world()), Step::Send(transmit, _) if transmit.label == "v3.sealing")
    );
}
