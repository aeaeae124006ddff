//! Texts of a form of their own: appids, serial numbers, path patterns and cursors.

use super::class::{NUMBER, class_contains};

/// A form of texts.
pub(in crate::control) struct Form {
    /// The regular expression that the document publishes.
    pub(super) pattern: &'static str,
    /// The rule, as the end of a sentence that begins with the field's name.
    pub(super) rule: &'static str,
    /// Returns whether a text matches the pattern.
    pub(super) accepts: fn(&str) -> bool,
    /// A text that matches the pattern, for tests.
    #[cfg(test)]
    pub(in crate::control) sample: &'static str,
}

macro_rules! form {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $rule:literal, $sample:literal, $accepts:expr) => {
        $(#[$doc])*
        pub(in crate::control) const $name: Form = Form {
            pattern: $pattern,
            rule: $rule,
            accepts: $accepts,
            #[cfg(test)]
            sample: $sample,
        };
    };
}

form! {
    /// The appid of an app, official account, mini program or enterprise.
    APP_ID, "^w[wx][0-9A-Za-z]{16}$", "must be wx or ww followed by 16 letters or digits", "wx0123456789abcdef",
    |text| {
        let rest = text.strip_prefix("wx").or_else(|| text.strip_prefix("ww"));
        rest.is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }
}
form! {
    /// The serial number of a certificate.
    SERIAL_NO, "^([0-9A-Fa-f]{2}){1,32}$", "must be 2 to 64 hexadecimal digits, an even number of them", "5F",
    |text| {
        let is_allowed = (1..=64).contains(&text.len()) && text.len().is_multiple_of(2);
        is_allowed && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}
form! {
    /// A pattern of request paths.
    PATH, "^[/*][!-~]{0,255}$", "must begin with / or * and have at most 256 visible ASCII characters", "/v3/*",
    |text| text.starts_with(['/', '*']) && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Rule of every cursor.
macro_rules! cursor {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $sample:literal, $accepts:expr) => {
        form!($(#[$doc])* $name, $pattern, "must be a cursor of this list, as in its Link header", $sample, $accepts);
    };
}

cursor! {
    /// The cursor of a list in the order of arrival.
    POSITION, "^[0-9]{1,19}$", "17",
    |text| is_of(text, 1, 19, "0-9")
}
cursor! {
    /// The cursor of a list of merchants' numbers of up to 64 characters: `mchid/number`.
    NUMBER_CURSOR, "^[0-9]{1,32}/[0-9A-Za-z_|*@-]{1,64}$", "1900000109/A1",
    |text| is_pair(text, 64, NUMBER)
}
cursor! {
    /// The cursor of a list of merchants' numbers of up to 32 letters and digits: `mchid/number`.
    SHORT_NUMBER_CURSOR, "^[0-9]{1,32}/[0-9A-Za-z]{1,32}$", "1900000109/A1",
    |text| is_pair(text, 32, "0-9A-Za-z")
}
cursor! {
    /// The cursor of the receivers: `mchid/sub_mchid/type/account`. The account is any text.
    RECEIVER_CURSOR, "^[0-9]{1,32}/[0-9]{0,32}/[A-Z_]{1,32}/", "1900000109//MERCHANT_ID/1",
    |text| {
        let mut parts = text.splitn(4, '/');
        [(1, "0-9"), (0, "0-9"), (1, "A-Z_")]
            .into_iter()
            .all(|(min, class)| parts.next().is_some_and(|part| is_of(part, min, 32, class)))
            && parts.next().is_some()
    }
}

fn is_pair(text: &str, max: usize, class: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(mchid, number)| is_of(mchid, 1, 32, "0-9") && is_of(number, 1, max, class))
}

fn is_of(text: &str, min: usize, max: usize, class: &str) -> bool {
    (min..=max).contains(&text.len()) && text.chars().all(|character| class_contains(class, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_accepts_its_sample_and_no_other_form() {
        for (form, others) in [
            (APP_ID, ["wx0123456789abcde", "wy0123456789abcdef", "wx0123456789abcde-", ""].as_slice()),
            (
                SERIAL_NO,
                &["5", "5FA", "5G", "", "5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F5F"],
            ),
            (PATH, &["v3", "", "/a b", "/é"]),
            (POSITION, &["", "-1", "1/2", "12345678901234567890"]),
            (NUMBER_CURSOR, &["", "/A1", "1/", "x/A1", "1/A 1"]),
            (SHORT_NUMBER_CURSOR, &["1/A_1", "1/1234567890123456789012345678901234"]),
            (RECEIVER_CURSOR, &["1/2/MERCHANT_ID", "1/x/MERCHANT_ID/1", "1/2/merchant/1", ""]),
        ] {
            assert!((form.accepts)(form.sample), "{}", form.pattern);
            for other in others {
                assert!(!(form.accepts)(other), "{} {other}", form.pattern);
            }
        }
    }
}
