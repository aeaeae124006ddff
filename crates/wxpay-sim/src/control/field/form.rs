//! Texts of a form of their own: appids, serial numbers, path patterns and cursors.

use super::NUMBER;
use wxpay_openapi::{Form, is_of};

macro_rules! form {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $max:literal, $rule:literal, $sample:literal, $accepts:expr) => {
        $(#[$doc])*
        pub(in crate::control) const $name: Form = Form {
            pattern: $pattern,
            format: "",
            max_json_bytes: $max,
            rule: $rule,
            accepts: $accepts,
            sample: $sample,
        };
    };
}

form! {
    /// The appid of an app, official account, mini program or enterprise.
    APP_ID, "^w[wx][0-9A-Za-z]{16}$", 18, "must be wx or ww followed by 16 letters or digits", "wx0123456789abcdef",
    |text| {
        let rest = text.strip_prefix("wx").or_else(|| text.strip_prefix("ww"));
        rest.is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }
}
form! {
    /// The serial number of a certificate.
    SERIAL_NO, "^([0-9A-Fa-f]{2}){1,32}$", 64, "must be 2 to 64 hexadecimal digits, an even number of them", "5F",
    |text| {
        let is_allowed = (1..=64).contains(&text.len()) && text.len().is_multiple_of(2);
        is_allowed && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}
form! {
    /// A pattern of request paths.
    PATH, "^[/*][!-~]{0,255}$", 1536, "must begin with / or * and have at most 256 visible ASCII characters", "/v3/*",
    |text| text.starts_with(['/', '*']) && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Rule of every cursor.
macro_rules! cursor {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $max:literal, $sample:literal, $accepts:expr) => {
        form!($(#[$doc])* $name, $pattern, $max, "must be a cursor of this list, as in its Link header", $sample, $accepts);
    };
}

cursor! {
    /// The cursor of a list in the order of arrival.
    POSITION, "^[0-9]{1,19}$", 19, "17",
    |text| is_of(text, 1, 19, "0-9")
}
cursor! {
    /// The cursor of a list of merchants' numbers of up to 64 characters: `mchid/number`.
    NUMBER_CURSOR, "^[0-9]{1,32}/[0-9A-Za-z_|*@-]{1,64}$", 97, "1900000109/A1",
    |text| is_pair(text, 64, NUMBER)
}
cursor! {
    /// The cursor of a list of merchants' numbers of up to 32 letters and digits: `mchid/number`.
    SHORT_NUMBER_CURSOR, "^[0-9]{1,32}/[0-9A-Za-z]{1,32}$", 65, "1900000109/A1",
    |text| is_pair(text, 32, "0-9A-Za-z")
}
cursor! {
    /// The cursor of the receivers: `mchid/sub_mchid/type/account`. The account is any text.
    RECEIVER_CURSOR, "^[0-9]{1,32}/[0-9]{0,32}/[A-Z_]{1,32}/", 1024, "1900000109//MERCHANT_ID/1",
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
