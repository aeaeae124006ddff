//! `wxpay doctor`: checks keys and certificates, and the payment server's dependencies.

mod keys;
mod server;

use crate::{Failure, args, environment::Environment, output};
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wxpay_proto::{UnixTime, crypto::Certificate, wire::time};

const DAY: Duration = Duration::from_hours(24);
/// Time before a certificate's expiry from which its check is a warning: 60 days.
const WARN_BEFORE_EXPIRY: Duration = Duration::from_hours(60 * 24);

pub(crate) async fn run(args: args::Doctor) -> Result<(), Failure> {
    let mut report = Report::new(now());
    let is_of_server =
        args.sources.config.is_some() || args.sources.database.is_some() || !args.sources.settings.is_empty();
    let options = args.given();
    if is_of_server && (args.env_file.is_some() || !options.is_empty()) {
        return Err(Failure::usage("options that name keys must not be combined with the server's settings"));
    }
    if is_of_server {
        server::check(&args, &mut report).await?;
    } else {
        let environment = Environment::read(args.env_file.as_deref())?;
        let environment =
            options.into_iter().fold(environment, |environment, (name, value)| environment.with(name, value));
        keys::check(environment, &mut report);
        if report.lines.is_empty() {
            let message = "no key, certificate or serial number is set, and no settings are named: see wxpay doctor --help";
            return Err(Failure::usage(message));
        }
    }
    report.print(args.json)
}

fn now() -> UnixTime {
    UnixTime::EPOCH.after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The result of one check.
#[derive(Serialize)]
struct Line {
    status: Status,
    check: String,
    message: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Something needs attention soon.
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

/// The results so far.
struct Report {
    now: UnixTime,
    lines: Vec<Line>,
}

impl Report {
    fn new(now: UnixTime) -> Self {
        Self { now, lines: Vec::new() }
    }

    fn push(&mut self, check: impl Into<String>, result: Result<String, String>) {
        let (status, message) = match result {
            Ok(message) => (Status::Ok, message),
            Err(message) => (Status::Fail, message),
        };
        self.lines.push(Line { status, check: check.into(), message });
    }

    fn warn(&mut self, check: impl Into<String>, message: impl Into<String>) {
        self.lines.push(Line { status: Status::Warn, check: check.into(), message: message.into() });
    }

    /// Checks that a certificate is valid now, and warns before it expires.
    fn dates(&mut self, check: impl Into<String>, certificate: &Certificate) {
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
        self.lines.push(Line { status, check: check.into(), message });
    }

    /// Prints the results, and fails if a check failed.
    fn print(&self, in_json: bool) -> Result<(), Failure> {
        if in_json {
            output::json(&self.lines)?;
        } else {
            let checks = self.lines.iter().map(|line| line.check.chars().count());
            let width = checks.max().unwrap_or_default().max(20).saturating_add(2);
            for Line { status, check, message } in &self.lines {
                output::line(format_args!("{:<7}{check:<width$}{message}", status.word()))?;
            }
        }
        let failed = self.lines.iter().filter(|line| line.status == Status::Fail).count();
        match failed {
            0 => Ok(()),
            1 => Err(Failure::failed("1 check failed")),
            many => Err(Failure::failed(format!("{many} checks failed"))),
        }
    }
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
            let mut report = Report::new(now);
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
