//! A check that no cryptography runs while the memory is locked: flows that share a memory would wait for it.
//!
//! [`WatchedMemory`] notes that this thread holds the lock, and the keys of a [`watched`] provider panic if they are
//! used meanwhile. A driver that keeps its memory to itself is watched by a check of its own: [`watched_by`].

use std::{
    cell::Cell,
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};
use wxpay_proto::{
    crypto::{
        CryptoProvider, InvalidKey, InvalidSignature, PrivateKey, PublicKey, SymmetricKey, TooLong,
        Unavailable,
    },
    memory::{Memory, MemoryAccess},
    secret::Secret,
};

thread_local! {
    /// Set while this thread holds the lock of a [`WatchedMemory`].
    static IS_LOCKED: Cell<bool> = const { Cell::new(false) };
}

/// A memory for one driver, which notes whether it is locked.
#[derive(Debug, Default)]
pub struct WatchedMemory(Memory);

impl MemoryAccess for WatchedMemory {
    fn lock(&mut self) -> &mut Memory {
        assert!(!IS_LOCKED.replace(true), "a step locks the memory twice: a mutex would never be acquired");
        &mut self.0
    }

    fn unlock(&mut self) {
        IS_LOCKED.set(false);
    }
}

/// A test that fails in a locked memory must not fail the next test of its thread.
impl Drop for WatchedMemory {
    fn drop(&mut self) {
        IS_LOCKED.set(false);
    }
}

impl Deref for WatchedMemory {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        &self.0
    }
}

impl DerefMut for WatchedMemory {
    fn deref_mut(&mut self) -> &mut Memory {
        &mut self.0
    }
}

fn assert_unlocked(operation: &'static str) {
    assert!(!IS_LOCKED.get(), "cryptography runs while the memory is locked: {operation}");
}

/// Returns the provider with keys that must not be used while a [`WatchedMemory`] is locked.
pub fn watched(provider: impl CryptoProvider + 'static) -> Arc<dyn CryptoProvider> {
    watched_by(provider, assert_unlocked)
}

/// Returns the provider with this check before every use of it and of its keys. The check receives the operation's name.
pub fn watched_by(
    provider: impl CryptoProvider + 'static,
    check: impl Fn(&'static str) + Send + Sync + 'static,
) -> Arc<dyn CryptoProvider> {
    Arc::new(Watched { inner: provider, check: Arc::new(check) })
}

/// A provider or a key whose every use is checked.
struct Watched<T> {
    inner: T,
    check: Arc<dyn Fn(&'static str) + Send + Sync>,
}

impl<T> Watched<T> {
    fn with<U>(&self, inner: U) -> Watched<U> {
        Watched { inner, check: Arc::clone(&self.check) }
    }

    /// Returns the provider or the key, for this operation.
    fn checked(&self, operation: &'static str) -> &T {
        (self.check)(operation);
        &self.inner
    }
}

impl<T: fmt::Debug> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<P: CryptoProvider> CryptoProvider for Watched<P> {
    fn private_key(&self, der: &Secret<Vec<u8>>) -> Result<Arc<dyn PrivateKey>, InvalidKey> {
        Ok(Arc::new(self.with(self.checked("parse a private key").private_key(der)?)))
    }

    fn public_key(&self, spki: &[u8]) -> Result<Arc<dyn PublicKey>, InvalidKey> {
        Ok(Arc::new(self.with(self.checked("parse a public key").public_key(spki)?)))
    }

    fn symmetric_key(&self, key: &Secret<[u8; 32]>) -> Arc<dyn SymmetricKey> {
        Arc::new(self.with(self.checked("create a symmetric key").symmetric_key(key)))
    }
}

impl PrivateKey for Watched<Arc<dyn PrivateKey>> {
    fn may_block(&self) -> bool {
        self.inner.may_block()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        self.checked("sign").sign(message)
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        self.checked("open a sealed field").open(sealed)
    }
}

impl PublicKey for Watched<Arc<dyn PublicKey>> {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.checked("verify").verify(message, signature)
    }

    fn verify_parts(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.checked("verify").verify_parts(parts, signature)
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, TooLong> {
        self.checked("seal a field").seal(plain)
    }
}

impl SymmetricKey for Watched<Arc<dyn SymmetricKey>> {
    fn open(&self, nonce: &[u8], associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, InvalidSignature> {
        self.checked("decrypt").open(nonce, associated_data, sealed)
    }

    fn seal(&self, nonce: &[u8], associated_data: &[u8], plain: &[u8]) -> Vec<u8> {
        self.checked("encrypt").seal(nonce, associated_data, plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::null::{NullProvider, private_key, public_key};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn every_use_of_a_watched_key_panics_while_the_memory_is_locked_and_only_then() {
        let provider = watched(NullProvider);
        let symmetric_bytes = Secret::new([1; 32]);
        let private = provider.private_key(&private_key("one")).unwrap();
        let public = provider.public_key(&public_key("one")).unwrap();
        let symmetric = provider.symmetric_key(&symmetric_bytes);
        let uses: [(&str, &dyn Fn()); 10] = [
            ("private_key", &|| drop(provider.private_key(&private_key("two")))),
            ("public_key", &|| drop(provider.public_key(&public_key("two")))),
            ("symmetric_key", &|| drop(provider.symmetric_key(&symmetric_bytes))),
            ("sign", &|| drop(private.sign(b"text"))),
            ("open", &|| drop(private.open(b"text"))),
            ("verify", &|| public.verify(b"text", b"signature").unwrap_or_default()),
            ("verify_parts", &|| public.verify_parts(&[b"text"], b"signature").unwrap_or_default()),
            ("seal", &|| drop(public.seal(b"text"))),
            ("decrypt", &|| drop(symmetric.open(&[0; 12], b"", b"text"))),
            ("encrypt", &|| drop(symmetric.seal(&[0; 12], b"", b"text"))),
        ];
        let mut memory = WatchedMemory::default();
        for (name, operation) in uses {
            operation();
            memory.lock();
            assert!(catch_unwind(AssertUnwindSafe(operation)).is_err(), "{name}");
            memory.unlock();
            operation();
        }
    }

    #[test]
    fn a_watched_memory_is_locked_once_and_unlocked_when_dropped() {
        let mut memory = WatchedMemory::default();
        memory.lock();
        assert!(catch_unwind(AssertUnwindSafe(|| *memory.lock() = Memory::default())).is_err());
        drop(memory);
        assert_unlocked("nothing");
    }
}
