//! `wxpay keys`: checks keys and certificates, and whether they belong together.

use crate::{Failure, args, environment::Environment, input, output};
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wxpay_proto::{
    UnixTime,
    crypto::{Certificate, PrivateKey, PublicKey},
    id::{MchId, PublicKeyId, SerialNo},
    v3::ApiV3Key,
    wire::time,
};

const DAY: Duration = Duration::from_hours(24);
/// Time before a certificate's expiry from which its check is a warning: 60 days.
const WARN_BEFORE_EXPIRY: Duration = Duration::from_hours(60 * 24);

pub(crate) fn run(args: &args::Keys) -> Result<(), Failure> {
    let environment = args
        .given()
        .into_iter()
        .fold(Environment::read(args.env_file.as_deref())?, |environment, (name, value)| {
            environment.with(name, value)
        });
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut report = Report { environment, now: UnixTime::EPOCH.after(since), lines: Vec::new() };
    report.check_merchant();
    report.check_platform();
    let Report { lines, .. } = report;
    if lines.is_empty() {
        return Err(Failure::usage("no key, certificate or serial number is set: see wxpay keys --help"));
    }
    if args.json {
        output::json(&lines)?;
    } else {
        for Line { status, check, message } in &lines {
            output::line(format_args!("{:<7}{check:<22}{message}", status.word()))?;
        }
    }
    let failed = lines.iter().filter(|line| line.status == Status::Fail).count();
    match failed {
        0 => Ok(()),
        1 => Err(Failure::failed("1 check failed")),
        many => Err(Failure::failed(format!("{many} checks failed"))),
    }
}

/// The result of one check.
#[derive(Serialize)]
struct Line {
    status: Status,
    check: &'static str,
    message: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// The certificate expires soon.
    Warn,
    Fail,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

struct Report {
    environment: Environment,
    now: UnixTime,
    lines: Vec<Line>,
}

impl Report {
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
        let (begin, end) = (certificate.not_before(), certificate.not_after());
        let dates = format!("valid from {} to {}", time::format_rfc3339(begin), time::format_rfc3339(end));
        let left = end.since(self.now);
        let days = left.as_secs().checked_div(DAY.as_secs()).unwrap_or_default();
        let (status, message) = if self.now < begin {
            (Status::Fail, format!("{dates}: not valid yet"))
        } else if !certificate.is_valid_at(self.now) {
            (Status::Fail, format!("{dates}: expired"))
        } else if left < WARN_BEFORE_EXPIRY {
            (Status::Warn, format!("{dates}: expires in {days} days"))
        } else {
            (Status::Ok, format!("{dates}: expires in {days} days"))
        };
        self.lines.push(Line { status, check, message });
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
        let (status, message) = match result {
            Ok(message) => (Status::Ok, message),
            Err(message) => (Status::Fail, message),
        };
        self.lines.push(Line { status, check, message });
    }
}

fn check_pair(key: &dyn PrivateKey, public: &dyn PublicKey) -> Result<String, String> {
    const MESSAGE: &[u8] = b"test of a key pair";
    let is_pair = key.sign(MESSAGE).is_ok_and(|signature| public.verify(MESSAGE, &signature).is_ok());
    ensure(is_pair, "belongs to the private key", "does not belong to the private key")
}

fn ensure(holds: bool, yes: &str, no: &str) -> Result<String, String> {
    if holds { Ok(yes.to_owned()) } else { Err(no.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_is_checked_to_the_second_and_expiry_warned_of_60_days_before() {
        let pem = include_bytes!("../tests/keys/merchant_cert.pem");
        let certificate = Certificate::parse_pem(pem).unwrap();
        let (begin, end) = (certificate.not_before(), certificate.not_after());
        let expiry = |now: UnixTime| {
            let environment = Environment::default();
            let mut report = Report { environment, now, lines: Vec::new() };
            report.dates("certificate", &certificate);
            let line = report.lines.pop().unwrap();
            (
                line.status,
                line.message.split_once("+08:00").unwrap().1.split_once("+08:00").unwrap().1.to_owned(),
            )
        };
        let second = Duration::from_secs(1);
        assert!(expiry(begin.before(second)) == (Status::Fail, ": not valid yet".into()));
        assert!(expiry(begin) == (Status::Ok, ": expires in 36500 days".into()));
        assert!(expiry(end.before(WARN_BEFORE_EXPIRY)) == (Status::Ok, ": expires in 60 days".into()));
        assert!(
            expiry(end.before(WARN_BEFORE_EXPIRY).after(second))
                == (Status::Warn, ": expires in 59 days".into())
        );
        assert!(expiry(end) == (Status::Warn, ": expires in 0 days".into()));
        assert!(expiry(end.after(second)) == (Status::Fail, ": expired".into()));
    }
}
