//! The goods of an order, for coupons on single goods.

use crate::{id::InvalidField, money::Fen, prelude::*, v3::field};

/// The goods of an order (`detail`), for coupons on single goods.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Detail {
    /// The price before the merchant's own discounts, in fen: limits a coupon to one use per purchase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_price: Option<Fen>,
    /// The id of the merchant's receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<String>,
    /// The goods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goods_detail: Vec<Goods>,
}

impl Detail {
    /// Creates the detail of these goods.
    pub fn of(goods_detail: Vec<Goods>) -> Self {
        Self { goods_detail, ..Self::default() }
    }
}

/// One kind of goods.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Goods {
    /// The merchant's goods number: 1 to 32 letters, digits, `-`, `_`.
    pub merchant_goods_id: String,
    /// WeChat Pay's goods number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechatpay_goods_id: Option<String>,
    /// The name: 1 to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goods_name: Option<String>,
    /// The quantity: at least 1.
    pub quantity: u32,
    /// The unit price, in fen.
    pub unit_price: Fen,
}

impl Goods {
    /// Creates an entry from the required fields.
    pub fn new(merchant_goods_id: impl Into<String>, quantity: u32, unit_price: Fen) -> Self {
        let merchant_goods_id = merchant_goods_id.into();
        Self { merchant_goods_id, wechatpay_goods_id: None, goods_name: None, quantity, unit_price }
    }
}

impl Detail {
    pub(super) fn check(&self) -> Result<(), InvalidField> {
        self.goods_detail.iter().try_for_each(Goods::check)
    }
}

impl Goods {
    fn check(&self) -> Result<(), InvalidField> {
        field::goods_id(&self.merchant_goods_id)?;
        if self.quantity == 0 {
            return Err(InvalidField::new("quantity", "must be at least 1"));
        }
        if let Some(name) = &self.goods_name {
            field::text(name, 256, InvalidField::new("goods_name", "must be 1 to 256 characters"))?;
        }
        Ok(())
    }
}

/// The goods of an order, as on the wire of code payment.
#[derive(serde::Serialize)]
pub(super) struct DetailBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_price: Option<Fen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_id: Option<&'a str>,
    goods_detail: Vec<GoodsBody<'a>>,
}

/// One kind of goods, as on the wire of code payment. No other API spells WeChat Pay's number `wxpay_goods_id`.
#[derive(serde::Serialize)]
struct GoodsBody<'a> {
    merchant_goods_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wxpay_goods_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goods_name: Option<&'a str>,
    quantity: u32,
    unit_price: Fen,
}

impl<'a> DetailBody<'a> {
    pub(super) fn of(detail: &'a Detail) -> Self {
        let goods = |goods: &'a Goods| GoodsBody {
            merchant_goods_id: &goods.merchant_goods_id,
            wxpay_goods_id: goods.wechatpay_goods_id.as_deref(),
            goods_name: goods.goods_name.as_deref(),
            quantity: goods.quantity,
            unit_price: goods.unit_price,
        };
        Self {
            cost_price: detail.cost_price,
            invoice_id: detail.invoice_id.as_deref(),
            goods_detail: detail.goods_detail.iter().map(goods).collect(),
        }
    }
}
