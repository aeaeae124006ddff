//! `wxpay serve`: the payment server.

use crate::{
    Failure, args,
    failure::{Faults, Kind, with_causes},
    input, output, sim,
};
use std::{
    env, fs,
    io::{self, IsTerminal as _},
    net::SocketAddr,
};
use tempfile::TempDir;
use wxpay_server::{Config, Server, config::Sources};
use wxpay_sim::{Clock, Credentials, Gateway, Settings, serve::Server as Simulator};

pub(crate) async fn run(args: args::Serve) -> Result<(), Failure> {
    let log = tracing_subscriber::EnvFilter::try_from_env("WXPAY_LOG").unwrap_or_else(|_| "info".into());
    let colors = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(log)
        .with_ansi(colors)
        .with_writer(io::stderr)
        // It would report that standard error is closed to standard error, and panic.
        .log_internal_errors(false)
        .init();

    let dev = if args.dev { Some(Dev::start().await?) } else { None };
    let config = settings(&args, dev.as_ref())?;
    let server = Server::start(config).await.map_err(|error| {
        let kind = if error.is_configuration() { Kind::Usage } else { Kind::Failed };
        Failure::new(kind, with_causes(&error))
    })?;
    let url = format!("http://{}", server.local_addr());
    let ready = match &dev {
        Some(dev) => serde_json::json!({ "ready": true, "url": url, "sim": dev.simulator.url() }),
        None => serde_json::json!({ "ready": true, "url": url }),
    };
    let shutdown = crate::shutdown_signal()?;
    output::line(ready)?;
    shutdown.await?;
    if server.shutdown().await {
        Ok(())
    } else {
        Err(Failure::failed("the shutdown timed out: requests were still active"))
    }
}

/// Gathers the settings of `--dev`, the file, the environment and the options; a later source overrides an earlier one.
fn settings(args: &args::Serve, dev: Option<&Dev>) -> Result<Config, Failure> {
    let mut sources = Sources::default();
    if let Some(dev) = dev {
        sources = dev.add_to(sources);
    }
    if let Some(path) = &args.config {
        let shown = input::shown(path);
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::usage(format_args!("--config: cannot read {shown}: {error}")))?;
        sources = sources
            .file(&text)
            .map_err(|error| Failure::usage(format_args!("--config: {shown}: {error}")))?;
    }
    if dev.is_none() {
        let variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        sources = sources.environment(variables);
    }
    for setting in &args.settings {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| Failure::usage("--set must be NAME=VALUE, such as poll_intervals=15s,1m"))?;
        sources = sources.setting(name, value);
    }
    let named =
        [("listen", &args.listen), ("database", &args.database), ("public_base_url", &args.public_base_url)];
    for (name, value) in named {
        if let Some(value) = value {
            sources = sources.setting(name, value.as_str());
        }
    }
    sources.check().map_err(|error| {
        let mut faults = Faults::default();
        error.settings().iter().for_each(|setting| faults.push(with_causes(setting)));
        faults.into()
    })
}

/// A simulated gateway with throw-away keys and a temporary ledger, for `--dev` and the demo.
#[derive(Debug)]
pub(crate) struct Dev {
    pub(crate) simulator: Simulator,
    pub(crate) credentials: Credentials,
    directory: TempDir,
}

impl Dev {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let gateway = Gateway::new(Settings::default(), sim::random()?);
        let credentials = gateway.credentials().clone();
        let listener = crate::listener(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let simulator = Simulator::start(listener, gateway, Clock::running())
            .map_err(Failure::doing("cannot start the simulator"))?;
        let directory = tempfile::tempdir().map_err(Failure::doing("cannot create a temporary folder"))?;
        Ok(Self { simulator, credentials, directory })
    }

    /// Adds the settings that point a server at the simulator.
    pub(crate) fn add_to(&self, sources: Sources) -> Sources {
        let settings = [
            ("gateway_base_url", self.simulator.url()),
            ("database", self.directory.path().join("ledger.db").to_string_lossy().into_owned()),
            ("appid", self.credentials.appid().to_string()),
            ("partner", self.credentials.partner().to_string()),
            ("app_secret", self.credentials.app_secret().expose().clone()),
            ("pay_sign_key", self.credentials.pay_sign_key().expose().clone()),
            ("partner_key", self.credentials.partner_key().expose().clone()),
        ];
        settings.into_iter().fold(sources, |sources, (name, value)| sources.setting(name, value))
    }
}
