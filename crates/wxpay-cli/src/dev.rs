//! A simulated gateway with throw-away keys and a temporary ledger, for `wxpay serve --dev` and the demo.

use crate::{Failure, args::DemoApi, input, sim};
use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use wxpay_proto::secret::Secret;
use wxpay_server::settings::Sources;
use wxpay_sim::{
    Clock, Credentials, Gateway, Settings, environment::Environment, merchant::Merchant,
    serve::Server as Simulator,
};

/// The merchant's variables of APIv3 that a server reads, without `_FILE`.
const V3: [&str; 7] = [
    "WXPAY_MCHID",
    "WXPAY_APPID",
    "WXPAY_API_V3_KEY",
    "WXPAY_PRIVATE_KEY",
    "WXPAY_CERTIFICATE",
    "WXPAY_PUBLIC_KEY_ID",
    "WXPAY_PUBLIC_KEY",
];

/// The simulator, and the folder of its temporary ledger.
#[derive(Debug)]
pub(crate) struct Dev {
    pub(crate) simulator: Simulator,
    pub(crate) credentials: Credentials,
    directory: TempDir,
}

impl Dev {
    /// Starts the simulator on a free loopback port. Its RSA keys are published ones; its APIv3 key is not.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let gateway = Gateway::new(Settings::default(), sim::random()?);
        let credentials = gateway.credentials().clone();
        let listener = crate::listener(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let simulator = Simulator::start(listener, gateway, Clock::running())
            .map_err(Failure::doing("cannot start the simulator"))?;
        let directory = tempfile::tempdir().map_err(Failure::doing("cannot create a temporary folder"))?;
        Ok(Self { simulator, credentials, directory })
    }

    /// Returns the merchant of APIv3.
    pub(crate) fn merchant(&self) -> Merchant {
        self.simulator.with(|simulation, _| simulation.gateway.merchant().clone())
    }

    /// Returns the file of the temporary ledger.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.path().join("ledger.db")
    }

    /// Adds the settings that point a server at the simulator: its merchants as merchant `default`, of one API version
    /// or of both. `base_url` is that of the simulator, or of a proxy in front of it.
    pub(crate) fn add_to(
        &self,
        sources: Sources,
        base_url: &str,
        database: &Path,
        api: Option<DemoApi>,
    ) -> Result<Sources, Failure> {
        let environment =
            self.simulator.with(|simulation, now| Environment::of(&simulation.gateway, base_url, now.wall));
        let values = environment.values().map_err(Failure::doing("cannot make a certificate"))?;
        let variables = values.into_iter().filter_map(|(name, value)| {
            let name = name.strip_suffix("_FILE").unwrap_or(name);
            let is_read = match api {
                _ if name == "WXPAY_BASE_URL" => true,
                Some(DemoApi::V3) => V3.contains(&name),
                Some(DemoApi::V1) => name.starts_with("WXPAY_V1_"),
                None => V3.contains(&name) || name.starts_with("WXPAY_V1_"),
            };
            is_read.then(|| (name.to_owned(), value))
        });
        let sealing_key = sealing_key(database)?;
        let sealing_key = sealing_key.map(|path| format!("sealing_key_file={}", path.display()));
        let settings = [
            format!("database={}", database.display()),
            // The shop is on this machine.
            "webhook_insecure=true".to_owned(),
            "webhook_allow=127.0.0.0/8,::1/128".to_owned(),
        ];
        let sources = sources.dev().environment(variables);
        Ok(settings.iter().chain(&sealing_key).fold(sources, |sources, setting| sources.flag(setting)))
    }
}

/// Returns the file of the key that seals the secrets in a ledger; it is beside the ledger, and made with it. `None` if
/// the path is no place for a ledger, which is reported with the other settings.
fn sealing_key(database: &Path) -> Result<Option<PathBuf>, Failure> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    if database.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
        return Ok(None);
    }
    let mut path = database.as_os_str().to_owned();
    path.push(".sealing-key");
    let path = PathBuf::from(path);
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(Failure::doing("cannot get random numbers"))?;
    let bytes = Secret::new(bytes);
    let hex = bytes.expose().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a text cannot fail.
        let _written = write!(hex, "{byte:02x}");
        hex
    });
    let hex = Secret::new(hex);
    match create(&path).and_then(|mut file| file.write_all(hex.expose().as_bytes())) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Failure::doing(format!("cannot write {}", input::shown(&path)))(error))
        }
        Ok(()) | Err(_) => Ok(Some(path)),
    }
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).open(path)
}
