//! The two APIv1 signatures. The simulator has its own implementation: with shared code, a mistake in the client
//! library would go unnoticed.

use md5::Md5;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

/// Returns the MD5 signature in upper-case hex. It covers the raw bytes of the names and values, sorted by name, and
/// then the key. `sign` and empty values are left out.
pub(crate) fn md5<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)], partner_key: &str) -> String {
    let mut signed: Vec<(&[u8], &[u8])> = pairs
        .iter()
        .map(|(name, value)| (name.as_ref(), value.as_ref()))
        .filter(|(name, value)| *name != b"sign" && !value.is_empty())
        .collect();
    signed.sort_by_key(|(name, _)| *name);
    let mut hash = Md5::new();
    for (name, value) in signed {
        hash.update(name);
        hash.update(b"=");
        hash.update(value);
        hash.update(b"&");
    }
    hash.update(b"key=");
    hash.update(partner_key);
    hex::encode_upper(hash.finalize())
}

/// Returns the SHA-1 signature in lower-case hex. It covers the names and values, sorted by name, with the key among
/// them as `appkey`. Values are signed as sent, even empty ones. The names must be in lower case.
pub(crate) fn sha1(pairs: &[(&str, &str)], pay_sign_key: &str) -> String {
    let mut signed = pairs.to_vec();
    signed.push(("appkey", pay_sign_key));
    signed.sort_by_key(|(name, _)| *name);
    let mut hash = Sha1::new();
    for (index, (name, value)) in signed.iter().enumerate() {
        hash.update(if index == 0 { "" } else { "&" });
        hash.update(name);
        hash.update("=");
        hash.update(value);
    }
    hex::encode(hash.finalize())
}

/// Compares two texts in a time that depends on their lengths only.
pub(crate) fn constant_time_eq(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_leaves_out_sign_and_empty_values_and_sorts_by_byte() {
        // printf 'Z=1&a=x y&b=2&key=k' | openssl md5 | tr a-f A-F
        let pairs = [("b", "2"), ("sign", "FF"), ("a", "x y"), ("c", ""), ("Z", "1")];
        assert_eq!(md5(&pairs, "k"), "DC6D7FDE7F5779C1BC1B06D70A624AF1");
    }

    #[test]
    fn md5_hashes_raw_bytes_of_any_charset() {
        // printf 'body=\xb2\xe2\xca\xd4&key=k' | openssl md5 | tr a-f A-F
        assert_eq!(md5(&[("body", [0xb2, 0xe2, 0xca, 0xd4])], "k"), "5EBCC6FB500A2845AA6786627EAAA4B5");
    }

    #[test]
    fn sha1_keeps_empty_values_and_sorts_the_key_in() {
        // printf 'appid=wx1&appkey=K&noncestr=n&package=a=1&b=%%2F&traceid=' | openssl sha1
        let pairs = [("traceid", ""), ("package", "a=1&b=%2F"), ("noncestr", "n"), ("appid", "wx1")];
        assert_eq!(sha1(&pairs, "K"), "789fbb9bca87f4e3fcbc7ba3fd3f9b384c98f6a1");
        // printf 'appkey=K&z=1' | openssl sha1
        assert_eq!(sha1(&[("z", "1")], "K"), "f8f9796a2639b557fccb3ef75f837da13e8f4803");
        // printf 'a=1&appkey=K' | openssl sha1
        assert_eq!(sha1(&[("a", "1")], "K"), "5c8ae3840bc75cf7258db8fa3d5128bb9a92d907");
    }

    #[test]
    fn constant_time_eq_compares_every_byte_and_the_length() {
        assert!(constant_time_eq("abc", "abc"));
        assert!(!constant_time_eq("abc", "abd"));
        assert!(!constant_time_eq("abc", "ABC"));
        assert!(!constant_time_eq("abc", "ab"));
    }
}
