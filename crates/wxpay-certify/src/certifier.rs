//! The certifier: a simulated gateway, and the run of the checks.

use crate::{
    check::Check,
    checks,
    client::Client,
    report::{Finding, Report},
    shop::Shop,
    stage::Stage,
    trial::{Stop, Trial},
};
use http::Uri;
use serde_json::Value;
use std::{fmt, io, time::Duration};
use tokio::net::TcpListener;
use wxpay_sim::{
    Clock, Gateway, Settings,
    environment::Environment,
    serve::{Options, Server},
};

/// Time that a refund is pending at the gateway: long enough to look at the shop meanwhile.
const REFUND_DURATION: Duration = Duration::from_millis(2500);

/// The maximum number of members of an answer that an error lists.
const MAX_LISTED: usize = 20;

/// A simulated gateway that grades a shop. Dropping it ends the gateway.
#[derive(Debug)]
pub struct Certifier {
    stage: Stage,
    base_url: String,
}

/// The reason why a shop cannot be graded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertifyError {
    /// The URL of the shop is not an absolute `http` or `https` URL without query and credentials.
    InvalidTarget,
    /// The shop does not place an order. The text has the request and the answer.
    CannotOrder(String),
    /// TLS cannot be set up.
    Tls,
}

impl fmt::Display for CertifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidTarget => {
                f.write_str("the target must be an absolute http or https URL without a query and credentials, such as http://127.0.0.1:8080")
            }
            Self::CannotOrder(reason) => write!(f, "the shop does not place an order: {reason}"),
            Self::Tls => f.write_str("TLS cannot be set up"),
        }
    }
}

impl std::error::Error for CertifyError {}

impl Certifier {
    /// Returns the settings of a gateway for certification. A gateway with other keys may use them as well.
    pub fn settings() -> Settings {
        let mut settings = Settings::default();
        settings.v3.refund_duration = REFUND_DURATION;
        settings
    }

    /// Returns a gateway for certification whose credentials follow from a seed; its RSA keys are published ones.
    pub fn gateway(seed: u64) -> Gateway {
        Gateway::new(Self::settings(), seed)
    }

    /// Starts the gateway. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If the listener has no local address, or is not on loopback: use [`start_with`](Self::start_with) then.
    pub fn start(listener: TcpListener, gateway: Gateway) -> io::Result<Self> {
        Self::start_with(listener, gateway, Options::default())
    }

    /// Starts the gateway with options. A listener outside of loopback requires a token for the control interface. The
    /// CAs of [`with_notify_ca`](Options::with_notify_ca) are trusted for an `https` target, too.
    ///
    /// # Errors
    ///
    /// As for [`Server::start_with`].
    pub fn start_with(listener: TcpListener, gateway: Gateway, options: Options) -> io::Result<Self> {
        let server = Server::start_with(listener, gateway, Clock::running(), options)?;
        let base_url = server.url();
        Ok(Self { stage: Stage::new(server), base_url })
    }

    /// Sets the URL by which the shop reaches the gateway, if it is not that of the listener.
    #[must_use]
    pub fn with_base_url(self, base_url: String) -> Self {
        Self { base_url, ..self }
    }

    /// Returns the URL by which the shop reaches the gateway.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the environment of the shop: the variables `WXPAY_*`.
    pub fn environment(&self) -> Environment {
        let server = self.stage.server();
        server.with(|simulation, now| Environment::of(&simulation.gateway, &self.base_url, now.wall))
    }

    /// Grades the shop at a base URL. `progress` is called with each finding.
    ///
    /// # Errors
    ///
    /// [`CertifyError`] if the shop cannot be reached, or does not place an order at this gateway. Nothing is graded then.
    pub async fn run(
        &self,
        target: &str,
        shop: &Shop,
        checks: &[Check],
        mut progress: impl FnMut(&Finding),
    ) -> Result<Report, CertifyError> {
        check_target(target)?;
        let tls = self.stage.server().notification_tls().map_err(|_| CertifyError::Tls)?;
        let client = Client::new(target, shop, self.stage.secrets(), tls);
        let trial = || Trial::new(&self.stage, shop, &client);
        let mut first = trial();
        let placed = first.place().await.and_then(|order| check_client_pointer(shop, &order.answer));
        if let Err(Stop::Fail(reason) | Stop::NotChecked(reason)) = placed {
            first.note(reason);
            return Err(CertifyError::CannotOrder(first.evidence.join("; ")));
        }
        let mut findings = Vec::new();
        for check in Check::ALL.iter().filter(|check| checks.contains(check)) {
            let finding = checks::run(*check, trial()).await;
            progress(&finding);
            findings.push(finding);
        }
        Ok(Report { target: target.to_owned(), findings })
    }
}

/// Checks that the shop's answer has the parameters for the payer's client at the pointer of the shop file.
fn check_client_pointer(shop: &Shop, answer: &Value) -> Result<(), Stop> {
    if !shop.names_client_parameters() || shop.client_parameters(answer).is_some() {
        return Ok(());
    }
    let members = answer.as_object().into_iter().flatten().map(|(name, _)| format!("/{name}"));
    let members: Vec<_> = members.take(MAX_LISTED).collect();
    let members = if members.is_empty() { "no members".into() } else { members.join(", ") };
    Err(Stop::Fail(format!(
        "the answer has nothing at create.client of the shop file: it has {members}; correct the pointer, or the shop"
    )))
}

/// Checks the URL of a shop.
fn check_target(target: &str) -> Result<(), CertifyError> {
    let uri: Uri = target.parse().map_err(|_| CertifyError::InvalidTarget)?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    // Evidence and report show the target.
    let has_credentials = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if is_http && has_host && !has_credentials && uri.query().is_none() {
        Ok(())
    } else {
        Err(CertifyError::InvalidTarget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_is_an_absolute_url() {
        for target in ["http://127.0.0.1:8080", "https://shop.example/base/"] {
            assert_eq!(check_target(target), Ok(()), "{target}");
        }
        for target in [
            "",
            "127.0.0.1:8080",
            "/orders",
            "ftp://shop",
            "http://",
            "http://a/?q",
            "\u{0}",
            "http://[::1",
            "http://me:secret@shop/",
        ] {
            assert_eq!(check_target(target), Err(CertifyError::InvalidTarget), "{target}");
        }
    }
}
