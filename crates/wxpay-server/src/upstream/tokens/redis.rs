//! Redis, or Valkey, as a store: one hash and one lock per app. It has a sealed token, and nothing about money.
//!
//! ```text
//!  wxpay:{APPID}:token   hash: epoch, expires_at (ms), sealed; expires with the token
//!  wxpay:{APPID}:lock    a random value, by SET NX PX
//! ```
//!
//! The braces keep both keys of an app in one slot of a cluster.

mod connection;
mod url;

pub(crate) use connection::RedisSettings;
pub(crate) use url::RedisUrl;

use super::store::{Lock, LockRequest, Locked, StoreError, StoredToken};
use connection::Connection;
use redis::{Script, ScriptInvocation};
use std::fmt;
use wxpay_proto::{UnixTime, id::AppId};

/// Returns the token.
const READ: &str = "return redis.call('HMGET', KEYS[1], 'epoch', 'expires_at', 'sealed')";

/// Takes the lock, and returns the epoch of the token to fetch. 0 if there is a newer token than the one seen, or if the
/// lock has another value. If the reply to the first attempt was lost, the second one finds its own value.
const LOCK: &str = "
local seen, now, value, duration, proposed = unpack(ARGV)
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
local expires_at = tonumber(redis.call('HGET', KEYS[1], 'expires_at') or '0')
if epoch > tonumber(seen) and expires_at > tonumber(now) then return 0 end
if redis.call('GET', KEYS[2]) ~= value and not redis.call('SET', KEYS[2], value, 'NX', 'PX', duration) then
    return 0
end
return math.max(epoch + 1, tonumber(proposed))";

/// Stores a token that is newer than the stored one, and deletes the lock. With a value, only if the lock has it: the
/// token of a process that lost its lock is refused, because its successor's fetch invalidates it.
const WRITE: &str = "
local value, epoch, expires_at, sealed, lifetime = unpack(ARGV)
if value ~= '' and redis.call('GET', KEYS[2]) ~= value then return 0 end
if tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0') >= tonumber(epoch) then return 0 end
redis.call('HSET', KEYS[1], 'epoch', epoch, 'expires_at', expires_at, 'sealed', sealed)
redis.call('PEXPIRE', KEYS[1], lifetime)
if value ~= '' then redis.call('DEL', KEYS[2]) end
return 1";

/// Deletes the lock, if it has the value.
const UNLOCK: &str = "
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 0";

/// Redis as a store.
pub(crate) struct RedisStore {
    connection: Connection,
    read: Script,
    lock: Script,
    write: Script,
    unlock: Script,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStore").field(&self.connection).finish()
    }
}

impl RedisStore {
    /// Creates the store. It connects when it is used.
    ///
    /// # Errors
    ///
    /// If the additional authorities are no certificates.
    pub(crate) fn new(settings: RedisSettings) -> Result<Self, rustls::Error> {
        Ok(Self {
            connection: Connection::new(settings)?,
            read: Script::new(READ),
            lock: Script::new(LOCK),
            write: Script::new(WRITE),
            unlock: Script::new(UNLOCK),
        })
    }

    /// Checks that Redis can be reached, accepts the user and the password, and permits what the store does. `value` is
    /// random.
    ///
    /// # Errors
    ///
    /// If not.
    pub(crate) async fn check(&self, value: &str) -> Result<(), StoreError> {
        let mut lock = of(&self.lock, "check");
        lock.arg(0).arg(0).arg(value).arg(1000).arg(1);
        self.connection.call::<u64>(&lock).await?;
        let mut unlock = of(&self.unlock, "check");
        self.connection.call::<u64>(unlock.arg(value)).await?;
        Ok(())
    }

    pub(super) async fn read(&self, app: &AppId) -> Result<Option<StoredToken>, StoreError> {
        let read = of(&self.read, app.as_str());
        let (epoch, expires_at, sealed): (Option<u64>, Option<u64>, Option<String>) =
            self.connection.call(&read).await?;
        let stored = |((epoch, expires_at), sealed)| StoredToken {
            sealed,
            epoch,
            expires_at: UnixTime::from_millis(expires_at),
        };
        Ok(epoch.zip(expires_at).zip(sealed).map(stored))
    }

    pub(super) async fn lock(
        &self,
        request: LockRequest<'_>,
        now: UnixTime,
    ) -> Result<Option<Locked>, StoreError> {
        let LockRequest { app, seen, duration, value } = request;
        let proposed = seen.saturating_add(1).max(now.as_millis());
        let mut lock = of(&self.lock, app.as_str());
        lock.arg(seen).arg(now.as_millis()).arg(value).arg(millis(duration)).arg(proposed);
        let epoch: u64 = self.connection.call(&lock).await?;
        let lock = Lock::Redis { app: app.clone(), value: value.to_owned() };
        Ok((epoch > 0).then_some(Locked { lock, epoch }))
    }

    pub(super) async fn write(
        &self,
        app: &AppId,
        token: &StoredToken,
        value: Option<&str>,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let StoredToken { sealed, epoch, expires_at } = token;
        let lifetime = millis(expires_at.since(now)).max(1);
        let mut write = of(&self.write, app.as_str());
        write
            .arg(value.unwrap_or_default())
            .arg(*epoch)
            .arg(expires_at.as_millis())
            .arg(sealed)
            .arg(lifetime);
        self.connection.call(&write).await
    }

    pub(super) async fn unlock(&self, app: &AppId, value: &str) -> Result<(), StoreError> {
        let mut unlock = of(&self.unlock, app.as_str());
        self.connection.call::<u64>(unlock.arg(value)).await?;
        Ok(())
    }
}

/// Returns the invocation of a script on the keys of an app.
fn of<'a>(script: &'a Script, app: &str) -> ScriptInvocation<'a> {
    let mut invocation = script.prepare_invoke();
    invocation.key(format!("wxpay:{{{app}}}:token")).key(format!("wxpay:{{{app}}}:lock"));
    invocation
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
