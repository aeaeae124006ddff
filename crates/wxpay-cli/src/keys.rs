//! `wxpay keys`: checks keys and certificates, and whether they belong together.

use crate::{Failure, args, environment::Environment, input};
use serde::Serialize;
use std::{
    io::{self, Write as _},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
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
    let mut looked = Report { environment, now: UnixTime::EPOCH.after(since), lines: Vec::new() };
    looked.check_merchant();
    looked.check_platform();
    let Report { lines, .. } = looked;
    if lines.is_empty() {
        return Err(Failure::input("no key, certificate or serial number is set: see wxpay keys --help"));
    }
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &lines)?;
        writeln!(out)?;
    } else {
        for Line { status, check, message } in &lines {
            writeln!(out, "{:<7}{check:<22}{message}", status.word())?;
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
            let good = ApiV3Key::new(text.to_owned()).map_err(|rule| rule.to_string());
            self.push("APIv3 key", good.map(|_| "32 letters and digits".to_owned()));
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
        let inside = self.read("platform public key", "WXPAY_PLATFORM_PUBLIC_KEY_FILE", |text| {
            input::public_key("WXPAY_PLATFORM_PUBLIC_KEY_FILE", text)
        });
        if let (Some((spki, _)), Some((certificate, _))) = (&inside, &certificate) {
            let same = spki == certificate.spki();
            self.push(
                "platform public key",
                verdict(same, "matches the certificate", "does not match the certificate"),
            );
        }
        self.public_key();
    }

    fn public_key(&mut self) {
        const ABOUT: &str = "public key";
        let key = self
            .read(ABOUT, "WXPAY_PUBLIC_KEY_FILE", |text| input::public_key("WXPAY_PUBLIC_KEY_FILE", text));
        if let Some((spki, key)) = &key {
            let bits = key.seal(b"").map_or(0, |sealed| sealed.len().saturating_mul(8));
            self.push(ABOUT, Ok(format!("RSA, {bits} bits")));
            self.check_not_merchants(ABOUT, spki);
        }
        match (self.environment.value("WXPAY_PUBLIC_KEY_ID").map(str::to_owned), key.is_some()) {
            (Some(id), has_key) => {
                let read = id.parse::<PublicKeyId>().map_err(|rule| rule.to_string());
                self.push(ABOUT, read.map(|id| format!("id {id}")));
                if !has_key && self.environment.value("WXPAY_PUBLIC_KEY_FILE").is_none() {
                    self.push(
                        ABOUT,
                        Err("WXPAY_PUBLIC_KEY_FILE is required with WXPAY_PUBLIC_KEY_ID".to_owned()),
                    );
                }
            }
            (None, true) => {
                self.push(
                    ABOUT,
                    Err("WXPAY_PUBLIC_KEY_ID is required: replies name the key by it".to_owned()),
                );
            }
            (None, false) => {}
        }
    }

    /// Reads and parses the file whose path the variable `name` holds, if it is set. An error is a failed check.
    fn read<T>(
        &mut self,
        about: &'static str,
        name: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, Failure>,
    ) -> Option<T> {
        let read = self.environment.file(name).transpose()?.and_then(|text| parse(text.expose()));
        read.map_err(|failure| self.push(about, Err(failure.to_string()))).ok()
    }

    fn dates(&mut self, about: &'static str, certificate: &Certificate) {
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
        self.lines.push(Line { status, check: about, message });
    }

    fn serial(&mut self, name: &str, about: &'static str, certificate: Option<&Certificate>) {
        let given = self.environment.value(name).map(str::parse::<SerialNo>);
        let said = match (given, certificate) {
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
        self.push(about, said);
    }

    fn mchid(&mut self, certificate: Option<&Certificate>) {
        let given = self.environment.value("WXPAY_MCHID").map(str::parse::<MchId>);
        let named = certificate.map(|certificate| certificate.common_name().unwrap_or("no merchant"));
        let said = match (given, named) {
            (None, None) => return,
            (Some(Err(rule)), _) => Err(rule.to_string()),
            (None, Some(named)) => Ok(format!("{named}, by the certificate")),
            (Some(Ok(mchid)), None) => Ok(format!("{mchid}")),
            (Some(Ok(mchid)), Some(named)) if mchid.as_str() == named => {
                Ok(format!("{mchid}, equal to the certificate's"))
            }
            (Some(Ok(mchid)), Some(named)) => {
                Err(format!("WXPAY_MCHID is {mchid}, but the certificate belongs to {named}"))
            }
        };
        self.push("merchant", said);
    }

    /// Fails if a key that must be WeChat Pay's is the merchant's own: their files are easily confused.
    fn check_not_merchants(&mut self, about: &'static str, spki: &[u8]) {
        let ours = self.environment.file("WXPAY_CERTIFICATE_FILE").ok().flatten();
        let ours = ours.and_then(|text| Certificate::parse_pem(text.expose()).ok());
        if ours.is_some_and(|certificate| certificate.spki() == spki) {
            self.push(about, Err("must be WeChat Pay's, but is the merchant's own".to_owned()));
        }
    }

    fn push(&mut self, about: &'static str, said: Result<String, String>) {
        let (status, message) = match said {
            Ok(message) => (Status::Ok, message),
            Err(message) => (Status::Fail, message),
        };
        self.lines.push(Line { status, check: about, message });
    }
}

fn check_pair(key: &dyn PrivateKey, public: &dyn PublicKey) -> Result<String, String> {
    const MESSAGE: &[u8] = b"does this key belong to this certificate?";
    let fits = key.sign(MESSAGE).is_ok_and(|signature| public.verify(MESSAGE, &signature).is_ok());
    verdict(fits, "belongs to the private key", "does not belong to the private key")
}

fn verdict(good: bool, yes: &str, no: &str) -> Result<String, String> {
    if good { Ok(yes.to_owned()) } else { Err(no.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_by_the_day() {
        let pem = include_bytes!("../tests/keys/merchant_cert.pem");
        let certificate = Certificate::parse_pem(pem).unwrap();
        let (begin, end) = (certificate.not_before(), certificate.not_after());
        let told = |now: UnixTime| {
            let environment = Environment::default();
            let mut look = Report { environment, now, lines: Vec::new() };
            look.dates("certificate", &certificate);
            let line = look.lines.pop().unwrap();
            (
                line.status,
                line.message.split_once("+08:00").unwrap().1.split_once("+08:00").unwrap().1.to_owned(),
            )
        };
        let second = Duration::from_secs(1);
        assert!(told(begin.before(second)) == (Status::Fail, ": not valid yet".into()));
        assert!(told(begin) == (Status::Ok, ": expires in 36500 days".into()));
        assert!(told(end.before(WARN_BEFORE_EXPIRY)) == (Status::Ok, ": expires in 60 days".into()));
        assert!(
            told(end.before(WARN_BEFORE_EXPIRY).after(second))
                == (Status::Warn, ": expires in 59 days".into())
        );
        assert!(told(end) == (Status::Warn, ": expires in 0 days".into()));
        assert!(told(end.after(second)) == (Status::Fail, ": expired".into()));
    }
}
