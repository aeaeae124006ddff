//! APIv3 notifications: read correctly if encrypted and signed, and rejected after a change of one bit.

use super::{Signer, driver, encrypted_resource, merchant};
use std::time::Duration;
use wxpay_proto::{
    Error, ErrorKind, UnixTime,
    exchange::{Failure, Reply, Transmit},
    v3::{Ack, Notification, RawNotification, VerifiedBy},
};

/// Checks notifications. The first line is the event type, the rest the content, encrypted in a signed notification.
/// Then the whole input is the body of a notification, signed and unsigned.
pub fn v3_notification(data: &[u8]) {
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (event_type, content) = data.split_at(line);
    let content = content.get(1..).unwrap_or_default();
    // A notification without a type is malformed.
    if let Ok(event_type) = std::str::from_utf8(event_type)
        && !event_type.is_empty()
    {
        let mut resource = encrypted_resource("transaction", content);
        resource["original_type"] = event_type.split('.').next().unwrap_or_default().to_lowercase().into();
        let body = serde_json::json!({ "id": "EV-1", "event_type": event_type, "resource": resource });
        let body = serde_json::to_vec(&body).unwrap();
        let notification =
            verify_notification(Signer::PublicKey.notification(&body, UnixTime::from_secs(1_399_514_976)))
                .unwrap();
        assert_eq!((notification.event_type(), notification.resource().bytes()), (event_type, content));
        assert_eq!(notification.resource().verified_by(), VerifiedBy::Aead);
        assert!(!format!("{notification:?} {:?}", notification.event().map(drop)).contains("sealed"));
        assert_tampering_is_detected(&body, data);
    }
    let now = UnixTime::from_secs(1_399_514_976);
    match verify_notification(Signer::PublicKey.notification(data, now)) {
        // The input may contain a resource that is encrypted with the right key. Then it must be read.
        Ok(notification) => assert_eq!(notification.mchid().as_str(), crate::keys::v3::MCHID),
        Err(error) => {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Malformed, None));
            assert_eq!(Ack::for_error(&error), Ack::Reject(400));
        }
    }
    let error = verify_notification(RawNotification::new(data.to_vec())).unwrap_err();
    assert_eq!(Ack::for_error(&error), Ack::Reject(401));
}

fn verify_notification(raw: RawNotification) -> Result<Notification, Error> {
    let network = |_: Transmit, _: UnixTime| -> (Reply, Duration) {
        (Err(Failure::NotSent("no route".into())), Duration::ZERO)
    };
    driver().run(merchant().build().verify_notification(raw), &mut { network })
}

/// Checks that a change of one bit of the body after signing is detected.
fn assert_tampering_is_detected(body: &[u8], data: &[u8]) {
    let now = UnixTime::from_secs(1_399_514_976);
    let chosen = data.iter().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    let mut changed = body.to_vec();
    let at = chosen % changed.len();
    changed[at] ^= 1 << ((chosen >> 20) % 8);
    let headers = Signer::PublicKey.headers(body, now);
    let raw = headers
        .iter()
        .fold(RawNotification::new(changed), |raw, (name, value)| raw.header(name, value.as_bytes()));
    assert_eq!(
        verify_notification(raw).unwrap_err().kind(),
        ErrorKind::Signature,
        "a tampered notification was accepted"
    );
}
