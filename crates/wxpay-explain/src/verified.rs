//! An accepted signature: the key that made it, and the string that it is over.

use crate::{
    comparison::{cut, lines},
    keys::{Key, Owner},
    language::{In, Language},
    serial::PUBLIC_KEY_PREFIX,
    visible::shown,
};
use std::{fmt, sync::Arc};

/// The key that matched, and the string that it signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    serial: Option<String>,
    is_known_serial: bool,
    owner: Option<Owner>,
    mchid: Option<String>,
    string: Arc<[u8]>,
}

/// The bytes of a line that are shown.
const LIMIT: usize = 1024;

impl Verified {
    /// `sent` is the serial number in the message: the name of a key that was given without one.
    pub(crate) fn new(key: &Key, sent: Option<&str>, string: Vec<u8>) -> Self {
        let of_key =
            key.serials().iter().find(|serial| sent == Some(serial)).or_else(|| key.serials().first());
        let serial = of_key.map(String::as_str).or(sent).map(String::from);
        let is_of_platform = of_key.is_some_and(|serial| serial.starts_with(PUBLIC_KEY_PREFIX));
        let owner = key.owner().or_else(|| is_of_platform.then_some(Owner::Platform));
        Self {
            serial,
            is_known_serial: of_key.is_some(),
            owner: owner.or_else(|| key.mchid().map(|_| Owner::Merchant)),
            mchid: key.mchid().map(String::from),
            string: string.into(),
        }
    }

    /// Returns the serial number of the key's certificate, or the id of the WeChat Pay public key. If the key was given
    /// without one, it is that of the message.
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// Returns the holder of the key, if it is known.
    pub const fn owner(&self) -> Option<Owner> {
        self.owner
    }

    /// Returns the string that was verified.
    pub fn string(&self) -> &[u8] {
        &self.string
    }

    /// Returns key and string as [`Display`](fmt::Display) prints them, with the words of a language.
    pub fn in_language(&self, language: Language) -> impl fmt::Display {
        In(self, language)
    }
}

/// Prints nothing of the string, which contains the body.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[string of {} bytes, verified with {:?}]", self.string.len(), self.serial)
    }
}

/// Prints the key, and the string line by line, with `\n`, `\r` and blanks visible. Long lines are cut.
impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        In(self, Language::default()).fmt(f)
    }
}

impl fmt::Display for In<'_, Verified> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let In(verified, language) = *self;
        write!(f, "  {}", language.pick("key       ", "密钥      "))?;
        match &verified.serial {
            Some(serial) => f.write_str(&shown(serial))?,
            None => f.write_str(language.pick("one of the given", "给定的密钥"))?,
        }
        let (open, close) = (language.pick(" (", "（"), language.pick(")", "）"));
        match (verified.owner, &verified.mchid) {
            (Some(Owner::Platform), _) => {
                write!(f, "{open}{}{close}", language.pick("of WeChat Pay", "微信支付"))?;
            }
            (Some(Owner::Merchant), Some(mchid)) => {
                write!(f, "{open}{} {mchid}{close}", language.pick("of merchant", "商户"))?;
            }
            (Some(Owner::Merchant), None) => {
                write!(f, "{open}{}{close}", language.pick("of the merchant", "商户"))?;
            }
            (None, _) => {}
        }
        if verified.serial.is_some() && !verified.is_known_serial {
            write!(f, "{open}{}{close}", language.pick("the name in the message", "报文中的序列号"))?;
        }
        writeln!(f)?;
        for line in lines(&verified.string) {
            writeln!(f, "  {}  {}", language.pick("verified", "签名串  "), cut(line, 0, LIMIT))?;
        }
        write!(f, "  {} {}", verified.string.len(), language.pick("bytes", "字节"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC_KEY: &[u8] = include_bytes!("../tests/example/public.pem");

    fn verified(key: &Key, sent: Option<&str>) -> Verified {
        Verified::new(key, sent, "GET\n/v3/支 x\r\n\n".into())
    }

    #[test]
    fn key_and_string_are_shown_in_both_languages() {
        let key = Key::from_pem(PUBLIC_KEY).unwrap();
        let platform = key.with_serial("AB").with_serial("PUB_KEY_ID_0116");
        let platform = verified(&platform, Some("PUB_KEY_ID_0116"));
        assert_eq!(
            platform.to_string(),
            "  key       PUB_KEY_ID_0116 (of WeChat Pay)\n  verified  GET\\n\n  verified  /v3/支·x\\r\\n\n  \
             verified  \\n\n  16 bytes"
        );
        assert_eq!(
            platform.in_language(Language::Chinese).to_string(),
            "  密钥      PUB_KEY_ID_0116（微信支付）\n  签名串    GET\\n\n  签名串    /v3/支·x\\r\\n\n  签名串    \\n\n  16 字节"
        );
        assert_eq!((platform.serial(), platform.owner()), (Some("PUB_KEY_ID_0116"), Some(Owner::Platform)));
        assert_eq!(platform.string(), "GET\n/v3/支 x\r\n\n".as_bytes());
        assert_eq!(format!("{platform:?}"), "[string of 16 bytes, verified with Some(\"PUB_KEY_ID_0116\")]");
    }

    #[test]
    fn holder_is_shown_as_far_as_it_is_known() {
        let key = Key::from_pem(PUBLIC_KEY).unwrap();
        let first_lines = |key: &Key, sent| {
            [Language::English, Language::Chinese].map(|language| {
                verified(key, sent).in_language(language).to_string().lines().next().unwrap().to_owned()
            })
        };
        let of_merchant = key.clone().with_serial("AB").owned_by(Owner::Merchant);
        assert_eq!(
            first_lines(&of_merchant, Some("AB")),
            ["  key       AB (of the merchant)", "  密钥      AB（商户）"]
        );
        assert_eq!(
            first_lines(&key, Some("CD")),
            ["  key       CD (the name in the message)", "  密钥      CD（报文中的序列号）"]
        );
        assert_eq!(first_lines(&key, None), ["  key       one of the given", "  密钥      给定的密钥"]);
    }
}
