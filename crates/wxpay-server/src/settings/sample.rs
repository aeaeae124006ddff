//! The annotated sample of a settings file.

use super::{
    Setting, TABLE,
    merchants::{self, Field},
};

/// Returns an annotated `wxpay.toml` with every setting, each commented out with its default or an example.
pub fn sample() -> String {
    let mut lines = vec![
        "# Settings of `wxpay serve`. Each is shown with its default, or with an example.".to_owned(),
        "# In the environment a setting is WXPAY_ and its name in capitals; a flag is --set name=value."
            .to_owned(),
    ];
    for setting in TABLE {
        lines.push(String::new());
        lines.extend(of_setting(setting));
    }
    let (v1, v3): (Vec<&Field>, Vec<&Field>) =
        merchants::FIELDS.iter().partition(|field| field.name.starts_with("v1."));
    lines.extend(MERCHANT.lines().map(str::to_owned));
    lines.extend(v3.into_iter().flat_map(of_field));
    lines.extend(TABLES.lines().map(str::to_owned));
    lines.extend(v1.into_iter().flat_map(of_field));
    lines.push(String::new());
    lines.join("\n")
}

const MERCHANT: &str = "
# A merchant, under the name that orders use: 1 to 32 of a-z 0-9 _ -.
# Merchants may also be added by the API, which stores their keys sealed.
#[merchants.shop1]";

const TABLES: &str = "\
# Platform certificates are fetched and trusted, besides the public key.
#platform_certificates = true
# Files with platform certificates to trust.
#platform_certificate_files = [\"platform_cert.pem\"]
# The merchant is a partner (service provider): each order names a sub_mchid.
#partner = false

# An app, official account or mini program; orders name it by id or name if several fit.
#[[merchants.shop1.apps]]
#appid = \"wxd678efh567hg6787\"
#name = \"mini\"
# The channels that it is for; without it, all: native, jsapi, mini_program, app, h5, code.
#channels = [\"jsapi\", \"mini_program\"]

# A sub-merchant of a partner, with its own app if it has one. Without any, all are accepted.
#[[merchants.shop1.sub_merchants]]
#sub_mchid = \"1900000108\"
#sub_appid = \"wxd678efh567hg6788\"

# The app payment of 2013 to 2014 (APIv1), for merchants that still have it.
#[merchants.shop1.v1]";

fn of_setting(setting: &Setting) -> Vec<String> {
    let mut lines: Vec<_> = setting.doc.iter().map(|line| format!("#{line}")).collect();
    lines.push(format!("# It {}. Variable: {}.", (setting.rule)(), setting.variable()));
    let value = setting.tag("example").unwrap_or(setting.default);
    let (name, value) = if setting.is_secret() {
        (format!("{}_file", setting.name), format!("\"{value}\""))
    } else {
        (setting.name.to_owned(), (setting.toml)(value))
    };
    lines.push(format!("#{name} = {value}"));
    lines
}

fn of_field(field: &Field) -> Vec<String> {
    let doc = (!field.doc.is_empty()).then(|| format!("# {}", field.doc));
    doc.into_iter().chain([format!("#{}", field.example)]).collect()
}
