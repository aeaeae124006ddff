//! `wxpay sim`: the simulated gateway.

use crate::{
    Failure,
    args::{self, Era, PlatformKeys},
    input, output,
};
use std::{
    io,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use wxpay_sim::{
    Clock, Gateway, Settings,
    environment::{self, Environment},
    keys::KeySource,
    merchant::KeyMode,
    serve::{Server, Tls},
    settings,
};

pub(crate) async fn run(args: args::Sim) -> Result<(), Failure> {
    for (option, path) in [("--env-file", &args.env_file), ("--keys-dir", &args.keys_dir)] {
        if let Some(path) = path {
            input::require_parent(option, path)?;
        }
    }
    let gateway = gateway(&args)?;
    let listener = crate::listener(args.listen).await?;
    let tls = if args.tls {
        let since = gateway.settings().v3.certificates_since;
        Some(Tls::of(&gateway, since).map_err(Failure::doing("cannot make the TLS certificate"))?)
    } else {
        None
    };
    let server = match &tls {
        None => Server::start(listener, gateway, Clock::running()),
        Some(tls) => Server::start_tls(listener, gateway, Clock::running(), tls),
    };
    let server = server.map_err(Failure::doing("cannot start the simulator"))?;
    let folder = Folder::of(&args).map_err(Failure::doing("cannot create a temporary folder"))?;
    let environment =
        server.with(|simulation, now| Environment::of(&simulation.gateway, &server.url(), now.wall));
    let environment = match &tls {
        None => environment,
        Some(tls) => environment.with_tls_ca(tls.ca_pem().into()),
    };
    let cannot_write = |path: &Path| Failure::doing(format!("cannot write {}", input::shown(path)));
    let environment = environment.files(folder.path()).map_err(cannot_write(folder.path()))?;
    if let Some(file) = &args.env_file {
        environment.write(file).map_err(cannot_write(file))?;
    }
    output::line(environment::ready_line(&server.url()))?;
    if args.env_file.is_none() {
        output::bytes(environment.lines().as_bytes())?;
    }
    crate::shutdown_signal().await
}

fn gateway(args: &args::Sim) -> Result<Gateway, Failure> {
    let mut settings = Settings::of(match args.era {
        Era::Y2014 => settings::Era::Y2014,
        Era::Y2016 => settings::Era::Y2016,
    });
    let seed = if let Some(seed) = args.seed {
        seed
    } else {
        settings.v3.key_source = KeySource::generate().map_err(|error| Failure::error(&error))?;
        random()?
    };
    let mut gateway = Gateway::new(settings, seed);
    let mode = match args.platform_keys {
        PlatformKeys::Either => KeyMode::Either,
        PlatformKeys::Certificates => KeyMode::Certificates,
        PlatformKeys::PublicKey => KeyMode::PublicKey,
    };
    let mchid = gateway.merchant().mchid().clone();
    if let Some(merchant) = gateway.merchant_mut(&mchid) {
        merchant.platform_mut().set_mode(mode);
    }
    Ok(gateway)
}

/// The folder of keys and certificates. A temporary one is deleted when the simulator ends.
enum Folder {
    Given(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    fn of(args: &args::Sim) -> io::Result<Self> {
        let beside = |file: &PathBuf| {
            let mut name = file.clone().into_os_string();
            name.push(".d");
            PathBuf::from(name)
        };
        match args.keys_dir.clone().or_else(|| args.env_file.as_ref().map(beside)) {
            Some(folder) => Ok(Self::Given(folder)),
            None => tempfile::tempdir().map(Self::Temporary),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(folder) => folder,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// Returns a random seed, so that the credentials derived from it cannot be guessed.
pub(crate) fn random() -> Result<u64, Failure> {
    getrandom::u64().map_err(Failure::doing("cannot get random numbers"))
}
