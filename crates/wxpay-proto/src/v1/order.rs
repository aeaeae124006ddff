//! The order: the fields of the package, such as the goods, the price and the payer's IP address.

use crate::{
    clock::UnixTime,
    id::{InvalidField, NotifyUrl, OutTradeNo, PartnerId},
    money::Fen,
    prelude::*,
    v1::signature,
    wire::{charset::Charset, time},
};
use core::{fmt, iter, net::Ipv4Addr};

/// An order, validated against every documented rule.
#[derive(Clone, PartialEq, Eq)]
pub struct Order {
    out_trade_no: OutTradeNo,
    total_fee: Fen,
    traceid: String,
    charset: Charset,
    /// The package's fields except `partner` and `sign`, in the bytes of the charset. They are sorted by name in ASCII
    /// order, and none is empty.
    fields: Vec<(&'static str, Vec<u8>)>,
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("out_trade_no", &self.out_trade_no)
            .field("total_fee", &self.total_fee)
            .finish_non_exhaustive()
    }
}

/// The builder of an order; see [`Order::builder`].
#[derive(Clone)]
#[must_use]
pub struct Builder {
    out_trade_no: OutTradeNo,
    total_fee: Fen,
    body: String,
    notify_url: NotifyUrl,
    spbill_create_ip: Ipv4Addr,
    charset: Charset,
    traceid: Option<String>,
    attach: Option<String>,
    time_start: Option<UnixTime>,
    time_expire: Option<UnixTime>,
    fees: Option<(Fen, Fen)>,
    goods_tag: Option<String>,
}

/// Omits the `traceid` and the IP address: they may identify a person.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("out_trade_no", &self.out_trade_no)
            .field("total_fee", &self.total_fee)
            .finish_non_exhaustive()
    }
}

impl Order {
    /// The maximum price of an order, in fen: the document declares `total_fee` as an Int.
    pub const MAX_TOTAL_FEE: Fen = Fen::new(2_147_483_647);

    /// Returns a builder with the order's required fields.
    ///
    /// * `out_trade_no`: the merchant's number, letters and digits, unique per merchant. A second request with the same
    ///   number is for the same order.
    /// * `total_fee`: the price, at least 1 fen.
    /// * `body`: the description of the goods, 1 to 128 bytes in the charset, without `&`.
    /// * `notify_url`: the URL that receives the notification.
    /// * `spbill_create_ip`: the IP address of the payer's device. The field has fifteen characters, too few for IPv6.
    pub fn builder(
        out_trade_no: OutTradeNo,
        total_fee: Fen,
        body: &str,
        notify_url: NotifyUrl,
        spbill_create_ip: Ipv4Addr,
    ) -> Builder {
        Builder {
            out_trade_no,
            total_fee,
            body: body.into(),
            notify_url,
            spbill_create_ip,
            charset: Charset::default(),
            traceid: None,
            attach: None,
            time_start: None,
            time_expire: None,
            fees: None,
            goods_tag: None,
        }
    }

    /// Returns the merchant's number.
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// Returns the price, in fen.
    pub fn total_fee(&self) -> Fen {
        self.total_fee
    }

    /// Returns the charset of the bytes that MD5 signs and that are percent-encoded.
    pub fn charset(&self) -> Charset {
        self.charset
    }

    pub(crate) fn traceid(&self) -> &str {
        &self.traceid
    }

    /// Returns the package's fields except `sign`: those of the order, and `partner` at its sorted position.
    pub(crate) fn fields<'a>(
        &'a self,
        partner: &'a PartnerId,
    ) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone {
        const PARTNER: &str = "partner";
        let index = self.fields.partition_point(|(name, _)| *name < PARTNER);
        let (before, after) = self.fields.split_at_checked(index).unwrap_or_default();
        let field = |(name, value): &'a (&'static str, Vec<u8>)| (*name, value.as_slice());
        let partner_field = iter::once((PARTNER, partner.as_str().as_bytes()));
        before.iter().map(field).chain(partner_field).chain(after.iter().map(field))
    }
}

impl Builder {
    /// Sets the charset in which the order is signed and escaped. The default is UTF-8.
    pub fn charset(mut self, charset: Charset) -> Self {
        self.charset = charset;
        self
    }

    /// Sets the payer's account at the merchant: 1 to 128 bytes without control characters and `&`. The default is the
    /// order's number, because it is not known how an absent `traceid` is signed.
    pub fn traceid(mut self, traceid: &str) -> Self {
        self.traceid = Some(traceid.into());
        self
    }

    /// Sets a text that the notification returns: at most 127 bytes in the charset, without `&`.
    pub fn attach(mut self, attach: &str) -> Self {
        self.attach = Some(attach.into());
        self
    }

    /// Sets the time at which the order was created.
    pub fn time_start(mut self, time_start: UnixTime) -> Self {
        self.time_start = Some(time_start);
        self
    }

    /// Sets the time after which the order cannot be paid.
    pub fn time_expire(mut self, time_expire: UnixTime) -> Self {
        self.time_expire = Some(time_expire);
        self
    }

    /// Splits the price into a transport fee and a product fee, which must add up to it.
    pub fn fees(mut self, transport_fee: Fen, product_fee: Fen) -> Self {
        self.fees = Some((transport_fee, product_fee));
        self
    }

    /// Sets the discount tag: at most 32 bytes in the charset, without `&`.
    pub fn goods_tag(mut self, goods_tag: &str) -> Self {
        self.goods_tag = Some(goods_tag.into());
        self
    }

    /// Builds the order.
    ///
    /// # Errors
    ///
    /// When a field is invalid, or has a character that the charset lacks; the error names the field. No field may have
    /// a `&`: its signature would fit [other fields](signature#one-signed-string-one-reading) as well.
    pub fn build(self) -> Result<Order, InvalidField> {
        if !self.out_trade_no.is_alphanumeric() {
            return Err(InvalidField::new("out_trade_no", "must be 1 to 32 letters and digits in APIv1"));
        }
        if self.total_fee < Fen::new(1) || self.total_fee > Order::MAX_TOTAL_FEE {
            return Err(InvalidField::new("total_fee", "must be 1 to 2147483647 fen"));
        }
        if let (Some(start), Some(expire)) = (self.time_start, self.time_expire)
            && expire <= start
        {
            return Err(InvalidField::new("time_expire", "must be later than time_start"));
        }
        if let Some((transport_fee, product_fee)) = self.fees
            && transport_fee.checked_add(product_fee) != Some(self.total_fee)
        {
            return Err(InvalidField::new("product_fee", "must be total_fee minus transport_fee"));
        }
        let traceid = self.traceid.as_deref().unwrap_or(self.out_trade_no.as_str());
        if traceid.is_empty() || traceid.len() > 128 || traceid.contains(not_allowed) {
            return Err(InvalidField::new(
                "traceid",
                "must be 1 to 128 bytes without control characters and &",
            ));
        }
        if !signature::has_one_reading(self.notify_url.as_str().as_bytes()) {
            return Err(InvalidField::new("notify_url", "must have no & in APIv1"));
        }
        Ok(Order {
            traceid: traceid.into(),
            fields: self.fields()?,
            charset: self.charset,
            total_fee: self.total_fee,
            out_trade_no: self.out_trade_no,
        })
    }

    fn fields(&self) -> Result<Vec<(&'static str, Vec<u8>)>, InvalidField> {
        const BODY: InvalidField = InvalidField::new(
            "body",
            "must be 1 to 128 bytes in the charset, without control characters and &",
        );
        const ATTACH: InvalidField = InvalidField::new(
            "attach",
            "must be at most 127 bytes in the charset, without control characters and &",
        );
        const TAG: InvalidField = InvalidField::new(
            "goods_tag",
            "must be at most 32 bytes in the charset, without control characters and &",
        );
        if self.body.is_empty() {
            return Err(BODY);
        }
        let text = |text: &str, max, invalid| encoded(self.charset, text, max, invalid);
        let plain = |text: &str| text.as_bytes().to_vec();
        let amount = |amount: Fen| amount.to_string().into_bytes();
        let moment = |moment: UnixTime| time::format_compact(moment).into_bytes();
        let fields = [
            ("attach", self.attach.as_deref().map(|attach| text(attach, 127, ATTACH)).transpose()?),
            ("bank_type", Some(plain("WX"))),
            ("body", Some(text(&self.body, 128, BODY)?)),
            ("fee_type", Some(plain("1"))),
            ("goods_tag", self.goods_tag.as_deref().map(|tag| text(tag, 32, TAG)).transpose()?),
            ("input_charset", Some(plain(self.charset.wire_name()))),
            ("notify_url", Some(plain(self.notify_url.as_str()))),
            ("out_trade_no", Some(plain(self.out_trade_no.as_str()))),
            ("product_fee", self.fees.map(|(_, product_fee)| amount(product_fee))),
            ("spbill_create_ip", Some(self.spbill_create_ip.to_string().into_bytes())),
            ("time_expire", self.time_expire.map(moment)),
            ("time_start", self.time_start.map(moment)),
            ("total_fee", Some(amount(self.total_fee))),
            ("transport_fee", self.fees.map(|(transport_fee, _)| amount(transport_fee))),
        ];
        let present = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Ok(present.filter(|(_, value)| !value.is_empty()).collect())
    }
}

fn encoded(charset: Charset, text: &str, max: usize, invalid: InvalidField) -> Result<Vec<u8>, InvalidField> {
    if let Some(at) = text.find(not_allowed) {
        return Err(invalid.at(at));
    }
    let bytes = charset.encode(text).map_err(|fault| {
        InvalidField::new(invalid.field(), "must have only characters of the charset").at(fault.offset)
    })?;
    if bytes.len() > max { Err(invalid) } else { Ok(bytes.into_owned()) }
}

/// Returns whether no text of an order may have this character.
fn not_allowed(character: char) -> bool {
    character.is_control() || character == '&'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Builder {
        let url = "http://weixin.qq.com".parse().unwrap();
        let address = Ipv4Addr::new(196, 168, 1, 1);
        Order::builder(
            "7240b65810859cbf2a8d9f76a638c0a3".parse().unwrap(),
            Fen::new(1),
            "支付测试",
            url,
            address,
        )
    }

    fn field(builder: Builder) -> &'static str {
        builder.build().unwrap_err().field()
    }

    #[test]
    fn fields_are_in_ascii_order_and_none_is_empty() {
        let full = order()
            .attach("a")
            .goods_tag("t")
            .fees(Fen::ZERO, Fen::new(1))
            .time_start(UnixTime::from_secs(1))
            .time_expire(UnixTime::from_secs(2));
        let full = full.build().unwrap();
        let partner = "1900000109".parse().unwrap();
        let names: Vec<_> = full.fields(&partner).map(|(name, _)| name).collect();
        assert_eq!(names.len(), 15);
        assert!(names.is_sorted());
        assert!(order().attach("").build().unwrap().fields(&partner).all(|(name, _)| name != "attach"));
    }

    #[test]
    fn lengths_are_counted_in_bytes_of_the_charset() {
        let in_gbk = |count: usize| Builder { body: "测".repeat(count), ..order() }.charset(Charset::Gbk);
        assert!(in_gbk(64).build().is_ok());
        assert_eq!(field(in_gbk(65)), "body");
        let in_utf8 = |count: usize| Builder { body: "测".repeat(count), ..order() };
        assert!(in_utf8(42).build().is_ok());
        assert_eq!(field(in_utf8(43)), "body");
        assert_eq!(field(order().attach(&"x".repeat(128))), "attach");
        assert_eq!(field(order().goods_tag(&"x".repeat(33))), "goods_tag");
    }

    #[test]
    fn debug_output_omits_the_payer() {
        let order = order().traceid("planted");
        let printed = format!("{order:?} {:?}", order.clone().build().unwrap());
        assert!(!printed.contains("planted") && !printed.contains("196.168.1.1"), "{printed}");
    }

    #[test]
    fn an_invalid_field_is_named() {
        assert_eq!(field(Builder { body: String::new(), ..order() }), "body");
        assert_eq!(field(Builder { total_fee: Fen::ZERO, ..order() }), "total_fee");
        assert_eq!(field(Builder { total_fee: Fen::new(2_147_483_648), ..order() }), "total_fee");
        assert_eq!(field(Builder { out_trade_no: "a-b".parse().unwrap(), ..order() }), "out_trade_no");
        assert_eq!(field(order().traceid("")), "traceid");
        assert_eq!(field(order().traceid("a\nb")), "traceid");
        for text in ["a&total_fee=1", "&", "花&果"] {
            assert_eq!(field(Builder { body: text.into(), ..order() }), "body");
            assert_eq!(field(order().attach(text)), "attach");
            assert_eq!(field(order().goods_tag(text)), "goods_tag");
            assert_eq!(field(order().traceid(text)), "traceid");
        }
        let with_ampersand = "https://shop.example/n&total_fee=1".parse().unwrap();
        assert_eq!(field(Builder { notify_url: with_ampersand, ..order() }), "notify_url");
        assert_eq!(field(order().fees(Fen::new(1), Fen::new(1))), "product_fee");
        let late = UnixTime::from_secs(9);
        assert_eq!(field(order().time_start(late).time_expire(late)), "time_expire");
        let error = Builder { body: "a😀".into(), ..order() }.charset(Charset::Gbk).build().unwrap_err();
        assert_eq!(error.to_string(), "body must have only characters of the charset (invalid at byte 1)");
    }
}
