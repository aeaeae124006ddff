//! Signature headers: unverified claims are never trusted.

use super::{Signer, driver, merchant};
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    exchange::{Reply, Transmit},
    v3::{Authorization, RawNotification, authorization::SCHEME},
};

/// Checks headers. The text is parsed as a request's `Authorization`, with and without the scheme's name. Its lines
/// are the headers of a notification, alone and beside valid ones.
pub fn v3_headers(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        assert_round_trip(text);
        assert_round_trip(&format!("{SCHEME} {text}"));
    }
    let (me, mut driver) = (merchant().build(), driver());
    let network = |_: Transmit, _: UnixTime| -> (Reply, Duration) {
        (Err(wxpay_proto::exchange::Failure::NotSent("no route".into())), Duration::ZERO)
    };
    let lines: Vec<(String, &[u8])> = data.split(|byte| *byte == b'\n').filter_map(header).collect();
    let with_lines =
        |raw: RawNotification| lines.iter().fold(raw, |raw, (name, value)| raw.header(name, value));
    assert!(
        driver
            .run(me.verify_notification(with_lines(RawNotification::new(b"{}".to_vec()))), &mut { network })
            .is_err()
    );
    let signed = Signer::PublicKey.notification(b"{}", driver.now);
    // The body has no resource, which more headers cannot change.
    assert!(driver.run(me.verify_notification(with_lines(signed)), &mut { network }).is_err());
}

fn assert_round_trip(text: &str) {
    if let Ok(parsed) = text.parse::<Authorization>() {
        assert_eq!(parsed.to_string().parse(), Ok(parsed));
    }
}

fn header(line: &[u8]) -> Option<(String, &[u8])> {
    let at = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(at);
    Some((String::from_utf8_lossy(name).into_owned(), value.get(1..)?))
}
