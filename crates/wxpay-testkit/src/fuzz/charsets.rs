//! Both charsets, compared with `std` and `encoding_rs`, and round trips.

use encoding_rs::GBK;
use wxpay_proto::wire::charset::Charset;

/// Checks that both charsets decode and encode like the reference, report the position of an error, and round-trip.
pub fn charset(data: &[u8]) {
    assert_decodes(Charset::Utf8, data, std::str::from_utf8(data).ok());
    let expected = GBK.decode_without_bom_handling_and_without_replacement(data);
    assert_decodes(Charset::Gbk, data, expected.as_deref());
    if let Ok(text) = std::str::from_utf8(data) {
        assert_encodes(text);
    }
    if let Some(text) = expected {
        assert_encodes(&text);
    }
}

fn assert_decodes(charset: Charset, bytes: &[u8], expected: Option<&str>) {
    match charset.decode(bytes) {
        Ok(text) => assert_eq!(Some(&*text), expected),
        Err(error) => {
            assert_eq!(expected, None);
            assert!(charset.decode(&bytes[..error.offset]).is_ok(), "the position of the error is wrong");
        }
    }
}

fn assert_encodes(text: &str) {
    assert_eq!(&*Charset::Utf8.encode(text).unwrap(), text.as_bytes());
    let (expected, _, unmappable) = GBK.encode(text);
    match Charset::Gbk.encode(text) {
        Ok(bytes) => {
            assert!(!unmappable);
            assert_eq!(bytes, expected);
            assert_eq!(Charset::Gbk.decode(&bytes).unwrap(), text);
        }
        Err(error) => {
            assert!(unmappable);
            let before = text.get(..error.offset).unwrap();
            assert!(Charset::Gbk.encode(before).is_ok(), "the position of the error is wrong");
        }
    }
}
