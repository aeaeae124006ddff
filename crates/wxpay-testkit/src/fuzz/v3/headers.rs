//! What is claimed in headers: never believed as it comes.

use super::{Signer, merchant, watching};
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    exchange::{Reply, Transmit},
    v3::{Authorization, RawNotification, authorization::SCHEME},
};

/// The text as the header of a request, whole and behind the scheme's name; its lines as the headers of a notice, alone
/// and beside good ones.
pub fn v3_headers(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        parsed(text);
        parsed(&format!("{SCHEME} {text}"));
    }
    let (me, mut lab) = (merchant().build(), watching());
    let nobody = |_: Transmit, _: UnixTime| -> (Reply, Duration) {
        (Err(wxpay_proto::exchange::Failure::NotSent("no route".into())), Duration::ZERO)
    };
    let lines: Vec<(String, &[u8])> = data.split(|byte| *byte == b'\n').filter_map(header).collect();
    let with = |received: RawNotification| {
        lines.iter().fold(received, |received, (name, value)| received.with(name, value))
    };
    assert!(
        lab.run(me.verify_notification(with(RawNotification::new(b"{}".to_vec()))), &mut { nobody }).is_err()
    );
    let good = Signer::PublicKey.received(b"{}", lab.now);
    // There is nothing in it; more headers do not put anything there.
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
