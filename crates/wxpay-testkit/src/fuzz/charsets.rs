//! Both charsets, compared with `std` and `encoding_rs`, and round trips.

use encoding_rs::GBK;
use wxpay_proto::wire::charset::Charset;

/// Checks that both charsets decode and encode like the reference, report the position of an error, and round-trip.
pub fn charset(data: &[u8]) {
    decoded(Charset::Utf8, data, std::str::from_utf8(data).ok());
    let theirs = GBK.decode_without_bom_handling_and_without_replacement(data);
    decoded(Charset::Gbk, data, theirs.as_deref());
    if let Ok(text) = std::str::from_utf8(data) {
        encoded(text);
    }
    if let Some(text) = theirs {
        encoded(&text);
    }
}

fn decoded(charset: Charset, bytes: &[u8], expected: Option<&str>) {
    match charset.decode(bytes) {
        Ok(text) => assert_eq!(Some(&*text), expected),
        Err(fault) => {
            assert_eq!(expected, None);
            assert!(charset.decode(&bytes[..fault.offset]).is_ok(), "the position of the error is wrong");
        }
    }
}

fn encoded(text: &str) {
    assert_eq!(&*Charset::Utf8.encode(text).unwrap(), text.as_bytes());
    let (theirs, _, unmappable) = GBK.encode(text);
    match Charset::Gbk.encode(text) {
        Ok(bytes) => {
            assert!(!unmappable);
            assert_eq!(bytes, theirs);
            assert_eq!(Charset::Gbk.decode(&bytes).unwrap(), text);
        }
        Err(fault) => {
            assert!(unmappable);
            let before = text.get(..fault.offset).unwrap();
            assert!(Charset::Gbk.encode(before).is_ok(), "the position of the error is wrong");
        }
    }
}
