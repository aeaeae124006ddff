//! The builder of a [`WxPay`]: settings from code, from files and from environment variables, checked together.

use super::WxPay;
use crate::{
    builder::Builder,
    client::Client,
    setup::{SetupError, SetupFault},
};
use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};
use wxpay_proto::{
    crypto::{Certificate, CryptoProvider, PrivateKey, PublicKey, pem},
    id::{AppId, InvalidField, MchId, NotifyUrl, PublicKeyId, SerialNo},
    secret::Secret,
    v3::{self, ApiV3Key, Merchant},
};

/// The settings of a [`WxPay`]. `mchid`, the private key, the APIv3 key, and the certificate or its serial number are
/// required; [`build`](Self::build) reports everything that is missing or invalid at once.
///
/// A setting replaces an earlier one of the same kind, whether it came from code, a file or a variable.
#[must_use = "a builder does nothing until it builds"]
pub struct WxPayBuilder {
    provider: Arc<dyn CryptoProvider>,
    client: Builder,
    settings: BTreeMap<Field, Setting>,
    reads_variables: bool,
}

/// The kind of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    MchId,
    SerialNo,
    PrivateKey,
    Certificate,
    ApiV3Key,
    PublicKeyId,
    PublicKey,
    PlatformCertificate,
    TlsCa,
    BaseUrl,
    AppId,
    NotifyUrl,
}

/// The environment variable of each setting. Those that end in `_FILE` contain a path.
const VARIABLES: [(Field, &str); 12] = [
    (Field::MchId, "WXPAY_MCHID"),
    (Field::SerialNo, "WXPAY_SERIAL_NO"),
    (Field::PrivateKey, "WXPAY_PRIVATE_KEY_FILE"),
    (Field::Certificate, "WXPAY_CERTIFICATE_FILE"),
    (Field::ApiV3Key, "WXPAY_API_V3_KEY"),
    (Field::PublicKeyId, "WXPAY_PUBLIC_KEY_ID"),
    (Field::PublicKey, "WXPAY_PUBLIC_KEY_FILE"),
    (Field::PlatformCertificate, "WXPAY_PLATFORM_CERTIFICATE_FILE"),
    (Field::TlsCa, "WXPAY_TLS_CA_FILE"),
    (Field::BaseUrl, "WXPAY_BASE_URL"),
    (Field::AppId, "WXPAY_APPID"),
    (Field::NotifyUrl, "WXPAY_NOTIFY_URL"),
];

/// A setting, under the name that an error shows: a method of the builder, or a variable.
struct Setting {
    name: &'static str,
    source: Source,
}

enum Source {
    Text(Secret<Vec<u8>>),
    File(PathBuf),
}

/// The maximum length of a path that an error shows. A key that was given in its place is longer.
const MAX_SHOWN_PATH: usize = 255;

/// Returns why a file cannot be read, with its path.
fn shown(path: &Path, cause: &io::Error) -> String {
    let path = path.to_string_lossy();
    if path.len() <= MAX_SHOWN_PATH { format!("{path}: {cause}") } else { cause.kind().to_string() }
}

/// A certificate and its public key.
type Certified = (Certificate, Arc<dyn PublicKey>);

impl WxPayBuilder {
    /// Returns a builder without settings, for any provider of the cryptography. [`WxPay::builder`] is for aws-lc.
    pub fn new(provider: Arc<dyn CryptoProvider>) -> Self {
        Self { provider, client: Client::builder(), settings: BTreeMap::new(), reads_variables: false }
    }

    /// Reads the settings from environment variables, or from another source with their names. Variables that
    /// `variable` does not return, or returns empty, set nothing.
    ///
    /// | variable | value |
    /// |---|---|
    /// | `WXPAY_MCHID` | the merchant's number |
    /// | `WXPAY_PRIVATE_KEY_FILE` | the path of the merchant's private key |
    /// | `WXPAY_SERIAL_NO`, `WXPAY_CERTIFICATE_FILE` | the serial number of the merchant's certificate, or the path of the certificate, or both |
    /// | `WXPAY_API_V3_KEY` | the APIv3 key |
    /// | `WXPAY_PUBLIC_KEY_ID`, `WXPAY_PUBLIC_KEY_FILE` | the id of the WeChat Pay public key, and the path of the key |
    /// | `WXPAY_PLATFORM_CERTIFICATE_FILE` | the path of a platform certificate to trust |
    /// | `WXPAY_APPID`, `WXPAY_NOTIFY_URL` | the defaults of orders |
    /// | `WXPAY_BASE_URL`, `WXPAY_TLS_CA_FILE` | another gateway, such as the simulator, and the path of a CA certificate to trust |
    ///
    /// ```no_run
    /// # use wxpay_hyper::{SetupError, WxPay};
    /// # fn shop() -> Result<WxPay, SetupError> {
    /// WxPay::builder()
    ///     .variables(|name| std::env::var(name).ok())
    ///     .notify_url("https://shop.example/notify/1900000109")
    ///     .build()
    /// # }
    /// ```
    pub fn variables(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        self.reads_variables = true;
        for (field, name) in VARIABLES {
            let Some(value) = variable(name).filter(|value| !value.is_empty()) else { continue };
            let is_file = name.ends_with("_FILE");
            let source = if is_file { Source::File(value.into()) } else { text(value) };
            self = self.set(field, name, source);
        }
        self
    }

    /// Sets the merchant's number.
    pub fn mchid(self, mchid: impl Into<String>) -> Self {
        self.set(Field::MchId, "mchid", text(mchid.into()))
    }

    /// Sets the serial number of the merchant's certificate. A [certificate](Self::certificate_pem) contains it.
    pub fn serial_no(self, serial_no: impl Into<String>) -> Self {
        self.set(Field::SerialNo, "serial_no", text(serial_no.into()))
    }

    /// Sets the merchant's private key: PEM text, `apiclient_key.pem` of the merchant platform.
    pub fn private_key_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.set(Field::PrivateKey, "private_key_pem", text(pem))
    }

    /// Sets the path of the merchant's private key.
    pub fn private_key_file(self, path: impl Into<PathBuf>) -> Self {
        self.set(Field::PrivateKey, "private_key_file", Source::File(path.into()))
    }

    /// Sets the merchant's certificate: PEM text, `apiclient_cert.pem` of the merchant platform. Its serial number is
    /// read from it, and the private key must belong to it.
    pub fn certificate_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.set(Field::Certificate, "certificate_pem", text(pem))
    }

    /// Sets the path of the merchant's certificate.
    pub fn certificate_file(self, path: impl Into<PathBuf>) -> Self {
        self.set(Field::Certificate, "certificate_file", Source::File(path.into()))
    }

    /// Sets the APIv3 key: 32 letters and digits.
    pub fn api_v3_key(self, api_v3_key: impl Into<String>) -> Self {
        self.set(Field::ApiV3Key, "api_v3_key", text(api_v3_key.into()))
    }

    /// Sets the WeChat Pay public key, by its id and PEM text. Without it and without a
    /// [platform certificate](Self::platform_certificate_pem), platform certificates are fetched when needed.
    pub fn wechatpay_public_key_pem(self, id: impl Into<String>, pem: impl Into<Vec<u8>>) -> Self {
        self.set(Field::PublicKeyId, "wechatpay_public_key_pem", text(id.into())).set(
            Field::PublicKey,
            "wechatpay_public_key_pem",
            text(pem),
        )
    }

    /// Sets the id and the path of the WeChat Pay public key.
    pub fn wechatpay_public_key_file(self, id: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.set(Field::PublicKeyId, "wechatpay_public_key_file", text(id.into())).set(
            Field::PublicKey,
            "wechatpay_public_key_file",
            Source::File(path.into()),
        )
    }

    /// Trusts a platform certificate, in PEM.
    pub fn platform_certificate_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.set(Field::PlatformCertificate, "platform_certificate_pem", text(pem))
    }

    /// Trusts a platform certificate, by its path.
    pub fn platform_certificate_file(self, path: impl Into<PathBuf>) -> Self {
        self.set(Field::PlatformCertificate, "platform_certificate_file", Source::File(path.into()))
    }

    /// Sets the default app: requests that need one and set none use it.
    pub fn appid(self, appid: impl Into<String>) -> Self {
        self.set(Field::AppId, "appid", text(appid.into()))
    }

    /// Sets the default notification URL: orders, authorizations and transfers that set none use it.
    pub fn notify_url(self, notify_url: impl Into<String>) -> Self {
        self.set(Field::NotifyUrl, "notify_url", text(notify_url.into()))
    }

    /// Sets the gateway to call instead of WeChat Pay's: a simulator, or a proxy of your own.
    pub fn base_url(self, base_url: impl Into<String>) -> Self {
        self.set(Field::BaseUrl, "base_url", text(base_url.into()))
    }

    /// Sets the settings of the client: proxy, timeouts, certificate authorities.
    pub fn client(self, client: Builder) -> Self {
        Self { client, ..self }
    }

    /// Checks all settings and returns the merchant with its client.
    ///
    /// # Errors
    ///
    /// If settings are missing or invalid, or files cannot be read. The error names all of them, and no value.
    pub fn build(self) -> Result<WxPay, SetupError> {
        let mut faults = Faults::default();
        let mchid = faults.take(self.required::<MchId>(Field::MchId));
        let api_v3_key = faults.take(self.api_v3_key_value());
        let private_key = faults.take(self.private_key());
        let certificate = faults.take(self.certificate(Field::Certificate)).flatten();
        let serial_no =
            faults.take(self.serial_no_value(certificate.as_ref().map(|(found, _)| found))).flatten();
        if let (Some(key), Some((_, certified))) = (&private_key, &certificate) {
            faults.take(self.check_pair(&**key, &**certified));
        }
        let public_key_id = faults.take(self.parsed::<PublicKeyId>(Field::PublicKeyId)).flatten();
        let public_key = faults.take(self.public_key()).flatten();
        faults.take(self.check_together(Field::PublicKeyId, Field::PublicKey));
        let platform_certificate = faults.take(self.certificate(Field::PlatformCertificate)).flatten();
        let appid = faults.take(self.parsed::<AppId>(Field::AppId)).flatten();
        let notify_url = faults.take(self.parsed::<NotifyUrl>(Field::NotifyUrl)).flatten();
        let base_url = faults.take(self.base_url_value()).flatten();
        let provider = Arc::clone(&self.provider);
        let client = faults.take_all(self.into_client());

        let (Some(mchid), Some(serial_no), Some(private_key), Some(api_v3_key), Some(client), true) =
            (mchid, serial_no, private_key, api_v3_key, client, faults.0.is_empty())
        else {
            return Err(SetupError::new(faults.0));
        };
        let mut merchant = Merchant::builder(provider, mchid, serial_no, private_key, &api_v3_key);
        if let (Some(id), Some(key)) = (public_key_id, public_key) {
            merchant = merchant.public_key(id, key);
        }
        if let Some((certificate, _)) = platform_certificate {
            // Checked above: its key is one that the provider can use.
            let invalid =
                |cause| SetupFault::new("platform_certificate_pem", "is invalid").with_source(cause);
            merchant = merchant.platform_certificate(&certificate).map_err(invalid)?;
        }
        if let Some(appid) = appid {
            merchant = merchant.appid(appid);
        }
        if let Some(notify_url) = notify_url {
            merchant = merchant.notify_url(notify_url);
        }
        if let Some(base_url) = base_url {
            // Checked above as well.
            merchant = merchant.base_url(&base_url).map_err(|error| of_field("base_url", &error))?;
        }
        Ok(WxPay::new(client, merchant.build()))
    }
}

/// The reading of single settings.
impl WxPayBuilder {
    fn set(mut self, field: Field, name: &'static str, source: Source) -> Self {
        self.settings.insert(field, Setting { name, source });
        self
    }

    /// Returns the name under which an error shows the setting: that of its source, or else that of the variable or the
    /// method that would set it.
    fn name(&self, field: Field) -> &'static str {
        let variable = || VARIABLES.iter().find(|(known, _)| *known == field).map_or("", |(_, name)| *name);
        match self.settings.get(&field) {
            Some(setting) => setting.name,
            None if self.reads_variables => variable(),
            None => field.method(),
        }
    }

    fn fault(&self, field: Field, rule: String) -> SetupFault {
        SetupFault::with_rule(self.name(field), rule)
    }

    fn missing(&self, field: Field) -> SetupFault {
        let remedy = if self.reads_variables {
            "export it, or set it in the builder"
        } else {
            "set it in the builder"
        };
        self.fault(field, format!("is required: {remedy}"))
    }

    /// Returns the bytes of a setting: its text, or the content of its file.
    fn bytes(&self, field: Field) -> Result<Option<Secret<Vec<u8>>>, SetupFault> {
        match self.settings.get(&field).map(|setting| &setting.source) {
            None => Ok(None),
            Some(Source::Text(text)) => Ok(Some(Secret::new(text.expose().clone()))),
            Some(Source::File(path)) => {
                fs::read(path).map(|bytes| Some(Secret::new(bytes))).map_err(|cause| {
                    self.fault(field, format!("must be the path of a readable file: {}", shown(path, &cause)))
                })
            }
        }
    }

    fn text(&self, field: Field) -> Result<Option<Secret<String>>, SetupFault> {
        let Some(bytes) = self.bytes(field)? else { return Ok(None) };
        let text =
            std::str::from_utf8(bytes.expose()).map_err(|_| self.fault(field, "must be UTF-8".to_owned()))?;
        Ok(Some(Secret::new(text.to_owned())))
    }

    fn parsed<T: FromStr<Err = InvalidField>>(&self, field: Field) -> Result<Option<T>, SetupFault> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        text.expose().parse().map(Some).map_err(|error| of_field(self.name(field), &error))
    }

    fn required<T: FromStr<Err = InvalidField>>(&self, field: Field) -> Result<T, SetupFault> {
        self.parsed(field)?.ok_or_else(|| self.missing(field))
    }

    fn api_v3_key_value(&self) -> Result<ApiV3Key, SetupFault> {
        let text = self.text(Field::ApiV3Key)?.ok_or_else(|| self.missing(Field::ApiV3Key))?;
        ApiV3Key::new(text.expose().clone()).map_err(|error| of_field(self.name(Field::ApiV3Key), &error))
    }

    fn base_url_value(&self) -> Result<Option<String>, SetupFault> {
        let Some(text) = self.text(Field::BaseUrl)? else { return Ok(None) };
        let checked = v3::Builder::check_base_url(text.expose());
        checked.map_err(|error| of_field(self.name(Field::BaseUrl), &error))?;
        Ok(Some(text.expose().clone()))
    }

    fn private_key(&self) -> Result<Arc<dyn PrivateKey>, SetupFault> {
        let field = Field::PrivateKey;
        let file = self.bytes(field)?.ok_or_else(|| self.missing(field))?;
        let der = pem::private_key(file.expose()).map_err(|error| self.invalid(field, error))?;
        self.provider.private_key(&der).map_err(|error| self.invalid(field, error))
    }

    fn public_key(&self) -> Result<Option<Arc<dyn PublicKey>>, SetupFault> {
        let field = Field::PublicKey;
        let Some(file) = self.bytes(field)? else { return Ok(None) };
        let spki = pem::public_key(file.expose()).map_err(|error| self.invalid(field, error))?;
        self.provider.public_key(&spki).map(Some).map_err(|error| self.invalid(field, error))
    }

    /// Returns a certificate and its public key.
    fn certificate(&self, field: Field) -> Result<Option<Certified>, SetupFault> {
        let Some(file) = self.bytes(field)? else { return Ok(None) };
        let certificate =
            Certificate::parse_pem(file.expose()).map_err(|error| self.invalid(field, error))?;
        let certified =
            self.provider.public_key(certificate.spki()).map_err(|error| self.invalid(field, error))?;
        Ok(Some((certificate, certified)))
    }

    /// Returns the serial number that was set, or else that of the certificate. Returns `None` if the certificate was
    /// set but cannot be read, which is a fault of its own.
    fn serial_no_value(&self, certificate: Option<&Certificate>) -> Result<Option<SerialNo>, SetupFault> {
        let field = Field::SerialNo;
        let of_certificate =
            certificate.map(|certificate| certificate.serial().parse::<SerialNo>()).transpose();
        let of_certificate =
            of_certificate.map_err(|error| of_field(self.name(Field::Certificate), &error))?;
        match (self.parsed::<SerialNo>(field)?, of_certificate) {
            (Some(set), Some(certified)) if set != certified => {
                let certificate = self.name(Field::Certificate);
                Err(self.fault(field, format!("must be the serial number of {certificate}, {certified}")))
            }
            (Some(serial_no), _) | (None, Some(serial_no)) => Ok(Some(serial_no)),
            (None, None) if self.settings.contains_key(&Field::Certificate) => Ok(None),
            (None, None) => {
                let rule = format!("is required: set it, or {}", self.name(Field::Certificate));
                Err(self.fault(field, rule))
            }
        }
    }

    /// Checks that the private key belongs to the merchant's certificate.
    fn check_pair(&self, key: &dyn PrivateKey, certified: &dyn PublicKey) -> Result<(), SetupFault> {
        const MESSAGE: &[u8] = b"wxpay: does the private key belong to the certificate?";
        let signature = key.sign(MESSAGE).map_err(|error| self.invalid(Field::PrivateKey, error))?;
        certified.verify(MESSAGE, &signature).map_err(|_| {
            let certificate = self.name(Field::Certificate);
            self.fault(
                Field::PrivateKey,
                format!(
                    "must be the private key of {certificate}: use files of one application for a certificate"
                ),
            )
        })
    }

    fn into_client(self) -> Result<Client, Vec<SetupFault>> {
        let Some(pem) = self.bytes(Field::TlsCa).map_err(|fault| vec![fault])? else {
            return self.client.build().map_err(SetupError::into_faults);
        };
        let name = self.name(Field::TlsCa);
        let named =
            |fault: SetupFault| if fault.setting() == "root_ca" { fault.renamed(name) } else { fault };
        let client = self.client.root_ca(pem.expose().clone()).build();
        client.map_err(|error| error.into_faults().into_iter().map(named).collect())
    }

    fn invalid(&self, field: Field, error: impl fmt::Display) -> SetupFault {
        self.fault(field, format!("is invalid: {error}"))
    }

    /// Checks that two settings are both set, or neither.
    fn check_together(&self, one: Field, other: Field) -> Result<(), SetupFault> {
        let rule = |set: Field| format!("is required with {}", self.name(set));
        match (self.settings.contains_key(&one), self.settings.contains_key(&other)) {
            (true, false) => Err(self.fault(other, rule(one))),
            (false, true) => Err(self.fault(one, rule(other))),
            (true, true) | (false, false) => Ok(()),
        }
    }
}

impl Field {
    /// Returns the name of the builder's method.
    fn method(self) -> &'static str {
        match self {
            Self::MchId => "mchid",
            Self::SerialNo => "serial_no",
            Self::PrivateKey => "private_key_pem",
            Self::Certificate => "certificate_pem",
            Self::ApiV3Key => "api_v3_key",
            Self::PublicKeyId | Self::PublicKey => "wechatpay_public_key_pem",
            Self::PlatformCertificate => "platform_certificate_pem",
            Self::TlsCa => "root_ca",
            Self::BaseUrl => "base_url",
            Self::AppId => "appid",
            Self::NotifyUrl => "notify_url",
        }
    }
}

/// The faults so far.
#[derive(Default)]
struct Faults(Vec<SetupFault>);

impl Faults {
    fn take<T>(&mut self, checked: Result<T, SetupFault>) -> Option<T> {
        self.take_all(checked.map_err(|fault| vec![fault]))
    }

    fn take_all<T>(&mut self, checked: Result<T, Vec<SetupFault>>) -> Option<T> {
        checked.map_err(|faults| self.0.extend(faults)).ok()
    }
}

fn text(text: impl Into<Vec<u8>>) -> Source {
    Source::Text(Secret::new(text.into()))
}

fn of_field(name: &'static str, error: &InvalidField) -> SetupFault {
    SetupFault::with_rule(name, error.rule().to_owned())
}

/// Shows the names of the settings, and no value.
impl fmt::Debug for WxPayBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.settings.values().map(|setting| setting.name).collect();
        f.debug_struct("WxPayBuilder").field("settings", &names).finish_non_exhaustive()
    }
}
