//! The keys of one merchant, from options and the environment.

use super::{Report, ensure};
use crate::{Failure, environment::Environment, input};
use wxpay_proto::{
    crypto::{Certificate, PrivateKey, PublicKey},
    id::{MchId, NotifyUrl, PublicKeyId, SerialNo},
    v3::ApiV3Key,
};

/// Checks the keys that are set.
pub(super) fn check(environment: Environment, report: &mut Report) {
    let mut keys = Keys { environment, report };
    keys.check_merchant();
    keys.check_platform();
    if let Some(url) = keys.environment.value("WXPAY_NOTIFY_URL").map(str::to_owned) {
        keys.push("notify URL", notify_url("WXPAY_NOTIFY_URL", &url));
    }
}

/// Checks a URL to which WeChat Pay sends notifications.
pub(super) fn notify_url(name: &str, url: &str) -> Result<String, String> {
    let parsed: NotifyUrl = url.parse().map_err(|error| format!("{name}: {error}"))?;
    let authority = url.split('/').nth(2).unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    let is_local = host == "localhost" || host.starts_with("127.");
    match (parsed.is_https(), is_local) {
        (true, _) => Ok(format!("{url}: https, without a query")),
        (false, true) => Ok(format!("{url}: for a simulated gateway on this machine only")),
        (false, false) => Err(format!("{name} must be https: WeChat Pay sends notifications over TLS only")),
    }
}

struct Keys<'a> {
    environment: Environment,
    report: &'a mut Report,
}

impl Keys<'_> {
    fn check_merchant(&mut self) {
        let key = self.read("private key", "WXPAY_PRIVATE_KEY_FILE", |text| {
            input::private_key("WXPAY_PRIVATE_KEY_FILE", text)
        });
        if let Some(key) = &key {
            let bits = key.sign(b"").map_or(0, |signature| signature.len().saturating_mul(8));
            self.push("private key", Ok(format!("RSA, {bits} bits")));
        }
        let certificate = self.read("certificate", "WXPAY_CERTIFICATE_FILE", |text| {
            input::certificate("WXPAY_CERTIFICATE_FILE", text)
        });
        if let Some((certificate, public)) = &certificate {
            self.dates("certificate", certificate);
            if let Some(key) = &key {
                self.push("certificate", check_pair(&**key, &**public));
            }
        }
        let certificate = certificate.as_ref().map(|(certificate, _)| certificate);
        self.serial("WXPAY_SERIAL_NO", "certificate", certificate);
        self.mchid(certificate);
        if let Some(text) = self.environment.value("WXPAY_API_V3_KEY") {
            let parsed = ApiV3Key::new(text.to_owned()).map_err(|rule| format!("WXPAY_API_V3_KEY: {rule}"));
            self.push("APIv3 key", parsed.map(|_| "32 letters and digits".to_owned()));
        }
    }

    fn check_platform(&mut self) {
        let certificate = self.read("platform certificate", "WXPAY_PLATFORM_CERTIFICATE_FILE", |text| {
            input::certificate("WXPAY_PLATFORM_CERTIFICATE_FILE", text)
        });
        if let Some((certificate, _)) = &certificate {
            self.dates("platform certificate", certificate);
            self.check_not_merchants("platform certificate", certificate.spki());
        }
        self.serial(
            "WXPAY_PLATFORM_SERIAL_NO",
            "platform certificate",
            certificate.as_ref().map(|(found, _)| found),
        );
        let public = self.read("platform public key", "WXPAY_PLATFORM_PUBLIC_KEY_FILE", |text| {
            input::public_key("WXPAY_PLATFORM_PUBLIC_KEY_FILE", text)
        });
        if let (Some((spki, _)), Some((certificate, _))) = (&public, &certificate) {
            let same = spki == certificate.spki();
            self.push(
                "platform public key",
                ensure(same, "matches the certificate", "does not match the certificate"),
            );
        }
        self.public_key();
    }

    fn public_key(&mut self) {
        const CHECK: &str = "public key";
        let key = self
            .read(CHECK, "WXPAY_PUBLIC_KEY_FILE", |text| input::public_key("WXPAY_PUBLIC_KEY_FILE", text));
        if let Some((spki, key)) = &key {
            let bits = key.seal(b"").map_or(0, |sealed| sealed.len().saturating_mul(8));
            self.push(CHECK, Ok(format!("RSA, {bits} bits")));
            self.check_not_merchants(CHECK, spki);
        }
        match (self.environment.value("WXPAY_PUBLIC_KEY_ID").map(str::to_owned), key.is_some()) {
            (Some(id), has_key) => {
                let read = id.parse::<PublicKeyId>().map_err(|rule| format!("WXPAY_PUBLIC_KEY_ID: {rule}"));
                self.push(CHECK, read.map(|id| format!("id {id}")));
                if !has_key && self.environment.value("WXPAY_PUBLIC_KEY_FILE").is_none() {
                    self.push(
                        CHECK,
                        Err("WXPAY_PUBLIC_KEY_FILE is required with WXPAY_PUBLIC_KEY_ID".to_owned()),
                    );
                }
            }
            (None, true) => {
                self.push(
                    CHECK,
                    Err("WXPAY_PUBLIC_KEY_ID is required: replies name the key by its id".to_owned()),
                );
            }
            (None, false) => {}
        }
    }

    /// Reads and parses the file whose path the variable `name` holds, if it is set. An error is a failed check.
    fn read<T>(
        &mut self,
        check: &'static str,
        name: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, Failure>,
    ) -> Option<T> {
        let read = self.environment.file(name).transpose()?.and_then(|text| parse(text.expose()));
        read.map_err(|failure| self.push(check, Err(failure.to_string()))).ok()
    }

    fn dates(&mut self, check: &'static str, certificate: &Certificate) {
        self.report.dates(check, certificate);
    }

    fn serial(&mut self, name: &str, check: &'static str, certificate: Option<&Certificate>) {
        let configured = self.environment.value(name).map(str::parse::<SerialNo>);
        let result = match (configured, certificate) {
            (None, None) => return,
            (None, Some(certificate)) => Ok(format!("serial number {}", certificate.serial())),
            (Some(Err(rule)), _) => Err(format!("{name}: {rule}")),
            (Some(Ok(serial)), None) => {
                Ok(format!("serial number {serial}; no certificate to compare it with"))
            }
            (Some(Ok(serial)), Some(certificate)) if serial.as_str() == certificate.serial() => {
                Ok(format!("serial number {serial}, equal to {name}"))
            }
            (Some(Ok(serial)), Some(certificate)) => {
                Err(format!("serial number {}, but {name} is {serial}", certificate.serial()))
            }
        };
        self.push(check, result);
    }

    fn mchid(&mut self, certificate: Option<&Certificate>) {
        let configured = self.environment.value("WXPAY_MCHID").map(str::parse::<MchId>);
        let named = certificate.map(|certificate| certificate.common_name().unwrap_or("no merchant"));
        let result = match (configured, named) {
            (None, None) => return,
            (Some(Err(rule)), _) => Err(format!("WXPAY_MCHID: {rule}")),
            (None, Some(named)) => Ok(format!("{named}, by the certificate")),
            (Some(Ok(mchid)), None) => Ok(format!("{mchid}")),
            (Some(Ok(mchid)), Some(named)) if mchid.as_str() == named => {
                Ok(format!("{mchid}, equal to the certificate's"))
            }
            (Some(Ok(mchid)), Some(named)) => {
                Err(format!("WXPAY_MCHID is {mchid}, but the certificate belongs to {named}"))
            }
        };
        self.push("merchant", result);
    }

    /// Fails if a key that must be WeChat Pay's is the merchant's own: the two files are easily confused.
    fn check_not_merchants(&mut self, check: &'static str, spki: &[u8]) {
        let merchant = self.environment.file("WXPAY_CERTIFICATE_FILE").ok().flatten();
        let merchant = merchant.and_then(|text| Certificate::parse_pem(text.expose()).ok());
        if merchant.is_some_and(|certificate| certificate.spki() == spki) {
            self.push(check, Err("must be WeChat Pay's, but is the merchant's own".to_owned()));
        }
    }

    fn push(&mut self, check: &'static str, result: Result<String, String>) {
        self.report.push(check, result);
    }
}

fn check_pair(key: &dyn PrivateKey, public: &dyn PublicKey) -> Result<String, String> {
    const MESSAGE: &[u8] = b"test of a key pair";
    let is_pair = key.sign(MESSAGE).is_ok_and(|signature| public.verify(MESSAGE, &signature).is_ok());
    ensure(is_pair, "belongs to the private key", "does not belong to the private key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notify_url_is_https_without_query_unless_it_is_on_this_machine() {
        assert!(notify_url("N", "https://pay.shop.example/notify").is_ok());
        assert!(notify_url("N", "http://127.0.0.1:8080/notify").unwrap().contains("simulated"));
        for url in ["http://pay.shop.example/notify", "https://pay.shop.example/notify?a=1", "x"] {
            assert!(notify_url("N", url).is_err(), "{url}");
        }
    }
}
