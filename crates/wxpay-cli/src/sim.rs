//! `wxpay sim`.

use crate::{
    Failure,
    args::{self, Era},
};
use std::io::{self, Write as _};
use tokio::net::TcpListener;
use wxpay_sim::{Clock, Gateway, Settings, environment, serve::Server, settings};

pub(crate) async fn run(args: args::Sim) -> Result<(), Failure> {
    let seed = match args.seed {
        Some(seed) => seed,
        None => random()?,
    };
    let era = match args.era {
        Era::Y2014 => settings::Era::Y2014,
        Era::Y2016 => settings::Era::Y2016,
    };
    let gateway = Gateway::new(Settings::of(era), seed);
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failure::input(format!("--listen must be an address to listen on: {error}")))?;
    let credentials = gateway.credentials().clone();
    let server = Server::start(listener, gateway, Clock::running())?;
    if let Some(file) = &args.env_file {
        environment::write(file, &server.url(), &credentials).map_err(|error| {
            Failure::input(format!("--env-file must be a file that can be written: {error}"))
        })?;
    }
    writeln!(io::stdout().lock(), "{}", environment::ready_line(&server.url()))?;
    if args.env_file.is_none() {
        write!(io::stdout().lock(), "{}", environment::lines(&server.url(), &credentials))?;
    }
    crate::until_told_to_end().await
}

/// A seed that nobody knows, so that nobody can guess the credentials that follow from it.
pub(crate) fn random() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| Failure::broken(&io::Error::other(error)))
}
