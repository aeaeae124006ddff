//! Cryptography without secrets, and a merchant that uses it: for the tests of messages. What is signed is digested,
//! what is sealed stands readable behind a word.

use super::{
    ApiV3Key, Draft, Endpoint, Merchant, Pen,
    merchant::Builder,
    verify::{How, Verified},
};
use crate::{
    clock::UnixTime,
    crypto::{BadKey, Forged, PrivateKey, Provider, PublicKey, SymmetricKey, TooLong, Unavailable},
    entropy::Entropy,
    error::Error,
    id::PublicKeyId,
    memory::Memory,
    secret::Secret,
    world::World,
};
use alloc::{string::String, sync::Arc, vec::Vec};
use sha2::{Digest as _, Sha256};

#[derive(Debug)]
struct Toy;

impl Provider for Toy {
    fn private_key(&self, _: &Secret<Vec<u8>>) -> Result<Arc<dyn PrivateKey>, BadKey> {
        Ok(Arc::new(Self))
    }

    fn public_key(&self, _: &[u8]) -> Result<Arc<dyn PublicKey>, BadKey> {
        Ok(Arc::new(Self))
    }

    fn symmetric_key(&self, _: &Secret<[u8; 32]>) -> Arc<dyn SymmetricKey> {
        Arc::new(Self)
    }
}

const SEALED: &[u8] = b"sealed:";

fn open(sealed: &[u8]) -> Result<Vec<u8>, Forged> {
    sealed.strip_prefix(SEALED).map(<[u8]>::to_vec).ok_or(Forged)
}

fn seal(plain: &[u8]) -> Vec<u8> {
    [SEALED, plain].concat()
}

impl PrivateKey for Toy {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        Ok(Sha256::digest(message).to_vec())
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Forged> {
        open(sealed).map(Secret::new)
    }
}

impl PublicKey for Toy {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Forged> {
        if Sha256::digest(message).as_slice() == signature { Ok(()) } else { Err(Forged) }
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, TooLong> {
        Ok(seal(plain))
    }
}

impl SymmetricKey for Toy {
    fn open(&self, _: &[u8; 12], _: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Forged> {
        open(sealed)
    }

    fn seal(&self, _: &[u8; 12], _: &[u8], plain: &[u8]) -> Vec<u8> {
        seal(plain)
    }
}

/// A merchant 1900007291 that can be told more.
pub(super) fn builder() -> Builder {
    let key = ApiV3Key::new("0".repeat(32)).unwrap();
    let id: PublicKeyId = "PUB_KEY_ID_0".parse().unwrap();
    let (mchid, serial_no) = ("1900007291".parse().unwrap(), "5157F09E".parse().unwrap());
    Merchant::builder(Arc::new(Toy), mchid, serial_no, Arc::new(Toy), &key).public_key(id, Arc::new(Toy))
}

/// A merchant 1900007291.
pub(super) fn merchant() -> Merchant {
    builder().build()
}

/// The world of a moment in 2018.
pub(super) fn world(memory: &mut Memory) -> World<'_> {
    World::new(UnixTime::from_secs(1_528_425_296), Entropy::new([7; 32]), memory)
}

/// What an operation wants to say: method and target, and the text that is signed.
pub(super) fn written<E: Endpoint + ?Sized>(endpoint: &E) -> (String, String) {
    let draft = draft(endpoint);
    let line = alloc::format!("{} {}", draft.method(), draft.target());
    (line, String::from_utf8(draft.signed().to_vec()).unwrap())
}

/// Path and query of an operation that is a `GET`.
pub(super) fn target<E: Endpoint + ?Sized>(endpoint: &E) -> String {
    let (line, body) = written(endpoint);
    assert_eq!(body, "");
    line.strip_prefix("GET ").unwrap().into()
}

fn draft<E: Endpoint + ?Sized>(endpoint: &E) -> Draft {
    let (me, mut memory) = (merchant(), Memory::default());
    let mut world = world(&mut memory);
    endpoint.draft(&mut Pen::new(&me, &mut world)).unwrap()
}

/// What an operation reads out of a verified success.
pub(super) fn read<E: Endpoint>(endpoint: &E, body: &str) -> Result<E::Output, Error> {
    let mut memory = Memory::default();
    endpoint.read(verified(body), &merchant(), &mut world(&mut memory))
}

/// A text that is to be believed.
pub(super) fn verified(body: &str) -> Verified<'_> {
    let verified = Verified::opened(body.as_bytes());
    assert_eq!(verified.how(), How::Aead);
    verified
}
