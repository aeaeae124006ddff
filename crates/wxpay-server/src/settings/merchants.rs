//! Merchants in the settings: the tables `[merchants.NAME]`, and the variables of the merchant `default`.

use super::{
    files,
    sources::{Sources, Stored, flat, resolve},
};
use crate::{
    invalid::Invalid,
    merchants::{
        AppSettings, Merchant, MerchantKeys, MerchantName, MerchantSettings, Origin, SubMerchantSettings,
        Upstream, V1Settings,
    },
};
use std::collections::BTreeMap;
use wxpay_proto::secret::Secret;

/// A text of a merchant: its name in [`MerchantSettings`] and [`MerchantKeys`], and its description in the sample.
pub(super) struct Field {
    /// The name; `v1.` for the table of APIv1.
    pub(super) name: &'static str,
    /// The variable, without `_FILE`.
    variable: &'static str,
    /// True if it may be the content of a file.
    may_be_file: bool,
    pub(super) example: &'static str,
    pub(super) doc: &'static str,
}

const fn field(
    name: &'static str,
    variable: &'static str,
    may_be_file: bool,
    example: &'static str,
    doc: &'static str,
) -> Field {
    Field { name, variable, may_be_file, example, doc }
}

/// The texts of a merchant.
pub(super) const FIELDS: [Field; 14] = [
    field("mchid", "WXPAY_MCHID", false, "mchid = \"1900000001\"", "The merchant number of APIv3."),
    field(
        "private_key",
        "WXPAY_PRIVATE_KEY",
        true,
        "private_key_file = \"apiclient_key.pem\"",
        "The private key of the API certificate.",
    ),
    field(
        "certificate",
        "WXPAY_CERTIFICATE",
        true,
        "certificate_file = \"apiclient_cert.pem\"",
        "The API certificate; or its serial number alone.",
    ),
    field(
        "serial_no",
        "WXPAY_SERIAL_NO",
        false,
        "serial_no = \"5157F09EFDC096DE15EBE81A47057A7232F1B8E1\"",
        "",
    ),
    field("api_v3_key", "WXPAY_API_V3_KEY", true, "api_v3_key_file = \"api_v3.key\"", "The APIv3 key."),
    field(
        "previous_api_v3_key",
        "WXPAY_PREVIOUS_API_V3_KEY",
        true,
        "previous_api_v3_key_file = \"previous_api_v3.key\"",
        "The APIv3 key before the last change: notifications in flight are still encrypted with it.",
    ),
    field(
        "public_key_id",
        "WXPAY_PUBLIC_KEY_ID",
        false,
        "public_key_id = \"PUB_KEY_ID_0119000000012026112900000000000000\"",
        "The WeChat Pay public key and its id. Without it, platform certificates are fetched.",
    ),
    field("public_key", "WXPAY_PUBLIC_KEY", true, "public_key_file = \"pub_key.pem\"", ""),
    field("v1.appid", "WXPAY_V1_APPID", false, "appid = \"wxd930ea5d5a258f4f\"", "The app of APIv1."),
    field(
        "v1.partner",
        "WXPAY_V1_PARTNER",
        false,
        "partner = \"1900000109\"",
        "The merchant number of APIv1.",
    ),
    field(
        "v1.app_secret",
        "WXPAY_V1_APP_SECRET",
        true,
        "app_secret_file = \"app_secret\"",
        "The three keys of APIv1.",
    ),
    field("v1.pay_sign_key", "WXPAY_V1_PAY_SIGN_KEY", true, "pay_sign_key_file = \"pay_sign_key\"", ""),
    field("v1.partner_key", "WXPAY_V1_PARTNER_KEY", true, "partner_key_file = \"partner_key\"", ""),
    field(
        "v1.charset",
        "WXPAY_V1_CHARSET",
        false,
        "charset = \"UTF-8\"",
        "The charset of orders: UTF-8 or GBK.",
    ),
];

/// A merchant as gathered from the sources.
#[derive(Default)]
pub(super) struct Draft {
    /// The texts by field, and by field and `_file`.
    texts: BTreeMap<String, Stored>,
    pub(super) apps: Vec<AppSettings>,
    /// The files of platform certificates, with the name of the setting.
    pub(super) certificate_files: Vec<(String, String)>,
    sub_merchants: Vec<SubMerchantSettings>,
    platform_certificates: bool,
    partner: bool,
    /// Variables alone define the merchant.
    pub(super) variables_since: Option<u32>,
}

/// Finds the field that a variable sets, and whether it names a file.
pub(super) fn by_variable(variable: &str) -> Option<(&'static str, bool)> {
    FIELDS.iter().find_map(|field| match variable.strip_prefix(field.variable)? {
        "" => Some((field.name, false)),
        "_FILE" if field.may_be_file => Some((field.name, true)),
        _ => None,
    })
}

/// Finds the field that a key of a table sets.
fn by_key(prefix: &str, key: &str) -> Option<(&'static str, bool)> {
    FIELDS.iter().find_map(|field| {
        let own = match (prefix, field.name.strip_prefix("v1.")) {
            ("", None) => field.name,
            ("v1.", Some(name)) => name,
            _ => return None,
        };
        match key.strip_prefix(own)? {
            "" => Some((field.name, false)),
            "_file" if field.may_be_file => Some((field.name, true)),
            _ => None,
        }
    })
}

impl Draft {
    pub(super) fn put(&mut self, field: &str, is_file: bool, stored: Stored) {
        self.texts.insert(if is_file { format!("{field}_file") } else { field.to_owned() }, stored);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
            && self.apps.is_empty()
            && self.certificate_files.is_empty()
            && self.variables_since.is_none()
    }

    /// Reads the files, and builds the merchant.
    pub(super) fn build(
        mut self,
        name: &MerchantName,
        upstream: &Upstream,
        faults: &mut Vec<Invalid>,
    ) -> Option<Merchant> {
        let before = faults.len();
        let mut names = BTreeMap::new();
        let mut texts = BTreeMap::new();
        for field in &FIELDS {
            let (stored, file) =
                (self.texts.remove(field.name), self.texts.remove(&format!("{}_file", field.name)));
            match resolve(stored, file) {
                Ok(None) => {}
                Ok(Some((source, text))) => {
                    names.insert(field.name.to_owned(), source);
                    texts.insert(field.name, text.to_string());
                }
                Err(fault) => faults.push(fault),
            }
        }
        let mut trusted_certificates = Vec::new();
        for (index, (source, path)) in self.certificate_files.iter().enumerate() {
            match files::read(source, path) {
                Ok(text) => {
                    names.insert(format!("trusted_certificates[{index}]"), source.clone());
                    trusted_certificates.push(text.to_string());
                }
                Err(fault) => faults.push(fault),
            }
        }
        if faults.len() > before {
            // The files that cannot be read would be reported as missing.
            return None;
        }
        let mut take = |field: &str| texts.remove(field);
        let has_v1 = ["v1.appid", "v1.partner"].iter().any(|field| names.contains_key(*field));
        let v1 = V1Settings {
            appid: take("v1.appid").unwrap_or_default(),
            partner: take("v1.partner").unwrap_or_default(),
            charset: take("v1.charset"),
        };
        let settings = MerchantSettings {
            mchid: take("mchid"),
            serial_no: take("serial_no"),
            certificate: take("certificate"),
            public_key_id: take("public_key_id"),
            public_key: take("public_key"),
            platform_certificates: self.platform_certificates,
            trusted_certificates,
            partner: self.partner,
            sub_merchants: self.sub_merchants,
            apps: self.apps,
            v1: has_v1.then_some(v1),
        };
        let mut secret = |field: &str| take(field).map(Secret::new);
        let keys = MerchantKeys {
            private_key: secret("private_key"),
            api_v3_key: secret("api_v3_key"),
            previous_api_v3_key: secret("previous_api_v3_key"),
            app_secret: secret("v1.app_secret"),
            pay_sign_key: secret("v1.pay_sign_key"),
            partner_key: secret("v1.partner_key"),
        };
        let is_by_variables = self.variables_since.is_some();
        let built = Merchant::build(name.clone(), Origin::Settings, settings, &keys, upstream);
        let located = |fault: Invalid| {
            let field = fault.field().to_owned();
            let source = names.get(&field).cloned();
            fault.at(source.unwrap_or_else(|| missing(name, &field, is_by_variables)))
        };
        built.map_err(|found| faults.extend(found.into_iter().map(located))).ok()
    }
}

/// Returns the name of a setting that no source has.
fn missing(name: &MerchantName, field: &str, is_by_variables: bool) -> String {
    let in_table = || format!("merchants.{name}.{field}");
    if !is_by_variables {
        return in_table();
    }
    if field == "apps" || field.starts_with("apps[") {
        return "WXPAY_APPID".to_owned();
    }
    let variable = FIELDS.iter().find(|known| known.name == field);
    variable.map_or_else(in_table, |known| {
        let only_file = ["private_key", "certificate", "public_key"].contains(&known.name);
        if only_file { format!("{}_FILE", known.variable) } else { known.variable.to_owned() }
    })
}

impl Sources {
    /// Reads the table `merchants`.
    pub(super) fn read_merchants(&mut self, value: toml::Value) {
        let toml::Value::Table(merchants) = value else {
            self.faults.push(Invalid::new("merchants", "must be tables: [merchants.NAME]"));
            return;
        };
        for (name, value) in merchants {
            let setting = format!("merchants.{name}");
            match (name.parse::<MerchantName>(), value) {
                (Ok(name), toml::Value::Table(table)) => {
                    let mut draft = self.drafts.remove(&name).unwrap_or_default();
                    self.read_merchant(&setting, table, &mut draft);
                    self.drafts.insert(name, draft);
                }
                (Err(error), _) => {
                    let rule = format!("must have a name: {}", error.rule());
                    self.faults.push(Invalid::new(setting, rule));
                }
                (Ok(_), _) => self.faults.push(Invalid::new(setting, "must be a table")),
            }
        }
    }

    fn read_merchant(&mut self, setting: &str, table: toml::Table, draft: &mut Draft) {
        for (key, value) in table {
            let at = format!("{setting}.{key}");
            match &*key {
                "apps" => draft.apps = self.tables(&at, value),
                "sub_merchants" => draft.sub_merchants = self.tables(&at, value),
                "partner" => draft.partner = self.switch(&at, &value),
                "platform_certificates" => draft.platform_certificates = self.switch(&at, &value),
                "platform_certificate_files" => {
                    draft.certificate_files =
                        self.texts(&at, value).into_iter().map(|path| (at.clone(), path)).collect();
                }
                "v1" => match value {
                    toml::Value::Table(table) => {
                        for (key, value) in table {
                            self.read_text(&format!("{at}.{key}"), by_key("v1.", &key), value, draft);
                        }
                    }
                    toml::Value::String(_)
                    | toml::Value::Integer(_)
                    | toml::Value::Float(_)
                    | toml::Value::Boolean(_)
                    | toml::Value::Datetime(_)
                    | toml::Value::Array(_) => self.faults.push(Invalid::new(at, "must be a table")),
                },
                key => self.read_text(&at, by_key("", key), value, draft),
            }
        }
    }

    fn read_text(&mut self, at: &str, field: Option<(&str, bool)>, value: toml::Value, draft: &mut Draft) {
        let Some((field, is_file)) = field else {
            let remedy = "remove it, or compare its name with `wxpay check-config --sample`";
            self.faults.push(Invalid::new(at.to_owned(), "is an unknown setting in the file").remedy(remedy));
            return;
        };
        match value {
            toml::Value::String(_) | toml::Value::Integer(_) => {
                let text = flat(value).unwrap_or_default().into();
                draft.put(field, is_file, Stored { source: at.to_owned(), text, rank: self.rank });
            }
            toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_)
            | toml::Value::Table(_) => self.faults.push(Invalid::new(at.to_owned(), "must be a text")),
        }
    }

    fn switch(&mut self, at: &str, value: &toml::Value) -> bool {
        value.as_bool().unwrap_or_else(|| {
            self.faults.push(Invalid::new(at.to_owned(), "must be true or false"));
            false
        })
    }

    fn texts(&mut self, at: &str, value: toml::Value) -> Vec<String> {
        value.try_into().unwrap_or_else(|_| {
            self.faults.push(Invalid::new(at.to_owned(), "must be a list of texts"));
            Vec::new()
        })
    }

    /// Reads a list of tables with texts and lists of texts.
    fn tables<T: serde::de::DeserializeOwned>(&mut self, at: &str, value: toml::Value) -> Vec<T> {
        value.try_into().unwrap_or_else(|error: toml::de::Error| {
            // The message names the field, and may quote a value of these tables, which have no secrets; but one may
            // have been pasted there.
            let message = error.message();
            let is_about_field = message.starts_with("unknown field") || message.starts_with("missing field");
            let cause =
                if is_about_field && message.len() <= 200 { format!(": {message}") } else { String::new() };
            self.faults.push(Invalid::new(at.to_owned(), format!("must be tables of texts{cause}")));
            Vec::new()
        })
    }
}
