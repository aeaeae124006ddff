//! The goods of an order, for coupons on single goods.

use crate::v3::{field::GoodsId, prelude::*};

body! {
    /// The goods of an order (`detail`), for coupons on single goods.
    #[derive(Clone)]
    pub struct Detail {
        /// Sets the price before the merchant's own discounts, in fen: limits a coupon to one use per purchase.
        optional cost_price: Fen,
        /// Sets the id of the merchant's receipt: 1 to 32 characters.
        text invoice_id: Chars<32>,
        list goods_detail: Goods,
    }
    Debug { cost_price, goods_detail }
}

impl Detail {
    /// Creates the detail of these goods. A code payment requires at least one entry.
    pub fn new(goods_detail: Vec<Goods>) -> Self {
        Self { goods_detail, ..Self::required() }
    }

    /// Returns the detail as code payment has it: with goods, and another name for WeChat Pay's number of them.
    pub(super) fn of_code_payment(self) -> Result<Self, InvalidField> {
        if self.goods_detail.is_empty() {
            return Err(InvalidField::new("goods_detail", "must have at least one entry"));
        }
        let goods_detail = self.goods_detail.into_iter().map(Goods::of_code_payment).collect();
        Ok(Self { goods_detail, ..self })
    }
}

body! {
    /// One kind of goods.
    #[derive(Clone)]
    pub struct Goods {
        required merchant_goods_id: GoodsId,
        /// Sets WeChat Pay's number of the goods: 1 to 32 characters.
        text wechatpay_goods_id: Chars<32>,
        optional wxpay_goods_id: Chars<32>,
        /// Sets the name of the goods: 1 to 256 characters.
        text goods_name: Chars<256>,
        required quantity: u32,
        required unit_price: Fen,
    }
    Debug { merchant_goods_id, quantity, unit_price }
}

impl Goods {
    /// Creates an entry: the merchant's number of the goods (1 to 32 letters, digits, `-`, `_`), the number of pieces
    /// (at least 1), and the price of one piece in fen.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the merchant's number is invalid, or there are no pieces.
    pub fn new(
        merchant_goods_id: impl AsRef<str>,
        quantity: u32,
        unit_price: Fen,
    ) -> Result<Self, InvalidField> {
        if quantity == 0 {
            return Err(InvalidField::new("quantity", "must be at least 1"));
        }
        let merchant_goods_id = GoodsId::new("merchant_goods_id", merchant_goods_id)?;
        Ok(Self::required(merchant_goods_id, quantity, unit_price))
    }

    /// Returns the entry with WeChat Pay's number under the name that only code payment has for it.
    fn of_code_payment(self) -> Self {
        Self { wxpay_goods_id: self.wechatpay_goods_id, wechatpay_goods_id: None, ..self }
    }
}
