//! Dialling: the hosts of the URL, one by one, each with a deadline of its own. The library's own list waits for a host
//! that is frozen, and would accept a standby.

use super::{
    failure::Failure,
    session::Session,
    tls::{self, Handshake},
    url::{Address, PostgresUrl, TlsMode},
};
use crate::engine::LedgerError;
use rustls::ClientConfig;
use std::{
    error, fmt, fs,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_postgres::{
    Config, Connection, NoTls,
    config::SslMode,
    tls::{TlsConnect, TlsStream},
};

/// The deadline of one host: connection, TLS, authentication and the check that it accepts writes.
const HOST_TIMEOUT: Duration = Duration::from_secs(1);
/// The time for which no host is dialled again after none accepted: callers fail at once, and do not queue up.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);
/// The oldest version of the server, as `server_version_num`.
const MIN_VERSION: u64 = 130_000;

/// The settings of the server that a ledger depends on.
const CHECK: &str = "SELECT current_setting('transaction_read_only'), current_setting('server_version_num'), \
     current_setting('server_encoding'), current_setting('synchronous_commit')";

/// Connects to the first host that accepts writes.
#[derive(Debug)]
pub(super) struct Dialer {
    config: Config,
    hosts: Vec<Host>,
    /// The host that accepted last. It is dialled first.
    preferred: AtomicUsize,
    failed: Mutex<Option<(Instant, LedgerError)>>,
}

#[derive(Debug)]
struct Host {
    address: Address,
    tls: Option<Arc<ClientConfig>>,
}

impl Dialer {
    /// Creates a dialer. `ca`: authorities that are trusted besides the public ones, in PEM.
    ///
    /// # Errors
    ///
    /// If a certificate cannot be read.
    pub(super) fn new(url: &PostgresUrl, ca: Option<&[u8]>) -> Result<Self, LedgerError> {
        let unusable = |error: rustls::Error| {
            LedgerError::Unsupported(format!(
                "the certificates to verify the database with are invalid: {error}"
            ))
        };
        let authorities = match &url.root_certificates {
            None => None,
            Some(path) => Some(fs::read(path).map_err(|error| {
                LedgerError::Unsupported(format!("the file {} cannot be read: {error}", path.display()))
            })?),
        };
        let verified = || crate::tls::verified(authorities.as_deref(), ca).map_err(unusable);
        let host = |address: Address| -> Result<Host, LedgerError> {
            let tls = match (url.tls, is_local(&address)) {
                (TlsMode::Disable, _) | (TlsMode::Default, true) => None,
                (TlsMode::Require, _) => Some(tls::unverified().map_err(unusable)?),
                (TlsMode::VerifyFull, _) | (TlsMode::Default, false) => Some(verified()?),
            };
            Ok(Host { address, tls })
        };
        let hosts = url.addresses().into_iter().map(host).collect::<Result<_, _>>()?;
        Ok(Self { config: url.config(), hosts, preferred: AtomicUsize::new(0), failed: Mutex::new(None) })
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// If no host accepts, with the reason of each; or if the one that accepts writes cannot hold a ledger.
    pub(super) async fn dial(&self) -> Result<Session, LedgerError> {
        if let Some(error) = self.recent_failure() {
            return Err(error);
        }
        let first = self.preferred.load(Ordering::Relaxed);
        let mut reasons = Vec::new();
        for (number, host) in self.hosts.iter().enumerate().cycle().skip(first).take(self.hosts.len()) {
            let reason = match timeout(HOST_TIMEOUT, self.dial_host(host)).await {
                Ok(Ok(session)) => {
                    self.preferred.store(number, Ordering::Relaxed);
                    if self.failed().take().is_some() {
                        tracing::info!(host = %host.address, "the database accepts connections again");
                    }
                    return Ok(session);
                }
                Ok(Err(Refusal::Unfit(reason))) => return Err(LedgerError::Unsupported(reason)),
                Ok(Err(Refusal::Failed(failure))) => failure.to_string(),
                Ok(Err(Refusal::ReadOnly)) => "it is read-only, such as a standby".to_owned(),
                Err(_) => format!("no connection within {} s", HOST_TIMEOUT.as_secs()),
            };
            reasons.push(format!("{}: {reason}", host.address));
        }
        let error = LedgerError::Unreachable(Arc::new(Reasons(reasons)));
        // Once: everything that needs the ledger fails until it is back.
        if self.failed().replace((Instant::now(), error.clone())).is_none() {
            tracing::error!(cause = error.cause(), "{error}");
        }
        Err(error)
    }

    fn recent_failure(&self) -> Option<LedgerError> {
        let failed = self.failed();
        failed.as_ref().filter(|(at, _)| at.elapsed() < PAUSE_AFTER_FAILURE).map(|(_, error)| error.clone())
    }

    fn failed(&self) -> MutexGuard<'_, Option<(Instant, LedgerError)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn dial_host(&self, host: &Host) -> Result<Session, Refusal> {
        let mut config = self.config.clone();
        config.ssl_mode(if host.tls.is_some() { SslMode::Require } else { SslMode::Disable });
        let session = match (&host.address, &host.tls) {
            (Address::Tcp(name, port), tls) => {
                let stream =
                    TcpStream::connect((name.as_str(), *port)).await.map_err(|error| unconnected(&error))?;
                stream.set_nodelay(true).map_err(|error| unconnected(&error))?;
                match tls {
                    Some(tls) => {
                        let handshake = Handshake { config: Arc::clone(tls), host: name.clone() };
                        open(&config, stream, handshake).await?
                    }
                    None => open(&config, stream, NoTls).await?,
                }
            }
            #[cfg(unix)]
            (Address::Unix(socket), _) => {
                let stream =
                    tokio::net::UnixStream::connect(socket).await.map_err(|error| unconnected(&error))?;
                config.ssl_mode(SslMode::Disable);
                open(&config, stream, NoTls).await?
            }
        };
        check(&session).await?;
        Ok(session)
    }
}

/// The reason why a host is not used.
enum Refusal {
    /// A failure. The next host is tried.
    Failed(Failure),
    /// A host that refuses writes. The next one may be the primary.
    ReadOnly,
    /// A primary that cannot hold a ledger, for this reason.
    Unfit(String),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn unconnected(error: &std::io::Error) -> Refusal {
    Refusal::Failed(Failure::unexpected(&error.to_string()))
}

async fn open<S, T>(config: &Config, stream: S, tls: T) -> Result<Session, Failure>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: TlsConnect<S>,
    T::Stream: TlsStream + Send + 'static,
{
    let (client, connection): (_, Connection<S, T::Stream>) = config.connect_raw(stream, tls).await?;
    // An error of the connection is that of the statements that wait for it.
    let driver = tokio::spawn(async move { drop(connection.await) });
    Ok(Session::new(client, driver))
}

async fn check(session: &Session) -> Result<(), Refusal> {
    let settings = session.ask(CHECK).await?;
    let setting = |number: usize| settings.get(number).cloned().flatten().unwrap_or_default();
    if setting(0) != "off" {
        return Err(Refusal::ReadOnly);
    }
    let (version, encoding, synchronous) = (setting(1), setting(2), setting(3));
    if version.parse::<u64>().is_ok_and(|version| version < MIN_VERSION) {
        let rule =
            format!("the database has version {version} (server_version_num); PostgreSQL 13 is required");
        return Err(Refusal::Unfit(rule));
    }
    if encoding != "UTF8" {
        let rule = format!("the database has the encoding {encoding}; create it with ENCODING 'UTF8'");
        return Err(Refusal::Unfit(rule));
    }
    if synchronous == "off" {
        let rule = "the database has synchronous_commit = off, by which a crash loses what was acknowledged; \
                    set it to on";
        return Err(Refusal::Unfit(rule.to_owned()));
    }
    Ok(())
}

/// Returns whether an address is of this machine.
fn is_local(address: &Address) -> bool {
    match address {
        Address::Tcp(name, _) => {
            name == "localhost" || name.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).is_loopback()
        }
        #[cfg(unix)]
        Address::Unix(_) => true,
    }
}

/// The reason of each host.
#[derive(Debug)]
struct Reasons(Vec<String>);

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl error::Error for Reasons {}
