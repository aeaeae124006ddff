//! One connection to Redis, with a deadline for everything, and a pause after a failure: a Redis that is away or frozen
//! must not delay a payment again and again.

use super::{super::store::StoreError, RedisUrl};
use redis::{
    AsyncConnectionConfig, ErrorKind, FromRedisValue, RedisConnectionInfo, RedisError, RedisResult,
    ScriptInvocation, aio::MultiplexedConnection,
};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

/// The longest time for one call, connecting included.
const TIMEOUT: Duration = Duration::from_millis(500);
/// The time after a failure in which Redis is not asked.
const PAUSE: Duration = Duration::from_secs(5);

/// The settings of the connection.
#[derive(Clone, Debug)]
pub(crate) struct RedisSettings {
    /// The URL.
    pub(crate) url: RedisUrl,
    /// Authorities to trust besides the public ones, in PEM.
    pub(crate) ca: Option<Vec<u8>>,
}

/// The connection.
pub(super) struct Connection {
    url: RedisUrl,
    tls: Option<Arc<ClientConfig>>,
    current: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    /// The end of the pause after the last failure.
    paused_until: Mutex<Option<Instant>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.url).finish()
    }
}

impl Connection {
    pub(super) fn new(settings: RedisSettings) -> Result<Self, rustls::Error> {
        let RedisSettings { url, ca } = settings;
        let tls = url.is_encrypted.then(|| crate::tls::verified(None, ca.as_deref())).transpose()?;
        Ok(Self { url, tls, current: tokio::sync::Mutex::default(), paused_until: Mutex::default() })
    }

    /// Calls a script. Every script may be called twice.
    pub(super) async fn call<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        if self.paused_until().is_some_and(|until| Instant::now() < until) {
            return Err(StoreError::NotAsked);
        }
        let error = match timeout(TIMEOUT, self.call_connected(call)).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => self.explained(&error),
            Err(_) => StoreError::Failed(format!("{} does not answer within {TIMEOUT:?}", self.url)),
        };
        *self.current.lock().await = None;
        *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(PAUSE);
        Err(error)
    }

    fn paused_until(&self) -> Option<Instant> {
        *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call_connected<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> RedisResult<T> {
        let (mut connection, is_fresh) = self.connected().await?;
        match call.invoke_async(&mut connection).await {
            // It may have been closed since its last use.
            Err(error) if !is_fresh && error.is_unrecoverable_error() => {
                *self.current.lock().await = None;
                let (mut connection, _) = self.connected().await?;
                call.invoke_async(&mut connection).await
            }
            result => result,
        }
    }

    /// Returns the connection, and whether it was made now.
    async fn connected(&self) -> RedisResult<(MultiplexedConnection, bool)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &*current {
            return Ok((connection.clone(), false));
        }
        let connection = self.dial().await?;
        *current = Some(connection.clone());
        Ok((connection, true))
    }

    async fn dial(&self) -> RedisResult<MultiplexedConnection> {
        let RedisUrl { host, port, login, .. } = &self.url;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return open(login, stream).await };
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        open(login, TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?).await
    }

    /// Names the setting that is wrong, or the failure. Nothing in the text is secret.
    fn explained(&self, error: &RedisError) -> StoreError {
        let (url, text) = (&self.url, error.to_string());
        let is_code = |code| error.code() == Some(code);
        if is_code("NOAUTH") {
            return StoreError::Setting(format!("{url} requires a password: set redis_password"));
        }
        if is_code("WRONGPASS") || error.kind() == ErrorKind::AuthenticationFailed {
            return StoreError::Setting(format!(
                "{url} refuses the user or the password: correct redis_password, or the user in redis"
            ));
        }
        // Of a command within a script, some versions of Redis, and Valkey, have words of their own in place of a code.
        let in_script = ["The user executing the script can't", "ACL failure in script"];
        if is_code("NOPERM") || in_script.iter().any(|words| text.contains(words)) {
            return StoreError::Setting(format!(
                "{url} does not permit the user to read and write wxpay:* by scripts: extend the user's rules"
            ));
        }
        StoreError::Failed(format!("{url} failed: {text}"))
    }
}

async fn open<S>(login: &RedisConnectionInfo, stream: S) -> RedisResult<MultiplexedConnection>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // The deadline is that of the call.
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let (connection, driver) = MultiplexedConnection::new_with_config(login, stream, config).await?;
    // It ends when the last handle to the connection is dropped.
    drop(tokio::spawn(driver));
    Ok(connection)
}
