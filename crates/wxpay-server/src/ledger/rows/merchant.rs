//! Merchants and access tokens at rest.

use crate::{
    ledger::{Prefix, table::table},
    merchants::MerchantName,
};
use wxpay_proto::UnixTime;

table! {
    /// A merchant that was configured by API.
    MerchantRow = "merchants" {
        key {
            /// The name.
            merchant: MerchantName,
        }
        columns {
            /// The merchant's number. It belongs to one merchant.
            mchid: String,
            /// The settings that are no secrets, as JSON.
            settings: String,
            /// The keys, sealed.
            sealed_keys: String,
            /// Grows with every write.
            version: u64,
            /// The time of the last write.
            updated_at: UnixTime,
        }
        indexes {
            merchants_by_mchid(mchid),
        }
    }
}

impl MerchantRow {
    /// Returns the key of a merchant.
    pub(crate) fn of(merchant: &MerchantName) -> Prefix<Self> {
        Prefix::all().and(merchant)
    }
}

table! {
    /// The access token of an APIv1 app.
    TokenRow = "tokens" {
        key {
            /// The app.
            appid: String,
        }
        columns {
            /// The token, sealed.
            sealed_token: String,
            /// Grows with every write.
            version: u64,
            /// The end of its validity.
            expires_at: UnixTime,
        }
        indexes {}
    }
}
