//! Routes of merchants, API keys and the audit log.

use super::{Group, NO_MERCHANT, read, write};
use crate::api::{
    fields::{MCHID, MERCHANT as MERCHANT_NAME, PAGE, TEXT, TIMES},
    keys::Scope,
    operation::Operation,
    records::{
        API_KEY, API_KEYS as API_KEY_LIST, AUDIT, MERCHANT, MERCHANTS as MERCHANT_LIST, NEW_API_KEY, channels,
    },
};
use wxpay_openapi::{Body, Field, Form, Kind, LETTERS, VISIBLE, optional, required};

const READ_ONLY: (u16, &str) = (409, "The merchant is defined in the configuration file: change it there.");
const NO_KEY: (u16, &str) = (404, "There is no such API key.");

pub(super) const MERCHANTS: Group = Group {
    name: "merchants",
    description: "Merchants and their keys. Responses never contain a secret. Those of the configuration file are \
        read-only here.",
    routes: &[
        write(
            "api/merchants",
            "create_merchant",
            "Creates a merchant.",
            MERCHANT,
            Scope::ConfigWrite,
            |input| input.create_merchant().map(Operation::CreateMerchant),
        )
        .created()
        .with_body(Body::Required(NEW_MERCHANT))
        .with_problems(&[(409, "The name or the mchid belongs to another merchant.")]),
        read(
            "api/merchants",
            "list_merchants",
            "Lists the merchants.",
            MERCHANT_LIST,
            Scope::ConfigWrite,
            |input| input.list_merchants().map(Operation::ListMerchants),
        )
        .paged(PAGE),
        read(
            "api/merchants/{merchant}",
            "get_merchant",
            "Returns the merchant.",
            MERCHANT,
            Scope::ConfigWrite,
            |input| input.id("merchant").map(Operation::GetMerchant),
        )
        .with_problems(&[NO_MERCHANT]),
        write(
            "api/merchants/{merchant}",
            "update_merchant",
            "Changes the settings and the secrets that are given; the others stay. A list, or v1, is replaced as a whole. \
                Of serial_no and certificate, the given one replaces the other.",
            MERCHANT,
            Scope::ConfigWrite,
            |input| input.update_merchant().map(Operation::UpdateMerchant),
        )
        .method("PATCH")
        .with_body(Body::Required(SETTINGS))
        .with_problems(&[NO_MERCHANT, READ_ONLY]),
        write(
            "api/merchants/{merchant}",
            "replace_merchant",
            "Replaces the merchant's settings: those that are not given become empty. Its secrets stay, except those that \
                are given.",
            MERCHANT,
            Scope::ConfigWrite,
            |input| input.update_merchant().map(Operation::ReplaceMerchant),
        )
        .method("PUT")
        .with_body(Body::Required(SETTINGS))
        .with_problems(&[NO_MERCHANT, READ_ONLY]),
        write(
            "api/merchants/{merchant}",
            "delete_merchant",
            "Deletes the merchant, unless it has orders.",
            MERCHANT,
            Scope::ConfigWrite,
            |input| input.id("merchant").map(Operation::DeleteMerchant),
        )
        .method("DELETE")
        .no_content()
        .with_problems(&[
            NO_MERCHANT,
            (409, "The merchant is defined in the configuration file, or has orders."),
        ]),
        write(
            "api/merchants/{merchant}/keys",
            "set_merchant_keys",
            "Replaces the secrets that are given; the others stay.",
            MERCHANT,
            Scope::ConfigWrite,
            |input| input.set_merchant_keys().map(Operation::SetMerchantKeys),
        )
        .method("PUT")
        .with_body(Body::Required(KEYS))
        .with_problems(&[NO_MERCHANT, READ_ONLY]),
    ],
};

pub(super) const API_KEYS: Group = Group {
    name: "api-keys",
    description: "Keys for this interface. A token is shown once; only its SHA-256 is stored. A key with \
        config:write creates keys with scopes and merchants of its own, not more; `wxpay api-key create` any.",
    routes: &[
        write(
            "api/api-keys",
            "create_api_key",
            "Creates an API key. The response contains its token, once.",
            NEW_API_KEY,
            Scope::ConfigWrite,
            |input| input.create_api_key().map(Operation::CreateApiKey),
        )
        .created()
        .with_body(Body::Required(NEW_KEY)),
        read(
            "api/api-keys",
            "list_api_keys",
            "Lists the API keys.",
            API_KEY_LIST,
            Scope::ConfigWrite,
            |input| input.list_api_keys().map(Operation::ListApiKeys),
        )
        .paged(PAGE),
        read(
            "api/api-keys/{key_id}",
            "get_api_key",
            "Returns the API key.",
            API_KEY,
            Scope::ConfigWrite,
            |input| input.id("key_id").map(Operation::GetApiKey),
        )
        .with_problems(&[NO_KEY]),
        write(
            "api/api-keys/{key_id}",
            "revoke_api_key",
            "Revokes the API key. It stays in the list.",
            API_KEY,
            Scope::ConfigWrite,
            |input| input.id("key_id").map(Operation::RevokeApiKey),
        )
        .method("DELETE")
        .with_problems(&[NO_KEY]),
    ],
};

pub(super) const AUDIT_LOG: Group = Group {
    name: "audit",
    description: "Actions that were carried out through this interface or by command.",
    routes: &[read(
        "api/audit",
        "list_audit",
        "Lists actions, newest first.",
        AUDIT,
        Scope::ConfigWrite,
        |input| input.list_audit().map(Operation::ListAudit),
    )
    .with_query(&[optional(
        "subject",
        Kind::Text(1, 128, VISIBLE),
        "Only actions on this subject, such as refund:shop:R1.",
    )])
    .paged(PAGE)],
};

/// A text in PEM.
const PEM: Form = Form {
    pattern: "^-----BEGIN [A-Z ]{1,40}-----[0-9A-Za-z+/=\\n\\r\\t -]{1,4000}$",
    format: "",
    max_json_bytes: 8192,
    rule: "must be in PEM: a text that begins with -----BEGIN and has at most 4000 characters after that line",
    accepts: |text| {
        let label = text.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----"));
        label.is_some_and(|(label, rest)| {
            wxpay_openapi::is_of(label, 1, 40, "A-Z ")
                && wxpay_openapi::is_of(rest, 1, 4000, "0-9A-Za-z+/=\n\r\t -")
        })
    },
    sample: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
};
/// An appid.
const APP_ID: Form = Form {
    pattern: "^w[wx][0-9A-Za-z]{16}$",
    format: "",
    max_json_bytes: 18,
    rule: "must be wx or ww followed by 16 letters or digits",
    accepts: |text| {
        let rest = text.strip_prefix("wx").or_else(|| text.strip_prefix("ww"));
        rest.is_some_and(|rest| wxpay_openapi::is_of(rest, 16, 16, LETTERS))
    },
    sample: "wx0123456789abcdef",
};

const CHANNELS: Kind = Kind::List(&Kind::Enum(channels), 6);

macro_rules! settings {
    ($($first:expr),*) => {
        &[
            $($first,)*
            optional("keys", Kind::Object(KEYS), "The secrets."),
            optional("mchid", MCHID, "The merchant's number in APIv3."),
            optional(
                "serial_no",
                Kind::Text(2, 64, "0-9A-Fa-f"),
                "The serial number of the API certificate. Required without certificate.",
            ),
            optional("certificate", Kind::Form(&PEM), "The API certificate, apiclient_cert.pem."),
            optional("public_key_id", Kind::Text(12, 75, "0-9A-Z_"), "The id of the WeChat Pay public key."),
            optional("public_key", Kind::Form(&PEM), "The WeChat Pay public key, pub_key.pem."),
            optional(
                "platform_certificates",
                Kind::Boolean,
                "True to fetch and trust platform certificates. Default: false.",
            ),
            optional(
                "trusted_certificates",
                Kind::List(&Kind::Form(&PEM), 2),
                "Platform certificates to trust.",
            ),
            optional("partner", Kind::Boolean, "True for a partner (service provider). Default: false."),
            optional("sub_merchants", Kind::List(&Kind::Object(SUB_MERCHANT), 50), "The sub-merchants. Default: any."),
            optional("apps", Kind::List(&Kind::Object(APP), 20), "The apps of APIv3."),
            optional("v1", Kind::Object(V1), "The app of APIv1."),
        ]
    };
}

const SUB_MERCHANT: &[Field] = &[
    required("sub_mchid", MCHID, "The sub-merchant's number."),
    optional("sub_appid", Kind::Form(&APP_ID), "The sub-merchant's own app."),
];
const APP: &[Field] = &[
    required("appid", Kind::Form(&APP_ID), "The app's id."),
    optional("name", Kind::Text(1, 32, "0-9A-Za-z_-"), "The name by which orders may select it."),
    optional("channels", CHANNELS, "The channels that it is for. Default: all."),
];
const V1: &[Field] = &[
    required("appid", Kind::Form(&APP_ID), "The app's id."),
    required("partner", Kind::Text(10, 10, "0-9"), "The merchant's number in APIv1."),
    optional("charset", Kind::Enum(|| vec!["UTF-8", "GBK"]), "The charset of its orders. Default: UTF-8."),
];
const SETTINGS: &[Field] = settings!();
const NEW_MERCHANT: &[Field] =
    settings!(required("merchant", MERCHANT_NAME, "The name of the merchant in this server, as in paths."));
const KEYS: &[Field] = &[
    optional("private_key", Kind::Form(&PEM), "The private key of the API certificate, apiclient_key.pem.")
        .secret(),
    optional("api_v3_key", Kind::Text(32, 32, VISIBLE), "The APIv3 key.").secret(),
    optional("previous_api_v3_key", Kind::Text(32, 32, VISIBLE), "The APIv3 key before the last change.")
        .secret(),
    optional("app_secret", Kind::Text(1, 128, VISIBLE), "The appsecret of APIv1.").secret(),
    optional("pay_sign_key", Kind::Text(1, 256, VISIBLE), "The paySignKey of APIv1.").secret(),
    optional("partner_key", Kind::Text(1, 128, VISIBLE), "The partnerKey of APIv1.").secret(),
];
const NEW_KEY: &[Field] = &[
    required("name", Kind::Text(1, 64, TEXT), "A name, by which people know the key."),
    required(
        "scopes",
        Kind::List(&Kind::Enum(crate::api::records::scopes), 5),
        "The operations that it allows.",
    ),
    optional(
        "merchants",
        Kind::List(&MERCHANT_NAME, 100),
        "The merchants that it is for. Default: all, also those added later.",
    ),
    optional("expires_at", TIMES, "The time from which it is invalid. Default: never."),
];
