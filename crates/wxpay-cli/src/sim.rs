//! `wxpay sim`: the simulated gateway.

use crate::{
    Failure,
    args::{self, Era, PlatformKeys},
};
use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use wxpay_sim::{
    Clock, Gateway, Settings,
    environment::{self, Environment},
    keys::KeySource,
    merchant::KeyMode,
    serve::{Server, Tls},
    settings,
};

pub(crate) async fn run(args: args::Sim) -> Result<(), Failure> {
    let gateway = gateway(&args)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failure::input(format!("--listen: cannot listen on {}: {error}", args.listen)))?;
    let tls = if args.tls {
        let since = gateway.settings().v3.certificates_since;
        Some(Tls::of(&gateway, since)?)
    } else {
        None
    };
    let server = match &tls {
        None => Server::start(listener, gateway, Clock::running())?,
        Some(tls) => Server::start_tls(listener, gateway, Clock::running(), tls)?,
    };
    let folder = Folder::of(&args)?;
    let environment = server.with(|simulation, now| Environment::of(&simulation.gateway, &server.url(), now));
    let environment = match &tls {
        None => environment,
        Some(tls) => environment.with_tls_ca(tls.ca_pem().into()),
    };
    let environment = environment.files(folder.path()).map_err(|error| {
        Failure::input(format!("--keys-dir: cannot write keys to {}: {error}", folder.path().display()))
    })?;
    if let Some(file) = &args.env_file {
        environment.write(file).map_err(|error| {
            Failure::input(format!("--env-file: cannot write {}: {error}", file.display()))
        })?;
    }
    writeln!(io::stdout().lock(), "{}", environment::ready_line(&server.url()))?;
    if args.env_file.is_none() {
        write!(io::stdout().lock(), "{}", environment.lines())?;
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
    getrandom::u64().map_err(|error| Failure::error(&io::Error::other(error)))
}
