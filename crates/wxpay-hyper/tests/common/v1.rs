//! Genuine APIv1 notifications for the test merchant, signed here by the rules of the documents, not by the core.

use md5::{Digest as _, Md5};
use sha1::Sha1;

/// A notification as received: the query and the body.
pub struct Signed {
    pub query: String,
    pub body: String,
}

/// Returns the notification that this order was paid with one fen.
pub fn paid(out_trade_no: &str) -> Signed {
    signed(out_trade_no, "0")
}

/// Returns such a notification with any `trade_state`.
pub fn signed(out_trade_no: &str, trade_state: &str) -> Signed {
    let fields = [
        ("bank_type", "2032"),
        ("discount", "0"),
        ("fee_type", "1"),
        ("input_charset", "UTF-8"),
        ("notify_id", "n-1"),
        ("out_trade_no", out_trade_no),
        ("partner", "1900000109"),
        ("sign_type", "MD5"),
        ("time_end", "20140508101000"),
        ("total_fee", "1"),
        ("trade_mode", "1"),
        ("trade_state", trade_state),
        ("transaction_id", "1900000109201405083141592653"),
    ];
    let query = fields.map(|(name, value)| format!("{name}={value}")).join("&");
    let sign = hex::encode_upper(Md5::digest(format!("{query}&key={}", "c".repeat(32))));
    Signed { query: format!("{query}&sign={sign}"), body: body("oX99MDgNcgwnz3zFN3DNmo8uwa-w", "1399515004") }
}

/// Returns the signed body of this payer's notification, delivered at this time.
pub fn body(openid: &str, timestamp: &str) -> String {
    let signed_fields =
        format!("issubscribe=0&noncestr=y1PWO9ceLfVBvmsG&openid={openid}&timestamp={timestamp}");
    let app_signature = hex::encode(Sha1::digest(format!(
        "appid=wxd930ea5d5a258f4f&appkey={}&{signed_fields}",
        "b".repeat(128)
    )));
    format!(
        "<xml><OpenId><![CDATA[{openid}]]></OpenId>\n\
         <AppId><![CDATA[wxd930ea5d5a258f4f]]></AppId>\n\
         <IsSubscribe>0</IsSubscribe>\n\
         <TimeStamp>{timestamp}</TimeStamp>\n\
         <NonceStr><![CDATA[y1PWO9ceLfVBvmsG]]></NonceStr>\n\
         <AppSignature><![CDATA[{app_signature}]]></AppSignature>\n\
         <SignMethod><![CDATA[sha1]]></SignMethod>\n\
         </xml>"
    )
}
