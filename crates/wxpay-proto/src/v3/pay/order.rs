//! The order, independent of the payment method.

pub use super::{
    goods::{Detail, Goods},
    scene::Store,
};

use super::{
    payer::{Payer, PayerInfo},
    query::QueryOrder,
    scene::SceneInfo,
};
use crate::{
    id::{AppId, NotifyUrl, OutTradeNo},
    v3::{party::OrderParty, prelude::*},
};
use core::net::IpAddr;

body! {
    /// An order. [`new`](Self::new) takes the fields that every payment method requires; the rest is optional.
    ///
    /// `Debug` shows number and price only: texts may contain personal data.
    #[derive(Clone)]
    pub struct Order {
        computed ids: OrderParty = flattened,
        /// Sets the app. The default is the [merchant's](crate::v3::Builder::appid).
        pub(super) optional appid: AppId = omitted,
        /// Sets the party that is paid: a sub-merchant. The default is the merchant itself.
        pub(super) default party: Party = omitted,
        pub(super) required description: Chars<127>,
        pub(super) required out_trade_no: OutTradeNo,
        /// Sets the time until which the order can be paid: at most two hours ahead, because the `prepay_id` expires
        /// then.
        optional time_expire: UnixTime,
        /// Sets the merchant's own data, returned in replies, queries and notifications: 1 to 128 characters.
        pub(super) text attach: Chars<128>,
        /// Sets the notification URL. The default is the [merchant's](crate::v3::Builder::notify_url).
        optional notify_url: NotifyUrl = notify_url_or_default,
        /// Sets the coupon tag: 1 to 32 characters.
        pub(super) text goods_tag: Chars<32>,
        /// Sets restrictions of the funds that may pay.
        list limit_pay: LimitPay,
        /// Sets whether the payer may request an electronic invoice (fapiao).
        pub(super) optional support_fapiao: bool,
        pub(super) required amount: Amount,
        pub(super) object payer: PayerInfo,
        /// Sets the goods.
        pub(super) optional detail: Detail,
        pub(super) object scene_info: SceneInfo,
        pub(super) object settle_info: SettleInfo,
    }
    Debug { out_trade_no, amount }
}

/// A restriction of the funds that may pay an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LimitPay {
    /// Excludes the balance.
    NoBalance,
    /// Excludes credit cards.
    NoCredit,
    /// Excludes debit cards.
    NoDebit,
    /// Allows the balance only.
    BalanceOnly,
}

body! {
    /// The object `amount`.
    #[derive(Clone)]
    pub(super) struct Amount {
        required total: Fen,
        constant currency: &str = "CNY",
    }
    Debug { total }
}

body! {
    /// The object `settle_info`.
    #[derive(Clone, Default)]
    pub(super) struct SettleInfo {
        pub(super) optional profit_sharing: bool,
        pub(super) optional subsidy_amount: Fen,
    }
    Debug { profit_sharing, subsidy_amount }
}

impl Order {
    /// Creates an order from the merchant's number (6 to 32 of `0-9 A-Z a-z _ - *`), the price in fen, and the
    /// description that the payer sees (1 to 127 characters). The app and the notification URL are required, too,
    /// unless the [merchant has defaults](crate::v3::Builder::appid).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if a field violates its rule; the error names it.
    pub fn new(
        out_trade_no: OutTradeNo,
        total: Fen,
        description: impl AsRef<str>,
    ) -> Result<Self, InvalidField> {
        field::out_trade_no(&out_trade_no, "out_trade_no")?;
        let amount = Amount::required(field::amount(total, "total")?);
        Ok(Self::required(Chars::new("description", description)?, out_trade_no, amount))
    }

    /// Sets the IP address of the payer's device. H5 requires it.
    pub fn payer_client_ip(mut self, address: IpAddr) -> Self {
        self.scene_info.payer_client_ip = Some(address);
        self
    }

    /// Sets the id of the merchant's device, such as a till: 1 to 32 characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the text violates this rule.
    pub fn device_id(self, device_id: impl AsRef<str>) -> Result<Self, InvalidField> {
        Ok(Self { scene_info: self.scene_info.device_id(device_id)?, ..self })
    }

    /// Sets the store.
    pub fn store(mut self, store: Store) -> Self {
        self.scene_info.store = Some(store);
        self
    }

    /// Sets whether the paid amount is frozen for profit sharing.
    pub fn profit_sharing(mut self, profit_sharing: bool) -> Self {
        self.settle_info.profit_sharing = Some(profit_sharing);
        self
    }

    /// Returns the merchant's order number.
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// Returns the price, in fen.
    pub fn total(&self) -> Fen {
        self.amount.total
    }
}

impl Order {
    /// Sets the payer.
    pub(super) fn payer(self, payer: Payer) -> Result<Self, InvalidField> {
        Ok(Self { payer: payer.of_party(&self.party)?, ..self })
    }

    /// Checks that the order has `payer_client_ip`.
    pub(super) fn require_payer_client_ip(&self, rule: &'static str) -> Result<(), InvalidField> {
        match self.scene_info.payer_client_ip {
            Some(_) => Ok(()),
            None => Err(InvalidField::new("payer_client_ip", rule)),
        }
    }

    /// Rejects fields that a payment method does not accept.
    pub(super) fn reject_fields(&self, fields: &[&str]) -> Result<(), InvalidField> {
        reject_fields(
            fields,
            &[
                ("time_expire", self.time_expire.is_some()),
                ("notify_url", self.notify_url.is_some()),
                ("limit_pay", !self.limit_pay.is_empty()),
                ("payer_client_ip", self.scene_info.payer_client_ip.is_some()),
                ("store_info", self.scene_info.store.is_some()),
                ("identity", self.payer.identity.is_some()),
            ],
        )
    }

    /// Returns the order's app, or else the merchant's default.
    pub(super) fn appid_for<'a>(&'a self, merchant: &'a Merchant) -> Result<&'a AppId, Error> {
        merchant.appid_or_default(self.appid.as_ref())
    }

    /// Returns the ids of app and merchant.
    pub(super) fn ids<'a>(&'a self, merchant: &'a Merchant) -> Result<OrderParty<'a>, Error> {
        let (appid, mchid) = (self.appid_for(merchant)?, merchant.mchid());
        Ok(OrderParty { appid, mchid, party: &self.party })
    }

    /// Returns the pending operation to resolve if the outcome is unknown.
    pub(in crate::v3) fn pending_operation(&self) -> Option<PendingOperation> {
        let party = self.party.clone();
        QueryOrder::out_trade_no(self.out_trade_no.clone()).party(party).pending()
    }
}

/// Rejects fields that are set and that a payment method does not accept.
pub(super) fn reject_fields(fields: &[&str], is_set: &[(&'static str, bool)]) -> Result<(), InvalidField> {
    match is_set.iter().find(|(field, is_set)| *is_set && fields.contains(field)) {
        Some((field, _)) => Err(InvalidField::new(field, "must not be set for this payment method")),
        None => Ok(()),
    }
}

/// Implements the members of [`Endpoint`] that all operations which place an order share. `draft` is among them if the
/// path depends on the party at most.
macro_rules! places_order {
    ($label:literal, $direct:literal, $partner:literal) => {
        fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
            writer.post($label, self.order.party.choose($direct, $partner), &self.order)
        }

        places_order!();
    };
    ($label:literal, $path:literal) => {
        fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
            writer.post($label, $path, &self.order)
        }

        places_order!();
    };
    () => {
        fn trusts_field_check(&self) -> bool {
            true
        }

        fn pending_operation(&self) -> Option<PendingOperation> {
            self.order.pending_operation()
        }
    };
}
pub(super) use places_order;

#[cfg(test)]
mod tests;
