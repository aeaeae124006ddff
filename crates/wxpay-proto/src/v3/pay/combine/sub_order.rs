//! A sub-order of a combined order.

use crate::{
    id::{AppId, MchId, OutTradeNo},
    v3::{pay::order::SettleInfo, prelude::*},
};

body! {
    /// A sub-order of a combined order. `Debug` shows merchant, number and price only: texts may contain personal data.
    #[derive(Clone)]
    pub struct SubOrder {
        pub(super) required mchid: MchId,
        /// Sets the party that is paid: a sub-merchant. The default is the merchant itself.
        pub(super) default party: Party = omitted,
        computed sub_mchid: MchId,
        computed sub_appid: AppId,
        pub(super) optional order_service_type: &'static str,
        /// Sets the selling person, in trades between individuals.
        pub(super) optional individual: Individual = flattened,
        required out_trade_no: OutTradeNo,
        required amount: Amount,
        required attach: Chars<128>,
        required description: Chars<127>,
        /// Sets the goods, for coupons on single goods: 1 to 6000 characters.
        pub(super) text detail: Chars<6000>,
        /// Sets the coupon tag: 1 to 32 characters.
        pub(super) text goods_tag: Chars<32>,
        object settle_info: SettleInfo,
    }
    Debug { mchid, out_trade_no, amount }
}

body! {
    /// A selling person in trades between individuals.
    #[derive(Clone)]
    pub struct Individual {
        pub(super) required auth_id: Chars<64> as "individual_auth_id",
        /// Sets the person's name as the payer sees it: 1 to 64 characters.
        text name: Chars<64> as "individual_name",
    }
    Debug {}
}

body! {
    /// The object `amount`.
    #[derive(Clone)]
    pub(super) struct Amount {
        required total_amount: Fen,
        constant currency: &str = "CNY",
    }
    Debug { total_amount }
}

impl Individual {
    /// Creates a person from the number of the authorization: 1 to 64 characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the number violates this rule.
    pub fn new(auth_id: impl AsRef<str>) -> Result<Self, InvalidField> {
        Ok(Self::required(Chars::new("individual_auth_id", auth_id)?))
    }
}

impl SubOrder {
    /// Creates a sub-order of a merchant, or of the partner of a sub-merchant, from the merchant's number of it (6 to
    /// 32 of `0-9 A-Z a-z _ - *`), the price in fen, the description that the payer sees (1 to 127 characters), and the
    /// merchant's own data, returned in queries and notifications (1 to 128 characters).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if a field violates its rule; the error names it.
    pub fn new(
        mchid: MchId,
        out_trade_no: OutTradeNo,
        total_amount: Fen,
        description: impl AsRef<str>,
        attach: impl AsRef<str>,
    ) -> Result<Self, InvalidField> {
        field::out_trade_no(&out_trade_no, "out_trade_no")?;
        let amount = Amount::required(field::amount(total_amount, "total_amount")?);
        let (attach, description) = (Chars::new("attach", attach)?, Chars::new("description", description)?);
        Ok(Self::required(mchid, out_trade_no, amount, attach, description))
    }

    /// Sets whether the paid amount is frozen for profit sharing.
    pub fn profit_sharing(mut self, profit_sharing: bool) -> Self {
        self.settle_info.profit_sharing = Some(profit_sharing);
        self
    }

    /// Sets the subsidy that the platform adds to the sub-merchant's income, in fen.
    pub fn subsidy_amount(mut self, subsidy_amount: Fen) -> Self {
        self.settle_info.subsidy_amount = Some(subsidy_amount);
        self
    }

    /// Returns the merchant's number of the sub-order.
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// Returns the price, in fen.
    pub fn total_amount(&self) -> Fen {
        self.amount.total_amount
    }

    pub(super) fn sub_mchid(&self) -> Option<&MchId> {
        self.party.sub_mchid()
    }

    pub(super) fn has_settle_info(&self) -> bool {
        self.settle_info.profit_sharing.is_some() || self.settle_info.subsidy_amount.is_some()
    }

    pub(super) fn sub_appid(&self) -> Option<&AppId> {
        self.party.sub_appid()
    }
}
