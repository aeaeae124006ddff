//! Merchants and API keys, without their secrets.

use super::list;
use crate::api::keys::Scope;
use wxpay_openapi::{Record, Schema, required_member};

pub(crate) const MERCHANT: Schema = Schema::Record(&Record {
    name: "Merchant",
    description: "A merchant, without its secrets.",
    members: &[
        required_member("object", Schema::Enum(|| vec!["merchant"]), "The type of the object."),
        required_member("merchant", Schema::Text, "The name."),
        required_member("mchid", Schema::Nullable(&Schema::Text), "The merchant's number in APIv3."),
        required_member(
            "serial_no",
            Schema::Nullable(&Schema::Text),
            "The serial number of its API certificate.",
        ),
        required_member(
            "public_key_id",
            Schema::Nullable(&Schema::Text),
            "The id of the WeChat Pay public key.",
        ),
        required_member(
            "platform_certificates",
            Schema::Boolean,
            "True if platform certificates are trusted.",
        ),
        required_member("partner", Schema::Boolean, "True for a partner (service provider)."),
        required_member(
            "sub_merchants",
            Schema::List(&Schema::Record(&SUB_MERCHANT)),
            "The sub-merchants; empty: any.",
        ),
        required_member("apps", Schema::List(&Schema::Record(&APP)), "The apps of APIv3."),
        required_member("v1", Schema::Nullable(&Schema::Record(&V1)), "The app of APIv1."),
        required_member("keys", Schema::List(&Schema::Text), "The names of the secrets that are set."),
        required_member(
            "source",
            Schema::Enum(|| vec!["file", "api"]),
            "The origin. Those of the file are read-only.",
        ),
        required_member("version", Schema::Count, "The number of changes."),
    ],
});
list!(
    /// A page of merchants.
    MERCHANTS, "MerchantList", MERCHANT
);
const SUB_MERCHANT: Record = Record {
    name: "SubMerchant",
    description: "A sub-merchant of a partner.",
    members: &[
        required_member("sub_mchid", Schema::Text, "The sub-merchant's number."),
        required_member("sub_appid", Schema::Nullable(&Schema::Text), "The sub-merchant's own app."),
    ],
};
const APP: Record = Record {
    name: "App",
    description: "An app of a merchant.",
    members: &[
        required_member("appid", Schema::Text, "The app's id."),
        required_member("name", Schema::Nullable(&Schema::Text), "The name by which orders may select it."),
        required_member("channels", Schema::List(&Schema::Text), "The channels that it is for; empty: all."),
    ],
};
const V1: Record = Record {
    name: "V1App",
    description: "The app of APIv1.",
    members: &[
        required_member("appid", Schema::Text, "The app's id."),
        required_member("partner", Schema::Text, "The merchant's number in APIv1."),
        required_member("charset", Schema::Text, "The charset of its orders."),
    ],
};

/// Returns the names of the scopes.
pub(crate) fn scopes() -> Vec<&'static str> {
    Scope::ALL.map(Scope::name).to_vec()
}

macro_rules! api_key_members {
    ($($more:expr),*) => {
        &[
            $($more,)*
            required_member("object", Schema::Enum(|| vec!["api_key"]), "The type of the object."),
            required_member("key_id", Schema::Text, "The id."),
            required_member("name", Schema::Text, "The name."),
            required_member("scopes", Schema::List(&Schema::Enum(scopes)), "The operations that it allows."),
            required_member(
                "merchants",
                Schema::Nullable(&Schema::List(&Schema::Text)),
                "The merchants that it is for; null for all.",
            ),
            required_member("created_at", Schema::Time, "The time of creation."),
            required_member("last_used_day", Schema::Nullable(&Schema::Text), "The last day on which it was used."),
            required_member("expires_at", Schema::Nullable(&Schema::Time), "The time from which it is invalid."),
            required_member("revoked_at", Schema::Nullable(&Schema::Time), "The time at which it was revoked."),
        ]
    };
}

pub(crate) const API_KEY: Schema = Schema::Record(&Record {
    name: "ApiKey",
    description: "An API key, without its token.",
    members: api_key_members!(),
});
list!(
    /// A page of API keys.
    API_KEYS, "ApiKeyList", API_KEY
);
/// A new API key with its token.
pub(crate) const NEW_API_KEY: Schema = Schema::Record(&Record {
    name: "NewApiKey",
    description: "A new API key.",
    members: api_key_members!(required_member("token", Schema::Text, "The token, wxk_… It is shown once.")),
});
