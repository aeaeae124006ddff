//! The two signatures against values that others published, with the keys of the official demos.
//!
//! Sources: the App payment document of 2014 and the Java demo of the same year; the tests of two libraries,
//! `mp/pay/pay2/signature_test.go` of chanxuehong/wechat and `test/` of imyelo/wechat-payment.

use super::{package::Package, sign};
use crate::settings::PlusSign;

const PARTNER_KEY: &str = "8934e7d15453e97507ef794cf7b0519d";
/// The `PaySignKey` of wxd930ea5d5a258f4f.
const APP_KEY: &str = "L8LrMqqeGRxST5reouB0K66CaYAWpqhAVsq7ggKkxHCOastWksvuX1uvmvQclxaH\
                       oYd3ElNBrNO2DHnnzgfVG9Qs473M3DTOZug5er46FhuGofumV8H2FVR9qkjSlC5K";
/// The `PaySignKey` of wxf8b4f85f3a794e77.
const ACCOUNT_KEY: &str = "2Wozy2aksie1puXUBpWD8oZxiD1DfQuEaiC7KcRATv1Ino3mdopKaPGQQ7TtkNyS\
                           uAmCaDCrw4xhPY5qKTBl7Fzm0RgR3c0WaVYIXZARsxzHV2x7iwPPzOz94dnwPWSn";

/// The package in the App payment document.
const APP_PACKAGE: &str = "bank_type=WX&body=%E6%94%AF%E4%BB%98%E6%B5%8B%E8%AF%95&fee_type=1&input_charset=UTF-8\
                           &notify_url=http%3A%2F%2Fweixin.qq.com&out_trade_no=7240b65810859cbf2a8d9f76a638c0a3\
                           &partner=1900000109&spbill_create_ip=196.168.1.1&total_fee=1\
                           &sign=7F77B507B755B3262884291517E380F8";
/// The package in the document of payments within official accounts, with lower-case escapes.
const ACCOUNT_PACKAGE: &str = "bank_type=WX&body=XXX&fee_type=1&input_charset=GBK&notify_url=http%3a%2f%2fwww.qq.com\
                               &out_trade_no=16642817866003386000&partner=1900000109&spbill_create_ip=127.0.0.1\
                               &total_fee=1&sign=BEEF37AD19575D92E191C1E4B1474CA9";

/// The package of the Java demo, whose `sign` is neither first nor last.
const JAVA_PACKAGE: &str = "bank_type=WX&body=%B2%E2%CA%D4&fee_type=1&input_charset=GBK\
                            &notify_url=http%3A%2F%2F127.0.0.1%3A8180%2Ftenpay_api_b2c%2FpayNotifyUrl.jsp\
                            &out_trade_no=2051571832&partner=1900000109&sign=10DA99BCB3F63EF23E4981B331B0A3EF\
                            &spbill_create_ip=127.0.0.1&time_expire=20131222091010&total_fee=1";

#[test]
fn published_packages_are_signed_by_the_demo_key_and_no_other() {
    for (text, body) in [
        (APP_PACKAGE, "支付测试".as_bytes()),
        (ACCOUNT_PACKAGE, b"XXX"),
        (JAVA_PACKAGE, &[0xb2, 0xe2, 0xca, 0xd4]),
    ] {
        let package = Package::parse(text, PlusSign::Literal);
        assert!(package.is_signed_by(PARTNER_KEY), "{text}");
        assert!(!package.is_signed_by(&PARTNER_KEY.replace('8', "9")), "{text}");
        assert_eq!(package.bytes("body"), Some(body));
    }
}

/// The same order with its text in UTF-8, which the declared charset forbids.
#[test]
fn package_in_another_charset_is_not_signed() {
    let text = JAVA_PACKAGE.replace("%B2%E2%CA%D4", "%E6%B5%8B%E8%AF%95");
    assert!(!Package::parse(&text, PlusSign::Literal).is_signed_by(PARTNER_KEY));
}

/// The notification of imyelo's test. The blank in `notify_id`, a line break in the document, is signed.
#[test]
fn published_notification_query_is_signed() {
    let query = "bank_billno=206064184488&bank_type=0&discount=0&fee_type=1&input_charset=GBK\
                 &notify_id=WE37gwCoFBcAKdkH34Y1nW94r_vao2ljmwE3oAHEeAP690xSVhRleOMfhsgjwVGDpluT%20-vdS79kbDbkDnjYg4qsmTdSjuJxl\
                 &out_trade_no=843254536943809900&partner=1900000109&product_fee=1&sign=9EBF3EFE9CEFAF3111020DB5CAD6EE82\
                 &sign_type=MD5&time_end=20130606015331&total_fee=1&trade_mode=1&trade_state=0\
                 &transaction_id=1900000109201306060282555397&transport_fee=0";
    assert!(Package::parse(query, PlusSign::Literal).is_signed_by(PARTNER_KEY));
    let other = query.replace("&total_fee=1", "&total_fee=2");
    assert!(!Package::parse(&other, PlusSign::Literal).is_signed_by(PARTNER_KEY));
}

#[test]
fn published_sha1_signatures_are_reproduced() {
    let order = [
        ("appid", "wxd930ea5d5a258f4f"),
        ("noncestr", "e7d161ac8d8a76529d39d9f5b4249ccb"),
        ("package", APP_PACKAGE),
        ("timestamp", "1399514976"),
        ("traceid", "test_1399514976"),
    ];
    assert_eq!(sign::sha1(&order, APP_KEY), "8893870b9004ead28691b60db97a8d2c80dbfdc6");
    let app_params = [
        ("appid", "wxf8b4f85f3a794e77"),
        ("noncestr", "2014062465651751380051"),
        ("package", "Sign=WXPay"),
        ("partnerid", "1900090055"),
        ("prepayid", "581914"),
        ("timestamp", "1403603502"),
    ];
    assert_eq!(sign::sha1(&app_params, ACCOUNT_KEY), "22542411bbfd8c9c6932314cdf111a329a49263d");
    let page_params = [
        ("appid", "wxf8b4f85f3a794e77"),
        ("noncestr", "adssdasssd13d"),
        ("package", ACCOUNT_PACKAGE),
        ("timestamp", "189026618"),
    ];
    assert_eq!(sign::sha1(&page_params, ACCOUNT_KEY), "7717231c335a05165b1874658306fa431fe9a0de");
    let notification = [
        ("openid", "111222"),
        ("appid", "wxd930ea5d5a258f4f"),
        ("issubscribe", "1"),
        ("timestamp", "1369743511"),
        ("noncestr", "jALldRTHAFd5Tgs5"),
    ];
    assert_eq!(sign::sha1(&notification, APP_KEY), "4d117f7f0f4885a995a05eafbc9a405782d03bc5");
}
