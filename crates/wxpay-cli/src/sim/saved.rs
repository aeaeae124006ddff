//! The keys and the seed of a simulator, saved in its folder for the next start.
//!
//! Everything else follows from them: the same merchant, the same certificates, the same APIv1 app. A program that was
//! configured once stays configured.

use super::{cannot_write, create_folder, random};
use crate::{Failure, input};
use serde::{Deserialize, Serialize};
use std::{io::Write as _, path::Path};
use wxpay_proto::{crypto::pem, secret::Secret};
use wxpay_sim::{
    Gateway, Settings,
    keys::{KeyPair, KeySource},
};

/// Name of the file, beside the keys and certificates for the merchant's program.
const FILE: &str = "simulator.json";

/// The format of the file. It changes when an older file can no longer be read.
const FORMAT: u32 = 1;

/// The contents of the file. **It contains all private keys.**
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    /// The merchant that follows from the seed, to detect a damaged seed.
    mchid: String,
    seed: u64,
    /// Private keys in PEM.
    keys: Vec<String>,
}

/// The origin of a gateway's keys and credentials.
pub(super) enum Origin<'a> {
    /// A seed, with published keys.
    Seed(u64),
    /// New ones, which are not saved.
    New,
    /// New ones, which are saved in this folder.
    NewIn(&'a Path),
    /// The ones saved in this folder; new ones if there are none.
    SavedIn(&'a Path),
}

impl Origin<'_> {
    /// Creates the gateway.
    ///
    /// # Errors
    ///
    /// If saved keys are damaged, new ones cannot be made, or they cannot be saved.
    pub(super) fn gateway(self, settings: Settings) -> Result<Gateway, Failure> {
        match self {
            Self::Seed(seed) => Ok(Gateway::new(settings, seed)),
            Self::New => new(settings).map(|(gateway, _)| gateway),
            Self::SavedIn(folder) if folder.join(FILE).exists() => restored(settings, folder),
            Self::SavedIn(folder) | Self::NewIn(folder) => {
                let (gateway, saved) = new(settings)?;
                save(&saved, folder)?;
                Ok(gateway)
            }
        }
    }
}

fn new(mut settings: Settings) -> Result<(Gateway, Saved), Failure> {
    let source = KeySource::generate().map_err(|error| Failure::error(&error))?;
    let keys = if let KeySource::Custom(keys) = &source { keys.as_ref() } else { &[] };
    let keys = keys.iter().map(KeyPair::private_pem).collect();
    settings.v3.key_source = source;
    let seed = random()?;
    let gateway = Gateway::new(settings, seed);
    let mchid = gateway.merchant().mchid().to_string();
    Ok((gateway, Saved { format: FORMAT, mchid, seed, keys }))
}

fn save(saved: &Saved, folder: &Path) -> Result<(), Failure> {
    create_folder(folder).map_err(cannot_write(folder))?;
    let text = serde_json::to_vec_pretty(saved).map(Secret::new);
    let text = text.map_err(Failure::doing("cannot write JSON"))?;
    // Renamed when complete. On Unix, only its owner can read it.
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(text.expose())?;
        file.as_file().sync_all()?;
        file.persist(folder.join(FILE)).map_err(|error| error.error)
    });
    written.map(drop).map_err(cannot_write(&folder.join(FILE)))
}

fn restored(mut settings: Settings, folder: &Path) -> Result<Gateway, Failure> {
    let path = folder.join(FILE);
    let text = input::file("the saved keys", &path)?;
    let damaged = |rule: &str| {
        Failure::usage(format_args!(
            "the saved keys in {} are damaged: {rule}; restore the file, or pass --new-keys for new keys and a new merchant",
            input::shown(&path)
        ))
    };
    // The cause is not shown: it may quote a part of a key.
    let saved: Saved =
        serde_json::from_slice(text.expose()).map_err(|_| damaged("it is not the JSON expected"))?;
    if saved.format != FORMAT {
        return Err(damaged("it has another format, of another version of this program"));
    }
    let key = |text: &String| {
        let der = pem::private_key(text.as_bytes()).ok()?;
        KeyPair::parse(der.expose()).ok()
    };
    let keys: Option<Vec<KeyPair>> = saved.keys.iter().map(key).collect();
    let keys = keys
        .filter(|keys| keys.len() >= KEYS)
        .ok_or_else(|| damaged("a private key is missing or invalid"))?;
    settings.v3.key_source = KeySource::Custom(keys.into());
    let gateway = Gateway::new(settings, saved.seed);
    if gateway.merchant().mchid().as_str() == saved.mchid {
        Ok(gateway)
    } else {
        Err(damaged("its seed gives another merchant"))
    }
}

/// The number of keys that a gateway with one merchant uses: root, TLS server, merchant, platform, public key.
const KEYS: usize = 5;
