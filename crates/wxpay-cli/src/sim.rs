//! `wxpay sim`: the simulated gateway.

mod access;
mod console;
mod saved;

use crate::{
    Failure,
    args::{self, Era, PlatformKeys},
    input, output,
};
use console::Console;
use saved::Origin;
use std::{
    fs, io,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use wxpay_sim::{
    Clock, Gateway, Settings,
    environment::{self, Environment},
    merchant::KeyMode,
    serve::{Options, Server, Tls},
    settings,
};

/// Time for connecting to another simulator on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

pub(crate) async fn run(args: args::Sim) -> Result<(), Failure> {
    for (option, path) in [("--env-file", &args.env_file), ("--keys-dir", &args.keys_dir)] {
        if let Some(path) = path {
            input::require_parent(option, path)?;
        }
    }
    let options = notification_options(&args)?;
    let (access, token) = access::rules(&args)?;
    let folder = Folder::of(&args).map_err(Failure::doing("cannot create a temporary folder"))?;
    let gateway = gateway(&args, &folder)?;
    let listener = crate::listener(args.listen).await?;
    let tls = if args.tls {
        let since = gateway.settings().v3.certificates_since;
        Some(Tls::of(&gateway, since).map_err(Failure::doing("cannot make the TLS certificate"))?)
    } else {
        None
    };
    let options = tls.iter().fold(options.with_access(access), |options, tls| options.with_tls(tls.clone()));
    let console = Console::start(args.log)?;
    let options = match &console {
        Some((_, log)) => options.with_log(log.clone()),
        None => options,
    };
    // The console ends when the last writer of its log does.
    let console = console.map(|(console, _)| console);
    let server = Server::start_with(listener, gateway, Clock::running(), options);
    let server = server.map_err(Failure::doing("cannot start the simulator"))?;
    let environment =
        server.with(|simulation, now| Environment::of(&simulation.gateway, &server.url(), now.wall));
    let environment = match &tls {
        None => environment,
        Some(tls) => environment.with_tls_ca(tls.ca_pem().into()),
    };
    let environment = environment.files(folder.path()).map_err(cannot_write(folder.path()))?;
    if let Some(file) = &args.env_file {
        warn_of_another(file, server.address());
        environment.write(file).map_err(cannot_write(file))?;
    }
    access::warn(&args, server.address(), token.as_ref());
    let shutdown = crate::shutdown_signal()?;
    output::line(environment::ready_line(&server.url()))?;
    if args.env_file.is_none() {
        output::bytes(environment.lines().as_bytes())?;
    }
    warm_up(&server);
    let stopped = shutdown.await;
    drop(server);
    if let Some(console) = console {
        console.finish().await;
    }
    stopped
}

/// Warns if the simulator whose environment is in the file still runs: programs that read the file find this one now.
fn warn_of_another(file: &Path, own: SocketAddr) {
    let Ok(before) = fs::read_to_string(file) else { return };
    let url = before.lines().find_map(|line| line.strip_prefix("export WXPAY_BASE_URL="));
    let url = url.map(|url| url.trim_matches(['\'', '"'])).unwrap_or_default();
    let address = url.split_once("://").and_then(|(_, address)| address.parse::<SocketAddr>().ok());
    // At its own address, this simulator answers.
    let is_another =
        |address| address != own && TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).is_ok();
    if address.is_some_and(is_another) {
        let file = input::shown(file);
        output::note(format_args!(
            "warning: the simulator at {url} still runs; its environment in {file} is replaced"
        ));
    }
}

fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    Failure::doing(format!("cannot write {}", input::shown(path)))
}

/// Makes a first signature in the background. It sets up aws-lc's random generator, which takes longer than the first
/// request should.
fn warm_up(server: &Server) {
    let key = server.with(|simulation, _| simulation.gateway.merchant().api_keys().last().cloned());
    if let Some(key) = key {
        drop(tokio::task::spawn_blocking(move || key.key_pair.sign(b"warm-up")));
    }
}

/// Returns options that trust the CAs of the files of `--notify-ca`.
pub(crate) fn with_notify_cas(paths: &[PathBuf]) -> Result<Options, Failure> {
    paths.iter().try_fold(Options::default(), |options, path| {
        let pem = input::file("--notify-ca", path)?;
        options.with_notify_ca(pem.expose()).map_err(|error| {
            Failure::usage(format_args!("--notify-ca: {} {}", input::shown(path), error.rule()))
        })
    })
}

/// Returns the options for sending notifications to `https` URLs.
fn notification_options(args: &args::Sim) -> Result<Options, Failure> {
    let options = with_notify_cas(&args.notify_ca)?;
    if args.insecure_notify {
        output::note(
            "warning: --insecure-notify: notifications are sent to any server, whatever its certificate",
        );
        return Ok(options.without_certificate_verification());
    }
    Ok(options)
}

fn gateway(args: &args::Sim, folder: &Folder) -> Result<Gateway, Failure> {
    let mut settings = Settings::default();
    settings.v1 = settings::V1::of(match args.v1_era {
        Era::Y2014 => settings::Era::Y2014,
        Era::Y2016 => settings::Era::Y2016,
    });
    if args.described.strict {
        settings.v3.catalogue_check = settings::CatalogueCheck::Refuse;
    }
    let origin = match (args.seed, folder) {
        (Some(seed), _) => Origin::Seed(seed),
        (None, Folder::Temporary(_)) => Origin::New,
        (None, Folder::Given(folder)) if args.new_keys => Origin::NewIn(folder),
        (None, Folder::Given(folder)) => Origin::SavedIn(folder),
    };
    let catalogue = args.described.catalogue.as_deref().map(crate::catalogue::read).transpose()?;
    let mut gateway = origin.gateway(settings)?;
    gateway.set_catalogue(catalogue);
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

/// Returns a gateway with the keys that are saved in a folder; with new ones if there are none, or without a folder.
pub(crate) fn saved_gateway(folder: Option<&Path>, settings: Settings) -> Result<Gateway, Failure> {
    folder.map_or(Origin::New, Origin::SavedIn).gateway(settings)
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

/// Creates a folder unless it exists. Its parent must exist, so that a typo creates nothing.
fn create_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

/// Returns a random seed, so that the credentials derived from it cannot be guessed.
pub(crate) fn random() -> Result<u64, Failure> {
    getrandom::u64().map_err(Failure::doing("cannot get random numbers"))
}
