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
        parsed(text);
        parsed(&format!("{SCHEME} {text}"));
    }
    let (me, mut lab) = (merchant().build(), driver());
    let nobody = |_: Transmit, _: UnixTime| -> (Reply, Duration) {
        (Err(wxpay_proto::exchange::Failure::NotSent("no route".into())), Duration::ZERO)
    };
    let lines: Vec<(String, &[u8])> = data.split(|byte| *byte == b'\n').filter_map(header).collect();
    let with = |received: RawNotification| {
        lines.iter().fold(received, |received, (name, value)| received.header(name, value))
    };
    assert!(
        lab.run(me.verify_notification(with(RawNotification::new(b"{}".to_vec()))), &mut { nobody }).is_err()
    );
    let good = Signer::PublicKey.received(b"{}", lab.now);
    // The body has no resource, which more headers cannot change.
    assert!(lab.run(me.verify_notification(with(good)), &mut { nobody }).is_err());
}

fn parsed(text: &str) {
    if let Ok(parsed) = text.parse::<Authorization>() {
        assert_eq!(parsed.to_string().parse(), Ok(parsed));
    }
}

fn header(line: &[u8]) -> Option<(String, &[u8])> {
    let at = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(at);
    Some((String::from_utf8_lossy(name).into_owned(), value.get(1..)?))
}
